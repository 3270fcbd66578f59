"""Time for rows that cannot do with a clock that stands still until it is moved."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from tests.scripted import Clock


class Running(Clock):
    """What another clock says, except that deadlines run."""

    def __init__(self, of: Clock) -> None:
        super().__init__()
        self._of = of

    def now(self) -> datetime:
        return self._of.now()

    def monotonic(self) -> float:
        return time.monotonic()


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is done in there takes no longer, on the machine's clock."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def real_time() -> datetime:
    """For rows with processes of their own, whose clock is the machine's."""
    return datetime.now(UTC)
