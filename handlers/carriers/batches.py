"""Events that hold several messages of a topic or a queue: each becomes a delivery of its own, from where it says it comes."""

from __future__ import annotations

from handlers.envelope import Envelope, text_at
from handlers.errors import Refusal
from handlers.values import replace

NOBODY = "?"
"""The source of a message that does not say whose it is, or that another service put there: no sender's."""


def smn_records(envelope: Envelope) -> list[Envelope]:
    """A delivery for each message in the event of FunctionGraph's SMN trigger; none: it is no such event. Raises Refusal.

    Each for itself: one that is none is refused alone, for nobody sends it.
    """
    event = envelope.document
    if not (isinstance(event, dict) and isinstance(event.get("record"), list)):
        return []
    if not event["record"]:
        raise Refusal("malformed", "record: must not be empty", field="record")
    records = [record.get("smn") if text_at(record, "event_source") == "smn" else None for record in event["record"]]
    messages = [(_numbered(envelope, number), smn if isinstance(smn, dict) else None) for number, smn in enumerate(records)]
    return [_message(envelope, name, smn, "topic_urn") for name, smn in messages]


def sns_records(envelope: Envelope) -> list[Envelope]:
    """A delivery for each message of an SNS topic that invoked a Lambda function; none: it is no such event."""
    event = envelope.document
    records = event.get("Records") if isinstance(event, dict) else None
    if not (isinstance(records, list) and records and all(text_at(each, "EventSource") == "aws:sns" for each in records)):
        return []
    messages = [(_numbered(envelope, number), each.get("Sns")) for number, each in enumerate(records)]
    return [_message(envelope, name, sns, "TopicArn") for name, sns in messages]


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
            source=(text_at(record, "eventSourceARN") if text_at(record, "eventSource") == "aws:sqs" else "") or NOBODY,
        )
        for number, record in enumerate(records)
    ]


def _message(envelope: Envelope, delivery: str, document: object, topic: str) -> Envelope:
    return replace(envelope, delivery_id=delivery, document=document, source=text_at(document, topic) or NOBODY)


def _numbered(envelope: Envelope, number: int) -> str:
    return f"{envelope.delivery_id}-{number}" if number else envelope.delivery_id
