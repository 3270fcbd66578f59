"""Documents within documents: a CloudEvent, in it a Pub/Sub message, in it a notification of SNS or SMN, in it what is meant.

Each at most once and in this order, for nobody sends more; whatever is still wrapped after that is no dialect's form.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from handlers.carriers.foreign import EVENT_GRID, refuse_foreign, unsupported
from handlers.envelope import Http, Text, check, parse_json, text_at
from handlers.errors import Refusal
from handlers.values import dataclass, field, replace

PUBSUB = "google.cloud.pubsub.topic.v1.messagePublished"
_PUBSUB_BEFORE = ("google.pubsub.topic.publish", "providers/cloud.pubsub/eventTypes/topic.publish")
_BACKGROUND = ("google.", "providers/")
"""How the types of Google's own events begin; other people's have the same three keys."""
_PUBSUB_HOST = "//pubsub.googleapis.com/"
BATCH = 1000
"""CloudEvents of one request, of which each may ask for restore points of its own."""
TOPIC = 1024
"""Characters of a topic's name that are kept; it becomes a label."""
_CONFIRMING = re.compile(
    r"https://(sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?|([a-z0-9-]+[.-])?console\.(huaweicloud\.com|otc\.t-systems\.com))/"
)
"""Where SNS and SMN have their subscriptions confirmed. Whoever may send to a queue could name another place to a person."""
_VERSIONS = ("1.0", "0.3")


@dataclass(frozen=True)
class Confirmation:
    """SNS or SMN asks whether its topic may send here, or says that it does so no more. ``url`` is where to confirm."""

    topic: str
    kind: str
    url: str


@dataclass(frozen=True)
class Carried:
    """What is meant, and what its carriers said of it.

    ``id`` is the innermost carrier's of this message: the same however often it is delivered. ``event_type`` and
    ``event_source`` are the CloudEvent's, ``topic`` is whose message it was (an ARN, a URN, a Pub/Sub topic or subscription),
    ``attributes`` are a Pub/Sub message's, ``at`` is the carrier's time, unread.
    """

    document: object
    id: str = ""
    event_type: str = ""
    event_source: str = ""
    topic: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    at: str = ""


def is_confirming(url: str) -> bool:
    """Whether a link leads where SNS or SMN have their subscriptions confirmed."""
    return _CONFIRMING.match(url) is not None


def is_cloud_event(http: Http | None) -> bool:
    """Whether the request is a CloudEvent in binary mode: its attributes are headers (CloudEvents HTTP binding, 3.1)."""
    return http is not None and "ce-specversion" in http.headers


def unwrapped(document: object, http: Http | None = None) -> list[Carried]:
    """What a document carries; several where it is a batch of CloudEvents. Raises Refusal."""
    if is_cloud_event(http):
        assert http is not None  # noqa: S101 - says so to mypy
        attributes = {name[3:]: unquote(value) for name, value in http.headers.items() if name.startswith("ce-")}
        return [_opened(_event(attributes, document))]
    if isinstance(document, list) and document and all(isinstance(each, dict) and "specversion" in each for each in document):
        if len(document) > BATCH:
            raise Refusal("too_large", f"more than {BATCH} CloudEvents in one request", field="document", http=413)
        return [_member(each) for each in document]
    if isinstance(document, dict) and _is_event(document):
        return [_opened(_structured(document))]
    refuse_foreign(document)
    return [_opened(_background(document) or Carried(document))]


def lenient(body: bytes, subject: str = "", what: str = "message") -> object:
    """A document, or text for people. Raises Refusal("too_large")."""
    try:
        return parse_json(body, what)
    except Refusal as problem:
        if problem.reason != "malformed":
            raise
        return Text(body.decode("utf-8", "replace"), subject, problem)


def _opened(carried: Carried) -> Carried:
    return _notified(_published(carried))


def _is_event(document: Any) -> bool:
    return isinstance(document, dict) and all(isinstance(document.get(key), str) for key in ("specversion", "type", "source"))


def _member(event: Mapping[str, Any]) -> Carried:
    """One of a batch: what is wrong with it is not the others' fault."""
    try:
        if not _is_event(event):
            raise Refusal("malformed", "type: a CloudEvent has specversion, type and source, all of them text", field="type")
        return _opened(_structured(event))
    except Refusal as problem:
        return Carried(Text("", "", problem))


def _structured(event: Mapping[str, Any]) -> Carried:
    """CloudEvents JSON format, 3: the data is a JSON value, or base64."""
    data = event.get("data")
    if isinstance(data, str):  # of another type than JSON, or JSON that was made text first
        data = lenient(data.encode("utf-8", "surrogatepass"))
    if isinstance(coded := event.get("data_base64"), str):
        data = lenient(_decoded(coded, "data_base64"))
    return _event(event, data)


def _event(attributes: Mapping[str, Any], data: object) -> Carried:
    if attributes.get("specversion") not in _VERSIONS:
        raise Refusal(
            "unknown_version", f"specversion: CloudEvents {' and '.join(_VERSIONS)} are understood", field="specversion"
        )
    try:
        check(dict(attributes))
    except ValueError as error:
        raise Refusal("malformed", f"an attribute of the CloudEvent {error}", field="source") from None
    source = text_at(attributes, "source")
    if source.startswith("HC."):
        raise unsupported(EVENT_GRID)
    event_id, at = text_at(attributes, "id"), text_at(attributes, "time")
    return Carried(data, id=event_id, event_type=text_at(attributes, "type"), event_source=source, at=at)


def _background(document: object) -> Carried | None:
    """An event of the first generation of Google's functions, with its context beside or around the data."""
    if not isinstance(document, dict) or "data" not in document:
        return None
    context = document["context"] if isinstance(document.get("context"), dict) else document
    event_type, resource = text_at(context, "eventType"), context.get("resource")
    if not event_type.startswith(_BACKGROUND) or "eventId" not in context:
        return None
    name = resource if isinstance(resource, str) else text_at(resource, "name")
    told = Carried(document["data"], id=str(context["eventId"]), event_type=event_type, event_source=name)
    if event_type in _PUBSUB_BEFORE:
        told = replace(told, document={"message": document["data"]}, event_type=PUBSUB, event_source=_PUBSUB_HOST + name)
    return replace(told, at=text_at(context, "timestamp"))


def _published(carried: Carried) -> Carried:
    """Out of a Pub/Sub message, pushed or as a CloudEvent's data. Google writes some keys in two ways, and both may be there."""
    document = carried.document if isinstance(carried.document, dict) else {}
    message = document.get("message")
    if not isinstance(message, dict) or not (carried.event_type == PUBSUB or isinstance(document.get("subscription"), str)):
        return carried
    attributes = message["attributes"] if isinstance(message.get("attributes"), dict) else {}
    by_event = carried.event_source.removeprefix(_PUBSUB_HOST) if carried.event_type == PUBSUB else ""
    return replace(
        carried,
        document=lenient(_decoded(message["data"], "message.data")) if message.get("data") else None,
        id=text_at(message, "messageId") or text_at(message, "message_id") or carried.id,
        topic=(by_event or text_at(document, "subscription"))[:TOPIC],
        attributes={key: text for key, text in attributes.items() if isinstance(text, str)}
        if isinstance(attributes, dict)
        else {},
        at=text_at(message, "publishTime") or text_at(message, "publish_time") or carried.at,
    )


def _notified(carried: Carried) -> Carried:
    """Out of a notification of SNS or SMN. The first writes its keys with capitals, the second does not."""
    document = carried.document
    if isinstance(document, dict) and isinstance(document.get("TopicArn"), str) and "Type" in document:
        return _out_of(carried, document, "Message", ("TopicArn", "Type", "Subject", "MessageId", "SubscribeURL"))
    if isinstance(document, dict) and isinstance(document.get("topic_urn"), str) and "message" in document:
        return _out_of(carried, document, "message", ("topic_urn", "type", "subject", "message_id", "subscribe_url"))
    return carried


def _out_of(carried: Carried, document: Mapping[str, Any], key: str, names: tuple[str, ...]) -> Carried:
    topic, kind, subject, message_id, url = (text_at(document, name) for name in names)
    carried = replace(carried, topic=topic[:TOPIC], id=message_id or carried.id)
    if kind.endswith("Confirmation"):
        return replace(carried, document=Confirmation(topic, kind, url if is_confirming(url) else ""))
    message = document.get(key)
    if isinstance(message, str):
        return replace(carried, document=lenient(message.encode("utf-8", "surrogatepass"), subject))
    if isinstance(message, dict):  # a cloud of the same make delivers it so
        return replace(carried, document=message)
    raise Refusal("malformed", f"{key}: must be text", field=key)


def _decoded(text: object, field: str) -> bytes:
    if not isinstance(text, str):
        raise Refusal("malformed", f"{field}: must be base64 text", field=field)
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Refusal("malformed", f"{field}: must be base64", field=field) from None
