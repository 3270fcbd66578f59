"""Exactly once is promised while the ledger answers in time. On a machine that is busy with other things it may not, for once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from handlers.sandbox import Sandbox


class TooSlow(Exception):
    """Some deliveries did without the ledger."""


def used(degraded: int, causes: int, sandbox: Sandbox) -> None:
    """That so many deliveries did without the ledger is another story; each of them may cost one restore point more, at most."""
    if degraded:
        print(f"{degraded} deliveries did without the ledger: all anew")
        assert sandbox.counts.applied <= causes + degraded
        raise TooSlow


def insist(work: Callable[[Path], None], folder: Path) -> None:
    """In a folder of its own; where the ledger was too slow all anew, twice at most."""
    for attempt in range(3):
        own = folder / f"{attempt}"
        own.mkdir()
        try:
            return work(own)
        except TooSlow:
            continue
    raise AssertionError("the ledger did not answer in time, three times")
