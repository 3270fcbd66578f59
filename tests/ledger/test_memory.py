"""What the ledger in memory does with many records: no verb an event needs goes through all of them, and nothing piles up."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from handlers.ledger import Record
from handlers.ledger.memory import MemoryLedger
from handlers.values import replace

NOW = 1_763_900_000.0


def record(key: str, expires: float = NOW + 100) -> Record:
    return Record("wish", key, NOW, None, "{}", expires)


def instructions(work: Callable[[], object]) -> int:
    """How many of Python's own it takes, whatever the machine is busy with."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before, collecting = sys.gettrace(), gc.isenabled()
    gc.disable()  # or what other tests left behind would be finalised here, and counted
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        if collecting:
            gc.enable()
    return count


@pytest.mark.parametrize(
    "verb",
    [
        lambda ledger: ledger.get("wish", "0"),
        lambda ledger: ledger.put_if_absent(record("0")),
        lambda ledger: ledger.swap(replace(record("0"), version=1)),
    ],
)
def test_with_a_hundred_times_as_many_records_a_verb_takes_no_longer(verb: Callable[[MemoryLedger], object]) -> None:
    taken = []
    for many in (10, 1000):
        ledger = MemoryLedger(lambda: NOW)
        for number in range(many):
            ledger.put_if_absent(record(str(number)))
        taken.append(instructions(lambda ledger=ledger: verb(ledger)))  # type: ignore[misc]
    assert taken[0] > 10
    assert taken[1] < 2 * taken[0]


def test_a_record_that_lives_longer_by_every_swap_leaves_nothing_behind() -> None:
    ledger, at = MemoryLedger(lambda: NOW), 1
    ledger.put_if_absent(record("a"))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(5000):
            assert ledger.swap(replace(record("a", NOW + 200 + number), version=at))
            at += 1
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 50_000


def test_records_expire_by_what_they_were_last_given_however_often_that_was() -> None:
    now = NOW
    ledger = MemoryLedger(lambda: now)
    for number in range(300):  # more than may be out of date
        ledger.put_if_absent(record(f"{number:03}"))
    for version in range(1, 6):
        for number in range(300):
            later = record(f"{number:03}", NOW + 100 + (number if version % 2 else -number % 7))
            assert ledger.swap(replace(later, version=version))
    for now in (NOW + 100, NOW + 250, NOW + 398.5):
        left = range(int(now - NOW - 100) + 1, 300)
        assert [each.key for each in ledger.since("wish", 0)] == [f"{number:03}" for number in left]
