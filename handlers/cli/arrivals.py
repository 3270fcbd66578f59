"""A platform's whole event, or a bare body, as the deliveries it is: what the entry functions do, without a platform."""

from __future__ import annotations

from dataclasses import replace

from handlers.carriers.batches import smn_records, sns_records, sqs_records
from handlers.carriers.gateways import apig_http, lambda_http
from handlers.envelope import Envelope

_REQUEST = {"headers", "multiValueHeaders"}


def arrivals(event: Envelope) -> list[Envelope]:
    """One for each message, request or document. Raises Refusal."""
    for records in (sqs_records, sns_records, smn_records):
        if found := records(event):
            return found
    document = event.document
    if isinstance(document, dict) and isinstance(document.get("requestContext"), dict) and document.keys() & _REQUEST:
        on_lambda = {"resource", "rawPath"} & document.keys() or "elb" in document["requestContext"]
        http = lambda_http(document) if on_lambda else apig_http(document)
        return [replace(event, document=None, http=http)] if http else [event]
    return [event]
