"""What has arrived: the newest exchanges, and counts that are exact for ever."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handlers.sandbox.exchange import Exchange

KEPT = 10_000
_LARGEST_BYTES = 64 * 1024 * 1024


@dataclass
class Counts:
    """``posts`` are the attempts to create a checkpoint, refused ones included; ``names`` counts them by the name they gave."""

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


class Record:
    """Keeps the newest ``most`` exchanges, and fewer where their bodies are large."""

    def __init__(self, most: int = KEPT) -> None:
        self.counts = Counts()
        self._most, self._bytes = most, 0
        self._kept: deque[Exchange] = deque()

    def add(self, seen: Exchange, *, creates: bool) -> None:
        """``creates`` marks an attempt to create a checkpoint."""
        self._kept.append(seen)
        self._bytes += len(seen.sent) + len(seen.answered)
        while len(self._kept) > self._most or (self._bytes > _LARGEST_BYTES and len(self._kept) > 1):
            old = self._kept.popleft()
            self._bytes -= len(old.sent) + len(old.answered)
        self.counts.requests += 1
        if creates:
            self.counts.posts += 1
            self.counts.applied += seen.applied
            self.counts.names[_name(seen.body)] += 1

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._kept)


def _name(body: Any) -> str:
    """Empty where there is none."""
    for key in ("checkpoint", "parameters", "name"):
        body = body.get(key) if isinstance(body, dict) else None
    return body if isinstance(body, str) else ""
