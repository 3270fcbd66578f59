"""The API's client: lists to their end, replies read tolerantly, and nothing guessed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from handlers.cbr import PAGE, PAGES, Cbr
from handlers.errors import NotSent, Rejected, Unclear
from handlers.sandbox import estate
from handlers.vault_backup import CheckpointParam, VaultBackup
from handlers.wire import Deadline
from tests.scripted import (
    BACKUPS,
    CREATE,
    LOGS,
    SHOW,
    START,
    TOPIC,
    VAULT,
    Act,
    Passing,
    World,
    answers,
    executes_and_changes,
    world_in,
)

VAULTS = ("GET", r"/vaults\?")
FILES = estate.FILES_VAULT_ID


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        made.write_rules(topics="[projects.main]\nrequests_per_second = 200\n" + TOPIC)
        yield made


@pytest.fixture
def cbr(world: World) -> Cbr:
    return world.service().cbrs["main"]


@pytest.fixture
def deadline(world: World) -> Deadline:
    return Deadline.after(world.clock, 600)


def backup(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"b-{number}", "name": f"n-{number}", "status": "available", "created_at": "2026-11-23T02:00:00.000000", **more}


def pages(rows: Callable[[int], list[dict[str, Any]]], most: int = 1000, key: str = "backups", **extra: Any) -> Act:
    """A list; ``rows`` gets the number of the request, so that it may shift meanwhile."""
    asked = [0]

    def act(it: Passing) -> None:
        query = parse_qs(urlsplit(it.seen.target).query)
        offset, limit = int(query["offset"][0]), min(int(query["limit"][0]), most)
        found = rows(asked[0])
        asked[0] += 1
        document = {key: found[offset : offset + limit], "count": len(found), **extra}
        it.say(200, {}, json.dumps(document).encode())

    return act


def ids(found: list[Any]) -> list[str]:
    return [each.id for each in found]


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_a_list_is_read_to_its_end(world: World, cbr: Cbr, deadline: Deadline, count: int) -> None:
    rows = [backup(number) for number in range(count)]
    world.door.on(BACKUPS, pages(lambda _: rows), always=True)
    assert ids(cbr.backups(deadline, vault_id=FILES)) == [row["id"] for row in rows]


@pytest.mark.parametrize("said", [{}, {"count": 0}, {"count": "many"}, {"count": None}, {"count": 10**6}])
def test_a_wrong_count_hides_no_full_page_and_never_loops(
    world: World, cbr: Cbr, deadline: Deadline, said: dict[str, Any]
) -> None:
    rows = [backup(number) for number in range(1500)]
    world.door.on(BACKUPS, pages(lambda _: rows, **said), always=True)
    assert len(cbr.backups(deadline, vault_id=FILES)) == 1500
    assert len(world.door.came(BACKUPS)) <= 1500 // PAGE + 1


def test_pages_smaller_than_asked_for_are_no_end(world: World, cbr: Cbr, deadline: Deadline) -> None:
    """Read until a page is empty: a service may give fewer entries at once than it is asked for."""
    rows = [backup(number) for number in range(250)]
    world.door.on(BACKUPS, pages(lambda _: rows, most=30), always=True)
    assert ids(cbr.backups(deadline, vault_id=FILES)) == [row["id"] for row in rows]


def test_a_list_that_grows_while_it_is_read_loses_nothing_and_repeats_nothing(world: World, cbr: Cbr, deadline: Deadline) -> None:
    def rows(asked: int) -> list[dict[str, Any]]:
        return [backup(-number - 1) for number in reversed(range(asked))] + [backup(number) for number in range(2100)]

    world.door.on(BACKUPS, pages(rows), always=True)
    found = ids(cbr.backups(deadline, vault_id=FILES))
    assert len(found) == len(set(found))
    assert {f"b-{number}" for number in range(2100)} <= set(found)


def test_a_list_without_an_end_is_left_and_is_no_list(world: World, cbr: Cbr, deadline: Deadline) -> None:
    """What was not read may hold what is looked for: half a list must not mean that it is not there."""
    page = json.dumps({"backups": [backup(number) for number in range(PAGE)], "count": 10**9}).encode()
    world.door.on(BACKUPS, lambda it: it.say(200, {}, page), always=True)
    with pytest.raises(Unclear, match="did not end"):
        cbr.backups(deadline, vault_id=FILES)
    assert len(world.door.came(BACKUPS)) == PAGES


def test_what_is_asked_of_the_lists(world: World, cbr: Cbr, deadline: Deadline) -> None:
    since = START.astimezone(UTC) - timedelta(minutes=15)
    cbr.backups(deadline, vault_id=FILES, since=since)
    cbr.operations(deadline, vault_id=FILES, since=since)
    backups, logs = (parse_qs(urlsplit(seen.target).query) for seen in world.door.seen)
    assert backups["vault_id"] == logs["vault_id"] == [FILES]
    assert backups["start_time"] == logs["start_time"] == ["2026-11-23T01:45:00Z"]
    assert logs["operation_type"] == ["backup"]
    assert "name" not in backups, "whether the filter matches exactly is not documented"


def test_lists_of_the_sandbox_are_read(world: World, cbr: Cbr, deadline: Deadline) -> None:
    world.sandbox.habits.suffixes = True
    asked = VaultBackup(vault_id=estate.ERP_VAULT_ID, parameters=CheckpointParam(name="one"))
    checkpoint, _ = cbr.create(asked, deadline)
    made = cbr.backups(deadline, vault_id=estate.ERP_VAULT_ID)
    assert sorted(each.name for each in made) == ["one-0001", "one-0002"]
    assert {each.checkpoint_id for each in made} == {checkpoint.id}
    operations = cbr.operations(deadline, vault_id=estate.ERP_VAULT_ID, since=START)
    assert {(each.checkpoint_id, each.status) for each in operations} == {(checkpoint.id, "running")}
    assert {each.resource_id for each in operations} == {estate.ERP_APP_ID, estate.ERP_DB_ID}
    assert set(ids(cbr.vaults(deadline))) == {vault.id for vault in estate.VAULTS}


UNREADABLE: dict[str, Any] = {
    "html": b"<html>502</html>",
    "empty": b"",
    "an array": [],
    "a number": 7,
    "null": b"null",
    "no list": {"count": 0},
    "list is null": {"backups": None},
    "list is an object": {"backups": {}},
    "entry is a string": {"backups": ["b-1"]},
    "entry without id": {"backups": [{"name": "n", "created_at": "2026-11-23T02:00:00"}]},
    "entry without time": {"backups": [{"id": "b-1"}]},
    "time is none": {"backups": [backup(1, created_at="yesterday")]},
    "one bad of two": {"backups": [backup(1), backup(2, created_at=None)]},
    "too deep": b"[" * 100_000,
    "too large a number": b'{"backups": [' + b"9" * 5000 + b"]}",
}


@pytest.mark.parametrize("document", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_list_that_cannot_be_read_is_unclear(world: World, cbr: Cbr, deadline: Deadline, document: Any) -> None:
    world.door.on(BACKUPS, answers(200, document), always=True)
    with pytest.raises(Unclear):
        cbr.backups(deadline, vault_id=FILES)


# ── single documents ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "document", [b"<html>", b"", [], {}, {"checkpoint": None}, {"checkpoint": {"id": "x"}}, {"checkpoint": []}]
)
def test_a_restore_point_that_cannot_be_read_is_unclear(world: World, cbr: Cbr, deadline: Deadline, document: Any) -> None:
    for target in (CREATE, SHOW):
        world.door.on(target, answers(200, document), always=True)
    with pytest.raises(Unclear):
        cbr.create(VaultBackup(vault_id=FILES), deadline)
    with pytest.raises(Unclear):
        cbr.show("0e4d4b4e-8f6c-4d83-9c43-5ad7a4f6c1d2", deadline)
    assert len(world.door.came(CREATE)) == 1


@pytest.mark.parametrize("document", [b"<html>", [], {}, {"vault": None}, {"vault": {}}, {"vault": "x"}])
def test_a_vault_that_cannot_be_read_is_unclear(world: World, cbr: Cbr, deadline: Deadline, document: Any) -> None:
    world.door.on(VAULT, answers(200, document), always=True)
    with pytest.raises(Unclear):
        cbr.vault(FILES, deadline)


def test_create_sends_the_bytes_and_gives_the_request_id(world: World, cbr: Cbr, deadline: Deadline) -> None:
    asked = VaultBackup(vault_id=FILES, parameters=CheckpointParam(name="one", incremental=False))
    checkpoint, request_id = cbr.create(asked, deadline)
    (seen,) = world.door.came(CREATE)
    assert seen.body == asked.to_bytes()
    assert seen.target == f"/v3/{estate.PROJECT_ID}/checkpoints"
    assert seen.headers["content-type"].startswith("application/json")
    assert len(request_id) == 32
    assert checkpoint.id == world.sandbox.restore_points()[0]["id"]
    assert cbr.show(checkpoint.id, deadline).status == "protecting"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T02:00:00.000000",
        "2026-11-23T02:00:00Z",
        "2026-11-23T02:00:00.000+00:00",
        "2026-11-23 02:00:00",
        "2026-11-23T02:00:00.0",
    ],
)
def test_every_form_of_a_time_is_read_as_utc(world: World, cbr: Cbr, deadline: Deadline, text: str) -> None:
    world.door.on(BACKUPS, answers(200, {"backups": [backup(1, created_at=text)]}))
    (found,) = cbr.backups(deadline, vault_id=FILES)
    assert found.created_at == datetime(2026, 11, 23, 2, tzinfo=UTC)


def test_what_drifts_between_text_and_wire_is_tolerated(world: World, cbr: Cbr, deadline: Deadline) -> None:
    def drift(document: Any) -> None:
        vault = document["vault"]
        vault["new_field"] = {"x": [1]}
        vault["billing"] |= {"size": "500", "used": None, "status": "a state of tomorrow"}
        vault["resources"][0] |= {"size": "40", "protect_status": None, "backup_size": "", "extra_info": "{}"}
        vault["enterprise_project_id"] = 0

    world.door.on(VAULT, executes_and_changes(drift))
    vault = cbr.vault(FILES, deadline)
    assert (vault.billing.size, vault.billing.used, vault.resources[0].size) == (500, None, 40)


def test_operations_are_read_however_they_are_filled(world: World, cbr: Cbr, deadline: Deadline) -> None:
    line = {"id": "1", "created_at": "2026-11-23T02:00:00Z"}
    lines = [
        line | {"extra_info": None, "error_info": None},
        line | {"id": "2", "extra_info": {"common": {"progress": 250}, "resource": None}, "error_info": {"code": None}},
        line
        | {"id": "3", "extra_info": '{"common": {"progress": 40}}', "error_info": {"code": "BackupService.7101", "message": "m"}},
        line | {"id": "4", "extra_info": {"common": {"progress": "half"}, "backup": {"backup_name": "n"}}},
    ]
    world.door.on(LOGS, answers(200, {"operation_logs": lines}))
    found = cbr.operations(deadline, vault_id=FILES, since=START)
    assert [each.progress for each in found] == [0, 100, 40, 0]
    assert [each.error for each in found] == [("", ""), ("", ""), ("BackupService.7101", "m"), ("", "")]
    assert [each.backup_name for each in found] == ["", "", "", "n"]


# ── paths and pace ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", ["", "..", "a/b", "a?b", "a%2Fb", "a b", "ä", "x" * 65, "a\n", "a#b", "../vaults"])
def test_an_id_that_is_none_becomes_no_path(world: World, cbr: Cbr, deadline: Deadline, value: str) -> None:
    for call in (cbr.show, cbr.vault):
        with pytest.raises(Rejected):
            call(value, deadline)
    assert world.door.seen == []


def test_calls_keep_the_projects_pace(world: World) -> None:
    world.write_rules(topics="[projects.main]\nrequests_per_second = 2\n" + TOPIC)
    cbr, began = world.service().cbrs["main"], world.clock.monotonic()
    for _ in range(11):
        cbr.vault(FILES, Deadline.after(world.clock, 60))
    assert world.clock.monotonic() - began >= 4.0, "a second's worth at once, then two a second"


def test_a_turn_after_the_deadline_is_not_waited_for(world: World) -> None:
    world.write_rules(topics="[projects.main]\nrequests_per_second = 0.1\n" + TOPIC)
    cbr = world.service().cbrs["main"]
    deadline = Deadline.after(world.clock, 5)
    cbr.vault(FILES, deadline)
    with pytest.raises(NotSent):
        cbr.vault(FILES, deadline)
    assert len(world.door.seen) == 1


def test_a_get_may_be_repeated_and_a_post_may_not(world: World, cbr: Cbr, deadline: Deadline) -> None:
    world.door.on(VAULT, answers(502, b"<html>"))
    assert cbr.vault(FILES, deadline).id == FILES
    world.door.on(CREATE, answers(502, b"<html>"))
    with pytest.raises(Unclear):
        cbr.create(VaultBackup(vault_id=FILES), deadline)
    assert (len(world.door.came(VAULT)), len(world.door.came(CREATE))) == (2, 1)


def test_a_missing_vault_is_rejected_with_its_code(cbr: Cbr, deadline: Deadline) -> None:
    with pytest.raises(Rejected) as caught:
        cbr.vault("00000000-0000-0000-0000-000000000000", deadline)
    assert (caught.value.code, caught.value.status) == ("BackupService.6105", 404)
    assert len(caught.value.request_id) == 32
