"""One restore point per cause, whatever CBR, the network, the ledger and the platform do: design, section 5."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from handlers.ledger import Ledger, Record, open_ledger
from handlers.outcome import Created, Failed, Joined, Later, Outcome
from handlers.sandbox import estate
from handlers.service import Service
from handlers.vault_backup import CheckpointParam, VaultBackup
from handlers.wire import Deadline
from tests.delivering import start as deliver
from tests.scripted import (
    BACKUPS,
    CREATE,
    LOGS,
    PUBLISH,
    START,
    TOKENS,
    VAULT,
    Act,
    Flaky,
    Passing,
    World,
    answers,
    cuts,
    executes_and,
    executes_and_changes,
    fails,
    only,
    passes,
    says_half,
    waits,
    world_in,
)

ROOT = Path(__file__).parents[1]
CLAIM = 180.0
"""Seconds: the 60 a run may have, and the 120 CBR may take to show what it accepted."""
APP, DB = estate.ERP_APP_ID, estate.ERP_DB_ID
# Code → status of every code that asks for waiting (L in the published table), as a call's error.
BUSY = dict.fromkeys(
    "2002 2005 2008 2010 2011 6112 6113 6125 6130 6134 6202 6203 6206 6215 6216 6702 6712 7003 7101 7102 7200 7203 7302".split(),
    400,
) | {"0002": 500, "6208": 500, "7009": 500, "7202": 404}
PERMANENT = dict.fromkeys("6114 6124 6126 6135 6142 7001 7103 7106 7108 7201 8300 9900".split(), 400) | {
    "6105": 404,
    "6137": 500,
    "6302": 404,
    "7000": 404,
    "7100": 404,
    "8600": 403,
}
HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


@pytest.fixture
def service(world: World) -> Service:
    return world.service()


def occupy(world: World, service: Service, vault_id: str, *resources: str, name: str = "policy-run") -> str:
    """Somebody else's backup begins; the id of its restore point."""
    parameters = CheckpointParam(name=name, resources=resources) if resources else CheckpointParam(name=name)
    asked = VaultBackup(vault_id=vault_id, parameters=parameters)
    checkpoint, _ = service.cbrs["default"].create(asked, Deadline.after(world.clock, 30))
    return checkpoint.id


def forgetting(world: World) -> Service:
    """A service whose ledger has never heard of anything."""
    return world.service(world.environ(RESTORE_POINT_LEDGER="memory"))


def taken_once(world: World, service: Service) -> None:
    """After all claims have ended, and however often it is looked after: exactly one, known to CBR and to the ledger."""
    world.door.calm()
    for _ in range(3):
        world.clock.forward(CLAIM)
        world.sweep(service)
    world.fire(service)
    assert len(world.sandbox.restore_points()) == 1
    wish = world.wish(service)
    assert (wish["state"], wish["checkpoint_id"]) == ("done", world.sandbox.restore_points()[0]["id"])


# ── the ordinary way ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_restore_point_is_created_once_and_joined_ever_after(world: World, service: Service) -> None:
    first = only(world.fire(service))
    assert isinstance(first, Created)
    assert (first.reason, first.degraded) == ("accepted", False)
    again = world.fire(service)
    assert isinstance(only(again), Joined)
    assert only(again).checkpoint_id == first.checkpoint_id
    assert again.answer.status == 200
    world.clock.forward(6 * 3600)
    assert isinstance(only(world.fire(service)), Joined)
    assert len(world.posts()) == 1


def test_name_vault_and_cause_stand_on_cbrs_side(world: World, service: Service) -> None:
    outcome = only(world.fire(service))
    (post,) = world.posts()
    (point,) = world.sandbox.restore_points()
    assert post.body == {
        "checkpoint": {
            "parameters": {"description": post.body["checkpoint"]["parameters"]["description"], "name": outcome.name},
            "vault_id": estate.FILES_VAULT_ID,
        }
    }
    assert (point["name"], point["id"], point["status"]) == (outcome.name, outcome.checkpoint_id, "protecting")
    (record,) = service.ledger.since("wish", 0)
    assert re.fullmatch(r"[0-9a-f]{64}", record.key)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}-" + record.key[:16], outcome.name)
    for word in ("nightly-backup", "delivery-1"):
        assert word in post.body["checkpoint"]["parameters"]["description"]


def test_another_scheduled_time_is_another_cause(world: World, service: Service) -> None:
    world.fire(service)
    world.clock.forward(86400)
    second = only(world.fire(service, START + timedelta(days=1)))
    assert isinstance(second, Created)
    assert len({point["name"] for point in world.sandbox.restore_points()}) == 2


def test_every_post_follows_a_look_in_the_same_delivery(world: World, service: Service) -> None:
    world.fire(service)
    kinds = [seen.method for seen in world.door.seen if seen.matches(CREATE) or seen.matches(BACKUPS)]
    assert kinds == ["GET", "POST"]


def test_the_wish_stands_in_the_ledger_before_anything_is_sent(world: World, service: Service) -> None:
    standing: list[str] = []

    def look(it: Passing) -> None:
        standing.append(world.wish(service)["state"])
        passes(it)

    world.door.on(("GET", "/"), look)
    world.door.on(CREATE, look)
    world.fire(service)
    assert standing == ["claimed", "claimed"]


# ── unclear: it may have happened ────────────────────────────────────────────────────────────────────────────────────


def without_id(document: Any) -> None:
    del document["checkpoint"]["id"]


def of_another_vault(document: Any) -> None:
    document["checkpoint"]["vault"]["id"] = estate.ERP_VAULT_ID


def of_another_name(document: Any) -> None:
    document["checkpoint"]["extra_info"]["name"] = "somebody-elses-0123456789abcdef"


UNCLEAR: dict[str, Act] = {
    "cut": executes_and(cuts),
    "truncated": says_half,
    "502 html": executes_and(answers(502, HTML)),
    "503": executes_and(answers(503)),
    "504 of the gateway": executes_and(answers(504, {"error_code": "APIGW.0203", "error_msg": "timeout", "request_id": "1"})),
    "500 nobody knows": executes_and(answers(500, {"error_code": "BackupService.9910", "error_msg": "Unknown error."})),
    "200 not json": executes_and(answers(200, HTML)),
    "200 empty": executes_and(answers(200)),
    "200 array": executes_and(answers(200, [])),
    "200 too deep": executes_and(answers(200, b"[" * 100_000)),
    "202": executes_and(answers(202, {"checkpoint": {}})),
    "200 without id": executes_and_changes(without_id),
    "200 of another vault": executes_and_changes(of_another_vault),
    "200 of another name": executes_and_changes(of_another_name),
}


@pytest.mark.parametrize("act", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_an_unclear_answer_keeps_the_claim_and_is_found_after_its_end(world: World, service: Service, act: Act) -> None:
    world.door.on(CREATE, act)
    first = world.fire(service)
    assert isinstance(only(first), Later)
    assert only(first).reason in ("unclear", "wrong_answer")
    assert first.answer.status == 202
    assert world.wish(service)["state"] == "sent"
    for _ in range(3):  # redelivered and swept while the claim stands
        world.clock.forward(CLAIM / 4)
        redelivered = only(world.fire(service))
        assert isinstance(redelivered, Later)
        assert redelivered.reason == "in_progress"
        assert world.sweep(service).outcomes == []
    assert len(world.posts()) == 1
    world.clock.forward(CLAIM / 4)
    found = only(world.sweep(service))
    assert isinstance(found, Joined)
    assert found.checkpoint_id == world.sandbox.restore_points()[0]["id"]
    assert len(world.posts()) == 1


def test_an_answer_that_never_comes_is_unclear_at_the_deadline(world: World, service: Service) -> None:
    world.door.on(CREATE, executes_and(waits))
    outcome = only(world.fire(service, seconds=5.2))
    assert isinstance(outcome, Later)
    assert outcome.reason == "unclear"
    assert len(world.posts()) == 1
    taken_once(world, service)
    assert len(world.posts()) == 1


def test_what_was_lost_on_the_way_is_sent_again_after_the_claims_end_only(world: World, service: Service) -> None:
    world.door.on(CREATE, cuts)
    assert only(world.fire(service)).reason == "unclear"
    world.clock.forward(CLAIM - 4)
    assert world.sweep(service).outcomes == []
    assert world.posts() == []
    world.clock.forward(4)
    assert isinstance(only(world.sweep(service)), Created)
    taken_once(world, service)
    assert len(world.posts()) == 1


def test_an_unclear_post_is_found_in_a_vault_of_several_resources_whose_names_are_numbered(world: World) -> None:
    world.sandbox.habits.suffixes = True
    world.write_rules("erp")
    service = world.service()
    world.door.on(CREATE, executes_and(cuts))
    world.fire(service)
    world.clock.forward(CLAIM)
    listed: list[str] = []

    def keep(document: Any) -> None:
        listed.extend(each["name"] for each in document["backups"])

    world.door.on(BACKUPS, executes_and_changes(keep))
    found = only(world.sweep(service))
    assert isinstance(found, Joined)
    assert sorted(name[-5:] for name in listed) == ["-0001", "-0002"]
    assert len(world.posts()) == 1


def test_the_claim_outlives_the_platforms_kill_and_the_settling(world: World, service: Service) -> None:
    world.door.on(CREATE, cuts)
    world.fire(service, seconds=60)
    assert world.wish(service)["claim_ends"] >= START.timestamp() + 60 + 120


# ── killed ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Killing:
    """An act that kills the process it is told of, before or after the services have done their part."""

    def __init__(self, *, after: bool) -> None:
        self.after, self.pid, self.known = after, 0, threading.Event()

    def __call__(self, it: Passing) -> None:
        if self.after:
            it.forward()
        assert self.known.wait(10)
        os.kill(self.pid, signal.SIGKILL)
        it.cut()


AT_THE_LEDGER = {
    "before the claim": "put_if_absent",
    "after the claim": "put_if_absent!",
    "before the record": "swap",
    "after the record": "swap!",
}
AT_THE_DOOR = {
    "while looking": (BACKUPS, False),
    "after looking": (BACKUPS, True),
    "before the POST arrives": (CREATE, False),
    "between POST and answer": (CREATE, True),
    "while telling": (PUBLISH, False),
}


def executed(when: str) -> bool:
    return when in ("before the record", "after the record", "between POST and answer", "while telling")


@pytest.mark.parametrize("when", [*AT_THE_LEDGER, *AT_THE_DOOR])
def test_a_run_killed_at_any_moment_leaves_exactly_one_restore_point(world: World, service: Service, when: str) -> None:
    if when in AT_THE_LEDGER:
        victim = deliver(world, AT_THE_LEDGER[when])
        assert victim.wait(30) == 9
    else:
        target, after = AT_THE_DOOR[when]
        kill = Killing(after=after)
        world.door.on(target, kill)
        victim = deliver(world)
        kill.pid = victim.pid
        kill.known.set()
        assert victim.wait(30) == -signal.SIGKILL
    victim.communicate()
    assert len(world.posts()) == int(executed(when))
    redelivered = only(world.fire(service))  # at once, as platforms do
    if when == "before the claim":
        assert isinstance(redelivered, Created)
    elif when in ("after the record", "while telling"):
        assert isinstance(redelivered, Joined)
    else:
        assert isinstance(redelivered, Later)
        assert len(world.posts()) == int(executed(when))
    taken_once(world, service)
    assert len(world.posts()) == 1


# ── several at once ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_eight_processes_with_the_same_event_post_once(world: World, service: Service) -> None:
    processes = [deliver(world) for _ in range(8)]
    said = [process.communicate(timeout=50) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, said
    words = sorted(json.loads(out)["outcome"] for out, _ in said)
    assert words.count("created") == 1
    assert set(words) <= {"created", "joined", "later"}
    assert len(world.posts()) == 1
    taken_once(world, service)
    assert len(world.posts()) == 1


@pytest.mark.parametrize("ledger", ["sqlite", "memory"])
def test_sixteen_threads_with_the_same_event_post_once(world: World, ledger: str) -> None:
    service = world.service() if ledger == "sqlite" else forgetting(world)
    together = threading.Barrier(16)

    def fire(_: int) -> Outcome:
        together.wait()
        return only(world.fire(service))

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(fire, range(16)))
    assert [outcome.word for outcome in outcomes].count("created") == 1
    assert {outcome.word for outcome in outcomes} <= {"created", "joined", "later"}
    assert len(world.posts()) == 1


def test_redelivery_and_sweep_at_once_post_once(world: World, service: Service) -> None:
    world.door.on(CREATE, cuts)
    world.fire(service)
    world.clock.forward(CLAIM)
    together = threading.Barrier(8)

    def go(number: int) -> None:
        together.wait()
        world.fire(service) if number % 2 else world.sweep(service)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(go, range(8)))
    assert len(world.posts()) == 1


class Overtaken(Flaky):
    """Between a run's look at a wish and its write, somebody else writes first."""

    def __init__(self, ledger: Ledger, first: Callable[[], object]) -> None:
        super().__init__(ledger)
        self._first: Callable[[], object] | None = first

    def swap(self, record: Record) -> Record | None:
        first, self._first = self._first, None
        if first is not None:
            first()
        return super().swap(record)


def test_who_is_overtaken_while_it_takes_a_claim_over_leaves_it(world: World, service: Service) -> None:
    world.door.on(CREATE, cuts)
    world.fire(service)
    world.clock.forward(CLAIM)
    world.door.on(BACKUPS, answers(200, {"backups": [], "count": 0}), always=True)  # lists are late: only the claim can help
    others: list[Outcome] = []
    outcome = world.take(service, Overtaken(service.ledger, lambda: others.append(only(world.fire(service)))))
    assert [each.word for each in others] == ["created"]
    assert (outcome.word, outcome.reason) == ("later", "in_progress")
    assert len(world.posts()) == 1


# ── nothing was sent, or nothing was executed ────────────────────────────────────────────────────────────────────────


def test_nobody_listening_is_not_sent_and_still_wanted(world: World, service: Service) -> None:
    world.door.shut()
    delivered = world.fire(service)
    assert isinstance(only(delivered), Later)
    assert delivered.answer.status == 202
    assert world.wish(service)["state"] == "wanted"
    assert world.posts() == []


def test_a_post_that_cannot_be_sent_is_still_wanted(world: World, service: Service) -> None:
    def last_answer(it: Passing) -> None:
        world.door.shut()
        status, headers, body = it.forward()
        it.say(status, headers | {"Connection": "close"}, body)
        it.hang_up()

    world.door.on(BACKUPS, last_answer)
    outcome = only(world.fire(service))
    assert isinstance(outcome, Later)
    assert outcome.reason == "not_sent"
    assert world.wish(service)["state"] == "wanted"
    assert world.posts() == []


@pytest.mark.parametrize(
    "act",
    [answers(500, {"error_code": "BackupService.9910", "error_msg": "?"}), answers(200, HTML), answers(200, {"count": 0}), cuts],
)
def test_who_cannot_look_does_not_post(world: World, service: Service, act: Act) -> None:
    world.door.on(BACKUPS, act, always=True)
    outcome = only(world.fire(service))
    assert isinstance(outcome, Later)
    assert outcome.durable
    assert world.door.came(CREATE) == []
    assert world.wish(service)["state"] == "wanted"
    world.door.calm()
    world.clock.forward(300)
    assert isinstance(only(world.sweep(service)), Created)
    assert len(world.posts()) == 1


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        (None, 1, 300),
        ("7", 7, 7),
        ("0", 1, 1),
        ("-5", 1, 1),
        ("1000000000", 300, 300),
        ("soon", 1, 300),
        (format_datetime(START + timedelta(seconds=90)), 90, 90),
        (format_datetime(START + timedelta(days=90)), 300, 300),
    ],
)
def test_throttled_is_not_executed_and_waits_as_long_as_asked_within_bounds(
    world: World, service: Service, header: str | None, least: float, most: float
) -> None:
    document = {"error_code": "APIGW.0308", "error_msg": "The throttling threshold has been reached", "request_id": "1"}
    world.door.on(CREATE, answers(429, document, {"Retry-After": header} if header else {}))
    delivered = world.fire(service)
    outcome = only(delivered)
    assert isinstance(outcome, Later)
    assert outcome.reason == "throttled"
    assert least <= outcome.retry_after <= most
    wish = world.wish(service)
    assert wish["state"] == "wanted"
    assert START.timestamp() + least <= wish["due"] <= START.timestamp() + most
    assert len(world.door.came(CREATE)) == 1
    world.clock.forward(outcome.retry_after)
    assert isinstance(only(world.sweep(service)), Created)
    assert len(world.posts()) == 1


def test_three_hundred_milliseconds_are_too_few_to_begin(world: World, service: Service) -> None:
    delivered = world.fire(service, seconds=0.3)
    assert isinstance(only(delivered), Later)
    assert only(delivered).reason == "no_time"
    assert delivered.answer.status == 202
    assert world.door.seen == []
    world.clock.forward(60)
    assert isinstance(only(world.sweep(service)), Created)


def test_the_time_is_looked_at_again_before_the_post(world: World, service: Service) -> None:
    def slow(it: Passing) -> None:
        world.clock.forward(56.5)
        passes(it)

    world.door.on(BACKUPS, slow)
    outcome = only(world.fire(service, seconds=60))
    assert isinstance(outcome, Later)
    assert outcome.reason == "no_time"
    assert world.door.came(CREATE) == []


# ── busy ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("code", "status"), BUSY.items(), ids=BUSY.keys())
def test_busy_with_something_else_is_wanted_until_it_can_be_taken(world: World, service: Service, code: str, status: int) -> None:
    world.door.on(CREATE, fails(code, status))
    outcome = only(world.fire(service))
    assert isinstance(outcome, Later)
    assert (outcome.reason, outcome.error_code) == ("busy", f"BackupService.{code}")
    assert world.wish(service)["state"] == "wanted"
    world.clock.forward(outcome.retry_after)
    assert isinstance(only(world.sweep(service)), Created)
    assert len(world.posts()) == 1


@pytest.mark.parametrize("code", ["0002", "0001", "6125", "6130", "6134", "6203", "7200"])
def test_busy_with_our_own_is_joined(world: World, service: Service, code: str) -> None:
    world.door.on(BACKUPS, answers(200, {"backups": [], "count": 0}))  # the list lags behind
    world.door.on(CREATE, executes_and(fails(code, BUSY.get(code, 400))))
    outcome = only(world.fire(service))
    assert isinstance(outcome, Joined)
    assert outcome.checkpoint_id == world.sandbox.restore_points()[0]["id"]
    assert world.wish(service)["state"] == "done"
    assert len(world.posts()) == 1


def test_busy_with_a_foreign_one_that_began_after_the_cause_and_covers_it_is_joined(world: World, service: Service) -> None:
    world.clock.forward(10)
    foreign = occupy(world, service, estate.FILES_VAULT_ID)
    world.clock.forward(5)
    outcome = only(world.fire(service))
    assert isinstance(outcome, Joined)
    assert (outcome.reason, outcome.checkpoint_id) == ("running_already", foreign)
    assert [post.status for post in world.posts()] == [200, 400]


def test_busy_with_a_foreign_one_that_began_before_the_cause_is_not_joined(world: World, service: Service) -> None:
    occupy(world, service, estate.FILES_VAULT_ID)
    world.clock.forward(10)
    outcome = only(world.fire(service, START + timedelta(seconds=5)))
    assert isinstance(outcome, Later)
    assert outcome.reason == "busy"
    world.clock.forward(60)
    created = only(world.sweep(service))
    assert isinstance(created, Created)
    assert len(world.sandbox.restore_points()) == 2


def test_an_operation_from_before_the_cause_is_not_joined_even_if_the_list_ignores_its_filter(
    world: World, service: Service
) -> None:
    foreign = {
        "id": "1",
        "checkpoint_id": "0e4d4b4e-8f6c-4d83-9c43-5ad7a4f6c1d2",
        "status": "running",
        "operation_type": "backup",
        "created_at": "2026-11-23T01:59:59.999999",
        "extra_info": {"resource": {"id": estate.FILES_SHARE_ID}},
    }
    world.door.on(CREATE, fails("6125"))
    world.door.on(LOGS, answers(200, {"operation_logs": [foreign], "count": 1}))
    assert only(world.fire(service)).reason == "busy"


def test_busy_with_a_foreign_one_that_covers_less_is_not_joined(world: World) -> None:
    world.write_rules("erp")
    service = world.service()
    world.clock.forward(10)
    occupy(world, service, estate.ERP_VAULT_ID, APP)
    world.door.on(CREATE, fails("6125"))
    outcome = only(world.fire(service))
    assert isinstance(outcome, Later)
    assert outcome.reason == "busy"


def test_busy_with_a_foreign_one_that_covers_the_named_resource_is_joined(world: World) -> None:
    world.write_rules("erp", more=f'parameters = {{ resources = ["{APP}"] }}')
    service = world.service()
    world.clock.forward(10)
    foreign = occupy(world, service, estate.ERP_VAULT_ID)
    outcome = only(world.fire(service))
    assert isinstance(outcome, Joined)
    assert outcome.checkpoint_id == foreign


def test_busy_and_no_more_answers_is_later(world: World, service: Service) -> None:
    world.door.on(CREATE, fails("6125"))
    world.door.on(LOGS, cuts, always=True)
    outcome = only(world.fire(service))
    assert isinstance(outcome, Later)
    assert (outcome.reason, outcome.durable) == ("busy", True)


def test_an_empty_vault_fails_and_is_told(world: World) -> None:
    world.write_rules("empty")
    service = world.service()
    delivered = world.fire(service)
    outcome = only(delivered)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.error_code) == ("empty_vault", "BackupService.0001")
    assert delivered.answer.status == 200
    assert [each["subject"] for each in world.sandbox.published] == [
        "Restore point FAILED: vault empty (empty_vault BackupService.0001)"
    ]


def test_nothing_to_back_up_in_a_vault_that_holds_something_is_busy(world: World, service: Service) -> None:
    world.door.on(CREATE, fails("0001"))
    assert only(world.fire(service)).reason == "busy"


def no_resources(document: Any) -> None:
    del document["vault"]["resources"]


@pytest.mark.parametrize("code", ["6125", "6130", "0002"])
def test_a_busy_vault_that_does_not_tell_its_resources_is_not_taken_for_empty(world: World, service: Service, code: str) -> None:
    """Only id and name are sure to stand in a vault; everything else may be missing."""
    occupy(world, service, estate.FILES_VAULT_ID)
    world.door.on(CREATE, fails(code, BUSY[code]))
    world.door.on(VAULT, executes_and_changes(no_resources))
    outcome = only(world.fire(service))
    assert isinstance(outcome, Later)
    assert outcome.reason == "busy"


def test_after_give_up_it_has_failed_is_told_and_is_never_asked_again(world: World) -> None:
    world.write_rules(more='give_up_after = "1h"')
    service = world.service()
    world.door.on(CREATE, fails("6125"), always=True)
    world.fire(service)
    for _ in range(59):
        world.clock.forward(60)
        world.sweep(service)
    asked = len(world.door.came(CREATE))
    assert asked > 30
    world.clock.forward(61)
    outcome = only(world.sweep(service))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "still_busy"
    world.clock.forward(86400)
    assert world.sweep(service).outcomes == []
    assert len(world.door.came(CREATE)) == asked
    assert [each["subject"] for each in world.sandbox.published] == [
        "Restore point FAILED: vault files (still_busy BackupService.6125)"
    ]


def test_giving_up_still_looks_first(world: World) -> None:
    world.write_rules(more='give_up_after = "1m"')
    service = world.service()
    world.door.on(CREATE, executes_and(cuts))
    world.fire(service)
    world.clock.forward(CLAIM)
    assert isinstance(only(world.sweep(service)), Joined)


# ── final refusals ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("code", "status"), PERMANENT.items(), ids=PERMANENT.keys())
def test_a_permanent_refusal_fails_is_told_and_is_not_repeated(world: World, service: Service, code: str, status: int) -> None:
    world.door.on(CREATE, fails(code, status), always=True)
    delivered = world.fire(service)
    outcome = only(delivered)
    assert isinstance(outcome, Failed)
    assert outcome.error_code == f"BackupService.{code}"
    assert delivered.answer.status == 200
    (message,) = world.sandbox.published
    assert f"BackupService.{code}" in message["message"]
    world.clock.forward(7 * 86400)
    assert world.sweep(service).outcomes == []
    assert len(world.door.came(CREATE)) == 1


def test_what_failed_may_be_asked_for_again_by_the_next_delivery(world: World, service: Service) -> None:
    world.door.on(CREATE, fails("6114"))
    world.fire(service)
    assert isinstance(only(world.fire(service)), Created)
    assert len(world.posts()) == 1


OURS: dict[str, Act] = {
    "401": answers(401, {"error_code": "APIGW.0301", "error_msg": "Incorrect IAM authentication information: Unauthorized"}),
    "403": answers(403, {"error_code": "APIGW.0302", "error_msg": "The IAM user is not allowed to access the API."}),
    "9998": fails("9998", 500),
}


@pytest.mark.parametrize("target", [CREATE, BACKUPS], ids=["at the POST", "at the look"])
@pytest.mark.parametrize("act", OURS.values(), ids=OURS.keys())
def test_refused_credentials_fail_once_and_name_the_rights(
    world: World, service: Service, act: Act, target: tuple[str, str]
) -> None:
    world.door.on(target, act, always=True)
    outcome = only(world.fire(service))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "not_authorized"
    assert "cbr:vaults:backup" in outcome.message
    assert len(world.door.came(target)) == 1
    assert world.posts() == []
    assert len(world.sandbox.published) == 1


def test_a_refused_token_is_renewed_exactly_once_before_it_has_failed(world: World) -> None:
    service = world.service(world.password())
    world.door.on(CREATE, OURS["401"], always=True)
    outcome = only(world.fire(service))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "not_authorized"
    assert len(world.door.came(TOKENS)) == 2
    assert len(world.door.came(CREATE)) == 2


def test_a_token_refused_once_costs_no_restore_point(world: World) -> None:
    service = world.service(world.password())
    world.door.on(CREATE, OURS["401"])
    assert isinstance(only(world.fire(service)), Created)
    assert len(world.door.came(TOKENS)) == 2
    assert len(world.posts()) == 1


def test_a_malformed_path_is_no_matter_of_credentials(world: World) -> None:
    service = world.service(world.password())
    world.door.on(CREATE, answers(401, {"unauthorized": {"code": "401", "message": "Malformed request url"}}), always=True)
    outcome = only(world.fire(service))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "rejected"
    assert len(world.door.came(TOKENS)) == 1
    assert len(world.door.came(CREATE)) == 1


# ── skipped resources ────────────────────────────────────────────────────────────────────────────────────────────────


def skipping(world: World, service: Service, *codes: str) -> Act:
    """200, and every resource skipped."""
    (planned,) = world.planned(service)
    skipped = [
        {"id": APP, "type": "OS::Nova::Server", "name": f"server-{code}", "code": f"BackupService.{code}", "reason": "Because."}
        for code in codes
    ]
    checkpoint = {
        "id": "0e4d4b4e-8f6c-4d83-9c43-5ad7a4f6c1d2",
        "project_id": estate.PROJECT_ID,
        "status": "protecting",
        "created_at": "2026-11-23T02:00:00.000000",
        "vault": {"id": planned.backup.vault_id, "name": "files", "resources": [], "skipped_resources": skipped},
        "extra_info": {"name": planned.name, "retention_duration": -1},
    }
    return answers(200, {"checkpoint": checkpoint})


def test_some_skipped_is_created_and_says_what_is_missing(world: World) -> None:
    world.write_rules("erp")
    service = world.service()
    occupy(world, service, estate.ERP_VAULT_ID, APP)
    outcome = only(world.fire(service))
    assert isinstance(outcome, Created)
    assert outcome.reason == "partly_skipped"
    assert [each.id for each in outcome.resources] == [DB]
    assert [(each.id, each.code) for each in outcome.skipped_resources] == [(APP, "BackupService.6125")]
    assert "erp-app" in world.sandbox.published[0]["message"]


def test_all_skipped_as_busy_is_wanted(world: World, service: Service) -> None:
    world.door.on(CREATE, skipping(world, service, "6125", "6215"))
    outcome = only(world.fire(service))
    assert isinstance(outcome, Later)
    assert outcome.reason == "busy"
    assert world.wish(service)["state"] == "wanted"


def test_all_skipped_as_busy_with_a_serving_foreign_one_is_joined(world: World, service: Service) -> None:
    world.clock.forward(1)
    foreign = occupy(world, service, estate.FILES_VAULT_ID)
    world.door.on(CREATE, skipping(world, service, "6125"))
    outcome = only(world.fire(service))
    assert isinstance(outcome, Joined)
    assert outcome.checkpoint_id == foreign


def test_all_skipped_for_good_has_failed(world: World, service: Service) -> None:
    world.door.on(CREATE, skipping(world, service, "7103", "7106"))
    outcome = only(world.fire(service))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "all_skipped"
    assert [each.code for each in outcome.skipped_resources] == ["BackupService.7103", "BackupService.7106"]
    assert "server-7103" in world.sandbox.published[0]["message"]


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def renamed(change: Callable[[str], str]) -> Act:
    def edit(document: Any) -> None:
        for backup in document["backups"]:
            backup["name"] = change(backup["name"])

    return executes_and_changes(edit)


def in_state(*statuses: str) -> Act:
    def edit(document: Any) -> None:
        for backup, status in zip(document["backups"], statuses, strict=False):
            backup["status"] = status

    return executes_and_changes(edit)


FOREIGN: dict[str, Callable[[str], str]] = {
    "another cause": lambda name: name[:-1] + ("0" if name[-1] != "0" else "1"),
    "half the cause": lambda name: name[:-8],
    "more than the cause": lambda name: name + "0",
    "the cause alone": lambda name: name[-16:],
    "no dash before it": lambda name: name[:-17] + name[-16:],
    "the copy of one disk": lambda name: name + "_erp-app",
    "a number of five digits": lambda name: name + "-00001",
    "in capitals": lambda name: name.upper(),
    "none": lambda _: "",
    "CBR's own": lambda _: "autobk_a843",
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_name_is_never_taken_for_ours(world: World, service: Service, change: Callable[[str], str]) -> None:
    world.fire(service)
    world.clock.forward(600)
    world.door.on(BACKUPS, renamed(change))
    assert isinstance(only(world.fire(forgetting(world))), Created)
    assert len(world.posts()) == 2


@pytest.mark.parametrize("suffix", ["", "-0001", "-0042"])
def test_our_name_is_found_with_and_without_a_number(world: World, service: Service, suffix: str) -> None:
    world.fire(service)
    world.door.on(BACKUPS, renamed(lambda name: name + suffix))
    assert isinstance(only(world.fire(forgetting(world))), Joined)
    assert len(world.posts()) == 1


@pytest.mark.parametrize("status", ["error", "deleting", "waiting_delete", "deleted", "error-deleting"])
def test_a_backup_that_is_broken_or_going_does_not_count_as_found(world: World, service: Service, status: str) -> None:
    world.fire(service)
    world.clock.forward(600)
    world.door.on(BACKUPS, in_state(status))
    assert isinstance(only(world.fire(forgetting(world))), Created)
    assert len(world.posts()) == 2


@pytest.mark.parametrize(
    "status",
    ["available", "protecting", "waiting_protect", "restoring", "waiting_restore", "a state of tomorrow"],
)
def test_a_backup_in_any_other_state_counts(world: World, service: Service, status: str) -> None:
    """Unknown values are tolerated: one more restore point than asked for is worse than looking at this one later."""
    world.fire(service)
    world.door.on(BACKUPS, in_state(status))
    assert isinstance(only(world.fire(forgetting(world))), Joined)
    assert len(world.posts()) == 1


def test_one_good_resource_is_enough_to_be_found(world: World) -> None:
    world.write_rules("erp")
    world.fire(world.service())
    world.door.on(BACKUPS, in_state("error", "available"))
    assert isinstance(only(world.fire(forgetting(world))), Joined)
    assert len(world.posts()) == 1


# ── the ledger ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", ["put_if_absent", "put_if_absent!"])
def test_without_a_ledger_looking_and_one_post_remain(world: World, service: Service, verb: str) -> None:
    ledger = Flaky(service.ledger, verb)
    outcome = world.take(service, ledger)
    assert isinstance(outcome, Created)
    assert outcome.degraded
    again = world.take(service, Flaky(service.ledger, "put_if_absent"))
    assert isinstance(again, Joined)
    assert again.degraded
    assert len(world.door.came(BACKUPS)) == 2
    assert len(world.posts()) == 1
    taken_once(world, service)


def test_a_ledger_that_goes_while_a_wish_is_taken_up_again(world: World, service: Service) -> None:
    world.door.on(CREATE, fails("6125"))
    world.fire(service)
    outcome = world.take(service, Flaky(service.ledger, "swap"))
    assert isinstance(outcome, Created)
    assert outcome.degraded
    assert len(world.posts()) == 1
    taken_once(world, service)
    assert len(world.posts()) == 1


@pytest.mark.parametrize("verb", ["swap", "swap!"])
def test_a_ledger_that_goes_after_the_post_costs_no_second_one(world: World, service: Service, verb: str) -> None:
    outcome = world.take(service, Flaky(service.ledger, verb))
    assert isinstance(outcome, Created)
    assert isinstance(only(world.fire(service)), Later if verb == "swap" else Joined)
    assert len(world.posts()) == 1
    taken_once(world, service)
    assert len(world.posts()) == 1


@pytest.mark.parametrize("act", [fails("6125"), answers(429), cuts], ids=["busy", "throttled", "unclear"])
def test_later_without_a_ledger_must_be_delivered_again(world: World, service: Service, act: Act) -> None:
    world.door.on(CREATE, act)
    outcome = world.take(service, Flaky(service.ledger, "put_if_absent"))
    assert isinstance(outcome, Later)
    assert not outcome.durable
    assert outcome.degraded
    assert outcome.retry_after >= 1


@pytest.mark.parametrize("act", [fails("6125"), answers(429)], ids=["busy", "throttled"])
def test_later_that_could_not_be_written_down_must_be_delivered_again(world: World, service: Service, act: Act) -> None:
    world.door.on(CREATE, act)
    outcome = world.take(service, Flaky(service.ledger, "swap"))
    assert isinstance(outcome, Later)
    assert not outcome.durable
    taken_once(world, service)
    assert len(world.posts()) == 1


def record_body(world: World, **changes: object) -> str:
    other = forgetting(world)
    world.door.on(CREATE, fails("6125"))
    world.fire(other)
    (record,) = other.ledger.since("wish", 0)
    return json.dumps(json.loads(record.body) | changes)


GARBAGE: dict[str, Callable[[World], str]] = {
    "no json": lambda _: "{",
    "nothing": lambda _: "",
    "null": lambda _: "null",
    "list": lambda _: "[]",
    "empty object": lambda _: "{}",
    "too deep": lambda _: "[" * 100_000,
    "backup of something else": lambda world: record_body(world, backup={"vault_id": "x"}),
    "claim without an end": lambda world: record_body(world, state="claimed", claim_ends="tomorrow"),
    "a state nobody knows": lambda world: record_body(world, state="asleep"),
    "no time": lambda world: record_body(world, occurred="yesterday"),
    "no number": lambda world: record_body(world, give_up_after="soon"),
}


@pytest.mark.parametrize("make", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_in_the_ledger_is_taken_for_no_ledger(world: World, service: Service, make: Callable[[World], str]) -> None:
    body = make(world)
    (planned,) = world.planned(service)
    now = world.clock()
    service.ledger.put_if_absent(Record("wish", planned.cause, now, None, body, now + 86400))
    outcome = only(world.fire(service))
    assert isinstance(outcome, Created)
    assert outcome.degraded
    assert isinstance(only(world.fire(service)), Joined)
    assert len(world.posts()) == 1


def test_two_ledgers_on_one_file_are_one(world: World, service: Service) -> None:
    world.fire(service)
    ledger = open_ledger(service.settings.ledger, world.clock)
    assert isinstance(world.take(service, ledger), Joined)
    ledger.close()
    assert len(world.posts()) == 1


def test_one_look_that_failed_does_not_make_it_forgotten_that_something_may_have_been_sent(
    world: World, service: Service
) -> None:
    """The list hides it, the operation log shows it: who may have sent something before looks at both."""
    world.door.on(CREATE, executes_and(cuts))
    assert only(world.fire(service)).reason == "unclear"
    world.clock.forward(CLAIM + 1)
    world.door.on(BACKUPS, fails("0000", 503), fails("0000", 503))
    assert only(world.sweep(service)).reason == "cbr_unreachable"
    world.door.on(BACKUPS, answers(200, {"backups": [], "count": 0}), always=True)
    world.clock.forward(70)
    found = only(world.sweep(service))
    assert (found.word, found.reason) == ("joined", "found")
    assert len(world.posts()) == 1
