"""``restore-point history``: who or what asked, when, for what, with what result."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers.ledger import Record, open_ledger
from handlers.overview.asked import answers, read_wishes
from handlers.plan.planned import Planned
from handlers.restore_point.wish import KIND, State, Wish
from handlers.sandbox import Sandbox, estate
from handlers.vault_backup import VaultBackup
from tests.cli.terminal import RULES, Inside, Ran, Terminal, event, known
from tests.scripted import CREATE, World, fails, only, world_in

NOW = 1_795_000_000.0
ALERTS = """
[senders.am]
dialect = "alertmanager"
proof = "platform"
[[rules]]
name = "critical"
sender = "am"
match = { severity = "critical" }
vaults = ["files"]
"""


def wish(state: State = "done", cause: str = "c", **more: Any) -> Wish:
    planned = Planned(
        backup=VaultBackup(vault_id=estate.ERP_VAULT_ID), cause=cause, occurred=datetime.fromtimestamp(NOW, UTC), vault="erp",
        project="default", rule="nightly-erp", trigger="timer", sender="nightly", delivery_id="d", cause_names=("nightly",),
    )  # fmt: skip
    return Wish(**({"planned": planned, "state": state, "wanted_at": NOW, "due": None} | more))


def result(*wishes: Wish) -> tuple[str, str]:
    first = answers(read_wishes([each.to_record() for each in wishes])[0])[0]
    return first.result, first.says


@pytest.mark.parametrize(
    ("made", "word", "says"),
    [
        (wish(due=NOW, reason="created", checkpoint_id="x"), "created", "being made"),
        (wish(due=NOW, reason="running_already", checkpoint_id="x"), "joined", "running already; being made"),
        (wish(due=NOW, reason="not_finished", checkpoint_id="x"), "created", "no end after a day, and still followed"),
        (wish(ended="available", reason="created", checkpoint_id="x"), "available", ""),
        (wish(ended="partly", reason="created", checkpoint_id="x"), "partly", ""),
        (wish(ended="broken", reason="created", checkpoint_id="x"), "broken", ""),
        (wish("wanted", reason="queued", slot=NOW, due=NOW), "queued", "CBR is asked at 2026-11-18 11:06 UTC"),
        (wish("claimed", due=NOW), "in_progress", "a run is at work on it"),
        (wish("failed", reason="rejected", untold="No such vault."), "failed", "No such vault."),
        (wish("failed", reason="still_busy"), "failed", "still busy"),
        (wish("failed", reason="min_interval"), "skipped", "min interval"),
        (wish("follows", leader="gone"), "joined", "by another cause of its delivery"),
    ],
)
def test_each_state_of_a_wish_has_its_word(made: Wish, word: str, says: str) -> None:
    assert result(made) == (word, says)


def test_what_waits_says_why_and_how_long_yet() -> None:
    waits = wish("wanted", reason="busy", due=NOW + 60)
    says = "CBR could not take it yet (busy), tried again at 2026-11-18 11:07 UTC"
    assert result(waits) == ("later", says)
    ends = replace(waits, planned=replace(waits.planned, give_up_after=3600.0))
    assert result(ends) == ("later", f"{says}; given up 2026-11-18 12:06 UTC")


def test_a_follower_ends_as_its_leader_does() -> None:
    leader = wish(ended="partly", reason="created", checkpoint_id="x", cause="first")
    assert result(wish("follows", cause="second", leader="first"), leader)[0] == "partly"
    assert result(wish("follows", cause="second", leader="first"), replace(leader, ended="", due=NOW))[0] == "joined"


# ── the verb ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def cloud() -> Iterator[Sandbox]:
    with Sandbox(speed=200, well_behaved=True) as running:
        yield running


@pytest.fixture(scope="module")
def asked(cloud: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """One who asked at a terminal, a timer's two restore points, and an alert's. No test changes what is there."""
    folder = tmp_path_factory.mktemp("asked")
    made = Terminal(folder, known(cloud, folder) | {"RESTORE_POINT_LEDGER": f"sqlite:{folder}/ledger"})
    made.write("rules.toml", RULES + ALERTS)
    made.write("timer.json", event())
    labels = {"alertname": "=HYPERLINK(1)", "severity": "critical"}
    made.write("alert.json", {"alerts": [{"status": "firing", "labels": labels, "generatorURL": "https://prometheus.example/1"}]})
    assert made.run("take", "erp", "--wait").code == 0
    assert made.run("send", "timer.json", "--as", "timer").code == 0
    assert made.run("send", "alert.json", "--as", "alert", "--sender", "am").code in (0, 75)
    return made


def rows(ran: Ran) -> list[tuple[str, str, str, str]]:
    return [(each["trigger"], each["sender"], each["rule"], each["vault"]) for each in ran.json["wishes"]]


def test_who_asked_for_what_the_newest_first(asked: Terminal, inside: Inside, cloud: Sandbox) -> None:
    before = len(cloud.exchanges)
    ran = inside(asked, "history", "--json")
    assert (ran.code, ran.err, ran.json["unreadable"]) == (0, "", 0)
    found = ran.json["wishes"]
    assert rows(ran)[0] == ("alert", "am", "critical", "files")
    assert rows(ran)[-1] == ("once", "terminal", "", "erp")
    assert sorted(rows(ran)[1:3]) == [("timer", "nightly", "nightly-all", "erp"), ("timer", "nightly", "nightly-all", "files")]
    assert [each["wanted_at"] for each in found] == sorted((each["wanted_at"] for each in found), reverse=True)
    assert found[-1]["result"] == "available"
    assert found[-1]["checkpoint_id"] in {each["id"] for each in cloud.restore_points()}
    assert "HYPERLINK" in found[0]["cause_names"][0]
    assert len(cloud.exchanges) == before  # the ledger is all it reads
    for name in ("files", estate.FILES_VAULT_ID):
        ran = inside(asked, "history", "--vault", name, "--json")
        assert {row[3] for row in rows(ran)} == {"files"}
        assert len(rows(ran)) == 2
    ran = inside(asked, "history", "--vault", "lost")
    assert (ran.code, ran.out.partition(" within")[0]) == (0, "Nothing was wanted of vault lost")
    ran = inside(asked, "history")
    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if len(line) > 80] == []
    assert ran.out.startswith("WANTED (UTC)      RESULT       VAULT                 BY\n")
    assert "once terminal" in ran.out
    assert "rule nightly-all" in ran.out


def test_within_a_span_and_what_nobody_can_read_is_said(asked: Terminal, inside: Inside) -> None:
    now = datetime.now(UTC).timestamp()
    own = asked.folder / "own"
    shutil.copy(asked.folder / "ledger", own)
    asked = replace(asked, environ={**asked.environ, "RESTORE_POINT_LEDGER": f"sqlite:{own}"})
    store = open_ledger(f"sqlite:{own}", lambda: NOW)
    store.put_if_absent(wish(cause="old", wanted_at=now - 8 * 86400).to_record())
    assert len(inside(asked, "history", "--json").json["wishes"]) == 4
    assert len(inside(asked, "history", "--since", "9d", "--json").json["wishes"]) == 5
    ran = inside(asked, "history", "--since", "yesterday")
    assert (ran.code, "--since: must be a time span" in ran.err) == (2, True)
    for key, body in (("a", "{}"), ("b", "[1"), ("c", '{"backup": null}')):
        store.put_if_absent(Record(KIND, key, now, None, body, now + 60))
    store.close()
    ran = inside(asked, "history", "--json")
    assert (ran.code, len(ran.json["wishes"]), ran.json["unreadable"]) == (0, 4, 3)
    assert "3 records of ledger sqlite:" in ran.err
    assert "cannot be read" in ran.err


def test_a_table_for_a_spreadsheet_that_calculates_nothing(asked: Terminal, inside: Inside) -> None:
    ran = inside(asked, "history", "--csv")
    table = list(csv.DictReader(io.StringIO(ran.out, newline="")))
    assert (ran.code, len(table)) == (0, 4)
    assert table[0]["link"] == "https://prometheus.example/1"
    assert (table[-1]["result"], table[-1]["vault"]) == ("available", "erp")
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in table for cell in row.values())
    assert ran.out.splitlines()[1].count('","') == len(table[0]) - 1
    ran = inside(asked, "history", "--csv", "--json")
    assert (ran.code, ran.json["error"]["field"]) == (2, "--csv")


def test_a_ledger_that_is_down_is_to_be_tried_again(ruled: Terminal, inside: Inside) -> None:
    ruled.write("file", "")
    ran = inside(ruled, "history", RESTORE_POINT_LEDGER=f"sqlite:{ruled.folder}/file/ledger")
    assert (ran.code, ran.out) == (75, "")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as running:
        yield running


def test_a_failure_keeps_its_reason(world: World) -> None:
    service = world.service()
    world.door.on(CREATE, fails("6114"))
    failed = only(world.fire(service))
    (found,) = answers(read_wishes(service.ledger.since(KIND, 0.0))[0])
    assert (found.result, found.reason) == (failed.word, failed.reason) == ("failed", "rejected")
