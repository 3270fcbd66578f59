"""Events that hold several messages of a topic or a queue: each becomes a delivery of its own, from where it says it comes."""

from __future__ import annotations

from dataclasses import replace

from handlers.envelope import Envelope, text_at
from handlers.errors import Refusal


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
            why = f'record[{number}]: must have event_source "smn", and smn with topic_urn and message'
            raise Refusal("malformed", why, field=f"record[{number}].smn")
        found.append(replace(envelope, delivery_id=_numbered(envelope, number), document=smn, source=topic))
    if not found:
        raise Refusal("malformed", "record: must not be empty", field="record")
    return found


def sns_records(envelope: Envelope) -> list[Envelope]:
    """A delivery for each message of an SNS topic that invoked a Lambda function; none: it is no such event."""
    event = envelope.document
    records = event.get("Records") if isinstance(event, dict) else None
    if not (isinstance(records, list) and records and all(text_at(each, "EventSource") == "aws:sns" for each in records)):
        return []
    messages = [(_numbered(envelope, number), each.get("Sns")) for number, each in enumerate(records)]
    return [replace(envelope, delivery_id=name, document=sns, source=text_at(sns, "TopicArn")) for name, sns in messages]


def sqs_records(envelope: Envelope) -> list[Envelope]:
    """A delivery for each message of a batch that Lambda took from an SQS queue; none: it is no such event.

    A message's id is its delivery's: it stays the same however often the queue hands it out. Its queue is who sends.
    """
    event = envelope.document
    records = event.get("Records") if isinstance(event, dict) else None
    if not (isinstance(records, list) and any(text_at(record, "eventSource") == "aws:sqs" for record in records)):
        return []
    return [
        replace(
            envelope,
            delivery_id=text_at(record, "messageId") or _numbered(envelope, number),
            document=text_at(record, "body").encode("utf-8", "surrogatepass"),
            # What another service put there is nobody's, and nobody may ask for anything.
            source=text_at(record, "eventSourceARN") if text_at(record, "eventSource") == "aws:sqs" else "",
        )
        for number, record in enumerate(records)
    ]


def _numbered(envelope: Envelope, number: int) -> str:
    return f"{envelope.delivery_id}-{number}" if number else envelope.delivery_id
