"""Eight complaints about other tools' backups, each played against this one: none of them may end in silence, or twice over.

What was asked of CBR and what it executed is the sandbox's own record; what somebody was told is what the topic took.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from handlers.sandbox import estate
from handlers.service import Service
from tests.scripted import CREATE, LOGS, SCHEDULE, START, TOPIC, World, answers, cuts, executes_and, only, passes, world_in

MADE = 61.0
"""Seconds a first backup takes the sandbox, and one more."""
HOUR, DAY = 3600.0, 86400.0
VAULTS = {"erp": estate.ERP_VAULT_ID, "files": estate.FILES_VAULT_ID, "disks": estate.DISKS_VAULT_ID}

WEEKLY_AND_HOURLY = """\
[timers.weekly]
source = "{schedule}-weekly"
every = "7d"
[[rules]]
name = "weekly"
timer = "weekly"
vaults = ["files"]
[timers.hourly]
source = "{schedule}-hourly"
every = "1h"
grace = "10m"
[[rules]]
name = "hourly"
timer = "hourly"
vaults = ["files"]
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def rules(world: World, *vaults: str, vault: str = "", timer: str = "", rule: str = "", more: str = "") -> Service:
    """A nightly timer for these vaults; ``vault``, ``timer`` and ``rule`` are further keys of each."""
    lines = [TOPIC]
    lines += [f'[vaults.{name}]\nid = "{VAULTS[name]}"\n{vault}' for name in vaults]
    lines += [f'[timers.nightly]\nsource = "{SCHEDULE}"\n{timer}', '[[rules]]\nname = "nightly-backup"\ntimer = "nightly"']
    lines += [f"vaults = {[*vaults]}\n{rule}\n{more}"]
    (world.folder / "rules.toml").write_text("\n".join(lines).replace("'", '"'), encoding="utf-8")
    return world.service()


def sweeps(world: World, service: Service, hours: float, step: float = 0.5) -> None:
    """The watch, every so often, while this time passes."""
    for _ in range(round(hours / step)):
        world.clock.forward(step * HOUR)
        world.sweep(service)


def told(world: World) -> list[str]:
    """The subjects the topic took, without what this program is called and without what stands in brackets."""
    return [message["subject"].removeprefix("Restore point ").partition(" (")[0] for message in world.sandbox.published]


def executed(world: World) -> dict[str, int]:
    """Restore points CBR made, by vault, whatever it answered."""
    done = [each for each in world.posts() if each.done == 200]
    return dict(Counter(name for each in done for name, vault_id in VAULTS.items() if vault_id.encode() in each.sent))


def test_velero_2428_a_backup_that_failed_or_succeeded_is_told_by_the_tool_itself(world: World) -> None:
    """velero-io/velero#2428: to hear of failed and of finished backups one has to build a watcher of one's own."""
    service = rules(world, "files")
    world.sandbox.faults.add("full:percent=150")
    assert only(world.fire(service)).word == "failed"
    sweeps(world, service, 2)
    assert told(world) == ["FAILED: vault files"]
    assert executed(world) == {}
    assert "Enlarge the vault" in world.sandbox.published[0]["message"]


def test_velero_2428_and_so_is_one_that_ended_well(world: World) -> None:
    service = rules(world, "files")
    world.fire(service)
    world.clock.forward(MADE)
    sweeps(world, service, 2)
    assert told(world) == ["started: vault files", "available: vault files"]
    assert executed(world) == {"files": 1}


def test_velero_9559_a_schedule_that_did_not_run_is_told_by_its_own_interval(world: World) -> None:
    """velero-io/velero#9559: a run that never happened leaves no failure, and one limit of 25 hours fits no other schedule."""
    more = WEEKLY_AND_HOURLY.format(schedule=SCHEDULE)
    service = rules(world, "files", timer='every = "24h"\ngrace = "1h"', more=more)
    world.sweep(service)
    sweeps(world, service, 2)
    assert told(world) == ["MISSED: timer hourly"], "an hour and ten minutes are enough for it, and for no other"
    sweeps(world, service, 24)
    assert Counter(told(world)) == {"MISSED: timer hourly": 2, "MISSED: timer nightly": 1}, "each again after a day, not before"
    assert world.posts() == []
    sweeps(world, service, 6 * 24 + 12, 6)
    assert told(world).count("MISSED: timer weekly") == 1


def test_custodian_3454_a_run_that_the_platform_repeats_for_one_error_makes_nothing_twice(world: World) -> None:
    """cloud-custodian/cloud-custodian#3454: one InternalError among many snapshots, and all of it runs four times."""
    service = rules(world, *VAULTS)
    error = answers(500, {"error_code": "BackupService.9910", "error_msg": "Unknown error."})
    world.door.on(CREATE, passes, executes_and(error), passes)
    for _ in range(4):
        world.fire(service)
        world.clock.forward(MADE)
    sweeps(world, service, 2, 0.1)
    assert executed(world) == dict.fromkeys(VAULTS, 1)
    assert len(world.sandbox.restore_points()) == 3
    started = [each for each in told(world) if each.startswith("started")]
    assert len(started) == len(set(started)) == 2, "nobody knew of the third that it had begun"
    assert sorted(each for each in told(world) if each.startswith("available")) == sorted(f"available: vault {n}" for n in VAULTS)


def test_custodian_3760_an_error_in_the_middle_of_a_run_is_told_and_stops_nobody_else(world: World) -> None:
    """cloud-custodian/cloud-custodian#3760: a run that raises, for a missing right, ends there; its notify action never runs."""
    service = rules(world, "erp", "files")
    world.door.on(CREATE, answers(403, {"error_code": "APIGW.0302", "error_msg": "not authorized", "request_id": "1"}))
    words = [each.word for each in world.fire(service).outcomes]
    sweeps(world, service, 2)
    assert sorted(words) == ["created", "failed"]
    assert sorted(each.partition(":")[0] for each in told(world)) == ["FAILED", "available", "started"]
    assert sum(executed(world).values()) == 1
    (failure,) = [message["message"] for message in world.sandbox.published if "FAILED" in message["subject"]]
    assert "cbr:vaults:backup" in failure


def test_restic_1968_a_server_without_a_backup_for_three_days_is_told_whoever_should_have_made_it(world: World) -> None:
    """restic/restic#1968: reports of the jobs themselves say nothing when no job runs, or when it leaves one host out."""
    service = rules(world, "erp", vault='max_age = "3d"')
    world.fire(service)
    world.clock.forward(MADE)
    sweeps(world, service, 1)
    world.sandbox.faults.add("skip:which=one,code=7101")
    world.clock.forward(2 * DAY)
    world.fire(service, world.clock.now())
    before = len(told(world))
    sweeps(world, service, 22, 1)
    assert "OVERDUE: vault erp" not in told(world)
    sweeps(world, service, 4, 1)
    assert told(world)[before:].count("OVERDUE: vault erp") == 1
    (overdue,) = [message["message"] for message in world.sandbox.published if "OVERDUE" in message["subject"]]
    left, kept = ("erp-app", "erp-db") if "erp-app" in overdue.partition("resources: ")[2] else ("erp-db", "erp-app")
    assert f"1 of its 2 resources: {left} (its last is of 20261123T0200" in overdue
    assert kept not in overdue.partition("Take one now")[0]
    assert len(world.posts()) == 2


def test_snapshot_scheduler_14_a_clock_that_was_put_back_takes_no_night_away(world: World) -> None:
    """amazon-archives/ebs-snapshot-scheduler#14: it ran every day without an error and took nothing since summer time ended."""
    service = rules(world, "files", timer='every = "24h"\ngrace = "2h"', vault='max_age = "27h"')
    local = datetime(2026, 10, 23, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    nights = [(local + timedelta(days=night)).astimezone(UTC) for night in range(5)]
    assert len({night.hour for night in nights}) == 2, "the hour changes among them"
    world.clock.forward((nights[0] - START).total_seconds())
    for night in nights:
        while world.clock.now() < night:
            world.clock.forward(min(HOUR, (night - world.clock.now()).total_seconds()))
            world.sweep(service)
        world.fire(service, night)
    world.clock.forward(MADE)
    sweeps(world, service, 2)
    assert executed(world) == {"files": 5}
    assert Counter(told(world)) == {"started: vault files": 5, "available: vault files": 5}


def test_snapshot_scheduler_14_and_a_function_that_runs_and_takes_nothing_is_told(world: World) -> None:
    """The schedule's time and the rules' no longer fit: every event is too old for its rule, and no run has an error."""
    service = rules(world, "files", timer='every = "24h"\ngrace = "2h"', rule='max_event_age = "30m"', vault='max_age = "27h"')
    world.fire(service)
    world.clock.forward(MADE)
    world.sweep(service)
    for day in range(1, 3):
        at = START + timedelta(days=day)
        while world.clock.now() < at + timedelta(hours=1):
            world.clock.forward(HOUR)
            world.sweep(service)
        assert only(world.fire(service, at)).reason == "stale"
    sweeps(world, service, 3)
    assert executed(world) == {"files": 1}
    assert told(world).count("OVERDUE: vault files") == 2, "after 27 hours, and a day after that"


def test_external_snapshotter_134_a_create_call_without_an_answer_is_found_again_and_not_leaked(world: World) -> None:
    """kubernetes-csi/external-snapshotter#134: the call times out, the snapshot exists, and nobody has its id."""
    service = rules(world, "files")
    world.door.on(CREATE, executes_and(cuts))
    assert only(world.fire(service)).word == "later"
    for _ in range(3):
        world.fire(service)
    sweeps(world, service, 2, 0.1)
    assert executed(world) == {"files": 1}
    (kept,) = world.sandbox.restore_points()
    assert told(world).count("available: vault files") == 1
    (message,) = [each["message"] for each in world.sandbox.published if "available" in each["subject"]]
    assert kept["id"] in message


@pytest.mark.parametrize("which", ["one", "all"])
def test_k8up_910_a_backup_that_failed_is_never_called_good(world: World, which: str) -> None:
    """k8up-io/k8up#910: "Succeeded", though the commands inside had failed."""
    service = rules(world, "erp")
    world.sandbox.faults.add(f"fail:which={which},after=30,code=7101")
    world.fire(service)
    world.clock.forward(MADE)
    world.sweep(service)
    assert told(world) == ["started: vault erp", "INCOMPLETE: vault erp" if which == "one" else "BROKEN: vault erp"]
    assert "BackupService.7101" in world.sandbox.published[1]["message"]
    assert executed(world) == {"erp": 1}


def test_k8up_910_nor_one_of_which_only_the_operation_log_knows_that_it_failed(world: World) -> None:
    service = rules(world, "files")
    world.fire(service)
    log = {"id": "1", "status": "failed", "operation_type": "backup", "created_at": "2026-11-23T02:00:01", "project_id": "1",
           "provider_id": "1", "vault_id": estate.FILES_VAULT_ID, "vault_name": "files", "checkpoint_id": "",
           "error_info": {"code": "BackupService.9910", "message": "Unknown error."}, "extra_info": {}}  # fmt: skip
    (kept,) = world.sandbox.restore_points()
    log["checkpoint_id"] = kept["id"]
    world.door.on(LOGS, answers(200, {"operation_logs": [log], "count": 1}))
    world.clock.forward(MADE)
    world.sweep(service)
    assert told(world) == ["started: vault files", "INCOMPLETE: vault files"]
