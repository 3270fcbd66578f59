"""When and where: a message says when what it tells was decided, however long no topic took it, and in which project that is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers.outcome import Available, Healed, Missed, Outcome, Overdue, Refused
from handlers.sandbox import estate
from handlers.service import Service
from handlers.wire import Deadline
from tests.scripted import CREATE, PROJECTS, PUBLISH, START, World, fails, world_in

ALL = '["created", "later", "failed", "available", "partly", "broken", "overdue", "missed", "warning", "healed", "refused"]'
TOPIC = f'[topics.ops]\nkind = "smn"\nurn = "{estate.TOPIC_URN}"\noutcomes = {ALL}\n'
TWO = TOPIC + f'[topics.log]\nkind = "log"\noutcomes = {ALL}\n'
HOUR = 3600.0


@contextmanager
def a_night(folder: Path, *, away: float, topics: str) -> Iterator[World]:
    """Restore points that are made, that break, that no vault can have; a topic that is ``away`` for some hours of it."""
    folder.mkdir()
    with world_in(folder) as world:
        world.write_rules("files", "empty", topics=topics)
        service = world.service()
        if away:
            world.door.on(PUBLISH, fails("SMN.0018", 500), always=True)
        world.sandbox.faults.add("fail:which=all,after=30,times=2")
        for hours in range(24):
            if hours < 2:
                world.fire(service, START + timedelta(hours=hours))
            if hours == away:
                world.door.calm()
            for _ in range(12):
                world.clock.forward(300)
                world.sweep(service)
        yield world


def said(world: World, label: str) -> set[tuple[str, str]]:
    """What each message says behind that label, with its subject and the restore point it is about."""
    found = set()
    for message in world.sandbox.published:
        name, value = (re.search(rf"^{each}: (.*)$", message["message"], re.MULTILINE) for each in ("Name", label))
        found.add((message["subject"] + (name[1] if name else ""), value[1] if value else ""))
    return found


@pytest.mark.parametrize("topics", [TOPIC, TWO], ids=["none", "one"])
def test_what_waited_for_a_topic_for_hours_is_of_the_time_at_which_it_would_have_been_told(tmp_path: Path, topics: str) -> None:
    """Whatever keeps it: a wish, a notice or the outbox, where ``topics`` says how many of them could hear it at once."""
    with a_night(tmp_path / "heard", away=0, topics=topics) as world:
        at_once = {each for each in said(world, "Time") if "topic_down" not in each[0]}
    with a_night(tmp_path / "away", away=9, topics=topics) as world:
        late = {each for each in said(world, "Time") if "topic_down" not in each[0]}
    assert {subject.partition(":")[0] for subject, _ in late} >= {
        "Restore point started" if topics == TWO else "Restore point available", "Restore point BROKEN", "Restore point FAILED",
        "Restore point available",
    }  # fmt: skip
    assert late == at_once
    assert all(re.fullmatch(r"2026-11-23T0[234]:\d\d:\d\dZ", time) for _, time in late)


def test_a_message_about_a_vault_says_its_project_and_region(tmp_path: Path) -> None:
    with a_night(tmp_path / "heard", away=0, topics=TOPIC) as world:
        assert {value for _, value in said(world, "Project")} == {f"default {estate.PROJECT_ID}"}
        assert {value for _, value in said(world, "Region")} == {estate.REGION}


def dated(service: Service, outcome: Outcome) -> tuple[str, str, str]:
    told = service.outbox(Deadline.after(service.clock, 9)).dated(outcome)
    assert told.at
    return told.project, told.project_id, told.region


def test_what_is_about_no_vault_is_of_no_project(tmp_path: Path) -> None:
    with world_in(tmp_path) as world:
        world.write_rules("files")
        service = world.service()
        about: dict[str, Any] = {"reason": "why", "message": "What."}
        nowhere: tuple[Outcome, ...] = (Missed(trigger="timer", sender="nightly", **about), Refused(**about), Healed(**about))
        assert {dated(service, each) for each in nowhere} == {("", "", "")}
        assert dated(service, Overdue(vault="files", **about)) == ("default", estate.PROJECT_ID, estate.REGION)


PROJECTS_OF_TWO = f"""
[projects.main]
project_id = "{estate.PROJECT_ID}"
[projects.other]
project_id = "{"0" * 32}"
region = "eu-nl"
[vaults.files]
id = "{estate.FILES_VAULT_ID}"
project = "other"
[[rules]]
name = "r"
timer = "nightly"
vaults = ["files"]
[timers.nightly]
source = "x"
"""


def test_of_several_projects_it_is_the_one_the_rules_say_now_or_the_one_where_tags_found_it(tmp_path: Path) -> None:
    with world_in(tmp_path) as world:
        (world.folder / "rules.toml").write_text(PROJECTS_OF_TWO)
        service = world.service()
        about: dict[str, Any] = {"reason": "why", "message": "What."}
        other = ("other", "0" * 32, "eu-nl")
        assert dated(service, Available(vault="files", project="main", **about)) == other
        assert dated(service, Available(vault_id=estate.FILES_VAULT_ID, **about)) == other
        assert dated(service, Available(vault="by-tags", project="main", **about))[:2] == ("main", estate.PROJECT_ID)
        assert dated(service, Available(vault="by-tags", project="gone", **about)) == ("gone", "", "")
        assert dated(service, Available(vault="by-tags", **about)) == ("", "", "")


def test_a_project_that_has_to_be_looked_up_is_not_looked_up_for_a_message(tmp_path: Path) -> None:
    with world_in(tmp_path) as world:
        world.write_rules("files", topics=TOPIC)
        service = world.service({name: value for name, value in world.environ().items() if "PROJECT_ID" not in name})
        assert dated(service, Overdue(reason="why", message="What.", vault="files"))[0::2] == ("default", estate.REGION)
        assert world.door.came(PROJECTS) == []
        world.door.on(CREATE, fails("6103"))
        world.fire(service)
        assert said(world, "Project") == {
            (world.sandbox.published[0]["subject"] + service.ledger.since("wish", 0)[0].body.split('"name": "')[1].split('"')[0],
             f"default {estate.PROJECT_ID}")
        }  # fmt: skip
        assert len(world.door.came(PROJECTS)) == 1


def test_the_log_line_says_it_too(tmp_path: Path) -> None:
    with world_in(tmp_path) as world:
        world.write_rules("files")
        world.fire(world.service())
        (point,) = world.deliveries()[-1]["restore_points"]
        assert (point["at"], point["project"], point["project_id"]) == ("2026-11-23T02:00:00Z", "default", estate.PROJECT_ID)
