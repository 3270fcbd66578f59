"""Which topics hear: one that took none of the last messages of a sweep is not tried again in it, and keeps no other waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

DEAF = 3
"""Messages in a row that a topic did not take, after which a sweep tries it no more."""


class Hearing:
    """What one sweep learned. ``after`` is how many messages a topic may miss in a row; one delivery never loses patience."""

    def __init__(self, after: float = float("inf")) -> None:
        self._after = after
        self._missed: Counter[str] = Counter()
        self.took: set[str] = set()
        self.waiting: dict[str, float] = {}

    def note(self, took: Iterable[str], missed: Iterable[str]) -> None:
        """What became of one message."""
        self._missed.update(missed)
        for name in took:
            self._missed.pop(name, None)
            self.took.add(name)

    def waits(self, names: Iterable[str], since: float) -> None:
        """A message of that time was kept for these, and they have not taken it yet."""
        for name in names:
            self.waiting[name] = min(since, self.waiting.get(name, since))

    def deaf(self, name: str) -> bool:
        """Whether the topic is left alone for the rest of the sweep."""
        return self._missed[name] >= self._after

    def all_deaf(self, names: Collection[str]) -> bool:
        """Whether nobody is left who could hear."""
        return bool(names) and all(self.deaf(name) for name in names)
