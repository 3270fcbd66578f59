"""What is missing is told once, and that it is well again: old vaults, timers that did not come, two of one cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.ledger import Record
from handlers.outcome import Created, Outcome, Skipped
from handlers.sandbox import estate
from handlers.service import Service
from handlers.wire import Deadline
from tests.scripted import BACKUPS, CREATE, PUBLISH, START, VAULT, Act, Passing, World, answers, fails, only, world_in

MADE = 61.0
HOUR, DAY = 3600.0, 86400.0
OLD = 'max_age = "26h"'
TIMELY = 'every = "24h"\ngrace = "1h"'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def write(world: World, vault: str = "", timer: str = "", vaults: tuple[str, ...] = ("files",), more: str = "") -> Service:
    """The usual rules with more keys for the vault ``files`` and for the timer."""
    world.write_rules(*vaults, more=more)
    path = world.folder / "rules.toml"
    text = path.read_text().replace(f'id = "{estate.FILES_VAULT_ID}"', f'id = "{estate.FILES_VAULT_ID}"\n{vault}')
    path.write_text(text.replace("[timers.nightly]", f"[timers.nightly]\n{timer}"))
    return world.service()


def swept(world: World, service: Service, hours: float, step: float = 0.5) -> list[str]:
    """What the watch finds while this time passes."""
    words: list[str] = []
    for _ in range(round(hours / step)):
        world.clock.forward(step * HOUR)
        words += [each.word for each in world.sweep(service).outcomes]
    return words


def published(world: World, word: str) -> list[str]:
    return [message["subject"] for message in world.sandbox.published if word in message["subject"]]


def made(world: World, service: Service, at: timedelta = timedelta()) -> None:
    """A timer's restore point, to its end."""
    assert isinstance(only(world.fire(service, START + at)), Created)
    world.clock.forward(MADE)
    assert "available" in [each.word for each in world.sweep(service).outcomes]


# ── age ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_vault_without_a_restore_point_is_overdue_and_well_again_when_it_has_one(world: World) -> None:
    service = write(world, OLD)
    (overdue,) = world.sweep(service).outcomes
    assert (overdue.word, overdue.reason, overdue.vault, overdue.vault_id) == (
        "overdue",
        "overdue",
        "files",
        estate.FILES_VAULT_ID,
    )
    assert "no good restore point younger than 26 hours" in overdue.message
    assert "restore-point take files" in overdue.message
    assert swept(world, service, 3) == []
    made(world, service)
    assert swept(world, service, 1, 0.1) == ["healed"]
    assert published(world, "OVERDUE") == ["Restore point OVERDUE: vault files"]
    assert published(world, "well again") == ["Restore point well again: vault files"]


def test_it_is_overdue_as_soon_as_its_newest_restore_point_is_too_old(world: World) -> None:
    service = write(world, OLD)
    made(world, service)
    assert swept(world, service, 25.9, 0.1) == []
    assert swept(world, service, 0.2, 0.1) == ["overdue"]
    assert "its last is of 20261123T0200" in world.sandbox.published[-1]["message"]


def test_an_overdue_vault_is_told_again_every_day(world: World) -> None:
    service = write(world, OLD)
    assert swept(world, service, 71) == ["overdue"] * 3


def test_looking_costs_little_while_all_is_well(world: World) -> None:
    service = write(world, OLD)
    made(world, service)
    swept(world, service, 1, 0.1)
    before = len(world.door.came(BACKUPS))
    assert swept(world, service, 20, 0.1) == []
    assert len(world.door.came(BACKUPS)) - before <= 20


def test_each_resource_counts_for_itself(world: World) -> None:
    service = write(world, OLD)
    names = dict(swapped(world, service))
    made(world, service)
    world.clock.forward(20 * HOUR)
    world.sandbox.faults.add("skip:which=one,code=7101")
    assert only(world.fire(service, START + timedelta(hours=20))).reason == "partly_skipped"
    (overdue,) = [each for each in sweeping(world, service, 8) if each.word == "overdue"]
    assert f"1 of its {len(names)} resources" in overdue.message
    assert any(name in overdue.message for name in names.values())


def swapped(world: World, service: Service) -> Iterator[tuple[str, str]]:
    """The resources of the vault of servers, which takes the place of the other one in the rules."""
    text = (world.folder / "rules.toml").read_text()
    text = text.replace(estate.ERP_VAULT_ID, "-").replace(estate.FILES_VAULT_ID, estate.ERP_VAULT_ID)
    (world.folder / "rules.toml").write_text(text.replace('-"', f'{estate.FILES_VAULT_ID}"'))
    service.settings = world.settings()
    vault = service.cbrs["default"].vault(estate.ERP_VAULT_ID, Deadline.after(world.clock, 30))
    for each in vault.resources:
        yield each.id, each.name


def test_a_vault_that_cannot_be_looked_at_is_told_once_it_may_be_too_old(world: World) -> None:
    service = write(world, OLD)
    made(world, service)
    swept(world, service, 1, 0.1)
    world.door.on(BACKUPS, fails("0000", 503), always=True)
    assert swept(world, service, 24) == []
    (overdue,) = [each for each in [*sweeping(world, service, 2)] if each.word == "overdue"]
    assert overdue.reason == "unknown_age"
    assert "not known whether vault files" in overdue.message
    world.door.calm()
    made(world, service, timedelta(hours=27))
    assert swept(world, service, 1, 0.1) == ["healed"]


def sweeping(world: World, service: Service, hours: float) -> Iterator[Outcome]:
    """The same in steps of six minutes, whole."""
    for _ in range(round(hours * 10)):
        world.clock.forward(HOUR / 10)
        yield from world.sweep(service).outcomes


def test_two_sweeps_at_once_tell_once(world: World) -> None:
    one, other = write(world, OLD), world.service()
    assert [each.word for each in world.sweep(one).outcomes] == ["overdue"]
    assert [each.word for each in world.sweep(other).outcomes] == []
    assert len(published(world, "OVERDUE")) == 1


def test_what_no_topic_took_is_told_by_the_next_sweep_that_can(world: World) -> None:
    service = write(world, OLD)
    world.door.on(PUBLISH, fails("0000", 503), always=True)
    assert [each.word for each in world.sweep(service).outcomes] == ["overdue"]
    assert published(world, "OVERDUE") == []
    swept(world, service, 1)
    world.door.calm()
    assert swept(world, service, 0.1, 0.1) == ["overdue"]
    assert swept(world, service, 3) == []
    assert len(published(world, "OVERDUE")) == 1


def test_an_empty_vault_is_overdue_and_says_that_it_is_empty(world: World) -> None:
    world.write_rules("files")
    path = world.folder / "rules.toml"
    path.write_text(path.read_text().replace("[vaults.empty]", f"[vaults.empty]\n{OLD}"))
    (overdue,) = world.sweep(world.service()).outcomes
    assert overdue.word == "overdue"
    assert "holds no resource" in overdue.message


def test_looks_that_were_cut_short_go_on_next_time(world: World) -> None:
    world.write_rules("files", "erp", "empty")
    path = world.folder / "rules.toml"
    path.write_text(path.read_text().replace('"\n[', f'"\n{OLD}\n[', 3).replace(f"{OLD}\n[topics", "[topics"))
    service = world.service()
    world.door.on(VAULT, slowly(world), always=True)
    found = [[each.vault for each in world.sweep(service, seconds=30).outcomes] for _ in range(4)]
    assert [len(each) for each in found] == [1, 1, 1, 0]
    assert len(published(world, "OVERDUE")) == 3


def slowly(world: World) -> Act:
    def act(it: Passing) -> None:
        world.clock.forward(25.5)
        it.say(*it.forward())

    return act


def test_what_stands_in_the_ledger_as_a_look_and_is_none_is_written_over(world: World) -> None:
    service = write(world, OLD)
    service.ledger.put_if_absent(Record("look", estate.FILES_VAULT_ID, 1.0, None, '{"resources": [1]}', world.clock() + DAY))
    assert [each.word for each in world.sweep(service).outcomes] == ["overdue"]
    record = service.ledger.get("look", estate.FILES_VAULT_ID)
    assert record is not None
    assert json.loads(record.body)["resources"] != [1]


# ── timers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_timer_that_does_not_come_is_missed_once_and_told_when_it_comes_again(world: World) -> None:
    service = write(world, timer=TIMELY)
    made(world, service)
    assert swept(world, service, 24.5) == []
    (missed,) = [*sweeping(world, service, 1)]
    assert (missed.word, missed.reason, missed.sender) == ("missed", "missed_timer", "nightly")
    assert "every 24 hours" in missed.message
    assert "nightly-backup" in missed.message
    assert swept(world, service, 6) == []
    made(world, service, timedelta(hours=31))
    assert swept(world, service, 6) == []
    assert published(world, "MISSED") == ["Restore point MISSED: timer nightly"]
    assert published(world, "well again") == ["Restore point well again: timer nightly"]


def test_a_timer_that_never_came_is_missed_too(world: World) -> None:
    service = write(world, timer=TIMELY)
    assert swept(world, service, 25) == []
    assert swept(world, service, 1) == ["missed"]
    assert "has not come since" in world.sandbox.published[-1]["message"]


def test_a_timer_whose_events_are_refused_has_not_come(world: World) -> None:
    service = write(world, timer=TIMELY)
    world.sweep(service)
    world.clock.forward(23 * HOUR)
    delivered = world.fire(service, START + timedelta(hours=40))
    assert [each.reason for each in delivered.outcomes] == ["from_the_future"]
    assert swept(world, service, 3) == ["missed"]


def test_without_every_nobody_waits_for_a_timer(world: World) -> None:
    service = write(world)
    made(world, service)
    assert swept(world, service, 100) == []


def test_of_events_that_were_missed_and_come_all_at_once_the_newest_is_taken(world: World) -> None:
    service = write(world)
    world.clock.forward(3 * HOUR)
    for hours in (3, 1, 2):
        outcome = only(world.fire(service, START + timedelta(hours=hours)))
        assert isinstance(outcome, Created if hours == 3 else Skipped)
        assert outcome.reason == ("accepted" if hours == 3 else "superseded")
    assert len(world.posts()) == 1
    assert only(world.fire(service, START + timedelta(hours=3))).word == "joined"


def test_a_wish_that_waits_is_superseded_by_the_next_event_of_its_timer(world: World) -> None:
    service = write(world)
    world.door.on(CREATE, fails("6125"), fails("6125"))
    assert only(world.fire(service)).word == "later"
    world.clock.forward(30)
    assert only(world.fire(service, START + timedelta(seconds=30))).word == "later"
    world.clock.forward(100)
    assert sorted(each.word for each in world.sweep(service).outcomes) == ["created", "skipped"]
    assert len(world.sandbox.restore_points()) == 1


# ── two of one cause ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_restore_points_of_one_cause_are_told_once_and_nothing_is_deleted(world: World) -> None:
    service = write(world)
    made(world, service)
    again(world, service)
    assert swept(world, service, 1.1, 0.1) == ["duplicate"]
    assert swept(world, service, 30, 0.5) == []
    assert published(world, "made twice") == ["Restore point made twice: vault files"]
    assert len(world.sandbox.restore_points()) == 2
    assert all(seen.method != "DELETE" for seen in world.door.seen)


def again(world: World, service: Service) -> None:
    """The same request once more, behind the ledger's back."""
    (planned,) = world.planned(service)
    service.cbrs["default"].create(planned.backup, Deadline.after(world.clock, 30))
    world.clock.forward(MADE)


def test_one_that_broke_and_was_taken_once_more_is_no_duplicate(world: World) -> None:
    service = write(world)
    world.sandbox.faults.add("fail:after=30")
    world.fire(service)
    assert swept(world, service, 0.5, 0.1)[:2] == ["broken", "created"]
    assert swept(world, service, 8, 0.2).count("duplicate") == 0
    assert len(world.sandbox.restore_points()) == 2


def test_one_for_each_window_is_no_duplicate(world: World) -> None:
    more = (
        '[senders.am]\ndialect = "alertmanager"\nproof = "platform"\n[[rules]]\nname = "a"\nsender = "am"\nvaults = ["files"]\n'
    )
    service = write(world, more=more + 'window = "1h"')
    alert = {"alerts": [{"status": "firing", "labels": {"alertname": "x"}}]}
    for _ in range(3):
        envelope = replace(world.envelope(door="alert"), document=alert)
        assert only(service.handle(envelope)).word == "created"
        assert "duplicate" not in swept(world, service, 1.2, 0.1)


def test_a_duplicate_without_a_wish_is_told_too(world: World) -> None:
    """The ledger was down, or was lost."""
    service = write(world)
    again(world, service)
    again(world, service)
    assert swept(world, service, 1.1, 0.1) == ["duplicate"]


# ── broken ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_broken_restore_point_is_taken_once_more_and_no_more(world: World) -> None:
    service = write(world)
    world.sandbox.faults.add("fail:after=30,times=0")
    world.fire(service)
    outcomes = [*sweeping(world, service, 2)]
    assert [each.word for each in outcomes] == ["broken", "created", "broken"]
    assert "takes it once more" in outcomes[0].message
    assert "Nothing more is tried" in outcomes[2].message
    assert len(world.posts()) == 2
    assert service.ledger.due(world.clock() + DAY, 10) == []


def test_what_a_person_deleted_is_not_taken_again(world: World) -> None:
    service = write(world)
    created = only(world.fire(service))
    world.door.on(
        ("GET", f"/checkpoints/{created.checkpoint_id}"), answers(404, {"error_code": "BackupService.6217", "error_msg": "x"})
    )
    world.clock.forward(MADE)
    assert [each.reason for each in world.sweep(service).outcomes] == ["gone"]
    assert swept(world, service, 3) == []
    assert len(world.posts()) == 1


def test_what_broke_is_taken_once_more_though_no_topic_hears_of_it(world: World) -> None:
    service = write(world)
    world.sandbox.faults.add("fail:after=30")
    world.fire(service)
    world.door.on(PUBLISH, fails("0000", 503), always=True)
    assert swept(world, service, 1, 0.1).count("created") == 1
    assert len(world.posts()) == 2
    world.door.calm()
    swept(world, service, 2, 0.1)
    assert published(world, "BROKEN") == ["Restore point BROKEN: vault files (error BackupService.7101)"]
    assert published(world, "available") == ["Restore point available: vault files"]


def test_an_event_that_came_too_late_supersedes_nothing(world: World) -> None:
    service = write(world)
    path = world.folder / "rules.toml"
    path.write_text(path.read_text() + 'max_event_age = "1h"\n')
    service = world.service()
    world.door.on(CREATE, fails("6125"))
    assert only(world.fire(service)).word == "later"
    world.clock.forward(2.5 * HOUR)
    assert only(world.fire(service, START + timedelta(hours=1))).reason == "stale"
    assert "created" in [each.word for each in world.sweep(service).outcomes]


def test_backups_that_were_deleted_do_not_count(world: World) -> None:
    service = write(world, 'max_age = "30d"')
    made(world, service)
    swept(world, service, 2)
    world.door.on(BACKUPS, answers(200, {"backups": [], "count": 0}), always=True)
    assert swept(world, service, 2) == ["overdue"]


def test_a_vault_that_is_gone_is_told_at_once(world: World) -> None:
    service = write(world, 'max_age = "30d"')
    made(world, service)
    swept(world, service, 2)
    world.door.on(
        BACKUPS, answers(404, {"error_code": "BackupService.6105", "error_msg": "The vault does not exist."}), always=True
    )
    (overdue,) = [each for each in sweeping(world, service, 2) if each.word == "overdue"]
    assert "BackupService.6105" in overdue.message


def test_a_budget_that_holds_back_what_the_watch_takes_is_told(world: World) -> None:
    more = (
        '[senders.am]\ndialect = "alertmanager"\nproof = "platform"\n[[rules]]\nname = "a"\nsender = "am"\nvaults = ["files"]\n'
    )
    service = write(world, more=more + 'by = ["host"]\nbudget_per_hour = 1')
    alerts = [{"alerts": [{"status": "firing", "labels": {"host": host}}]} for host in "ab"]
    world.door.on(CREATE, fails("6125"))
    assert only(service.handle(replace(world.envelope(door="alert"), document=alerts[0]))).word == "later"
    assert only(service.handle(replace(world.envelope(door="alert"), document=alerts[1]))).word == "created"
    world.clock.forward(70)
    assert {(each.word, each.reason) for each in world.sweep(service).outcomes} >= {("skipped", "budget"), ("warning", "budget")}
    assert published(world, "warning") == ["Restore point warning: vault files (budget)"]


@pytest.mark.parametrize("kind", ["look", "timer", "notice", "budget", "interval", "rest"])
@pytest.mark.parametrize(
    "body", ["[" * 50_000, "{}", "7", '{"told_at": 1e400, "came": 1e300, "resources": {"a": [1]}, "word": 7}']
)
def test_no_strange_record_stops_a_sweep(world: World, kind: str, body: str) -> None:
    service = write(world, OLD, TIMELY)
    for key in (estate.FILES_VAULT_ID, "nightly", f"overdue {estate.FILES_VAULT_ID}", "missed nightly", "nightly-backup"):
        service.ledger.put_if_absent(Record(kind, key, 1e15, world.clock(), body, world.clock() + DAY))
    service.ledger.put_if_absent(Record("of a later version", "x", 1.0, 1.0, body, world.clock() + DAY))
    assert only(world.fire(service)).word == "created"
    words = swept(world, service, 0.2, 0.1)
    assert "available" in words
    assert "failed" not in words
