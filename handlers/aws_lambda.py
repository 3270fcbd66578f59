"""AWS Lambda: the platform's call becomes an Envelope, the outcomes its answer.

``timer`` is invoked by EventBridge and EventBridge Scheduler (both asynchronously: raising means one more delivery, then the
dead-letter queue), ``watch`` by a schedule every few minutes. Who may invoke is IAM's business: the functions have no URL.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

from handlers.envelope import NO_REQUEST, Door, Envelope, Http, lambda_http
from handlers.errors import Redeliver, Refusal
from handlers.service import Delivered, Service, http_response
from handlers.settings import load


class Context(Protocol):
    """What is used of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...  # noqa: D102 - AWS's name says it


def timer(event: object, context: Context) -> dict[str, Any]:
    """A schedule fired."""
    return _answer(service().handle(_envelope("timer", event, context)))


def alert(event: object, context: Context) -> dict[str, Any]:
    """A monitoring alert, by Function URL or API Gateway (its path ends in the sender's name), or invoked directly."""
    return _http_answer("alert", event, context)


def once(event: object, context: Context) -> dict[str, Any]:
    """A one-off: somebody asks for one restore point."""
    return _http_answer("once", event, context)


def watch(event: object, context: Context) -> dict[str, Any]:
    """Look after what is due. What the event holds does not matter."""
    return _answer(service().watch(_envelope("watch", event, context)))


@cache
def service() -> Service:
    """Built at the first event and kept while the instance is warm; a bad configuration fails every event, loudly."""
    return Service(load(), metrics=True)


def _envelope(door: Door, event: object, context: Context, http: Http | None = None) -> Envelope:
    seconds = context.get_remaining_time_in_millis() / 1000
    return Envelope(door, "lambda", context.aws_request_id, None if http else event, seconds, http)


def _http_answer(door: Door, event: object, context: Context) -> dict[str, Any]:
    """Over HTTP the sender gets a status and a short body; a direct invocation gets the answer itself."""
    try:
        http = lambda_http(event)
    except Refusal as refusal:
        return http_response(service().refuse(_envelope(door, event, context, NO_REQUEST), refusal))
    delivered = service().handle(_envelope(door, event, context, http))
    return http_response(delivered) if http else _answer(delivered)


def _answer(delivered: Delivered) -> dict[str, Any]:
    answer = {
        "status": delivered.answer.status,
        "outcomes": [outcome.to_dict() for outcome in delivered.outcomes],
        "not_told": list(delivered.not_told),
    }
    if delivered.answer.again:
        why = "; ".join(outcome.message for outcome in delivered.outcomes)[:500]
        raise Redeliver(f"not settled, deliver again: {why}", answer)
    return answer
