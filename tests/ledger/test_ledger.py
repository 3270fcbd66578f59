"""What every ledger promises, tried on each back end; then what only the file of the sqlite one can suffer.

A new back end is one line in WHERE (servers.py). Those that other processes can open are in SHARED.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from handlers.errors import LedgerDown, Misconfigured
from handlers.ledger import Ledger, Record, open_ledger
from handlers.ledger.sqlite import APPLICATION, PRUNED_PER_PUT, SCHEMA, SqliteLedger
from tests.ledger.servers import SHARED, WHERE, open_at, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
START = 1_763_900_000.25


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=WHERE)
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with closing(open_at(WHERE[request.param](tmp_path), clock)) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def wish(key: str = "a", *, kind: str = "wish", at: float = START, due: float | None = START, body: str = "{}") -> Record:
    return Record(kind, key, at, due, body, expires=START + 100)


# --- the contract --------------------------------------------------------------------------------------------------------


def test_the_first_record_is_stored_as_version_one(ledger: Ledger) -> None:
    assert ledger.get("wish", "a") is None
    assert ledger.put_if_absent(replace(wish(), version=9)) is None
    assert ledger.get("wish", "a") == replace(wish(), version=1)


def test_the_second_is_shown_the_first_and_changes_nothing(ledger: Ledger) -> None:
    ledger.put_if_absent(wish(body="first"))
    assert ledger.put_if_absent(wish(body="second", due=None)) == replace(wish(body="first"), version=1)
    assert ledger.get("wish", "a") == replace(wish(body="first"), version=1)


def test_a_swap_changes_everything_but_the_name_and_counts_the_version(ledger: Ledger) -> None:
    ledger.put_if_absent(wish())
    for version in range(1, 5):
        changed = Record("wish", "a", START + version, None, f"{version}", START + 200 + version, version)
        assert ledger.swap(changed) == replace(changed, version=version + 1)
        assert ledger.get("wish", "a") == replace(changed, version=version + 1)


@pytest.mark.parametrize("version", [0, 1, 3, -1, 2**62])
def test_a_swap_of_another_version_is_refused(ledger: Ledger, version: int) -> None:
    ledger.put_if_absent(wish())
    standing = ledger.swap(replace(wish(body="two"), version=1))
    assert ledger.swap(replace(wish(body="stale"), version=version)) is None
    assert ledger.get("wish", "a") == standing


def test_a_swap_of_nothing_is_refused(ledger: Ledger) -> None:
    assert ledger.swap(wish()) is None
    assert ledger.swap(replace(wish(), version=1)) is None
    assert ledger.get("wish", "a") is None


def test_kind_and_key_together_are_the_name(ledger: Ledger) -> None:
    names = [
        ("wish", "a"),
        ("wish", "A"),
        ("wish", "a "),
        ("wisha", ""),
        ("wish", "é"),
        ("wish", "e\u0301"),
        ("notice", "a"),
        ("wish", "a\0b"),
        ("wish", "a b"),
        ("wish a", "b"),
        ("wish!", "a"),
    ]
    for kind, key in names:
        assert ledger.put_if_absent(wish(key, kind=kind, body=f"{kind}/{key}")) is None
    for kind, key in names:
        found = ledger.get(kind, key)
        assert found is not None
        assert found.body == f"{kind}/{key}"


def test_from_its_last_moment_on_a_record_is_absent_for_every_verb(ledger: Ledger, clock: Clock) -> None:
    ledger.put_if_absent(wish())
    clock.now = START + 99.999
    assert ledger.get("wish", "a") is not None
    assert ledger.put_if_absent(wish()) is not None
    clock.now = START + 100
    assert ledger.get("wish", "a") is None
    assert ledger.due(clock.now, 10) == []
    assert ledger.since("wish", 0) == []
    assert ledger.swap(replace(wish(), version=1)) is None
    later = replace(wish(body="again"), expires=START + 300)
    assert ledger.put_if_absent(later) is None
    assert ledger.get("wish", "a") == replace(later, version=1)


def test_what_has_expired_a_moment_ago_cannot_be_swapped_back_to_life(ledger: Ledger, clock: Clock) -> None:
    ledger.put_if_absent(wish())
    clock.now = START + 100
    assert (
        ledger.swap(replace(wish(), expires=START + 500, version=1)) is None
    )  # before any other verb could have cleared it away
    assert ledger.get("wish", "a") is None


def test_a_swap_may_prolong_or_end_a_record(ledger: Ledger, clock: Clock) -> None:
    for key, expires in (("a", START + 500), ("b", START + 1)):
        ledger.put_if_absent(wish(key))
        ledger.swap(replace(wish(key), expires=expires, version=1))
    clock.now = START + 100
    assert [record.key for record in ledger.since("wish", 0)] == ["a"]


def test_due_gives_all_kinds_oldest_first_up_to_the_limit(ledger: Ledger) -> None:
    for key, due in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("z", 1.0), ("never", None), ("later", 3.5)):
        ledger.put_if_absent(wish(key, due=due))
    ledger.put_if_absent(wish("n", kind="notice", due=1.0))
    assert [record.key for record in ledger.due(3.0, 10)] == ["n", "a", "z", "b", "c"]
    assert [record.key for record in ledger.due(3.0, 2)] == ["n", "a"]
    assert ledger.due(3.0, 0) == ledger.due(3.0, -1) == ledger.due(0.5, 10) == []


def test_a_record_is_no_longer_due_once_swapped_to_later_or_never(ledger: Ledger) -> None:
    for key, due in (("a", START + 50), ("b", None)):
        ledger.put_if_absent(wish(key))
        ledger.swap(replace(wish(key), due=due, version=1))
    assert ledger.due(START, 10) == []
    assert [record.key for record in ledger.due(START + 50, 10)] == ["a"]


def test_since_gives_one_kind_oldest_first(ledger: Ledger) -> None:
    for key, at in (("c", 3.0), ("b", 2.0), ("a", 3.0), ("old", 1.0)):
        ledger.put_if_absent(wish(key, at=at))
    ledger.put_if_absent(wish("n", kind="notice", at=3.0))
    assert [record.key for record in ledger.since("wish", 2.0)] == ["b", "a", "c"]


@pytest.mark.parametrize("moment", [0.1 + 0.2, 1763900000.1234567, 1763900000.1234570, 5e-324, 2.0**53 - 1, -1.5, 0.0, 1.7e308])
def test_times_come_back_to_the_last_bit(ledger: Ledger, moment: float) -> None:
    ledger.put_if_absent(wish("a", at=moment, due=moment))
    assert ledger.get("wish", "a") == replace(wish("a", at=moment, due=moment), version=1)
    assert len(ledger.due(moment, 1)) == len(ledger.since("wish", moment)) == 1


@pytest.mark.parametrize("body", ["", "ü€😀 \u2028\u0000\ufeff'\"\\", "x" * 65_536, "😀" * 16_384, "\r\n\t"], ids=range(5))
def test_bodies_come_back_as_they_were(ledger: Ledger, body: str) -> None:
    ledger.put_if_absent(wish(body=body))
    found = ledger.get("wish", "a")
    assert found is not None
    assert found.body == body
    swapped = ledger.swap(replace(found, body=body + "!"))
    assert swapped == ledger.get("wish", "a")


make: Callable[..., Record] = Record


def test_what_no_back_end_could_give_back_is_refused_before_it_is_stored() -> None:
    good = {"kind": "wish", "key": "a", "at": START, "due": START, "body": "{}", "expires": START + 1}
    for bad in ({"at": float("nan")}, {"due": float("nan")}, {"due": float("inf")}, {"expires": float("inf")}):
        with pytest.raises(ValueError, match="finite"):
            make(**{**good, **bad})
    for name in ("kind", "key", "body"):
        with pytest.raises(UnicodeEncodeError):
            make(**{**good, name: "\ud800"})


def test_a_closed_ledger_says_so(ledger: Ledger) -> None:
    ledger.put_if_absent(wish())
    ledger.close()
    ledger.close()
    verbs: list[Callable[[], object]] = [
        lambda: ledger.put_if_absent(wish()),
        lambda: ledger.get("wish", "a"),
        lambda: ledger.swap(wish()),
        lambda: ledger.due(START, 1),
        lambda: ledger.since("wish", 0),
    ]
    for verb in verbs:
        with pytest.raises(LedgerDown, match="closed"):
            verb()


def test_of_several_threads_exactly_one_wins_each_wish(ledger: Ledger) -> None:
    gate = threading.Barrier(4)
    won: list[list[str]] = [[], [], [], []]

    def go(owner: int) -> None:
        gate.wait()
        for number in range(50):
            standing = ledger.put_if_absent(wish(f"{number}")) or ledger.get("wish", f"{number}")
            if standing and standing.body == "{}" and ledger.swap(replace(standing, body=f"{owner}")):
                won[owner].append(standing.key)

    threads = [threading.Thread(target=go, args=(owner,)) for owner in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # as often as the interpreter can, so that a missing mutex shows
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert sorted(key for keys in won for key in keys) == sorted(f"{number}" for number in range(50))


class Model(RuleBasedStateMachine):
    """Any sequence of verbs, through two openings of a shared store, does what a plain dict would do."""

    kinds, keys = st.sampled_from(["wish", "notice"]), st.sampled_from(["a", "b", "ä"])
    times = st.floats(START - 10, START + 300) | st.sampled_from([START, START + 1])
    which = st.integers(0, 1)

    def __init__(self, backend: str) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock, self.records = Clock(), dict[tuple[str, str], Record]()
        self.place, self.shared = WHERE[backend](Path(self.folder.name)), backend in SHARED
        first = self.open()
        self.ledgers = [first, self.open() if self.shared else first]

    def open(self) -> Ledger:
        return open_at(self.place, self.clock)

    def alive(self) -> list[Record]:
        return [record for record in self.records.values() if record.expires > self.clock.now]

    def standing(self, kind: str, key: str) -> Record | None:
        return next((record for record in self.alive() if (record.kind, record.key) == (kind, key)), None)

    @rule(kind=kinds, key=keys, at=times, due=st.none() | times, body=st.text(max_size=5), expires=times, which=which)
    def put(self, kind: str, key: str, at: float, due: float | None, body: str, expires: float, which: int) -> None:
        record = Record(kind, key, at, due, body, expires)
        standing = self.standing(kind, key)
        assert self.ledgers[which].put_if_absent(record) == standing
        if standing is None:
            self.records[kind, key] = replace(record, version=1)

    @rule(
        kind=kinds,
        key=keys,
        due=st.none() | times,
        body=st.text(max_size=5),
        expires=times,
        behind=st.sampled_from([0, 0, 1, -1]),
        which=which,
    )
    def swap(self, kind: str, key: str, due: float | None, body: str, expires: float, behind: int, which: int) -> None:
        standing = self.standing(kind, key)
        version = (standing.version if standing else 1) - behind
        record = Record(kind, key, START, due, body, expires, version)
        stored = replace(record, version=version + 1) if standing and not behind else None
        assert self.ledgers[which].swap(record) == stored
        if stored:
            self.records[kind, key] = stored

    @rule(kind=kinds, key=keys, which=which)
    def get(self, kind: str, key: str, which: int) -> None:
        assert self.ledgers[which].get(kind, key) == self.standing(kind, key)

    @rule(now=times, limit=st.integers(0, 7), which=which)
    def due(self, now: float, limit: int, which: int) -> None:
        found = [(record.due, record.kind, record.key) for record in self.alive() if record.due is not None and record.due <= now]
        assert [(r.due, r.kind, r.key) for r in self.ledgers[which].due(now, limit)] == sorted(found)[:limit]

    @rule(kind=kinds, moment=times, which=which)
    def since(self, kind: str, moment: float, which: int) -> None:
        found = [record for record in self.alive() if record.kind == kind and record.at >= moment]
        assert self.ledgers[which].since(kind, moment) == sorted(found, key=lambda record: (record.at, record.key))

    @rule(seconds=st.sampled_from([0.5, 1.0, 60.0, 250.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @precondition(lambda self: self.shared)
    @rule(which=which)
    def start_again(self, which: int) -> None:
        self.ledgers[which].close()
        self.ledgers[which] = self.open()

    def teardown(self) -> None:
        for ledger in self.ledgers:
            ledger.close()
        self.folder.cleanup()


@pytest.mark.parametrize("backend", WHERE)
def test_any_sequence_of_verbs_does_what_a_dict_would_do(backend: str, tmp_path: Path) -> None:
    WHERE[backend](tmp_path)  # skips here, before there is anything to clean up
    machine = type("OneBackEnd", (Model,), {"__init__": partialmethod(Model.__init__, backend)})
    run_state_machine_as_test(machine, settings=settings(settings.get_profile("default"), stateful_step_count=40))


# --- several processes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", SHARED)
def test_of_four_processes_exactly_one_wins_each_of_two_hundred_wishes(backend: str, tmp_path: Path) -> None:
    place = WHERE[backend](tmp_path)
    processes = [start(place, "claim", f"{owner}", "200") for owner in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    won = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert sorted(key for keys in won for key in keys) == [f"cause-{number:04}" for number in range(200)]
    with closing(open_at(place, time.time)) as ledger:
        records = ledger.since("wish", 0)
        assert {record.key: json.loads(record.body)["owner"] for record in records} == {
            key: f"{owner}" for owner, keys in enumerate(won) for key in keys
        }
        assert {record.version for record in records} == {2}


@pytest.mark.parametrize("backend", SHARED)
def test_what_was_acknowledged_survives_a_process_killed_while_it_writes(backend: str, tmp_path: Path) -> None:
    place, acknowledged = WHERE[backend](tmp_path), -1
    for last in (3, 40, 41, 97, 400):
        process = start(place, "write", f"{acknowledged + 1}")
        assert process.stdout is not None
        for line in process.stdout:
            acknowledged = int(line)
            if acknowledged >= last:
                break
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()  # not communicate(), which passes over what this side has buffered already
        process.communicate()
        acknowledged = max([acknowledged, *(int(line) for line in rest.splitlines())])
        with closing(open_at(place, time.time)) as ledger:
            found = {record.key: record.version for record in ledger.since("wish", 0)}
            assert [found[f"cause-{number:04}"] for number in range(acknowledged + 1)] == [2] * (acknowledged + 1)
            # One more may have been under way; if so it stays as it was, and the next process goes on from there.
            assert len(found) <= acknowledged + 2
    if backend == "sqlite":
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# --- opening -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where", ["", "sqlite", "sqlite:", "memory:", "Memory", "postgres://user:hunter2@host/db", "/tmp/ledger.db"]
)
def test_an_unknown_ledger_is_a_misconfiguration_that_names_what_is_known_and_not_what_was_given(
    where: str, clock: Clock
) -> None:
    with pytest.raises(Misconfigured, match=r"RESTORE_POINT_LEDGER: .*memory and sqlite:/path/to/file") as raised:
        open_ledger(where, clock)
    assert "hunter2" not in str(raised.value)


def test_the_package_imports_without_any_back_end() -> None:
    probe = "import sys, handlers.ledger; sys.exit(any(name in sys.modules for name in ('sqlite3', 'handlers.ledger.memory')))"
    subprocess.run([sys.executable, "-c", probe], check=True, cwd=ROOT)


def test_the_memory_ledger_is_forgotten_with_its_opening(clock: Clock) -> None:
    first, second = open_ledger("memory", clock), open_ledger("memory", clock)
    first.put_if_absent(wish())
    assert second.get("wish", "a") is None


# --- the sqlite file -----------------------------------------------------------------------------------------------------


def opened(file: Path, clock: Clock, busy_seconds: float = 5.0) -> closing[SqliteLedger]:
    return closing(SqliteLedger(str(file), clock, busy_seconds))


def filled(file: Path, clock: Clock, count: int = 300) -> None:
    with opened(file, clock) as ledger:
        for number in range(count):
            ledger.put_if_absent(wish(f"{number}", body="x" * 1000))


@contextmanager
def down(file: Path, words: str = "ledger") -> Iterator[None]:
    """LedgerDown, in one short line for people that names the file but not where it is, and no sqlite word."""
    with pytest.raises(LedgerDown, match=words) as raised:
        yield
    text = str(raised.value)
    assert text.startswith(f"ledger {file.name}: ")
    assert ";" in text, "says what to do"
    assert str(file.parent) not in text
    assert len(text) < 160


def test_the_file_is_private_whatever_the_umask_and_so_is_a_folder_made_for_it(tmp_path: Path, clock: Clock) -> None:
    before = os.umask(0)
    try:
        with opened(tmp_path / "new" / "ledger.db", clock) as ledger:
            ledger.put_if_absent(wish())
            modes = {path.name: f"{path.stat().st_mode & 0o777:o}" for path in (tmp_path / "new").iterdir()}
    finally:
        os.umask(before)
    assert modes == {"ledger.db": "600", "ledger.db-wal": "600", "ledger.db-shm": "600"}
    assert f"{(tmp_path / 'new').stat().st_mode & 0o777:o}" == "700"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["ledger.db"]


def test_every_write_is_synced_and_the_journal_is_shared(file: Path, clock: Clock) -> None:
    with opened(file, clock) as ledger:
        assert ledger._connection is not None
        asked = [ledger._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
    assert asked == [2, "wal"]  # 2 is FULL: sqlite.org/pragma.html#pragma_synchronous


def test_a_relative_path_stays_what_it_was_when_opened(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(open_ledger("sqlite:ledger.db", clock)) as ledger:
        monkeypatch.chdir("/")
        ledger.put_if_absent(wish())
    assert (tmp_path / "ledger.db").exists()


def test_expired_records_leave_the_file_a_few_at_a_time(file: Path, clock: Clock) -> None:
    def rows() -> int:
        with closing(sqlite3.connect(file)) as connection:
            return int(connection.execute("SELECT count(*) FROM record").fetchone()[0])

    filled(file, clock, 100)
    clock.now += 1000
    with opened(file, clock) as ledger:
        for number in range(1, 21):
            ledger.put_if_absent(replace(wish(f"new {number}"), expires=clock.now + 10))
            assert rows() == max(100 - number * PRUNED_PER_PUT, 0) + number
        assert len(ledger.since("wish", 0)) == 20


def test_another_writer_is_waited_for_only_so_long_and_readers_do_not_wait(file: Path, clock: Clock) -> None:
    with opened(file, clock, busy_seconds=0.2) as ledger, closing(sqlite3.connect(file, isolation_level=None)) as other:
        ledger.put_if_absent(wish())
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with down(file, "busy"):
            ledger.put_if_absent(wish("b"))
        with down(file, "busy"):
            ledger.swap(replace(wish(), version=1))
        assert time.monotonic() - begun < 3
        assert ledger.get("wish", "a") is not None
        with down(file, "busy"):
            SqliteLedger(str(file), clock, busy_seconds=0.1)
        other.execute("ROLLBACK")
        assert ledger.put_if_absent(wish("b")) is None


def test_a_thread_behind_one_that_waits_gives_up_too(file: Path, clock: Clock) -> None:
    with opened(file, clock, busy_seconds=0.5) as ledger, closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said: list[str] = []

        def put() -> None:
            try:
                ledger.put_if_absent(wish())
            except LedgerDown as reason:
                said.append(str(reason))

        threads = [threading.Thread(target=put) for _ in range(8)]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(said) == 8
        assert time.monotonic() - begun < 2.5, "one after the other would take four seconds"


def test_a_write_that_fails_halfway_stands_in_nobodys_way(file: Path, clock: Clock) -> None:
    with opened(file, clock) as ledger, closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
        other.execute("ALTER TABLE record RENAME TO hidden")
        with down(file):
            ledger.put_if_absent(wish())
        other.execute("ALTER TABLE hidden RENAME TO record")
        assert ledger.put_if_absent(wish()) is None


def test_a_disk_that_takes_no_more_is_told_and_spoils_nothing(file: Path) -> None:
    process = start({"RESTORE_POINT_LEDGER": f"sqlite:{file}"}, "fill", "300000")
    lines = [json.loads(line) for line in process.communicate(timeout=30)[0].splitlines()]
    assert process.returncode == 0
    assert lines[0]["stored"] > 3
    assert lines[0]["said"].startswith("ledger ledger.db: the disk")
    assert lines[-1] == {"readable": lines[0]["stored"], "again": True}


def garbage(file: Path) -> None:
    file.write_bytes(b"not a database, " * 1000)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def halved(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2 // 4096 * 4096)


def overwritten(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.seek(8192)
        stream.write(b"\xff" * (file.stat().st_size - 8192))


def header_lost(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.write(b"\0" * 100)


def changed(statement: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute(statement)

    return change


DAMAGES = {
    "garbage": garbage,
    "emptied": emptied,
    "halved": halved,
    "overwritten": overwritten,
    "header lost": header_lost,
    "no table": changed("DROP TABLE record"),
    "text that is not UTF-8": changed("UPDATE record SET body = CAST(x'ff' AS TEXT)"),
    "a time that is none": changed("UPDATE record SET at = 'soon'"),
    "a body that is none": changed("UPDATE record SET body = x'ff'"),
    "another program's": changed("PRAGMA application_id = 7"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_told_and_left_alone(file: Path, clock: Clock, damage: Callable[[Path], None]) -> None:
    filled(file, clock)
    damage(file)
    before = file.read_bytes()
    with down(file), opened(file, clock) as ledger:
        ledger.since("wish", 0)
    assert file.read_bytes() == before


def test_a_file_of_a_newer_version_is_refused_in_clear_words(file: Path, clock: Clock) -> None:
    filled(file, clock, 1)
    changed(f"PRAGMA user_version = {SCHEMA + 1}")(file)
    with down(file, f"newer version .schema {SCHEMA + 1}, known {SCHEMA}.; update this program"), opened(file, clock):
        pass


def test_the_files_header_says_whose_it_is(file: Path, clock: Clock) -> None:
    filled(file, clock, 1)
    # Offset 68, four bytes, big-endian: sqlite.org/fileformat.html
    assert file.read_bytes()[68:72] == APPLICATION.to_bytes(4, "big") == b"CRP1"


@pytest.mark.parametrize("name", ["missing/too/ledger.db", "a file/ledger.db", "a folder"])
def test_a_place_where_no_file_can_be_is_told(tmp_path: Path, clock: Clock, name: str) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "a folder").mkdir()
    with down(tmp_path / name), opened(tmp_path / name, clock):
        pass


@contextmanager
def unprivileged() -> Iterator[Path]:
    """A folder the user of this block may enter; root, whom no mode stops, becomes nobody for it."""
    with tempfile.TemporaryDirectory() as name:
        folder, root = Path(name), os.geteuid() == 0
        folder.chmod(0o755)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)


def become_nobody() -> None:
    if os.geteuid() == 0:
        os.seteuid(65534)


def test_a_folder_that_may_not_be_written_is_told(clock: Clock) -> None:
    with unprivileged() as folder:
        folder.chmod(0o555)
        become_nobody()
        with down(folder / "ledger.db", "Permission denied"), opened(folder / "ledger.db", clock):
            pass


def test_a_file_that_may_only_be_read_is_told_at_the_start(clock: Clock) -> None:
    with unprivileged() as folder:
        file = folder / "ledger.db"
        filled(file, clock, 1)
        file.chmod(0o444)
        folder.chmod(0o777)
        become_nobody()
        with down(file, "right to write"), opened(file, clock):
            pass


def test_a_file_moved_away_under_a_running_process_is_told_not_written_into(file: Path, clock: Clock) -> None:
    with opened(file, clock) as ledger:
        ledger.put_if_absent(wish())
        file.rename(file.with_name("elsewhere.db"))
        with down(file, "moved or replaced"):
            ledger.put_if_absent(wish("b"))
        filled(file, clock, 1)
        with down(file, "moved or replaced"):
            ledger.get("wish", "a")


def test_a_forked_child_must_open_its_own(file: Path, clock: Clock) -> None:
    with opened(file, clock) as ledger:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside other threads
            child = os.fork()
        if child == 0:
            code = 1
            try:
                ledger.put_if_absent(wish("child"))
            except LedgerDown as reason:
                code = 0 if "forked" in str(reason) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert ledger.put_if_absent(wish()) is None
