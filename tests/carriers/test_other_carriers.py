"""Carriers of another make: Google's first functions, those that are not for this, and any document at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.carriers.unwrapping import PUBSUB, Carried, unwrapped
from handlers.envelope import Envelope, Http
from handlers.errors import Refusal
from handlers.reading import read
from handlers.rules import Sender
from handlers.trigger import Once, Timer
from tests.carriers.arriving import ARN, BINARY, DIALECTS, EVENT, FIRING, NOW, arrives, b64, pubsub, refused, smn, sns

# ── Google's first generation ──

CONTEXT = {"eventId": "1144231683168617", "timestamp": "2026-11-23T02:00:01.512Z", "eventType": "google.pubsub.topic.publish"}
TOPIC = {"service": "pubsub.googleapis.com", "name": "projects/p/topics/nightly", "type": "type.googleapis.com/PubsubMessage"}


@pytest.mark.parametrize("resource", [TOPIC, TOPIC["name"]], ids=["an object", "a name"])
@pytest.mark.parametrize("beside", [True, False], ids=["context beside", "flat"])
@pytest.mark.parametrize("kind", ["google.pubsub.topic.publish", "providers/cloud.pubsub/eventTypes/topic.publish"])
def test_a_background_event_of_pubsub_in_its_forms(resource: object, beside: bool, kind: str) -> None:
    context = CONTEXT | {"resource": resource, "eventType": kind}
    message = {"@type": "type.googleapis.com/google.pubsub.v1.PubsubMessage", "data": b64(FIRING), "attributes": {"a": "b"}}
    (carried,) = unwrapped({"data": message} | ({"context": context} if beside else context))
    assert carried == Carried(
        FIRING,
        id="1144231683168617",
        event_type=PUBSUB,
        event_source="//pubsub.googleapis.com/projects/p/topics/nightly",
        topic="projects/p/topics/nightly",
        attributes={"a": "b"},
        at="2026-11-23T02:00:01.512Z",
    )


def test_a_background_event_of_something_else_is_its_data() -> None:
    context = {"eventId": "7", "eventType": "google.storage.object.finalize", "resource": "projects/_/buckets/b"}
    assert unwrapped({"data": FIRING, "context": context})[0].document == FIRING
    assert unwrapped({"data": FIRING, "context": {"eventType": "x"}})[0].document == {
        "data": FIRING,
        "context": {"eventType": "x"},
    }


# ── not for this ──

DESTINATION = {"requestContext": {"condition": "Success"}, "requestPayload": FIRING, "responsePayload": {}}
FOREIGN = {
    "EventGrid": (EVENT | {"source": "HC.OBS", "type": "object:put", "data": FIRING}, "EventGrid"),
    "Kafka of FunctionGraph": ({"trigger_type": "KAFKA", "records": [{"messages": ["{}"]}]}, "Kafka"),
    "Kafka of Lambda": ({"eventSource": "aws:kafka", "records": {"t-0": [{"value": b64(FIRING)}]}}, "Kafka"),
    "Kafka of one's own": ({"eventSource": "SelfManagedKafka", "records": {}}, "Kafka"),
    "LTS": ({"lts": {"data": b64({"logs": "[]"})}}, "Log Tank"),
    "CTS": ({"cts": {"time": 1, "service_type": "ECS"}}, "Cloud Trace"),
    "a destination": (DESTINATION, "Lambda invocation"),
    "a destination without a payload": (
        {"requestContext": {"condition": "RetriesExhausted"}, "responseContext": {"statusCode": 200}},
        "Lambda invocation",
    ),
    "FunctionGraph's own notification": (
        {"timestamp": "2026-11-23T02:00:00Z+08:00", "request_context": {}, "response_context": {}, "request_payload": "{}"},
        "FunctionGraph",
    ),
    "S3": ({"Records": [{"eventSource": "aws:s3", "s3": {}}]}, "aws:s3"),
    "DynamoDB": ({"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {}}]}, "aws:dynamodb"),
    "Kinesis": ({"Records": [{"eventSource": "aws:kinesis", "kinesis": {}}]}, "aws:kinesis"),
    "SES": ({"Records": [{"eventSource": "aws:ses", "ses": {}}]}, "aws:ses"),
    "a service of tomorrow": ({"Records": [{"eventSource": "aws:tomorrow"}]}, "another service"),
}


@pytest.mark.parametrize(("document", "named"), FOREIGN.values(), ids=FOREIGN.keys())
def test_a_carrier_that_is_not_for_this_is_named_at_every_door(document: dict[str, Any], named: str) -> None:
    for door in ("timer", "alert", "once"):
        sender = Sender(dialect="once", proof="platform") if door == "once" else DIALECTS[0]
        with pytest.raises(Refusal) as caught:
            arrives(document, door=door, sender=sender)
        assert (caught.value.reason, caught.value.http) == ("unsupported_carrier", 400)
        assert named in caught.value.message
        assert "tomorrow" not in caught.value.message


def test_an_event_of_eventgrid_in_headers_is_named_too() -> None:
    assert refused(FIRING, BINARY | {"ce-source": "HC.OBS"}) == "unsupported_carrier"
    assert refused(FIRING, BINARY | {"ce-source": "HC%2EOBS"}) == "unsupported_carrier"


@pytest.mark.parametrize(
    "document", [{"lts": 1}, {"cts": "x"}, {"Records": []}, {"Records": {}}, {"requestContext": {}}, {"trigger_type": "OBS"}]
)
def test_what_only_looks_like_one_is_another_form(document: dict[str, Any]) -> None:
    assert refused(document) == "wrong_dialect"


# ── any document ──

KEYS = "specversion type source id time data data_base64 message subscription attributes messageId publishTime context eventId"
MORE = "eventType resource Type TopicArn Message topic_urn subject SubscribeURL Records eventSource trigger_type lts cts schedule"
WORDS = st.sampled_from([*KEYS.split(), *MORE.split(), "requestContext", "requestPayload", "labels", "status", "alerts"])
VALUES = st.sampled_from(
    ["1.0", PUBSUB, "HC.OBS", "Notification", "SubscriptionConfirmation", "google.pubsub.topic.publish", "aws:s3", ARN, b64({})]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | VALUES
ANY = st.recursive(
    SCALARS | st.builds(json.dumps, st.dictionaries(WORDS, SCALARS, max_size=4)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=7),
    max_leaves=25,
)
LIKELY = st.sampled_from([sns(sns(FIRING)), smn(FIRING), pubsub(FIRING), EVENT, [EVENT, EVENT]]).flatmap(
    lambda known: st.tuples(st.just(known), WORDS, ANY).map(
        lambda it: {**it[0], it[1]: it[2]} if isinstance(it[0], dict) else it[0]
    )
)
HTTP = st.none() | st.dictionaries(
    st.sampled_from(["ce-specversion", "ce-type", "ce-source", "ce-time", "x-cloudscheduler", "x-cloudscheduler-jobname"]),
    st.text(max_size=12) | VALUES,
).map(lambda headers: Http("POST", "/x", headers, b"{}"))


@given(document=ANY | LIKELY, http=HTTP)
@example(document={"data": None, "eventId": None, "eventType": "google.pubsub.topic.publish"}, http=None)
@example(document={"Records": [None]}, http=None)
def test_any_document_is_carried_or_refused(document: object, http: Http | None) -> None:
    try:
        found = unwrapped(document, http)
    except Refusal as refusal:
        assert refusal.message  # noqa: PT017
        return
    assert found
    assert all(isinstance(each, Carried) for each in found)


@given(document=ANY | LIKELY, door=st.sampled_from(["timer", "alert", "once"]), place=st.integers(0, len(DIALECTS) - 1))
def test_any_document_is_read_or_refused(document: object, door: Any, place: int) -> None:
    sender = Sender(dialect="once", proof="platform") if door == "once" else DIALECTS[place]
    try:
        found = read(Envelope(door, "lambda", "delivery-1", document, 60.0), "somebody", sender, NOW)
    except Refusal as refusal:
        assert refusal.message  # noqa: PT017
        return
    if door != "alert":
        assert not any(isinstance(each, Once if door == "timer" else Timer) for each in found)
