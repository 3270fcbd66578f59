"""SMN: what the topic receives, and that what it answers never changes an outcome. SMN API reference, publish."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from handlers.errors import NotTold
from handlers.message import compose
from handlers.outcome import Available, Created, Failed, Outcome
from handlers.sandbox import estate
from handlers.service import Service
from handlers.topics import Send
from handlers.topics.smn import smn_topic
from handlers.vault_backup import CheckpointResource, SkippedResource
from handlers.wire import Deadline
from tests.scripted import CREATE, PUBLISH, TOKENS, Act, Flaky, World, answers, cuts, fails, only, waits, world_in

SMN_ERRORS: dict[str, Act] = {
    "no such topic": answers(404, {"request_id": "r-1", "code": "SMN.0006", "message": "The topic does not exist."}),
    "no permission": answers(403, {"request_id": "r-1", "code": "SMN.0001", "message": "No permission."}),
    "internal": answers(500, {"request_id": "r-1", "code": "SMN.0018", "message": "Internal error."}),
    "throttled": answers(429, {"error_code": "APIGW.0308", "error_msg": "over ratelimit", "request_id": "r-1"}),
    "html": answers(502, b"<html>bad gateway</html>"),
    "empty": answers(503),
    "credentials": answers(401, {"error_code": "APIGW.0301", "error_msg": "Unauthorized", "request_id": "r-1"}),
    "redirect": answers(307, b"", {"Location": "http://127.0.0.1:1/"}),
    "cut": cuts,
}
WHAT_TO_DO = {
    "no such topic": "answered 404 SMN.0006 The topic does not exist (request r-1). See whether its urn names the topic",
    "no permission": "answered 403 SMN.0001 No permission (request r-1). Give the identity the right smn:topic:publish.",
    "internal": "answered 500 SMN.0018 Internal error (request r-1). It is told again later",
    "throttled": "It is told again later; if this lasts",
    "html": "answered 502",
    "empty": "answered 503",
    "credentials": "The credentials are refused: restore-point check says more.",
    "redirect": "It sends elsewhere, and that is never followed",
    "cut": "may or may not have the message: ",
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


@pytest.fixture
def service(world: World) -> Service:
    return world.service()


@pytest.fixture
def send(world: World, service: Service) -> Send:
    return smn_topic(service.sessions["default"], world.door.endpoint, estate.TOPIC_URN, world.clock.now)


def soon(world: World) -> Deadline:
    return Deadline.after(world.clock, 3)


def test_people_get_a_text_and_programs_a_document(world: World, service: Service) -> None:
    created = only(world.fire(service))
    (seen,) = world.door.came(PUBLISH)
    assert seen.target == f"/v2/{estate.PROJECT_ID}/notifications/topics/{quote(estate.TOPIC_URN, safe='')}/publish"
    assert unquote(seen.target).count(estate.TOPIC_URN) == 1
    body = json.loads(seen.body)
    assert set(body) == {"subject", "message_structure"}
    structure = json.loads(body["message_structure"])
    for channel in ("http", "https", "functiongraph"):
        document = json.loads(structure[channel])
        assert document["schema"] == "restore-point/1"
        assert document["outcome"] == "created"
        assert document["checkpoint_id"] == created.checkpoint_id
        assert document["name"] == created.name
    (message,) = world.sandbox.published
    assert message["topic_urn"] == estate.TOPIC_URN
    assert message["message"] == structure["default"]
    assert message["subject"] == body["subject"] == "Restore point started: vault files"
    for word in (created.checkpoint_id, created.name, estate.FILES_VAULT_ID, "nightly-backup", "delivery-1"):
        assert word in message["message"]


def test_a_publish_is_signed_like_any_call(world: World, service: Service) -> None:
    world.fire(service)
    assert world.door.came(PUBLISH)[0].headers["authorization"].startswith("SDK-HMAC-SHA256 ")
    by_token = world.service(world.password())
    world.clock.forward(86400)
    world.fire(by_token, world.clock.now())
    assert world.door.came(PUBLISH)[1].headers["x-auth-token"]
    assert len(world.door.came(TOKENS)) == 1


@pytest.mark.parametrize("act", SMN_ERRORS.values(), ids=SMN_ERRORS.keys())
def test_what_the_topic_does_not_take_is_not_told(world: World, send: Send, act: Act) -> None:
    world.door.on(PUBLISH, act, always=True)
    with pytest.raises(NotTold) as caught:
        send(compose(Failed(reason="r", message="m")), soon(world))
    assert len(world.door.came(PUBLISH)) == 1, "publishing is not idempotent"
    assert estate.SECRET_KEY not in str(caught.value)


def test_the_error_names_status_code_and_request(world: World, send: Send) -> None:
    world.door.on(PUBLISH, SMN_ERRORS["no such topic"])
    with pytest.raises(NotTold, match=r"404.*SMN\.0006.*does not exist.*r-1"):
        send(compose(Failed(reason="r", message="m")), soon(world))


@pytest.mark.parametrize("kind", WHAT_TO_DO)
def test_it_is_said_in_a_sentence_which_topic_it_was_and_what_to_do(world: World, send: Send, kind: str) -> None:
    world.door.on(PUBLISH, SMN_ERRORS[kind], always=True)
    with pytest.raises(NotTold) as caught:
        send(compose(Failed(reason="r", message="m")), soon(world))
    text = str(caught.value)
    assert text.startswith(f"SMN ({estate.TOPIC_URN}) ")
    assert WHAT_TO_DO[kind] in text
    assert text.endswith(".")
    assert ".." not in text


@pytest.mark.parametrize("act", SMN_ERRORS.values(), ids=SMN_ERRORS.keys())
def test_a_topic_that_is_down_does_not_undo_a_restore_point(world: World, service: Service, act: Act) -> None:
    world.door.on(PUBLISH, act, always=True)
    delivered = world.fire(service)
    assert isinstance(only(delivered), Created)
    assert (delivered.answer.status, delivered.answer.again) == (200, False)
    (line,) = world.deliveries()
    assert line["level"] == "ERROR"
    assert line["not_told"][0].startswith("ops: ")
    assert line["told"] == 0
    assert len(world.posts()) == 1


@pytest.mark.parametrize("act", SMN_ERRORS.values(), ids=SMN_ERRORS.keys())
def test_a_failure_no_topic_took_stands_in_the_ledger_until_the_watch_has_told_it(
    world: World, service: Service, act: Act
) -> None:
    world.door.on(CREATE, fails("6114"))
    world.door.on(PUBLISH, act)
    delivered = world.fire(service)
    assert isinstance(only(delivered), Failed)
    assert (delivered.answer.status, delivered.answer.again) == (200, False)
    world.clock.forward(70)
    told = [each for each in world.sweep(service).outcomes if each.word == "failed"]
    assert [each.message for each in told] == [only(delivered).message]
    world.clock.forward(3600)
    assert [each.word for each in world.sweep(service).outcomes] == []
    assert len(world.sandbox.published) == 1


def test_a_failure_nobody_was_told_of_and_nothing_recorded_is_answered_500_and_delivered_again(world: World) -> None:
    blind = world.service(ledger=Flaky(world.service().ledger, "put_if_absent"))
    world.door.on(CREATE, fails("6114"), always=True)
    world.door.on(PUBLISH, fails("0000", 503), fails("0000", 503))
    delivered = world.fire(blind)
    assert isinstance(only(delivered), Failed)
    assert (delivered.answer.status, delivered.answer.again) == (500, True)
    redelivered = world.fire(blind)
    assert isinstance(only(redelivered), Failed)
    assert (redelivered.answer.status, redelivered.answer.again) == (200, False)
    assert "FAILED" in world.sandbox.published[0]["subject"]


def test_a_topic_that_never_answers_ends_with_the_deadline(world: World, send: Send) -> None:
    world.door.on(PUBLISH, waits)
    with pytest.raises(NotTold):
        send(compose(Failed(reason="r", message="m")), Deadline.after(world.clock, 0.3))


def test_without_time_nothing_is_published(world: World, send: Send) -> None:
    deadline = soon(world)
    world.clock.forward(4)
    with pytest.raises(NotTold):
        send(compose(Failed(reason="r", message="m")), deadline)
    assert world.door.seen == []


@pytest.mark.parametrize("name", ["server", "s" * 255, 'q"\\' * 80, "ü𝄞" * 100])
def test_a_message_about_256_resources_is_taken(world: World, send: Send, name: str) -> None:
    """256 resources are the most a vault holds; all of a message together may have 256 KB."""
    resource: dict[str, Any] = {"type": "OS::Nova::Server", "protect_status": "available", "resource_size": 40, "backup_size": 1}
    resources = tuple(CheckpointResource(id=f"{number:036}", name=name, **resource) for number in range(256))
    skipped = tuple(
        SkippedResource(id=f"{n:036}", type="t", name=name, code="BackupService.6125", reason=name) for n in range(256)
    )
    outcome: Outcome = Available(reason="complete", message="m", vault="erp", resources=resources, skipped_resources=skipped)
    send(compose(outcome), soon(world))
    (message,) = world.sandbox.published
    assert message["subject"] == "Restore point available: vault erp"
    structure = json.loads(json.loads(world.door.came(PUBLISH)[0].body)["message_structure"])
    for channel in ("http", "https", "functiongraph"):
        document = json.loads(structure[channel])
        assert (document["schema"], document["outcome"], document["reason"]) == ("restore-point/1", "available", "complete")


@pytest.mark.parametrize("vault", ["", "v" * 600, "ü" * 600, "a\r\nBcc: x", "\ud800"])
def test_a_subject_is_always_one_smn_takes(world: World, send: Send, vault: str) -> None:
    send(compose(Failed(reason="rejected", message="m", vault=vault)), soon(world))
    (message,) = world.sandbox.published
    assert 0 < len(message["subject"].encode()) <= 512
    assert message["subject"].isprintable()
    assert message["subject"].isascii()
