"""Restore points on events.

The way of an event, one file per step::

    aws_lambda, functiongraph, web    a platform's call becomes an Envelope, the outcomes its answer   (answers)
      └▶ service          handle(envelope) is the pipeline; its parts are built once per cold start   (parts)
           ├▶ trust       who sends it: nothing is read before that is proven       (rules, credentials)
           ├▶ reading     envelope → triggers            (carriers, timers, alerts, trigger)
           ├▶ inventory   which vaults carry a rule's tags; one resource of a vault, if the vault holds it
           ├▶ plan        triggers + rules + now → one Planned per (vault, resources)
           ├▶ restore_point.take   wish → claim → look → one POST → outcome   (ledger, cbr, iam, wire, signing)
           ├▶ dispatch    where one run is not enough: wishes get slots, a queue brings their causes to workers
           └▶ report      one log line, metrics, messages                       (message, topics)
    watch                 wishes that are due, restore points followed to their end

Everything from ``plan`` down to ``errors`` in that order of imports is pure: no clock, network, environment, chance or log.
"""

__version__ = "0.1.0"
