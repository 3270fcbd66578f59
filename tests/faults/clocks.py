"""Time for rows that cannot do with a clock that stands still until it is moved."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.scripted import Clock


class Running(Clock):
    """What another clock says, and moved with it, except that deadlines run."""

    def __init__(self, of: Clock) -> None:
        super().__init__()
        self._of = of

    def now(self) -> datetime:
        return self._of.now()

    def monotonic(self) -> float:
        return time.monotonic() + self._of.monotonic()


def hung_up(endpoint: str) -> None:
    """Returns when the server at that endpoint has closed what connections it had (proc(5), net/tcp; 01 is established)."""
    port, ends = f":{int(endpoint.rpartition(':')[2]):04X}", time.monotonic() + 10
    while time.monotonic() < ends:
        lines = (line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:])
        if not any(words[1].endswith(port) and words[3] == "01" for words in lines):
            return
        time.sleep(0.01)
    raise AssertionError("the connections are still open")


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is done in there takes no longer, on the machine's clock."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def real_time() -> datetime:
    """For rows with processes of their own, whose clock is the machine's."""
    return datetime.now(UTC)
