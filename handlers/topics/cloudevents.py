"""CloudEvents over HTTP to any sink: a broker of Knative, a webhook. Its receivers can tell a message they have had before.

(CloudEvents 1.0.2, its HTTP binding and JSON format; Standard Webhooks 1.0, signatures)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from handlers.message import Message
from handlers.settings.secrets import Key
from handlers.settings.topics import TopicAccess
from handlers.topics import Reach, Send
from handlers.topics.posting import post, refusal
from handlers.topics.wording import attributes, fitted, mark
from handlers.wire import Deadline, in_cluster

LARGEST = 64 * 1024
"""Bytes of an event that everybody on its way has to take (CloudEvents 1.0.2, size limits)."""
SOURCE = "restore-point"
AS_IT_IS = "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""Of printable ASCII all but blank, quote and percent stand in a header as they are (HTTP binding, 3.1.3.2)."""
_ADVICE = {
    401: "See whether both ends have the same secret",
    403: "See whether both ends have the same secret",
    404: "See whether the url is right",
    410: "The receiver wants no more messages: take the topic out of the rules",
    413: "The receiver takes no event of 64 kB, which everybody should",
}


def cloudevents_topic(access: TopicAccess, mode: str, reach: Reach) -> Send:
    """A sink by its URL; the path stays out of what is said of it, for it may be all that keeps strangers out."""
    wire = reach.wire(access.origin, plain=in_cluster)
    parts = urlsplit(access.url)
    whom, private = f"The sink at {parts.netloc}", [parts.path, *parts.path.split("/")]
    if access.key is not None:
        secret = access.key.secret.reveal()
        private += [secret, secret.removeprefix("whsec_")]

    def send(message: Message, deadline: Deadline) -> None:
        now = reach.clock.now()
        headers, body = (binary if mode == "binary" else structured)(message, now)
        proof = signed(access.key, mark(message, now), now, body) if access.key else {}
        reply = post(wire, access.url, headers | proof, body, deadline, whom)
        if not 200 <= reply.status < 300:
            advice = _ADVICE.get(reply.status, "See what the receiver does not like about it")
            raise refusal(whom, reply, reply.body.decode("utf-8", "replace"), advice, [*private, *proof.values()])

    return send


def event_of(message: Message, now: datetime) -> dict[str, str]:
    """The event's attributes; those of ours are extensions by which a Trigger filters."""
    about = attributes(message)
    named = {"subject": about["vault"]} if "vault" in about else {}
    return {
        "specversion": "1.0",
        "id": mark(message, now),
        "source": SOURCE,
        "type": f"restore-point.{message.outcome}",
        "time": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **named,
        **about,
    }


def structured(message: Message, now: datetime) -> tuple[dict[str, str], bytes]:
    """All of the event in the body."""
    event = event_of(message, now) | {"datacontenttype": "application/json"}

    def whole(document: dict[str, Any]) -> bytes:
        return json.dumps(event | {"data": document}).encode()

    document = fitted(message.document, lambda each: len(whole(each)) <= LARGEST)
    return {"Content-Type": "application/cloudevents+json; charset=UTF-8"}, whole(document)


def binary(message: Message, now: datetime) -> tuple[dict[str, str], bytes]:
    """The data as the body, all else as headers."""
    headers = {f"ce-{name}": quote(value, safe=AS_IT_IS) for name, value in event_of(message, now).items()}
    room = LARGEST - sum(len(name) + len(value) for name, value in headers.items())
    document = fitted(message.document, lambda each: len(json.dumps(each)) <= room)
    return {"Content-Type": "application/json", **headers}, json.dumps(document).encode()


def signed(key: Key, event_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks. In the binary form they cover the event's id and data, not its other attributes."""
    at = f"{int(now.timestamp())}"
    proof = hmac.new(key.signing, f"{event_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(proof).decode()}",
    }
