"""Threads that take turns: one runs at a time, and at every call to the outside the choices decide who goes on.

What the choices do not decide cannot differ: the same choices give the same run.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence


class Killed(BaseException):
    """The platform ended this run; nothing it still tries to do happens."""


class Choices:
    """Numbers that decide everything. Recorded ones come first; then a seed goes on, or 0 for ever, the harmless choice."""

    def __init__(self, recorded: Sequence[int] = (), seed: int | None = None) -> None:
        self._recorded, self._random = list(recorded), random.Random(seed) if seed is not None else None
        self.made: list[int] = []

    def pick(self, weights: Sequence[float]) -> int:
        """An index; the first is what happens when nothing goes wrong."""
        place = len(self.made)
        if place < len(self._recorded):
            choice = self._recorded[place] if self._recorded[place] < len(weights) else 0
        elif self._random is not None:
            choice = self._random.choices(range(len(weights)), weights)[0]
        else:
            choice = 0
        self.made.append(choice)
        return choice


class Actor:
    """One run on a thread of its own. ``wakes`` is when it goes on of itself, ``dies`` when the platform kills it."""

    def __init__(self, name: str, baton: Baton, work: Callable[[], object], dies: float) -> None:
        self.name, self.dies, self.wakes = name, dies, 0.0
        self.at = "the door"
        self.killed = self.over = False
        self.result: object = None
        self.error: BaseException | None = None
        self._baton, self._work, self._go = baton, work, threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._go.acquire()
        self._baton.current.actor = self
        try:
            if not self.killed:
                self.result = self._work()
        except BaseException as error:  # noqa: BLE001 - whatever ended it is looked at by who started it
            self.error = error
        self.over = True
        self._baton.back.release()

    def resume(self) -> None:
        """Until it is at the next point, or over."""
        self._go.release()
        self._baton.back.acquire()

    def park(self) -> None:
        """Called on its own thread."""
        self._baton.back.release()
        self._go.acquire()
        if self.killed:
            raise Killed

    def end(self) -> None:
        """The thread is gone when this returns."""
        self.killed = True
        while not self.over:
            self.resume()
        self._thread.join()


class _Current(threading.local):
    actor: Actor | None = None


class Baton:
    """Who has the turn."""

    def __init__(self) -> None:
        self.back = threading.Semaphore(0)
        self.current = _Current()

    def point(self, where: str) -> None:
        """Give the turn away, if this is a run's thread."""
        actor = self.current.actor
        if actor is not None:
            if actor.killed:
                raise Killed
            actor.at = where
            actor.park()

    def sleep(self, until: float) -> None:
        """Give the turn away until then."""
        actor = self.current.actor
        if actor is not None:
            actor.wakes = until
            self.point("sleeping")
            actor.wakes = 0.0
