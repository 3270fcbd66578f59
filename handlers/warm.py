"""What one process keeps from event to event: its service, and another one as soon as a secret it was built with has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from handlers.clock import SystemClock
from handlers.ledger import Ledger
from handlers.service import Service
from handlers.settings import Settings
from handlers.values import dataclass

Read = Callable[[], Settings]


@dataclass(eq=False)
class _Held:
    service: Service
    users: int = 0


class Warm:
    """All threads share it. ``started`` is told when an event is over, whatever became of it.

    A service that was replaced is closed when the last event that uses it has been answered."""

    def __init__(self, *, metrics: bool = False, started: Callable[[], None] = lambda: None) -> None:
        self._started, self._metrics, self._deciding = started, metrics, threading.Lock()
        self._held: _Held | None = None
        self._clock: SystemClock | None = None
        self._memory: Ledger | None = None

    @contextmanager
    def using(self, read: Read) -> Iterator[Service]:
        """The service of one event, built from what ``read`` says. Raises Misconfigured, for every event, while none can be."""
        try:
            held = self._taken(read)
            try:
                yield held.service
            finally:
                self._left(held)
        finally:
            self._started()

    def service(self, read: Read) -> Service:
        """The one that is kept, for whoever is alone in the process."""
        with self._deciding:
            return self._kept(read).service

    def clear(self) -> None:
        """As at a cold start."""
        with self._deciding:
            held, self._held, self._clock, self._memory = self._held, None, None, None
        if held is not None:
            held.service.close()

    def _taken(self, read: Read) -> _Held:
        with self._deciding:
            held = self._kept(read)
            held.users += 1
        kept = held.service.settings.kept
        try:
            if kept is None or not kept.changed():  # which may ask; the other threads go on meanwhile
                return held
        except BaseException:
            self._left(held)
            raise
        with self._deciding:
            if self._held is held:
                self._held = None  # before another one is built: where that fails, the old secret is not good either
        self._left(held)
        with self._deciding:
            held = self._kept(read)
            held.users += 1
        return held

    def _left(self, held: _Held) -> None:
        with self._deciding:
            held.users -= 1
            over = held is not self._held and not held.users
        if over:
            held.service.close()

    def _kept(self, read: Read) -> _Held:
        if self._held is None:
            self._held = self._built(read)
        return self._held

    def _built(self, read: Read) -> _Held:
        settings = read()
        self._clock = self._clock or SystemClock(settings.starts_at)
        clock = self._clock
        if settings.ledger == "memory" and self._memory is None:
            from handlers.ledger.memory import Outliving

            self._memory = Outliving(lambda: clock.now().timestamp())
        ledger = self._memory if settings.ledger == "memory" else None
        return _Held(Service(settings, clock, metrics=self._metrics, ledger=ledger))
