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
"""So often within this many seconds: whoever sends nonsense must not make us call somebody with each of it.

What was had before is asked for on an account of its own: strangers who name places that do not exist must not use it up.
"""
PLACES = 16
"""As many answers are kept."""


class Kept:
    """One sender's bytes by the address they came from: a place that is slow must hold up nobody else's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._fetching = threading.Lock()
        self._found: dict[str, tuple[float, bytes]] = {}
        self._asked: dict[bool, deque[float]] = {known: deque(maxlen=MOST) for known in (False, True)}

    def get(self, place: str, fetch: Callable[[], bytes], *, fresh: bool = False) -> bytes:
        """What is kept, or what ``fetch`` gives; ``fresh``: what is kept does not do. Raises CallFailed."""
        found = self._good(place)
        if found and not fresh:
            return found
        with self._fetching:
            now, found = self._clock.monotonic(), self._good(place)  # another thread may have it by now
            asked = self._asked[place in self._found and not fresh]
            may_ask = len(asked) < MOST or now - asked[0] >= SPAN
            if found and not (fresh and may_ask):
                return found
            if not may_ask:
                raise NotSent("it was asked for too often within a minute")
            asked.append(now)
            found = fetch()
            while len(self._found) >= PLACES:
                self._found.pop(next(iter(self._found)))
            self._found[place] = now, found
            return found

    def _good(self, place: str) -> bytes:
        """What is kept and not too old; nothing otherwise."""
        at, found = self._found.get(place, (float("-inf"), b""))
        return found if self._clock.monotonic() - at < KEPT_SECONDS else b""
