"""What was fetched to prove a sender, kept for a while; and an end to fetching for those who prove nothing."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from handlers.errors import NotSent
from handlers.wire import Clock

KEPT_SECONDS = 3600.0
"""Issuers and topics change their keys within days, and publish the next before they use it."""
SPAN, MOST = 60.0, 4
"""So often within this many seconds: whoever sends nonsense must not make us call somebody with each of it."""
PLACES = 16
"""As many answers are kept."""


class Kept:
    """Bytes by the address they came from."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._fetching = threading.Lock()
        self._found: dict[str, tuple[float, bytes]] = {}
        self._asked: dict[str, deque[float]] = {}

    def get(self, place: str, for_whom: str, fetch: Callable[[], bytes], *, fresh: bool = False) -> bytes:
        """What is kept, or what ``fetch`` gives; ``fresh``: what is kept does not do. Raises CallFailed.

        ``for_whom`` is the sender in whose name it is asked: only configured ones count, so this stays small.
        """
        with self._fetching:
            now = self._clock.monotonic()
            at, found = self._found.get(place, (float("-inf"), b""))
            may_ask = self._may_ask(for_whom, now)
            if found and now - at < KEPT_SECONDS and not (fresh and may_ask):
                return found
            if not may_ask:
                raise NotSent("it was asked for too often within a minute")
            self._asked[for_whom].append(now)
            found = fetch()
            while len(self._found) >= PLACES:
                self._found.pop(next(iter(self._found)))
            self._found[place] = now, found
            return found

    def _may_ask(self, for_whom: str, now: float) -> bool:
        asked = self._asked.setdefault(for_whom, deque(maxlen=MOST))
        return len(asked) < MOST or now - asked[0] >= SPAN
