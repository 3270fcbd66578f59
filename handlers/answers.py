"""What a platform's caller gets for a delivery: everything where the function itself was invoked, little over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from handlers.envelope import NO_REQUEST, Envelope, Http
from handlers.errors import Redeliver, Refusal
from handlers.outcome import Outcome, worst
from handlers.service import Delivered, Service


def http_response(delivered: Delivered) -> dict[str, Any]:
    """What a gateway or Function URL hands back to the sender: what became of it, and nothing of what was sent.

    ``delivery`` finds the log line. A refusal says why, by the field that is wrong; who is not proven hears no more than that.
    """
    body = {"outcomes": [_short(each) for each in delivered.outcomes], "delivery": delivered.delivery_id}
    headers = {"Content-Type": "application/json"}
    if delivered.answer.retry_after:
        headers["Retry-After"] = str(round(delivered.answer.retry_after))
    return {"statusCode": delivered.answer.status, "headers": headers, "body": json.dumps(body), "isBase64Encoded": False}


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
        "outcomes": [outcome.to_dict() for outcome in outcomes],
        "not_told": [problem for each in deliveries for problem in each.not_told],
    }
    if any(each.answer.again for each in deliveries):
        why = "; ".join(outcome.message for outcome in outcomes)[:500]
        raise Redeliver(f"not settled, deliver again: {why}", found)
    return found


def gateway_answer(service: Service, envelope: Envelope, request_in: Callable[[object], Http | None]) -> dict[str, Any]:
    """An event that may be a gateway's form of an HTTP request: that gets a status and a short body, any other everything."""
    try:
        http = request_in(envelope.document)
    except Refusal as refusal:
        return http_response(service.refuse(replace(envelope, document=None, http=NO_REQUEST), refusal))
    if http is None:
        return function_answer(service.handle(envelope))
    return http_response(service.handle(replace(envelope, document=None, http=http)))
