"""What is not signed is not read: whoever holds one signed message gives it no other meaning, by headers or fields beside it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from handlers.sandbox import estate
from tests.scripted import World, answers
from tests.trust.conftest import Serving
from tests.trust.making import (
    ARN,
    AT,
    BODY,
    ONE_OFF,
    SMN_CERTIFICATE,
    URN,
    Signer,
    in_base64,
    mac,
    reasons,
    rules,
    sent,
    smn,
    sns,
)
from tests.trust.test_fetching import HOUR, PEM, SMN_RULES, numbered
from tests.trust.test_replays import KEY, WHSEC, signed_by, standard

EVIL = {"status": "firing", "labels": {"service": "evil", "alertname": "evil"}}
RESOLVED = json.dumps({"status": "resolved", "labels": {"service": "erp"}})
ONE = {"checkpoint": {"vault_id": estate.FILES_VAULT_ID}}
COMMON = {"specversion": "1.0", "source": "y", "id": "1"}


def coded(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


BESIDE: dict[str, dict[str, Any]] = {
    "a CloudEvent": COMMON | {"type": "x", "data": EVIL},
    "a CloudEvent in base64": COMMON | {"type": "x", "data_base64": coded(EVIL)},
    "a Pub/Sub push": {"message": {"data": coded(EVIL)}, "subscription": "projects/p/subscriptions/x"},
    "a background event": {"data": EVIL, "eventType": "google.x", "eventId": "1", "resource": "x"},
    "the other service": {"Type": "Notification", "TopicArn": "arn:aws:sns:x:1:y", "Message": json.dumps(EVIL)},
    "a dialect's own": EVIL,
}


@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE.keys())
@pytest.mark.parametrize("proof", ["sns", "smn"])
def test_fields_beside_what_a_topic_signed(
    world: World, serving: Serving, own: Signer, proof: str, beside: dict[str, Any]
) -> None:
    made: tuple[str, Any, str] = (ARN, sns, "Message") if proof == "sns" else (URN, smn, "message")
    source, make, key = made
    service = serving(rules(f'proof = "{proof}"', "simple", f'sources = ["{source}"]', f'certificate = "file:{own.certificate}"'))
    message = make(own, **{key: RESOLVED})
    added = {name: value for name, value in beside.items() if name not in message}
    assert reasons(sent(service, "s", {**message, **added})) == [("skipped", "resolved", 200)]
    first = make(own, **{key: json.dumps({"status": "firing", "labels": {"service": "erp"}}), _id(proof): "another"})
    assert reasons(sent(service, "s", {**first, **added}))[0][:2] == ("created", "accepted")
    assert len(world.posts()) == 1
    assert "evil" not in json.dumps(world.deliveries())


def _id(proof: str) -> str:
    return "MessageId" if proof == "sns" else "message_id"


def test_a_message_for_people_becomes_no_one_off(world: World, serving: Serving, own: Signer) -> None:
    place = f'certificate = "file:{own.certificate}"'
    service = serving(rules('proof = "sns"', "once", f'sources = ["{ARN}"]', place))
    told = reasons(sent(service, "s", sns(own, Message="hello people") | COMMON | {"type": "x", "data": ONE}, "once"))
    assert [each[0] for each in told] == ["refused"]
    assert world.posts() == []


def test_a_header_chooses_no_schedule(world: World, serving: Serving) -> None:
    toml = rules('proof = "hmac"', "timer", 'secret = "env:SIGNING"', 'scheme = "standard-webhooks"')
    toml = toml.replace('sender = "s"\n', 'timer = "cheap"\n') + (
        '[timers.cheap]\nsource = "cheap"\nsender = "s"\n[timers.dear]\nsource = "dear"\nsender = "s"\n'
        '[[rules]]\nname = "dear"\ntimer = "dear"\nvaults = ["files"]\n'
    )
    service = serving(toml, SIGNING=WHSEC)
    body = b"{}"
    job = {"X-CloudScheduler": "true", "X-CloudScheduler-JobName": "dear", "X-CloudScheduler-ScheduleTime": AT.isoformat()}
    told = reasons(sent(service, "s", body, "timer", **standard(body), **job))
    assert [each[0] for each in told] == ["refused"]
    assert world.posts() == []


def test_a_header_makes_no_cloud_event(world: World, serving: Serving) -> None:
    service = serving(signed_by("github", "simple"), SIGNING=KEY)
    body = json.dumps({"message": {"data": coded(EVIL)}, "status": "resolved", "labels": {"a": "b"}}).encode()
    event = {
        "ce-specversion": "1.0", "ce-id": "1", "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
        "ce-source": "//pubsub.googleapis.com/projects/p/topics/critical",
    }  # fmt: skip
    signature = {"X-Hub-Signature-256": "sha256=" + mac(body, KEY.encode()).hex()}
    assert reasons(sent(service, "s", body, **signature, **event)) == [("refused", "malformed", 400)]  # simple's own `message`
    assert world.posts() == []


def test_a_header_makes_one_signed_one_off_no_other(world: World, serving: Serving) -> None:
    """The proof's own id is its key: however often it comes, with whatever else in the head."""
    service = serving(signed_by("standard-webhooks", "once"), SIGNING=WHSEC)
    told = [sent(service, "s", ONE_OFF, "once", **standard(ONE_OFF), Idempotency_Key=f"key-{number}") for number in range(4)]
    assert [reasons(each)[0][:2] for each in told] == [("created", "accepted"), *[("skipped", "replayed")] * 3]
    assert len(world.posts()) == 1


def test_without_the_memory_of_settled_ones_it_is_the_same_wish(world: World, serving: Serving) -> None:
    first, second = standard(ONE_OFF), standard(ONE_OFF, later=1)  # the sender's own second try: same id, signed anew
    service = serving(signed_by("standard-webhooks", "once"), SIGNING=WHSEC)
    assert reasons(sent(service, "s", ONE_OFF, "once", **first))[0][0] == "created"
    world.clock.forward(700)  # forgotten as a replay
    later = standard(ONE_OFF, later=700)
    assert reasons(sent(service, "s", ONE_OFF, "once", **later))[0][0] == "joined"
    assert first["webhook-signature"] != second["webhook-signature"]
    assert len(world.posts()) == 1


def test_one_signed_request_has_the_watch_look_once(serving: Serving) -> None:
    service = serving(signed_by("standard-webhooks", "once"), SIGNING=WHSEC)
    assert reasons(sent(service, "s", b"{}", "watch", **standard(b"{}"))) == []
    assert reasons(sent(service, "s", b"{}", "watch", **standard(b"{}"))) == [("skipped", "replayed", 200)]


def test_strangers_do_not_use_up_what_known_places_are_asked_with(world: World, serving: Serving, own: Signer) -> None:
    """A certificate that proved somebody is had again after its hour, whatever strangers name meanwhile."""
    service, here = serving(SMN_RULES), world.door.endpoint
    world.door.on(PEM, answers(200, own.pem))
    assert reasons(sent(service, "s", smn(own, here, message_id="first")))[0][2] == 200
    world.clock.forward(HOUR)
    now = world.clock.now()
    world.door.on(PEM, answers(404, {}), answers(404, {}), answers(404, {}), answers(404, {}))
    for number in range(8):
        stranger = smn(own, here, now) | {"signing_cert_url": here + numbered(number + 100), "signature": in_base64(b"x" * 256)}
        assert reasons(sent(service, "s", stranger)) == [("refused", "proof_unavailable", 503)]
    world.door.on(PEM, answers(200, own.pem))
    assert reasons(sent(service, "s", smn(own, here, now, message_id="second")))[0][2] == 200
    assert SMN_CERTIFICATE in world.door.came(PEM)[-1].target


def test_where_no_source_is_named_nothing_is_parsed(world: World, serving: Serving) -> None:
    service = serving(SMN_RULES)
    assert reasons(sent(service, "s", BODY)) == [("refused", "bad_proof", 401)]
    assert world.door.seen == []
