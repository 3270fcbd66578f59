"""Carriers that are not for this: each is named, so that whoever set it up knows what to change."""

from __future__ import annotations

from handlers.envelope import text_at
from handlers.errors import Refusal

_SERVICES = ("aws:s3", "aws:dynamodb", "aws:kinesis", "aws:ses", "aws:codecommit", "aws:mq", "aws:rmq")
EVENT_GRID = "an event of Huawei EventGrid: let it publish to an SMN topic, or call FunctionGraph's APIG, with a body of your own"


def refuse_foreign(document: object) -> None:
    """Raises Refusal("unsupported_carrier") for what no dialect can mean anything by."""
    if isinstance(document, dict) and (what := _foreign(document)):
        raise unsupported(what)


def unsupported(what: str) -> Refusal:
    """The refusal of one."""
    return Refusal("unsupported_carrier", f"this is {what}; no restore point is taken for such", field="document")


def _foreign(document: dict[str, object]) -> str:
    if document.get("trigger_type") == "KAFKA" or text_at(document, "eventSource") in ("aws:kafka", "SelfManagedKafka"):
        return "a batch of Kafka messages"
    if isinstance(document.get("lts"), dict):
        return "an event of a Log Tank Service trigger: make an alarm of LTS that notifies an SMN topic"
    if isinstance(document.get("cts"), dict):
        return "an event of a Cloud Trace Service trigger: make a key event notification of CTS to an SMN topic"
    if document.keys() >= {"requestContext", "requestPayload"} or document.keys() >= {"requestContext", "responseContext"}:
        return "the record of another Lambda invocation (a destination), perhaps one of these functions' own"
    if document.keys() >= {"request_context", "response_context"}:
        return "the notification of an asynchronous invocation of FunctionGraph, perhaps of one of these functions' own"
    records = document.get("Records")
    source = text_at(records[0], "eventSource") if isinstance(records, list) and records else ""
    known = next((each for each in _SERVICES if source == each), "another service") if source else ""
    return f"a batch of records of {known}: only those of SNS and SQS are understood" if known else ""
