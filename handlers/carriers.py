"""What platforms wrap events in: requests of gateways, messages of topics and queues. Each becomes a delivery of its own."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from handlers.envelope import BODY_CAP, Envelope, Http
from handlers.errors import Refusal


def lambda_http(event: object) -> Http | None:
    """The request in an event of a Function URL, an API Gateway (payload format 2.0 and 1.0) or a load balancer.

    None for a direct invocation. Raises Refusal for what came through another gateway: it must not pass for an invocation.
    """
    if not isinstance(event, dict):
        return None
    context = event.get("requestContext")
    context = context if isinstance(context, dict) else {}
    modern = context.get("http") if event.get("version") == "2.0" else None
    if isinstance(modern, dict):
        method, path, caller = modern.get("method"), event.get("rawPath"), _text(context, "authorizer", "iam", "userArn")
    elif isinstance(event.get("httpMethod"), str) and ("resource" in event or "elb" in context):
        method, path, caller = event["httpMethod"], event.get("path"), _text(context, "identity", "userArn")
    elif event.keys() & {"headers", "multiValueHeaders"}:
        raise Refusal("unknown_gateway", "a request of a gateway that is not understood here", field="requestContext")
    else:
        return None
    return Http(str(method or ""), str(path or ""), _headers(event), _body(event), caller)


def apig_http(event: object) -> Http | None:
    """The request in a FunctionGraph APIG event, whose body is base64 unless that was switched off."""
    if not (isinstance(event, dict) and isinstance(event.get("httpMethod"), str) and "requestContext" in event):
        return None
    return Http(event["httpMethod"], str(event.get("path") or ""), _headers(event), _body(event))


def smn_records(envelope: Envelope) -> list[Envelope]:
    """A delivery for each message in the event of FunctionGraph's SMN trigger; none: it is no such event. Raises Refusal."""
    event = envelope.document
    if not (isinstance(event, dict) and isinstance(event.get("record"), list)):
        return []
    found: list[Envelope] = []
    for number, record in enumerate(event["record"]):
        smn = record.get("smn") if isinstance(record, dict) and record.get("event_source") == "smn" else None
        topic, message = (smn.get("topic_urn"), smn.get("message")) if isinstance(smn, dict) else (None, None)
        if not (isinstance(topic, str) and topic and isinstance(message, str)):
            raise Refusal("malformed", f"record[{number}].smn: must hold topic_urn and message", field=f"record[{number}].smn")
        delivery = f"{envelope.delivery_id}-{number}" if number else envelope.delivery_id
        text = message.encode("utf-8", "surrogatepass")
        found.append(replace(envelope, delivery_id=delivery, document=text, source=topic))
    if not found:
        raise Refusal("malformed", "record: must not be empty", field="record")
    return found


def sqs_records(envelope: Envelope) -> list[Envelope]:
    """A delivery for each message of a batch that Lambda took from an SQS queue; none: it is no such event.

    A message's id is its delivery's: it stays the same however often the queue hands it out. Its queue is who sends.
    """
    event = envelope.document
    records = event.get("Records") if isinstance(event, dict) else None
    if not (isinstance(records, list) and any(_text(record, "eventSource") == "aws:sqs" for record in records)):
        return []
    return [
        replace(
            envelope,
            delivery_id=_text(record, "messageId") or f"{envelope.delivery_id}-{number}",
            document=_text(record, "body").encode("utf-8", "surrogatepass"),
            # What another service put there is nobody's, and nobody may ask for anything.
            source=_text(record, "eventSourceARN") if _text(record, "eventSource") == "aws:sqs" else "",
        )
        for number, record in enumerate(records)
    ]


def _text(value: object, *keys: str) -> str:
    """The text behind these keys, or nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _headers(event: dict[str, Any]) -> dict[str, str]:
    """Names in lower case. A header that came twice is worth nothing as a proof, so two of a name become an empty one."""
    several, single = event.get("multiValueHeaders"), event.get("headers")
    lists = [(str(name).lower(), values) for name, values in (several if isinstance(several, dict) else {}).items()]
    pairs = [(name, values[0] if len(values) == 1 else "") for name, values in lists if isinstance(values, list)]
    known = {name for name, _ in pairs}
    texts = [(str(name).lower(), value) for name, value in (single if isinstance(single, dict) else {}).items()]
    found: dict[str, str] = {}
    for name, value in [*pairs, *(each for each in texts if each[0] not in known)]:
        found[name] = value if isinstance(value, str) and name not in found else ""
    return found


def _body(event: dict[str, Any]) -> bytes:
    """The bytes that were sent. Raises Refusal where the flag and the text disagree."""
    body = event.get("body")
    if body in (None, ""):
        return b""
    if not isinstance(body, str):
        raise Refusal("malformed", "body: must be a string", field="body")
    if len(body) > 2 * BODY_CAP:
        raise Refusal("too_large", f"the body is larger than {BODY_CAP} bytes", field="body", http=413)
    if event.get("isBase64Encoded") is not True:
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise Refusal("malformed", "body: is said to be base64 and is not", field="body") from None
