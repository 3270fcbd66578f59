"""Time for several at once: it stands still while anybody works, and goes on to the next moment when all of them wait."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable

from tests.scripted import Clock

PATIENCE = 60.0
"""Real seconds for which nobody may work without waiting: then something hangs."""


class Hours(Clock):
    """Who is started by ``start`` sleeps until the time has come; whoever else sleeps moves it."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._working, self._order = 0, 0
        self._asleep: list[tuple[float, int, threading.Event]] = []
        self._started: set[int] = set()
        self._failed: list[BaseException] = []

    def sleep(self, seconds: float) -> None:
        if threading.get_ident() not in self._started:
            return self.forward(seconds)
        woken = threading.Event()
        with self._changed:
            self._order += 1
            heapq.heappush(self._asleep, (self() + seconds, self._order, woken))
            self._working -= 1
            self._changed.notify_all()
        if not woken.wait(PATIENCE):
            raise AssertionError("time stands still")
        return None

    def start(self, work: Callable[[], object]) -> None:
        """Beside whoever works already."""

        def run() -> None:
            self._started.add(threading.get_ident())
            try:
                work()
            except BaseException as problem:  # noqa: BLE001 - told by `idle`
                self._failed.append(problem)
            finally:
                with self._changed:
                    self._started.discard(threading.get_ident())
                    self._working -= 1
                    self._changed.notify_all()

        with self._changed:
            self._working += 1
        threading.Thread(target=run, daemon=True).start()

    def idle(self) -> None:
        """Wait until all of them wait."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._working == 0, PATIENCE):
                raise AssertionError("somebody works for ever")
        if self._failed:
            raise self._failed[0]

    def finish(self) -> None:
        """Until all that was started has come to its end."""
        self.idle()
        while self._asleep:
            self.pass_to(float("inf"))
            self.idle()

    def pass_to(self, moment: float) -> bool:
        """On to ``moment``, or to when somebody wakes before it; False: somebody has woken."""
        with self._changed:
            wakes = self._asleep[0][0] if self._asleep else float("inf")
            self.forward(max(min(moment, wakes) - self(), 0.0))
            if wakes > moment:
                return True
            self._working += 1
            heapq.heappop(self._asleep)[2].set()
            return False
