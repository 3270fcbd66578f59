"""What the tests of carriers share: senders, documents and how they are wrapped."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from handlers.envelope import Envelope, Http
from handlers.errors import Refusal
from handlers.reading import read
from handlers.rules import Sender
from handlers.rules.tables import AlertDialect, Paths
from handlers.trigger import Trigger

NOW = datetime(2026, 11, 23, 2, 0, 30, tzinfo=UTC)
JSON_TYPE = {"content-type": "application/json"}
SIMPLE = Sender(dialect="simple", proof="platform")
FIRING = {"status": "firing", "labels": {"host": "erp-db"}}
EVENT = {"specversion": "1.0", "id": "e-1", "type": "com.example.alert", "source": "/monitoring"}
PING = "/apis/v1/namespaces/backup/pingsources/nightly"
HEADERS = {"ce-specversion": "1.0", "ce-id": "a-1", "ce-type": "dev.knative.sources.ping", "ce-source": PING}
BINARY = JSON_TYPE | HEADERS | {"ce-time": "2026-11-23T02:00:17.123456789Z"}


def arrives(body: object, headers: Mapping[str, str] = JSON_TYPE, door: Any = "alert", sender: Sender = SIMPLE) -> list[Trigger]:
    """An HTTP request, its body as bytes or as anything else in JSON."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    http = Http("POST", f"/{door}/somebody", headers, sent)
    return read(Envelope(door, "web", "delivery-1", None, 60.0, http), "somebody", sender, NOW)


def refused(body: object, headers: Mapping[str, str] = JSON_TYPE, door: Any = "alert", sender: Sender = SIMPLE) -> str:
    with pytest.raises(Refusal) as caught:
        arrives(body, headers, door, sender)
    return caught.value.reason


def only(triggers: list[Trigger]) -> Any:
    (trigger,) = triggers
    return trigger


def b64(document: object) -> str:
    return base64.b64encode(document if isinstance(document, bytes) else json.dumps(document).encode()).decode()


ARN, URN = "arn:aws:sns:eu-central-1:123456789012:alarms", "urn:smn:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:alarms"
SUBSCRIPTION = "projects/p/subscriptions/nightly"
GENERIC = Sender(dialect="generic", proof="platform", paths=Paths(identity=("incident.id",)))
DIALECTS = [GENERIC, *(Sender(dialect=each, proof="platform") for each in get_args(AlertDialect) if each != "generic")]


def sns(message: object, **more: object) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"Type": "Notification", "MessageId": "s-1", "TopicArn": ARN, "Subject": "A", "Message": text} | more


def smn(message: object, **more: object) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"type": "Notification", "message_id": "m-1", "topic_urn": URN, "subject": None, "message": text} | more


def pubsub(data: object, **more: object) -> dict[str, Any]:
    """A push without any other wrapping."""
    return {"subscription": SUBSCRIPTION, "message": {"data": b64(data), "messageId": "p-1"} | more}
