"""The flags of ``restore-point sandbox``: how it misbehaves, what date it has, what it says to nonsense."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

import pytest

from handlers.sandbox import estate
from handlers.sandbox.faults import KINDS
from handlers.sandbox.faults.states import CHANGES
from handlers.sandbox.habits import Habits
from tests.cli.terminal import COMMAND, PATIENCE, Inside, Terminal


@contextmanager
def serving(terminal: Terminal, *arguments: str) -> Iterator[http.client.HTTPConnection]:
    with terminal.start("sandbox", "--json", *arguments) as process:
        assert process.stdout is not None
        place = json.loads(process.stdout.readline())
        connection = http.client.HTTPConnection(urlsplit(place["endpoint"]).netloc, timeout=5)
        try:
            yield connection
        finally:
            connection.close()
            process.terminate()
            process.wait(PATIENCE)


def get(connection: http.client.HTTPConnection, path: str) -> tuple[http.client.HTTPResponse, Any]:
    connection.request("GET", path)
    reply = connection.getresponse()
    return reply, json.loads(reply.read() or b"null")


def test_faults_are_there_from_the_start(offline: Terminal) -> None:
    with serving(offline, "--fault", "status:code=503,times=2", "--fault", "redirect", "--seed", "7") as connection:
        rows = get(connection, "/_sandbox/faults")[1]["faults"]
        assert [(row["kind"], row["times"], row["struck"]) for row in rows] == [("status", 2, 0), ("redirect", 1, 0)]
        reply, _ = get(connection, "/v3")
        assert (reply.status, reply.headers["Location"]) == (302, "http://127.0.0.1:9/")


def test_out_of_itself_it_misbehaves(offline: Terminal) -> None:
    with serving(offline) as connection:
        habits = get(connection, "/_sandbox/habits")[1]
    assert (habits["list_lag"], habits["unordered"], habits["suffixes"]) == (2.0, True, True)
    assert (habits["forms"], habits["otc"]) == ("wire", False)


def test_unless_told_to_behave_and_it_can_speak_in_other_forms(offline: Terminal) -> None:
    with serving(offline, "--well-behaved", "--documents-forms", "--otc", "--keep", "5") as connection:
        habits = get(connection, "/_sandbox/habits")[1]
    assert (habits["list_lag"], habits["unordered"], habits["suffixes"]) == (0.0, False, False)
    assert (habits["forms"], habits["otc"]) == ("documents", True)


@pytest.mark.parametrize("now", ["2020-02-05T10:38:34Z", "2020-02-05T11:38:34+01:00"])
def test_its_date_is_what_one_says_and_runs_on(offline: Terminal, now: str) -> None:
    with serving(offline, "--now", now) as connection:
        date = get(connection, "/v3")[0].headers["Date"]
        assert date.startswith("Wed, 05 Feb 2020 10:38:3")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fault", "reset_aftr"], "--fault: 'reset_aftr' is no kind of fault (did you mean 'reset_after'?)"),
        (["--fault", "drip:second=1"], "--fault: drip has no 'second' (did you mean 'seconds'?)"),
        (["--fault", "drip", "--fault", "hang:when=now"], "--fault: hang:when must be one of after, before"),
        (["--now", "yesterday"], "--now: must be a time with its zone, such as 2026-11-23T07:04:51Z"),
        (["--now", "2026-11-23T07:04:51"], "--now: must be a time with its zone, such as 2026-11-23T07:04:51Z"),
        (["--port", "70000"], "--port: must be within 0-65535, 0 for a free one"),
        (["--port", "-1"], "--port: must be within 0-65535, 0 for a free one"),
        (["--bogus"], "unrecognized arguments: --bogus; see restore-point sandbox --help"),
        (["--keep", "0"], "--keep: must be 1 or more"),
        (["--speed", "0"], "--speed: must be more than 0"),
    ],
)
def test_nonsense_is_answered_with_what_would_do(offline: Terminal, inside: Inside, arguments: list[str], said: str) -> None:
    ran = inside(offline, "sandbox", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"restore-point: {said}")


def test_every_kind_is_shown_in_a_table_that_fits_a_terminal(offline: Terminal, inside: Inside) -> None:
    ran = inside(offline, "sandbox", "--fault", "list")
    assert ran.code == 0
    shown = {line.split()[0] for line in ran.out.splitlines() if line.startswith("  ") and not line.startswith("   ")}
    assert shown == set(KINDS)
    assert max(map(len, ran.out.splitlines())) <= 120


def test_every_kind_is_shown_to_programs_too(offline: Terminal, inside: Inside) -> None:
    ran = inside(offline, "sandbox", "--fault", "list", "--json")
    assert set(ran.json) == set(KINDS)
    assert ran.json["late_apply"]["sets"] == {"after": 30.0, "answer": ["504", "reset", "hang"]}


def test_help_shows_every_habit_and_every_way_to_change_something(offline: Terminal) -> None:
    said = offline.run("sandbox", "--help").out
    assert [field.name for field in fields(Habits) if f"\n      {field.name} " not in said] == []
    assert [what for what in CHANGES if f'{{"{what}": {{' not in said] == []
    assert all(f"/_sandbox{path}" in said for path in ("/faults", "/habits", "/state", "/tokens/expire", "/record"))
    assert "/openapi.json" in said


def test_two_cannot_share_a_state(offline: Terminal, inside: Inside) -> None:
    name = offline.write("shared.json", "")  # an empty file is a new state
    with serving(offline, "--state", name):
        ran = inside(offline, "sandbox", "--state", name)
        assert (ran.code, ran.err) == (2, f"restore-point: --state: {name} is in use by another sandbox\n")
    ran = inside(offline, "sandbox", "--state", name, "--", COMMAND, "--version")
    assert ran.code == 0, ran.err


def test_a_state_from_a_later_time_is_told(offline: Terminal) -> None:
    state = ("--state", "later.json")
    created = offline.run("sandbox", *state, "--", COMMAND, "take", estate.ERP_VAULT_ID)
    assert created.code == 0, created.err
    ran = offline.run("sandbox", *state, "--now", "2020-01-01T00:00:00Z", "--", COMMAND, "--version")
    assert (ran.code, ran.err) == (0, "restore-point: --state: is newer than its clock: give a later --now\n")


def test_a_state_file_outlives_the_command_and_the_server(offline: Terminal) -> None:
    state = ("--state", str(offline.folder / "sandbox.json"))
    ran = offline.run("sandbox", *state, "--speed", "200", "--", COMMAND, "take", estate.ERP_VAULT_ID)
    assert ran.code == 0, ran.err
    for _ in range(2):  # the first of them is ended by SIGTERM
        with serving(offline, *state) as connection:
            record = get(connection, "/_sandbox/record")[1]
            assert [point["vault_id"] for point in record["restore_points"]] == [estate.ERP_VAULT_ID]
            assert record["counts"]["posts"] == 1


def test_a_file_of_somebody_elses_is_left_alone(offline: Terminal, inside: Inside) -> None:
    name = offline.write("notes.json", '{"mine": true}')
    ran = inside(offline, "sandbox", "--state", name)
    assert (ran.code, ran.err) == (2, "restore-point: --state: notes.json is some other file, and was left as it is\n")
    assert (offline.folder / name).read_text() == '{"mine": true}'
    ran = inside(offline, "sandbox", "--state", "nowhere/state")
    assert (ran.code, ran.err) == (2, "restore-point: --state: nowhere/state cannot be written: No such file or directory\n")
