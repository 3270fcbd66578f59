"""A topic asks whether it may send here: told once an hour with the link, and nobody follows the link."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers.envelope import Envelope, Http
from handlers.service import Delivered, Service
from tests.scripted import PUBLISH, World, world_in

ARN, URN = "arn:aws:sns:eu-central-1:123456789012:alarms", "urn:smn:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:alarms"
TOKENS = {f"{name}_TOKEN": f"example-token-of-{name.lower()}-opens-nothing" for name in ("AM", "CRON", "CI")}
RULES = "".join(
    f"""
[senders.{name}]
dialect = "{dialect}"
proof = "bearer"
secret = "env:{name.upper()}_TOKEN"
"""
    for name, dialect in {"am": "alertmanager", "cron": "timer", "ci": "once"}.items()
)
RULES += f"""
[senders.topic]
dialect = "simple"
proof = "platform"
sources = ["{URN}", "{ARN}"]
[[rules]]
name = "am-files"
sender = "am"
vaults = ["files"]
"""
HOUR = 3600.0
CONFIRM, UNSUBSCRIBE = "SubscriptionConfirmation", "UnsubscribeConfirmation"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        made.write_rules(more=RULES)
        yield made


@pytest.fixture
def service(world: World) -> Service:
    return world.service(world.environ(**TOKENS))


def link() -> str:
    """As SNS writes it."""
    return "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"


def sns(world: World, kind: str = CONFIRM, url: str = "") -> dict[str, Any]:
    told = {"Type": kind, "MessageId": "m", "TopicArn": ARN, "Message": "You have chosen to subscribe …", "Token": "t"}
    certificate = {"SigningCertURL": f"{world.door.endpoint}/cert.pem"}
    return told | certificate | {"SubscribeURL": url or link()}


def smn(world: World, kind: str = CONFIRM) -> dict[str, Any]:
    told = {"type": kind, "message_id": "m", "topic_urn": URN, "message": "You are invited …", "subject": None}
    return told | {"signing_cert_url": f"{world.door.endpoint}/cert.pem", "subscribe_url": link()}


def posted(service: Service, document: object, door: Any = "alert", sender: str = "am") -> Delivered:
    """As SNS does it: text/plain, known by its header."""
    headers = {"content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": CONFIRM}
    headers["authorization"] = f"Bearer {TOKENS[sender.upper() + '_TOKEN']}"
    http = Http("POST", f"/{door}/{sender}", headers, json.dumps(document).encode())
    return service.handle(Envelope(door, "web", "delivery-1", None, 60.0, http))


def handed(service: Service, document: object, source: str, door: Any = "alert") -> Delivered:
    return service.handle(Envelope(door, "lambda", "delivery-1", document, 60.0, None, source))


def warned(world: World) -> list[str]:
    return [each["message"] for each in world.sandbox.published if "warning" in each["subject"]]


def is_skipped(delivered: Delivered, url: str) -> None:
    (outcome,) = delivered.outcomes
    assert (outcome.word, outcome.reason, outcome.link) == ("skipped", "handshake", url)
    assert delivered.answer.status == 200


@pytest.mark.parametrize(("door", "sender"), [("alert", "am"), ("timer", "cron"), ("once", "ci")])
@pytest.mark.parametrize("form", [sns, smn])
def test_it_is_skipped_and_told_with_its_link_and_nothing_is_fetched(
    world: World, service: Service, door: str, sender: str, form: Any
) -> None:
    is_skipped(posted(service, form(world), door, sender), link())
    (text,) = warned(world)
    assert link() in text
    assert (ARN if form is sns else URN) in text
    assert [each.matches(PUBLISH) for each in world.door.seen] == [True]
    assert [each["restore_points"][0]["link"] for each in world.deliveries()] == [link()]


@pytest.mark.parametrize("kind", [CONFIRM, UNSUBSCRIBE])
@pytest.mark.parametrize(("form", "topic"), [(sns, ARN), (smn, URN)])
def test_a_platform_may_hand_it_over_too(world: World, service: Service, kind: str, form: Any, topic: str) -> None:
    is_skipped(handed(service, form(world, kind), topic), link())
    (text,) = warned(world)
    assert ("sends here no more" in text) == (kind == UNSUBSCRIBE)
    assert len(world.door.seen) == 1


def test_it_is_told_once_an_hour(world: World, service: Service) -> None:
    for _ in range(5):
        is_skipped(posted(service, sns(world)), link())
        world.clock.forward(60)
    assert len(warned(world)) == 1
    world.clock.forward(HOUR)
    posted(service, sns(world))
    posted(world.service(world.environ(**TOKENS)), sns(world))
    assert len(warned(world)) == 2
    assert len(world.door.seen) == 2


def test_two_senders_are_two_warnings(world: World, service: Service) -> None:
    posted(service, sns(world))
    posted(service, sns(world), "once", "ci")
    handed(service, smn(world), URN)
    assert len(warned(world)) == 3


def test_who_is_not_proven_is_not_told_of(world: World, service: Service) -> None:
    headers = {"content-type": "text/plain", "x-amz-sns-message-type": CONFIRM, "authorization": "Bearer x"}
    http = Http("POST", "/alert/am", headers, json.dumps(sns(world)).encode())
    assert service.handle(Envelope("alert", "web", "d", None, 60.0, http)).answer.status == 401
    assert handed(service, sns(world), ARN + "-of-somebody").answer.status == 403
    assert warned(world) == []


@pytest.mark.parametrize("url", ["javascript:alert(1)\r\nFAKE: x", "x" * 5000, "https://sns/<b>\u202e"])
def test_a_link_is_text_for_people_and_no_more(world: World, service: Service, url: str) -> None:
    (outcome,) = posted(service, sns(world, url=url)).outcomes
    assert outcome.link.isprintable()
    assert outcome.link.isascii()
    assert len(outcome.link) <= 1000
    (text,) = warned(world)
    assert not any(line.startswith("FAKE") for line in text.splitlines())
    assert "<b>" not in text
    assert len(world.door.seen) == 1


def test_a_confirmation_among_messages_of_a_batch_is_one_of_them(world: World, service: Service) -> None:
    event = {"specversion": "1.0", "type": "t", "source": "/s", "id": "1"}
    alert = {"alerts": [{"status": "firing", "labels": {"host": "a"}}]}
    http_like = [event | {"data": sns(world)}, event | {"data": alert}]
    outcomes = posted(service, http_like).outcomes
    assert sorted((each.word, each.reason) for each in outcomes) == [("created", "accepted"), ("skipped", "handshake")]
    assert len(world.posts()) == 1
