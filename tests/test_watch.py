"""What nobody redelivers: due wishes taken, restore points followed to their end, both told. Design, sections 3 and 5."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.ledger import Record
from handlers.ledger.memory import MemoryLedger
from handlers.notices import Notices
from handlers.outbox import Publish
from handlers.outcome import Available, Broken, Created, Failed, Joined, Partly
from handlers.report import Told
from handlers.sandbox import estate
from handlers.service import Service
from handlers.vault_backup import CheckpointParam, VaultBackup
from handlers.watch import Watch
from handlers.wire import Deadline
from tests.scripted import (
    BACKUPS,
    CREATE,
    LOGS,
    PUBLISH,
    SHOW,
    TOPIC,
    Act,
    Flaky,
    Passing,
    World,
    answers,
    cuts,
    executes_and_changes,
    fails,
    only,
    passes,
    world_in,
)

MADE = 61.0
"""Seconds a first backup takes the sandbox, and one more."""
SILENT = f"""\
[topics.nobody]
kind = "smn"
urn = "{estate.TOPIC_URN}-that-does-not-exist"
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


@pytest.fixture
def service(world: World) -> Service:
    return world.service()


def subjects(world: World) -> list[str]:
    return [message["subject"] for message in world.sandbox.published]


def broken_checkpoint(document: Any) -> None:
    document["checkpoint"]["status"] = "error"


def failed_operations(document: Any) -> None:
    for operation in document["operation_logs"]:
        operation["status"] = "failed"
        operation["error_info"] = {"code": "BackupService.7101", "message": "Backup is not allowed in the current server status."}


# ── due wishes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_wish_is_taken_when_it_is_due_and_not_before(world: World, service: Service) -> None:
    world.door.on(CREATE, fails("6125"))
    delivered = only(world.fire(service))
    wait = world.wish(service)["due"] - world.clock()
    world.clock.forward(wait - 1)
    assert world.sweep(service).outcomes == []
    world.clock.forward(1)
    swept = world.sweep(service)
    assert isinstance(only(swept), Created)
    assert swept.answer.status == 200
    assert only(swept).name == delivered.name
    assert (only(swept).rule, only(swept).trigger, only(swept).sender) == ("nightly-backup", "timer", "nightly")
    assert len(world.posts()) == 1


def test_several_due_wishes_are_taken_in_one_sweep(world: World) -> None:
    world.write_rules("erp", "files")
    service = world.service()
    world.door.on(CREATE, fails("6125"), fails("6125"))
    assert [each.word for each in world.fire(service).outcomes] == ["later", "later"]
    world.clock.forward(60)
    assert [each.word for each in world.sweep(service).outcomes] == ["created", "created"]
    assert len(world.posts()) == 2


@pytest.mark.parametrize("gone", ["vault", "rule"])
def test_what_todays_rules_do_not_list_is_not_taken(world: World, service: Service, gone: str) -> None:
    world.door.on(CREATE, fails("6125"))
    world.fire(service)
    asked = len(world.door.seen)
    if gone == "rule":
        world.write_rules("erp")
    else:
        text = (world.folder / "rules.toml").read_text().replace(estate.FILES_VAULT_ID, estate.EMPTY_VAULT_ID, 1)
        (world.folder / "rules.toml").write_text(text.replace(f'[vaults.empty]\nid = "{estate.EMPTY_VAULT_ID}"\n', ""))
    later = world.service()
    world.clock.forward(60)
    swept = world.sweep(later)
    assert isinstance(only(swept), Failed)
    assert only(swept).reason == "no_longer_allowed"
    assert [seen.target for seen in world.door.seen[asked:] if seen.matches(CREATE) or estate.FILES_VAULT_ID in seen.target] == []
    assert subjects(world) == ["Restore point FAILED: vault files (no_longer_allowed)"]
    world.clock.forward(86400)
    assert world.sweep(later).outcomes == []
    assert world.posts() == []


def test_what_todays_rules_no_longer_allow_is_told_in_full_when_a_topic_can_be_reached(world: World, service: Service) -> None:
    world.door.on(CREATE, fails("6125"))
    world.fire(service)
    world.write_rules("erp")
    later = world.service()
    world.clock.forward(60)
    world.door.on(PUBLISH, fails("0000", 503), always=True)
    first = only(world.sweep(later))
    world.door.calm()
    world.clock.forward(600)
    again = only(world.sweep(later))
    assert (again.word, again.reason, again.message) == ("failed", "no_longer_allowed", first.message)
    assert "today's rules" in world.sandbox.published[0]["message"]


def test_a_project_that_was_renamed_in_the_rules_is_found_by_its_vault(world: World, service: Service) -> None:
    world.door.on(CREATE, fails("6125"))
    world.fire(service)
    world.write_rules(topics='[projects.other]\nregion = "sandbox-1"\n' + TOPIC)
    later = world.service()
    world.clock.forward(60)
    assert only(world.sweep(later)).word == "created"
    assert len(world.posts()) == 1


def test_a_sweep_ends_at_its_deadline_and_loses_nothing(world: World) -> None:
    world.write_rules("erp", "files", "empty")
    service = world.service()
    world.door.on(CREATE, fails("6125"), fails("6125"), fails("6125"))
    world.fire(service)
    world.clock.forward(60)

    def slow(it: Passing) -> None:
        world.clock.forward(13)
        passes(it)

    world.door.on(CREATE, slow, slow, slow)
    assert len(world.sweep(service, seconds=30).outcomes) == 2
    assert len(world.sweep(service).outcomes) == 1
    assert len(world.posts()) == 3


def test_without_time_nothing_is_begun(world: World, service: Service) -> None:
    world.door.on(CREATE, fails("6125"))
    world.fire(service)
    world.clock.forward(60)
    asked = len(world.door.seen)
    assert world.sweep(service, seconds=3.9).outcomes == []
    assert len(world.door.seen) == asked
    assert isinstance(only(world.sweep(service)), Created)


def test_what_the_watch_is_called_with_does_not_matter(world: World, service: Service) -> None:
    delivered = world.sweep(service)
    assert (delivered.outcomes, delivered.answer.status) == ([], 200)
    assert [seen.matches(BACKUPS) for seen in world.door.seen] == [True]  # one look at the one vault that a rule lists


# ── followed to the end ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_restore_point_is_followed_until_it_is_available_and_told_once(world: World, service: Service) -> None:
    created = only(world.fire(service))
    assert world.sweep(service).outcomes == []
    world.clock.forward(59)
    assert world.sweep(service).outcomes == []
    world.clock.forward(MADE)
    swept = world.sweep(service)
    end = only(swept)
    assert isinstance(end, Available)
    assert end.checkpoint_id == created.checkpoint_id
    assert [each.id for each in end.resources] == [estate.FILES_SHARE_ID]
    assert swept.answer.status == 200
    for _ in range(3):
        world.clock.forward(3600)
        assert world.sweep(service).outcomes == []
    assert subjects(world) == ["Restore point started: vault files", "Restore point available: vault files"]


def test_what_is_still_being_made_is_looked_at_again(world: World, service: Service) -> None:
    world.fire(service)
    world.door.on(SHOW, executes_and_changes(lambda document: document["checkpoint"].update(status="protecting")))
    world.clock.forward(MADE)
    assert world.sweep(service).outcomes == []
    world.clock.forward(60)
    assert isinstance(only(world.sweep(service)), Available)


def test_available_while_a_resource_is_still_worked_on_is_not_the_end(world: World, service: Service) -> None:
    def working(document: Any) -> None:
        document["checkpoint"]["vault"]["resources"][0]["protect_status"] = "protecting"

    world.fire(service)
    world.door.on(SHOW, executes_and_changes(working))
    world.clock.forward(MADE)
    assert world.sweep(service).outcomes == []
    world.clock.forward(60)
    assert isinstance(only(world.sweep(service)), Available)


def test_one_that_left_resources_out_at_its_creation_ends_partly(world: World) -> None:
    world.write_rules("erp")
    service = world.service()
    foreign = VaultBackup(vault_id=estate.ERP_VAULT_ID, parameters=CheckpointParam(resources=(estate.ERP_APP_ID,)))
    service.cbrs["default"].create(foreign, Deadline.after(world.clock, 30))
    world.fire(service)
    # The operation log says it, too; what CBR said at creation has to suffice.
    world.door.on(LOGS, answers(200, {"operation_logs": [], "count": 0}))
    world.clock.forward(MADE)
    end = only(world.sweep(service))
    assert isinstance(end, Partly)
    assert "erp-app" in end.message
    assert [each.id for each in end.skipped_resources] == [estate.ERP_APP_ID]
    assert subjects(world)[-1] == "Restore point INCOMPLETE: vault erp (1 of 2 missing)"


def test_one_with_a_failed_operation_ends_partly_with_its_reason(world: World, service: Service) -> None:
    world.fire(service)
    world.door.on(LOGS, executes_and_changes(failed_operations))
    world.clock.forward(MADE)
    end = only(world.sweep(service))
    assert isinstance(end, Partly)
    assert "BackupService.7101" in end.message
    assert "files-share" in end.message


def test_failed_operations_of_others_are_not_ours(world: World, service: Service) -> None:
    def another(document: Any) -> None:
        failed_operations(document)
        for operation in document["operation_logs"]:
            operation["checkpoint_id"] = "0e4d4b4e-8f6c-4d83-9c43-5ad7a4f6c1d2"

    world.fire(service)
    world.door.on(LOGS, executes_and_changes(another))
    world.clock.forward(MADE)
    assert isinstance(only(world.sweep(service)), Available)


def test_one_that_ended_in_error_is_broken_and_says_why(world: World, service: Service) -> None:
    world.fire(service)
    world.door.on(SHOW, executes_and_changes(broken_checkpoint))
    world.door.on(LOGS, executes_and_changes(failed_operations))
    world.clock.forward(MADE)
    end = only(world.sweep(service))
    assert isinstance(end, Broken)
    assert "BackupService.7101" in end.message
    assert subjects(world)[-1] == "Restore point BROKEN: vault files (error BackupService.7101)"


def test_one_cbr_no_longer_knows_is_broken(world: World, service: Service) -> None:
    world.fire(service)
    world.door.on(SHOW, fails("6217", 404))
    world.clock.forward(MADE)
    end = only(world.sweep(service))
    assert isinstance(end, Broken)
    assert "BackupService.6217" in end.message


def test_a_broken_one_frees_its_cause(world: World, service: Service) -> None:
    world.fire(service)
    world.door.on(SHOW, executes_and_changes(broken_checkpoint))
    world.clock.forward(MADE)
    assert isinstance(only(world.sweep(service)), Broken)

    def in_error(document: Any) -> None:
        for backup in document["backups"]:
            backup["status"] = "error"

    world.door.on(BACKUPS, executes_and_changes(in_error))
    assert isinstance(only(world.fire(service)), Created)
    assert len(world.posts()) == 2


NO_END: dict[str, Act] = {
    "wrong host": answers(404, {"error_code": "APIGW.0101", "error_msg": "The API does not exist", "request_id": "1"}),
    "no right to show": answers(403, {"error_code": "APIGW.0302", "error_msg": "not allowed", "request_id": "1"}),
    "malformed path": answers(401, {"unauthorized": {"code": "401", "message": "Malformed request url"}}),
    "unreadable": answers(200, b"<html>"),
    "throttled": answers(429),
    "parameters": fails("9900"),
}


@pytest.mark.parametrize("act", NO_END.values(), ids=NO_END.keys())
def test_what_says_nothing_about_the_restore_point_is_not_its_end(world: World, service: Service, act: Act) -> None:
    world.fire(service)
    world.door.on(SHOW, act)
    world.clock.forward(MADE)
    assert world.sweep(service).outcomes == []
    world.clock.forward(60)
    assert isinstance(only(world.sweep(service)), Available)


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_sweeps_at_once_tell_an_end_once(world: World, service: Service) -> None:
    world.fire(service)
    world.clock.forward(MADE)
    together = threading.Barrier(4)

    def wait(it: Passing) -> None:
        together.wait(10)
        passes(it)

    world.door.on(SHOW, wait, wait, wait, wait)
    with ThreadPoolExecutor(4) as threads:
        swept = list(threads.map(lambda _: world.sweep(service).outcomes, range(4)))
    assert sorted(len(each) for each in swept) == [0, 0, 0, 1]
    assert subjects(world).count("Restore point available: vault files") == 1


def test_a_topic_that_is_down_is_told_by_the_next_sweep(world: World, service: Service) -> None:
    world.fire(service)
    world.clock.forward(MADE)
    world.door.on(PUBLISH, answers(500, {"request_id": "1", "code": "SMN.0018", "message": "internal"}), cuts)
    for _ in range(2):
        assert isinstance(only(world.sweep(service)), Available)
        assert subjects(world) == ["Restore point started: vault files"]
        world.clock.forward(60)
    world.sweep(service)
    world.clock.forward(3600)
    world.sweep(service)
    assert subjects(world) == ["Restore point started: vault files", "Restore point available: vault files"]


def test_a_failure_in_a_sweep_that_no_topic_took_is_told_by_the_next_one(world: World) -> None:
    world.write_rules(more='give_up_after = "1m"')
    service = world.service()
    world.door.on(CREATE, fails("6125"))
    world.fire(service)
    world.clock.forward(61)
    world.door.on(PUBLISH, answers(500, {"request_id": "1", "code": "SMN.0018", "message": "internal"}))
    swept = world.sweep(service)
    assert isinstance(only(swept), Failed)
    assert not swept.answer.again, "it stands in the ledger"
    assert subjects(world) == []
    world.clock.forward(60)
    told = world.sweep(service)
    assert isinstance(only(told), Failed)
    assert only(told).reason == "still_busy"
    assert told.answer.status == 200
    assert subjects(world) == ["Restore point FAILED: vault files (still_busy BackupService.6125)"]
    assert "give_up" in world.sandbox.published[0]["message"] or "busy" in world.sandbox.published[0]["message"]
    world.clock.forward(3600)
    assert world.sweep(service).outcomes == []
    assert world.posts() == []
    assert isinstance(only(world.fire(service)), Created), "the next delivery of the cause may try again"


def test_one_topic_that_never_answers_does_not_make_the_other_hear_everything_again(world: World) -> None:
    world.write_rules(topics=TOPIC + SILENT)
    service = world.service()
    world.fire(service)
    for _ in range(4):
        world.clock.forward(MADE)
        world.sweep(service)
    assert subjects(world).count("Restore point available: vault files") == 1


def told_by(notices: Notices, publish: Publish) -> Notices:
    return replace(notices, outbox=replace(notices.outbox, publish=publish))


def test_who_is_killed_while_telling_tells_again_rather_than_never(world: World, service: Service) -> None:
    world.fire(service)
    world.clock.forward(MADE)

    def killed(_: object, __: object) -> Told:
        raise KeyboardInterrupt

    notices = told_by(service.notices(Deadline.after(world.clock, 30)), killed)
    watch = Watch(service.tools, service.settings.rules, service.cbrs, service.inventory, notices)
    with pytest.raises(KeyboardInterrupt):
        list(watch.sweep(Deadline.after(world.clock, 30)))
    assert world.sweep(service).outcomes == []
    world.clock.forward(600)
    assert isinstance(only(world.sweep(service)), Available)
    assert subjects(world)[-1] == "Restore point available: vault files"


# ── the ledger ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_ledger_that_cannot_be_read_is_told(world: World, service: Service) -> None:
    service.ledger.close()
    delivered = world.sweep(service)
    outcome = only(delivered)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "ledger_down"
    assert delivered.answer.status == 200
    assert subjects(world) == ["Restore point FAILED (ledger_down)"]
    assert world.posts() == []


def test_a_ledger_that_goes_while_following_loses_nothing(world: World, service: Service) -> None:
    world.fire(service)
    world.clock.forward(MADE)
    told: list[object] = []

    def publish(outcome: object, only: object) -> Told:  # noqa: ARG001 - to all of them
        told.append(outcome)
        return Told(1)

    tools = type(service.tools)(Flaky(service.ledger, "swap"), world.clock, lambda: "owner", 120.0, 60.0)
    notices = told_by(service.notices(Deadline.after(world.clock, 30)), publish)
    watch = Watch(tools, service.settings.rules, service.cbrs, service.inventory, notices)
    assert list(watch.sweep(Deadline.after(world.clock, 30))) == []
    assert told == []
    assert isinstance(only(world.sweep(service)), Available)


def test_a_record_that_is_no_wish_is_told_once_and_stops_nobody(world: World, service: Service) -> None:
    now = world.clock()
    service.ledger.put_if_absent(Record("wish", "0" * 64, now - 1, now - 1, "{}", now + 1e6))
    service.ledger.put_if_absent(Record("wish", "1" * 64, now - 1, now - 1, "[" * 100_000, now + 1e6))
    world.door.on(CREATE, fails("6125"))
    world.fire(service)
    world.clock.forward(60)
    words = [(each.word, each.reason) for each in world.sweep(service).outcomes]
    assert words == [("created", "accepted"), ("failed", "unreadable_wish"), ("failed", "unreadable_wish")]
    world.clock.forward(MADE)
    assert [each.word for each in world.sweep(service).outcomes] == ["available"]
    assert subjects(world).count("Restore point FAILED (unreadable_wish)") == 2


def test_a_wish_that_breaks_the_watch_is_told_once_and_stops_nobody(world: World, service: Service) -> None:
    """A span that leads before the year 1, as only a fault of ours could write it down."""
    world.door.on(CREATE, fails("6125"))
    world.fire(service)
    (record,) = service.ledger.since("wish", 0)
    body = json.loads(record.body) | {"window": 1e14, "trigger": "alert"}
    service.ledger.put_if_absent(replace(record, key="0" * 64, body=json.dumps(body), due=record.at))
    world.clock.forward(120)
    words = [(each.word, each.reason) for each in world.sweep(service).outcomes]
    assert words == [("failed", "unexpected"), ("created", "accepted")]
    world.clock.forward(MADE)
    assert [each.word for each in world.sweep(service).outcomes] == ["available"]
    assert subjects(world).count("Restore point FAILED (unexpected)") == 1


def test_records_of_other_kinds_are_left_alone(world: World, service: Service) -> None:
    now = world.clock()
    service.ledger.put_if_absent(Record("notice", "n", now, now, "{}", now + 1e6))
    assert world.sweep(service).outcomes == []
    assert service.ledger.get("notice", "n") is not None


def test_follow_tells_the_end_of_one_cause(world: World, service: Service) -> None:
    world.fire(service)
    (planned,) = world.planned(service)
    deadline = Deadline.after(world.clock, 30)
    watch = service.watching(Deadline.after(world.clock, 300))
    assert watch.follow("0" * 64, deadline) is None
    assert watch.follow(planned.cause, deadline) is None
    world.clock.forward(MADE)
    assert isinstance(watch.follow(planned.cause, Deadline.after(world.clock, 30)), Available)
    assert isinstance(only(world.fire(service)), Joined)


class Crowded(Flaky):
    """So many records are due before all others that no sweep reads further."""

    def due(self, now: float, limit: int) -> list[Record]:
        return [Record("message", "not ours", now, now, "", now + 1)] * limit


def test_a_wish_is_found_behind_more_due_records_than_a_sweep_reads(world: World) -> None:
    service = world.service(ledger=Crowded(MemoryLedger(world.clock)))
    world.door.on(CREATE, fails("6125"))
    assert only(world.fire(service)).word == "later"
    world.clock.forward(3600)
    assert "created" in [each.word for each in world.sweep(service).outcomes]
