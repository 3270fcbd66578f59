"""Messages of Pub/Sub, SNS and SMN, each opened once and in that order."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.carriers.unwrapping import PUBSUB, Carried, Confirmation, unwrapped
from handlers.envelope import BODY_CAP, DEPTH_CAP, Envelope, Text
from handlers.errors import Refusal
from handlers.reading import read
from handlers.rules import Sender
from handlers.trigger import Handshake
from tests.carriers.arriving import (
    ARN,
    BINARY,
    DIALECTS,
    EVENT,
    FIRING,
    NOW,
    SIMPLE,
    SUBSCRIPTION,
    URN,
    arrives,
    b64,
    only,
    pubsub,
    refused,
    smn,
    sns,
)  # fmt: skip


def carried(document: object) -> Carried:
    (found,) = unwrapped(document)
    return found


# ── Pub/Sub ──


@pytest.mark.parametrize(
    "named",
    [
        {"messageId": "17", "publishTime": "2026-11-23T02:00:00Z"},
        {"message_id": "17", "publish_time": "2026-11-23T02:00:00Z"},
        {"messageId": "17", "message_id": "17", "publishTime": "2026-11-23T02:00:00Z", "publish_time": "2026-11-23T02:00:00Z"},
    ],
)
def test_a_pushed_message_in_either_spelling(named: dict[str, str]) -> None:
    found = carried({"subscription": SUBSCRIPTION, "message": {"data": b64(FIRING)} | named})
    assert found == Carried(FIRING, id="17", topic=SUBSCRIPTION, at="2026-11-23T02:00:00Z")


def test_of_an_event_the_topic_and_of_a_push_the_subscription() -> None:
    event = EVENT | {"type": PUBSUB, "source": "//pubsub.googleapis.com/projects/p/topics/t", "data": pubsub(FIRING)}
    assert only(arrives(event)).labels == {"host": "erp-db", "topic": "projects/p/topics/t"}
    assert only(arrives(pubsub(FIRING))).labels == {"host": "erp-db", "topic": SUBSCRIPTION}
    named = FIRING | {"labels": {"host": "erp-db", "topic": "its own"}}
    assert only(arrives(pubsub(named))).labels == named["labels"]


@pytest.mark.parametrize("message", [{}, {"data": ""}, {"data": None}, {"attributes": {"schedule": "nightly"}}])
def test_a_message_may_hold_nothing_but_attributes(message: dict[str, Any]) -> None:
    assert refused({"subscription": SUBSCRIPTION, "message": message}) == "malformed"
    sent = {"subscription": SUBSCRIPTION, "message": message | {"publishTime": "2026-11-23T02:00:59Z"}}
    timer = only(arrives(sent, door="timer"))
    assert timer.schedule == message.get("attributes", {}).get("schedule", SUBSCRIPTION)
    assert timer.at == datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("data", ["!", "YQ", "YWI\u00e9", "YW==YQ==", 5, ["YQ=="], {"a": 1}, True])
@pytest.mark.parametrize("door", ["alert", "timer"])
def test_base64_that_is_none(data: object, door: str) -> None:
    message = {"data": data, "publishTime": "2026-11-23T02:00:00Z"}
    assert refused({"subscription": SUBSCRIPTION, "message": message}, door=door) == "malformed"


@pytest.mark.parametrize("attributes", [None, [], "schedule", 5, {"schedule": 5}, {"schedule": None}, {"schedule": ["x"]}])
def test_attributes_that_are_no_text_say_nothing(attributes: object) -> None:
    message = {"data": b64(FIRING), "attributes": attributes, "publishTime": "2026-11-23T02:00:00Z"}
    assert only(arrives({"subscription": SUBSCRIPTION, "message": message}, door="timer")).schedule == SUBSCRIPTION
    assert dict(carried({"subscription": SUBSCRIPTION, "message": message}).attributes) == {}


def test_a_message_that_names_no_subscription_and_came_by_no_event_is_a_document() -> None:
    document = {"message": {"data": b64(FIRING)}}
    assert carried(document) == Carried(document)
    assert refused(document) == "wrong_dialect"


# ── SNS and SMN ──


@pytest.mark.parametrize("wrapped", [sns(FIRING), smn(FIRING), smn("") | {"message": FIRING}, sns("") | {"Message": FIRING}])
def test_a_notification_is_its_message(wrapped: dict[str, Any]) -> None:
    topic = wrapped.get("TopicArn") or wrapped["topic_urn"]
    assert only(arrives(wrapped)).labels == {"host": "erp-db", "topic": topic}


@pytest.mark.parametrize("message", [None, 5, True, [FIRING]])
def test_a_message_that_is_none_is_refused(message: object) -> None:
    for wrapped in (sns("") | {"Message": message}, smn("") | {"message": message}):
        assert refused(wrapped) == "malformed"


def test_text_is_read_under_its_subject_by_the_one_dialect_that_can() -> None:
    wrapped = smn("The server is down. (ID: 94eba8b2)", subject="[Critical Alarm]erp-db is down")
    text = carried(wrapped).document
    assert isinstance(text, Text)
    assert (text.subject, text.text) == ("[Critical Alarm]erp-db is down", "The server is down. (ID: 94eba8b2)")
    for sender in DIALECTS:
        if sender.dialect == "cloud-eye":
            assert only(arrives(wrapped, sender=sender)).labels["subject"] == "erp-db is down"
        else:
            assert refused(wrapped, sender=sender) == "malformed"


KINDS = ["SubscriptionConfirmation", "UnsubscribeConfirmation"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", ["timer", "alert", "once"])
def test_a_confirmation_is_a_handshake_at_every_door(kind: str, door: Any) -> None:
    link = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    once = Sender(dialect="once", proof="platform")
    of_sns = sns("You have chosen …", Type=kind, SubscribeURL=link, Token="t")
    of_smn = smn("You are invited …", type=kind, subscribe_url=link, unsubscribe_url="https://smn.example/un")
    for topic, document in ((ARN, of_sns), (URN, of_smn), (ARN, pubsub(of_sns)), (URN, EVENT | {"data": of_smn})):
        for sender in (once,) if door == "once" else DIALECTS:
            assert arrives(document, door=door, sender=sender) == [Handshake("somebody", topic, kind, link)]


def test_a_message_that_only_calls_itself_so_is_none() -> None:
    for document in ({"Type": KINDS[0], "Message": "x"}, {"type": KINDS[0], "message": "x"}, FIRING | {"type": KINDS[0]}):
        assert not isinstance(carried(document).document, Confirmation)


# ── each at most once, and in this order ──

MOST = EVENT | {"type": PUBSUB, "source": "//pubsub.googleapis.com/projects/p/topics/t", "data": pubsub(sns(FIRING))}
TOO_DEEP = {
    "SNS in SNS": sns(sns(FIRING)),
    "SMN in SMN": smn(smn(FIRING)),
    "SMN in SNS": sns(smn(FIRING)),
    "SNS in SMN": smn(sns(FIRING)),
    "Pub/Sub in SNS": sns(pubsub(FIRING)),
    "Pub/Sub in SMN": smn("") | {"message": pubsub(FIRING)},
    "Pub/Sub in Pub/Sub": pubsub(pubsub(FIRING)),
    "an event in an event": EVENT | {"data": EVENT | {"data": FIRING}},
    "an event in SNS": sns(EVENT | {"data": FIRING}),
    "an event in Pub/Sub": pubsub(EVENT | {"data": FIRING}),
    "a batch in an event": EVENT | {"data": [EVENT | {"data": FIRING}]},
    "a batch in SMN": smn([EVENT | {"data": FIRING}]),
    "a background event in SNS": sns({"eventId": "1", "eventType": "x", "data": FIRING}),
    "SQS in SNS": sns({"Records": [{"eventSource": "aws:sqs", "body": json.dumps(FIRING)}]}),
    "SNS records in Pub/Sub": pubsub({"Records": [{"EventSource": "aws:sns", "Sns": sns(FIRING)}]}),
    "a request in SNS": sns({"httpMethod": "POST", "requestContext": {}, "headers": {}, "body": json.dumps(FIRING)}),
}


def test_an_event_with_a_message_with_a_notification_is_the_most() -> None:
    found = carried(MOST)
    assert (found.document, found.topic, found.id, found.event_type) == (FIRING, ARN, "s-1", PUBSUB)


@pytest.mark.parametrize("document", TOO_DEEP.values(), ids=TOO_DEEP.keys())
def test_what_is_wrapped_once_more_is_no_dialects_form(document: dict[str, Any]) -> None:
    for sender in (*DIALECTS, Sender(dialect="once", proof="platform")):
        door = "once" if sender.dialect == "once" else "alert"
        assert refused(document, door=door, sender=sender) in ("wrong_dialect", "malformed", "unknown_version"), sender.dialect


@pytest.mark.parametrize("inner", [{"schedule": "nightly", "scheduled_time": "2026-11-23T02:00:00Z"}])
def test_a_timer_that_is_wrapped_once_more_is_none_either(inner: object) -> None:
    for document in (sns(sns(inner)), sns(pubsub(inner)), smn(smn(inner)), EVENT | {"data": EVENT | {"data": inner}}):
        assert refused(document, door="timer") == "not_a_timer"
    assert only(arrives(sns(inner), door="timer")).schedule == "nightly"


def test_a_structured_event_in_a_binary_one_is_not_opened() -> None:
    assert refused(EVENT | {"data": FIRING}, BINARY | {"ce-type": "com.example.alert"}) in ("wrong_dialect", "malformed")


# ── depth and size within ──


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("wrap", [sns, smn, lambda text: EVENT | {"data": text}, lambda text: pubsub(text.encode())])
def test_depth_and_size_hold_within_as_without(wrap: Any) -> None:
    assert isinstance(carried(wrap(nested(DEPTH_CAP))).document, list)
    for levels in (DEPTH_CAP + 1, 100_000):
        inner = carried(wrap(nested(levels))).document
        assert isinstance(inner, Text)
        assert refused(wrap(nested(levels))) == "malformed"
    with pytest.raises(Refusal) as caught:
        unwrapped(wrap(json.dumps(FIRING).ljust(BODY_CAP + 1)))
    assert (caught.value.reason, caught.value.http) == ("too_large", 413)
    assert carried(wrap(json.dumps(FIRING).ljust(BODY_CAP))).document == FIRING


def test_a_document_that_a_platform_parsed_is_no_larger_for_being_base64() -> None:
    """Lambda hands over six million bytes: what is decoded of them is measured, too."""
    message = {"subscription": SUBSCRIPTION, "message": {"data": base64.b64encode(b" " * (BODY_CAP + 1)).decode()}}
    with pytest.raises(Refusal) as caught:
        read(Envelope("alert", "lambda", "delivery-1", message, 60.0), "somebody", SIMPLE, NOW)
    assert caught.value.reason == "too_large"
