"""What has arrived: the newest exchanges, and counts that are exact for ever."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handlers.sandbox.checks import is_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handlers.sandbox.exchange import Exchange

KEPT = 10_000
KEPT_NAMES = 100_000
_LARGEST_BYTES = 64 * 1024 * 1024
_OVERHEAD_BYTES = 500  # of one exchange that has nothing in it


@dataclass
class Counts:
    """``posts`` are the attempts to create a checkpoint, refused ones included; ``applied`` those that were, be it later.

    ``names`` counts those of callers who were let in by the name they gave, if it is a possible one: the newest names only.
    """

    requests: int = 0
    posts: int = 0
    applied: int = 0
    names: Counter[str] = field(default_factory=Counter)

    def save(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"requests": self.requests, "posts": self.posts, "applied": self.applied, "names": dict(self.names)}

    def load(self, saved: Mapping[str, Any]) -> None:
        """What `save` gave."""
        self.requests, self.posts, self.applied = int(saved["requests"]), int(saved["posts"]), int(saved["applied"])
        self.names = Counter(saved["names"])

    def leap(self) -> None:
        """What was not written down cannot be counted."""


class Record:
    """Keeps the newest ``most`` exchanges, and fewer where they are large; of names ``most_names``."""

    def __init__(self, most: int = KEPT, most_names: int = KEPT_NAMES) -> None:
        self.counts = Counts()
        self._most, self._most_names, self._bytes = most, most_names, 0
        self._kept: deque[Exchange] = deque()

    def add(self, seen: Exchange, *, creates: bool, known: bool) -> None:
        """``creates`` marks an attempt to create a checkpoint, ``known`` a caller who was let in."""
        self._kept.append(seen)
        self._bytes += _weight(seen)
        while len(self._kept) > self._most or (self._bytes > _LARGEST_BYTES and len(self._kept) > 1):
            self._bytes -= _weight(self._kept.popleft())
        self.counts.requests += 1
        if creates:
            self.counts.posts += 1
            self.counts.applied += seen.applied
            if known:
                self._count_name(seen.body)

    def applied_later(self) -> None:
        """A create that was answered long ago, or never, is done now."""
        self.counts.applied += 1

    def _count_name(self, body: Any) -> None:
        for key in ("checkpoint", "parameters", "name"):
            body = body.get(key) if isinstance(body, dict) else None
        if not is_name(body):
            return
        names = self.counts.names
        names[body] = names.pop(body, 0) + 1  # the newest stand last
        while len(names) > self._most_names:
            del names[next(iter(names))]

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._kept)


def _weight(seen: Exchange) -> int:
    return len(seen.sent) + len(seen.answered) + len(seen.target) + _OVERHEAD_BYTES
