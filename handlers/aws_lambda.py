"""AWS Lambda: the platform's call becomes an Envelope, the outcomes its answer.

``timer`` is invoked by EventBridge and EventBridge Scheduler (both asynchronously: raising means one more delivery, then the
dead-letter queue), ``watch`` by a schedule every few minutes. Who may invoke is IAM's business: the functions have no URL.
"""

from __future__ import annotations

from typing import Any, Protocol

from handlers import starting
from handlers.answers import batch_answer, each_of, function_answer, gateway_answer
from handlers.carriers.batches import sns_records, sqs_records
from handlers.carriers.gateways import lambda_http
from handlers.envelope import Door, Envelope
from handlers.service import Service
from handlers.settings import load
from handlers.warm import Warm


class Context(Protocol):
    """What is used of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...  # noqa: D102 - AWS's name says it


def timer(event: object, context: Context) -> dict[str, Any]:
    """A schedule fired; its event may have waited in a queue, or come over HTTP from another cloud's scheduler."""
    return _answer("timer", event, context)


def alert(event: object, context: Context) -> dict[str, Any]:
    """A monitoring alert, by URL, gateway, load balancer (its path ends in the sender's name), topic, queue or directly."""
    return _answer("alert", event, context)


def once(event: object, context: Context) -> dict[str, Any]:
    """A one-off: somebody asks for one restore point."""
    return _answer("once", event, context)


def watch(event: object, context: Context) -> dict[str, Any]:
    """Look after what is due. What the event holds does not matter, unless it is an HTTP request: that must prove itself."""
    with warm.using(load) as ours:
        return gateway_answer(ours, _envelope("watch", event, context), lambda_http)


def worker(event: object, context: Context) -> dict[str, Any]:
    """The queue brings wishes that one run could not take: what is asked for stands in the ledger."""
    return _answer("worker", event, context)


warm = Warm(metrics=True, started=starting.over)
"""Built at the first event and kept while the instance is warm; a bad configuration fails every event, loudly."""


def service() -> Service:
    """What this process keeps."""
    return warm.service(load)


def _answer(door: Door, event: object, context: Context) -> dict[str, Any]:
    with warm.using(load) as ours:
        envelope = _envelope(door, event, context)  # now: finding out whether a secret has changed takes some of the time
        if records := sqs_records(envelope):
            return batch_answer(ours, records, lambda: _seconds(context))
        if records := sns_records(envelope):
            return function_answer(*each_of(ours, records, lambda: _seconds(context)))
        return gateway_answer(ours, envelope, lambda_http)


def _envelope(door: Door, event: object, context: Context) -> Envelope:
    return Envelope(door, "lambda", context.aws_request_id, event, _seconds(context))


def _seconds(context: Context) -> float:
    return context.get_remaining_time_in_millis() / 1000
