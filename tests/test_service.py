"""A delivery from its envelope to its answer: design, section 6; and what a cold start makes of a world that is down."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from handlers.envelope import Envelope
from handlers.errors import Misconfigured
from handlers.outcome import Created, Failed, Joined, Later, Outcome, Refused, Skipped
from handlers.sandbox import estate
from handlers.service import Service
from tests.scripted import (
    BACKUPS,
    CREATE,
    PUBLISH,
    SECRETS,
    START,
    TOPIC,
    Passing,
    World,
    answers,
    cuts,
    event,
    executes_and,
    fails,
    only,
    passes,
    world_in,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def timer(service: Service, document: object) -> Any:
    return service.handle(Envelope("timer", "lambda", "delivery-1", document, 60.0))


def test_two_vaults_of_a_rule_are_two_outcomes_in_its_order(world: World) -> None:
    world.write_rules("files", "erp")
    service = world.service(metrics=True)
    outcomes = world.fire(service).outcomes
    assert [(each.word, each.vault) for each in outcomes] == [("created", "files"), ("created", "erp")]
    assert len(world.posts()) == 2
    (line,) = world.deliveries()
    assert [point["vault"] for point in line["restore_points"]] == ["files", "erp"]
    assert line["message"] == "timer: 2 created"
    assert line["delivery"] == {"id": "delivery-1", "door": "timer", "platform": "lambda"}
    (metrics,) = [each for each in world.lines() if "_aws" in each]
    assert metrics["Created"] == [2.0]


def test_several_vaults_are_taken_at_the_same_time(world: World) -> None:
    world.write_rules("files", "erp")
    together = threading.Barrier(2)

    def meet(it: Passing) -> None:
        together.wait(10)
        passes(it)

    world.door.on(BACKUPS, meet, meet)
    assert [each.word for each in world.fire(world.service()).outcomes] == ["created", "created"]


def test_one_bad_vault_does_not_cost_the_others(world: World) -> None:
    world.write_rules("empty", "files", "erp")
    delivered = world.fire(world.service())
    assert [(each.word, each.reason) for each in delivered.outcomes] == [
        ("failed", "empty_vault"),
        ("created", "accepted"),
        ("created", "accepted"),
    ]
    assert delivered.answer.status == 200


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        "x",
        {"schedule_arn": 1},
        {"checkpoint": {"vault_id": estate.FILES_VAULT_ID}},
        {"a": "\x00"},
        event() | {"x": "\ud800"},
    ],
)
def test_a_refused_event_calls_nobody_but_the_topic(world: World, document: object) -> None:
    """Refused means no call to CBR, IAM or the ledger; that it was refused is told."""
    service = world.service()
    delivered = timer(service, document)
    assert isinstance(only(delivered), Refused)
    assert delivered.answer.status in (400, 413)
    assert not delivered.answer.again
    assert [seen.target for seen in world.door.seen if not seen.matches(PUBLISH)] == []
    assert not (world.folder / "ledger.sqlite3").exists()
    assert world.posts() == []


def test_a_schedule_nobody_knows_is_refused(world: World) -> None:
    delivered = timer(world.service(), event() | {"schedule_arn": "arn:aws:scheduler:::schedule/default/another"})
    assert isinstance(only(delivered), Refused)
    assert delivered.answer.status == 403
    assert [seen for seen in world.door.seen if not seen.matches(PUBLISH)] == []


def test_an_old_event_is_skipped_and_counted(world: World) -> None:
    world.clock.forward(3 * 86400)
    delivered = world.fire(world.service(metrics=True))
    assert isinstance(only(delivered), Skipped)
    assert delivered.answer.status == 200
    assert [line["Skipped"] for line in world.lines() if "_aws" in line] == [[1.0]]
    assert world.door.seen == []


def test_what_is_later_and_durable_is_202(world: World) -> None:
    world.door.on(CREATE, fails("6125"))
    delivered = world.fire(world.service())
    assert isinstance(only(delivered), Later)
    assert (delivered.answer.status, delivered.answer.again) == (202, False)
    assert delivered.answer.retry_after >= 1


def test_the_worst_outcome_answers(world: World) -> None:
    world.write_rules("files", "empty", "erp")
    service = world.service()
    world.fire(service, seconds=0)
    world.clock.forward(1)
    world.door.on(CREATE, answers(429))
    delivered = world.fire(service)
    assert sorted(each.word for each in delivered.outcomes) in (["created", "failed", "later"], ["created", "created", "later"])
    assert delivered.answer.status == 202


# ── the ledger at a cold start ───────────────────────────────────────────────────────────────────────────────────────


def damage(world: World, how: str) -> None:
    place = world.folder / "ledger.sqlite3"
    match how:
        case "damaged":
            place.write_bytes(b"this is no database at all" * 100)
        case "empty":
            place.write_bytes(b"")
        case "a folder":
            place.mkdir()


@pytest.mark.parametrize("how", ["damaged", "empty", "a folder"])
def test_a_ledger_that_cannot_be_opened_is_a_ledger_that_is_down(world: World, how: str) -> None:
    """Degraded, not dead: look, one POST, counted; and the next delivery finds the ledger again without a restart."""
    damage(world, how)
    service = world.service()
    outcome = only(world.fire(service))
    assert isinstance(outcome, Created)
    assert outcome.degraded
    assert len(world.door.came(BACKUPS)) == 1
    again = only(world.fire(service))
    assert isinstance(again, Joined)
    assert again.degraded
    assert len(world.posts()) == 1
    assert world.deliveries()[0]["restore_points"][0]["degraded"] is True
    place = world.folder / "ledger.sqlite3"
    place.rmdir() if how == "a folder" else place.unlink()
    back = only(world.fire(service))
    assert isinstance(back, Joined)
    assert not back.degraded
    assert len(world.posts()) == 1


def test_later_without_a_ledger_is_503_and_delivered_again(world: World) -> None:
    damage(world, "damaged")
    world.door.on(CREATE, fails("6125"))
    delivered = world.fire(world.service())
    assert isinstance(only(delivered), Later)
    assert (delivered.answer.status, delivered.answer.again) == (503, True)
    assert delivered.answer.retry_after >= 1


def test_the_watch_tells_of_a_ledger_that_cannot_be_opened(world: World) -> None:
    damage(world, "damaged")
    service = world.service()
    delivered = world.sweep(service)
    assert isinstance(only(delivered), Failed)
    assert only(delivered).reason == "ledger_down"
    assert [each["subject"] for each in world.sandbox.published] == ["Restore point FAILED (ledger_down)"]
    assert delivered.answer.status == 200


def test_the_watch_that_can_neither_read_nor_tell_is_delivered_again(world: World) -> None:
    damage(world, "damaged")
    world.door.on(PUBLISH, cuts)
    delivered = world.sweep(world.service())
    assert (delivered.answer.status, delivered.answer.again) == (500, True)


def test_a_ledger_nobody_knows_is_a_misconfiguration(world: World) -> None:
    service = world.service(world.environ(RESTORE_POINT_LEDGER="etcd://user:very-secret@host"))
    with pytest.raises(Misconfigured) as caught:
        world.fire(service)
    assert "RESTORE_POINT_LEDGER" in str(caught.value)
    assert "very-secret" not in str(caught.value)
    assert world.posts() == []


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_time_is_kept_back_to_tell_what_was_decided(world: World) -> None:
    def slow(it: Passing) -> None:
        said = it.forward()
        world.clock.forward(58)
        it.say(*said)

    world.write_rules(topics=TOPIC + 'outcomes = ["later"]\n')
    world.door.on(CREATE, slow)
    outcome = only(world.fire(world.service(), seconds=60))
    assert isinstance(outcome, Later)
    assert len(world.deliveries()) == 1
    assert [each["subject"] for each in world.sandbox.published] == ["Restore point delayed: vault files (unclear)"]


def test_a_deadline_that_passed_before_it_began_sends_nothing(world: World) -> None:
    delivered = world.fire(world.service(), seconds=-5)
    assert isinstance(only(delivered), Later)
    assert world.door.seen == []


# ── several deliveries in one process ────────────────────────────────────────────────────────────────────────────────


def test_a_warm_service_keeps_nothing_of_a_failed_delivery(world: World) -> None:
    service = world.service()
    timer(service, {"schedule_arn": "x"})
    world.door.on(CREATE, executes_and(cuts))
    world.fire(service)
    created = only(world.fire(service, START.replace(hour=1)))
    first, second, third = world.deliveries()
    assert first["restore_points"][0]["outcome"] == "refused"
    assert second["restore_points"][0]["outcome"] == "later"
    assert "error_code" not in first["restore_points"][0]
    assert third["restore_points"][0]["outcome"] == created.word


def test_many_deliveries_at_once_mix_nothing(world: World) -> None:
    service = world.service(metrics=True)

    def go(number: int) -> Outcome:
        at = START.replace(minute=number)
        envelope = Envelope("timer", "lambda", f"delivery-{number}", event(at), 60.0)
        return only(service.handle(envelope))

    world.clock.forward(3600)
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(go, range(16)))
    for number, outcome in enumerate(outcomes):
        assert outcome.delivery_id == f"delivery-{number}"
    by_id = {line["delivery"]["id"]: line["restore_points"][0]["name"] for line in world.deliveries()}
    assert by_id == {outcome.delivery_id: outcome.name for outcome in outcomes}
    assert len(world.deliveries()) == 16


def test_no_secret_stands_in_anything_that_leaves(world: World) -> None:
    service = world.service(world.password(), metrics=True)
    world.fire(service)
    world.clock.forward(3600)
    world.sweep(service)
    token = world.door.came(CREATE)[0].headers["x-auth-token"]
    bodies = [seen.body.decode() for seen in world.door.seen if "/v3/auth/tokens" not in seen.target]
    (record,) = service.ledger.since("wish", 0)
    said = [world.stream.getvalue(), record.body, json.dumps(world.sandbox.published), *bodies, repr(service.settings)]
    for secret in (*SECRETS, token):
        assert not any(secret in text for text in said)


def test_only_the_paths_that_are_needed_are_asked_for(world: World) -> None:
    service = world.service(world.password())
    world.fire(service)
    world.clock.forward(3600)
    world.sweep(service)
    for seen in world.door.seen:
        assert seen.method in ("GET", "POST")
        path = seen.target.split("?")[0].replace(estate.PROJECT_ID, "P")
        kinds = (
            "/v3/P/backups",
            "/v3/P/checkpoints",
            "/v3/P/operation-logs",
            "/v3/P/vaults",
            "/v3/auth/tokens",
            "/v2/P/notifications",
        )
        assert path.startswith(kinds)
        assert (seen.method == "POST") == (path in ("/v3/P/checkpoints", "/v3/auth/tokens") or path.endswith("/publish"))
