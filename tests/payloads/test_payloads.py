"""Real event documents of other people, each through its carrier and dialect, against a table written from the documents alone.

The documents are read where they are (RESTORE_POINT_PAYLOADS), never copied. ``expected.json`` was written before the readers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from handlers.carriers.batches import smn_records, sns_records, sqs_records
from handlers.carriers.gateways import apig_http, lambda_http
from handlers.envelope import Envelope, Http
from handlers.errors import Refusal
from handlers.reading import read
from handlers.rules import Sender
from handlers.trigger import Alert, Echo, Handshake, Lost, Once, Timer, Trigger, Unread

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "expected.json").read_text("utf-8"))["rows"]
NOW = datetime(2026, 11, 27, tzinfo=UTC)
JSON_TYPE = {"content-type": "application/json"}
NOT_EVENTS = {"INDEX.md"}

FOLDER = os.environ.get("RESTORE_POINT_PAYLOADS", "")
needs_the_documents = pytest.mark.skipif(not FOLDER, reason="RESTORE_POINT_PAYLOADS is not set: real documents are not read")


@cache
def text(file: str) -> str:
    return (Path(FOLDER) / file).read_text("utf-8")


def requested(row: Mapping[str, Any], body: str) -> list[Envelope]:
    headers = {name.lower(): value for name, value in (row.get("headers") or JSON_TYPE).items()}
    http = Http("POST", "/x/somebody", headers, body.encode())
    return [Envelope(row["door"], "web", "delivery", None, 60.0, http)]


def event_of(row: Mapping[str, Any]) -> object:
    """The platform event that carries the document."""
    document, topic, carrier = text(row["file"]), row.get("topic", ""), row.get("carrier", "")
    if row["as"] != "message":
        return json.loads(document)
    if carrier == "sqs":
        queue = {"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:alarms"}
        return {"Records": [{**queue, "messageId": "m-1", "body": document}]}
    if carrier == "sns":
        sns = {"Type": "Notification", "MessageId": "m-1", "TopicArn": topic, "Subject": None, "Message": document}
        return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]}
    smn = {"topic_urn": topic, "message": document, "type": "notification", "message_id": "m-1", "subject": None}
    return {"record": [{"event_version": "1.0", "event_source": "smn", "smn": smn}]}


def body_of(row: Mapping[str, Any]) -> str:
    """The body of the HTTP request that carries the document."""
    document = "" if "body" in row else text(row["file"])
    if row["as"] == "data":
        return json.dumps({"specversion": "1.0", **row["cloudevent"], "data": json.loads(document)})
    if row["as"] == "request":
        return str(row["body"]) if "body" in row else document.replace("\r\n", "\n").partition("\n\n")[2]
    if row.get("carrier") == "smn":
        return json.dumps({"type": "Notification", "topic_urn": row["topic"], "message_id": "m-1", "message": document})
    if row.get("carrier") == "pubsub":
        data = base64.b64encode(document.encode()).decode()
        return json.dumps({"subscription": row["subscription"], "message": {"data": data, "messageId": "m-1"}})
    return document


def arrivals(row: Mapping[str, Any]) -> list[Envelope]:
    """What the platform's entry function makes of it; raises Refusal as that does."""
    if row["platform"] == "web":
        return requested(row, body_of(row))
    envelope = Envelope(row["door"], row["platform"], "delivery", event_of(row), 60.0)
    request_in, batches = (
        (lambda_http, (sqs_records, sns_records)) if row["platform"] == "lambda" else (apig_http, (smn_records,))
    )
    found = next((records for each in batches if (records := each(envelope))), None)
    if found is not None:
        return found
    http = request_in(envelope.document)
    if "http" in row:
        assert http is not None
        said = {"method": http.method, "path": http.path, "body_sha256": hashlib.sha256(http.body).hexdigest()}
        assert said == row["http"]
    return [Envelope(row["door"], row["platform"], "delivery", None if http else envelope.document, 60.0, http)]


def said(trigger: Trigger) -> dict[str, Any]:
    match trigger:
        case Timer():
            return {"kind": "timer", "schedule": trigger.schedule, "at": trigger.at.isoformat().replace("+00:00", "Z")}
        case Alert():
            identity = {name: trigger.labels[name] for name in trigger.identity}
            return {"kind": "alert", "state": trigger.status, "identity": identity, "labels": dict(trigger.labels)}
        case Lost():
            return {"kind": "lost", "count": trigger.count}
    return {"kind": {Once: "once", Handshake: "handshake", Echo: "echo"}[type(trigger)]}


def came_to(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """An entry for each arrival. Anything but a Refusal is a fault."""
    sender = None
    if row["door"] != "timer":
        about = {"paths": row["paths"]} if "paths" in row else {}
        sender = Sender.model_validate({"dialect": row["dialect"], "proof": "platform", **about})
    found: list[dict[str, Any]] = []
    try:
        envelopes = arrivals(row)
    except Refusal as refusal:
        return [{"refused": refusal.reason}]
    for envelope in envelopes:
        try:
            triggers = read(envelope, "somebody", sender, NOW)
        except Refusal as refusal:
            found.append({"refused": refusal.reason})
        else:
            found += in_batches(triggers) if is_batch(row) else [{"triggers": [said(each) for each in triggers]}]
    return found


def is_batch(row: Mapping[str, Any]) -> bool:
    return row["as"] == "body" and row["file"].endswith(".json") and isinstance(json.loads(text(row["file"])), list)


def in_batches(triggers: list[Trigger]) -> list[dict[str, Any]]:
    """A batch of CloudEvents: one trigger, or why there is none, for each."""
    return [{"refused": each.refusal.reason} if isinstance(each, Unread) else {"triggers": [said(each)]} for each in triggers]


EVENTS = [row for row in ROWS if row["as"] != "headers"]


@needs_the_documents
@pytest.mark.parametrize(
    "row", EVENTS, ids=lambda row: f"{row['file']} {row['platform']} {row['door']} {row['dialect']} {row['as']}"
)
def test_a_document_is_what_the_table_says(row: dict[str, Any]) -> None:
    assert came_to(row) == row["arrivals"]


@needs_the_documents
def test_every_document_stands_in_the_table() -> None:
    there = {str(file.relative_to(FOLDER)) for file in Path(FOLDER).rglob("*") if file.is_file()} - NOT_EVENTS
    assert {row["file"] for row in ROWS} == there
    kinds = Counter(
        trigger.get("state", trigger["kind"])
        for row in EVENTS
        for arrival in row["arrivals"]
        for trigger in arrival.get("triggers", ())
    )
    print(f"\n{len(there)} documents, {len(EVENTS)} arrivals of them: {dict(kinds.most_common())}")
    assert len(there) >= 122


def test_the_table_is_sound() -> None:
    """Without the documents, too: every identity is among the labels, and only what fires asks for anything."""
    for row in EVENTS:
        for arrival in row["arrivals"]:
            assert arrival.keys() in ({"triggers"}, {"refused"})
            for trigger in arrival.get("triggers", ()):
                assert trigger["kind"] != "alert" or trigger["identity"].items() <= trigger["labels"].items()
