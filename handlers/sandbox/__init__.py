"""An embedded CBR, IAM and SMN, wire-compatible and loopback only, for demos and tests.

    server       listens; connection, http1: a connection's bytes become requests, answers become bytes
      └▶ front   route, door, faults, service, record
           ├▶ control    /_sandbox: faults, habits and state from outside, while it runs
           ├▶ faults     what goes wrong on purpose (kinds: the table of it)
           ├▶ doors      tokens and both signatures, really verified
           ├▶ cbr        asking, vault_asking (what a call may say) → vaults (state) → replies, records, logs (wire forms), lists
           ├▶ identity   IAM's tokens and projects
           └▶ topics     SMN's messages
    box          the object; saving: its file; record: what arrived; habits: how it behaves; estate: what is there at the start
    problems     every error document; codes: every published code
    openapi.json what there is to ask, by hand (description serves it)

It shares no model with the client: a server that did could not disagree with it.
"""

from __future__ import annotations

from handlers.sandbox.box import Sandbox
from handlers.sandbox.exchange import Exchange

__all__ = ["Exchange", "Sandbox"]
