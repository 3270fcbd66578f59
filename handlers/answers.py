"""What a platform's caller gets for a delivery: everything where the function itself was invoked, little over HTTP."""

from __future__ import annotations

import json
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from handlers.envelope import NO_REQUEST, Door, Envelope, Http
from handlers.errors import Redeliver, Refusal
from handlers.outcome import Outcome, worst
from handlers.service import Delivered, Service
from handlers.values import replace

NAMED = 200
"""Outcomes an answer holds: those of ten thousand vaults would be more than the 6 MB a platform takes."""


def http_response(delivered: Delivered, door: Door = "alert") -> dict[str, Any]:
    """What a gateway or Function URL hands back to the sender: what became of it, and nothing of what was sent.

    ``delivery`` finds the log line. A refusal says why, by the field that is wrong; who is not proven hears no more than that.
    Who brings a worker its message proves nothing, and hears of no vault.
    """
    hidden = {"rule": "", "vault": "", "restore_point": ""} if door == "worker" else {}
    said = [_short(each) | hidden for each in delivered.outcomes[:NAMED]]
    body: dict[str, Any] = {"outcomes": said, "delivery": delivered.delivery_id}
    body |= _unnamed(delivered.outcomes)
    headers = {"Content-Type": "application/json"}
    if delivered.answer.retry_after:
        headers["Retry-After"] = str(round(delivered.answer.retry_after))
    return {"statusCode": delivered.answer.status, "headers": headers, "body": json.dumps(body), "isBase64Encoded": False}


def _unnamed(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """How many there are of each beside those that are named, where there are more."""
    left_out = Counter(outcome.word for outcome in outcomes[NAMED:])
    return {"unnamed": dict(left_out)} if left_out else {}


def _short(outcome: Outcome) -> dict[str, Any]:
    short = {"outcome": outcome.word, "reason": outcome.reason, "rule": outcome.rule, "vault": outcome.vault}
    short["restore_point"] = outcome.checkpoint_id
    return short | ({"message": outcome.message} if outcome.word == "refused" else {})


def function_answer(*deliveries: Delivered) -> dict[str, Any]:
    """What an invoked function returns: everything. Raises Redeliver where the platform must bring the event again."""
    outcomes = [outcome for each in deliveries for outcome in each.outcomes]
    spoken = worst(each.answer for each in deliveries)
    found: dict[str, Any] = {
        "status": spoken.status,
        "outcomes": [outcome.to_dict() for outcome in outcomes[:NAMED]],
        "not_told": [problem for each in deliveries for problem in each.not_told][:NAMED],
        **_unnamed(outcomes),
    }
    if any(each.answer.again for each in deliveries):
        why = "; ".join(outcome.message for outcome in outcomes)[:500]
        raise Redeliver(f"not settled, deliver again: {why}", found)
    return found


def each_of(service: Service, records: Sequence[Envelope], seconds_left: Callable[[], float]) -> Iterator[Delivered]:
    """One after the other, each with the time that is left."""
    for record in records:
        yield service.handle(replace(record, seconds_left=seconds_left()))


def batch_answer(service: Service, records: Sequence[Envelope], seconds_left: Callable[[], float]) -> dict[str, Any]:
    """Which messages of a batch the queue must hand out again: those that are not settled, and no other.

    A first-in-first-out queue must not get ahead of the first of them (AWS Lambda guide, partial batch responses).
    """
    failed: list[str] = []
    for record in records:
        if failed and record.source.endswith(".fifo"):
            failed.append(record.delivery_id)
            continue
        try:
            again = service.handle(replace(record, seconds_left=seconds_left())).answer.again
        except Exception:  # noqa: BLE001 - a fault of ours over one message must not keep the others from being settled
            traceback.print_exc()
            again = True
        failed += [record.delivery_id] if again else []
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def gateway_answer(service: Service, envelope: Envelope, request_in: Callable[[object], Http | None]) -> dict[str, Any]:
    """An event that may be a gateway's form of an HTTP request: that gets a status and a short body, any other everything."""
    event = envelope.document
    try:
        http = request_in(event)
    except Refusal as refusal:
        return _shaped(
            event, http_response(service.refuse(replace(envelope, document=None, http=NO_REQUEST), refusal), envelope.door)
        )
    if http is None:
        return function_answer(service.handle(envelope))
    return _shaped(event, http_response(service.handle(replace(envelope, document=None, http=http)), envelope.door))


def _shaped(event: object, response: dict[str, Any]) -> dict[str, Any]:
    """As the gateway that asked takes it."""
    if isinstance(event, dict) and "multiValueHeaders" in event and "headers" not in event:
        # A load balancer that sends headers as lists takes no others back (its guide, "Multi-value headers").
        response["multiValueHeaders"] = {name: [value] for name, value in response.pop("headers").items()}
    return response
