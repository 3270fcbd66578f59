"""Processes and threads that dispatch at once over one ledger, and one that is killed in the middle of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from handlers.dispatch.slots import Slots
from handlers.ledger.memory import MemoryLedger
from tests.dispatch.stage import SEND, Stage, bare_environ, gaps, stage_in, wishes, words
from tests.many.hurry import TooSlow, insist
from tests.scripted import Passing

ROOT = Path(__file__).parents[2]
DISPATCHING = Path(__file__).with_name("dispatching.py")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with stage_in(tmp_path, on_disk=True) as made:
        yield made


def alerts(*hosts: str) -> list[dict[str, Any]]:
    """One event for each host, and each of them wants every vault."""
    return [{"alerts": [{"status": "firing", "labels": {"alertname": "DiskFailing", "host": each}}]} for each in hosts]


@contextmanager
def dispatching(stage: Stage, events: list[dict[str, Any]], name: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, ready to begin."""
    file = stage.folder / f"events-{name}.json"
    file.write_text(json.dumps(events), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(DISPATCHING), str(file), name, *more],
        env=bare_environ() | stage.environ() | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def said(process: subprocess.Popen[str]) -> dict[str, list[str]]:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    found: dict[str, list[str]] = json.loads(output)
    return found


def test_two_processes_never_share_a_slot(tmp_path: Path) -> None:
    def try_it(folder: Path) -> None:
        with stage_in(folder, on_disk=True) as stage:
            service = stage.service()
            with (
                dispatching(stage, alerts("a", "b", "c"), "first") as first,
                dispatching(stage, alerts("d", "e", "f"), "second") as second,
            ):
                go(first)
                go(second)
                found = said(first) | said(second)
            if stage.sandbox.counts.posts:
                raise TooSlow
            assert Counter(reason for reason, _ in found.values()) == {"queued": 240}
            slots = [wish.slot for wish in wishes(service).values()]
            assert len(slots) == 240
            assert min(gaps(slots)) == pytest.approx(0.5, abs=0.001)
            assert len(stage.messages()) == 240

    insist(try_it, tmp_path)


def test_two_processes_with_the_same_event_give_each_wish_one_slot(tmp_path: Path) -> None:
    def try_it(folder: Path) -> None:
        with stage_in(folder, on_disk=True) as stage:
            service = stage.service()
            with dispatching(stage, alerts("a"), "first") as first, dispatching(stage, alerts("a"), "second") as second:
                go(first)
                go(second)
                reasons = Counter(reason for process in (first, second) for reason, _ in said(process).values())
            if stage.sandbox.counts.posts:
                raise TooSlow
            assert reasons["queued"] == 40
            assert set(reasons) <= {"queued", "queued_already", "in_progress"}
            slots = [wish.slot for wish in wishes(service).values()]
            assert len(slots) == 40
            assert min(gaps(slots)) == pytest.approx(0.5, abs=0.001)
            stage.night(service, 300)
            stage.one_each()

    insist(try_it, tmp_path)


def test_threads_of_one_instance_never_share_a_slot(stage: Stage) -> None:
    service = stage.service()
    with ThreadPoolExecutor(4) as pool:
        delivered = list(pool.map(lambda host: stage.storm(service, host), "abcd"))
    assert sum((words(each.outcomes) for each in delivered), Counter()) == {"later/queued": 160}
    slots = [wish.slot for wish in wishes(service).values()]
    assert len(slots) == 160
    assert min(gaps(slots)) == pytest.approx(0.5, abs=0.001)


def test_killed_when_all_is_written_and_nothing_sent_the_watch_brings_all(stage: Stage) -> None:
    asked, service = threading.Event(), stage.service()

    def hold(it: Passing) -> None:
        asked.set()
        it.wait()

    stage.mail.on(SEND, hold)
    with dispatching(stage, alerts("a"), "killed") as process:
        go(process)
        assert asked.wait(20)
        process.kill()
        assert process.wait(10) == -signal.SIGKILL
    stage.mail.over.set()
    assert Counter((wish.state, wish.reason) for wish in wishes(service).values()) == {("wanted", "queued"): 40}
    assert stage.queue.sent == 0
    stage.night(service, 1300)
    stage.one_each()


@pytest.mark.parametrize("again", [True, False], ids=["and comes again", "and never comes again"])
def test_killed_while_it_writes_nothing_that_was_written_is_lost(tmp_path: Path, again: bool) -> None:
    with stage_in(tmp_path, on_disk=True) as stage:
        service = stage.service()
        with dispatching(stage, alerts("a"), "killed", "25") as process:
            go(process)
            assert process.wait(20) == -signal.SIGKILL
        before = len(wishes(service))
        waiting = sum(wish.reason == "queued" for wish in wishes(service).values())
        assert waiting < before <= 40, "others of its threads were just about to write theirs"
        assert stage.mail.seen == []
        stage.clock.forward(10)
        if again:
            delivered = stage.storm(service, "a")
            assert words(delivered.outcomes) == Counter({
                "later/queued_already": waiting,
                "later/in_progress": before - waiting,
                "later/queued": 40 - before,
            })  # fmt: skip
            assert delivered.answer.status == 202
        stage.night(service, 2000)
        stage.one_each(40 if again else before)


def test_who_books_with_a_clock_that_is_ahead_holds_up_nobody() -> None:
    ledger = MemoryLedger(lambda: 0.0)
    for _ in range(10):
        Slots(ledger, "cloud", 5.0, 86400.0).take()
    assert Slots(ledger, "cloud", 5.0, 100.0).take() <= 100.0 + 64 * 10 * 2 / (5 * 0.8)
