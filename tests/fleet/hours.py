"""Time that passes so many times faster, for services, the sandbox and the queue alike: hours of a fleet in seconds of a test."""

from __future__ import annotations

import time
from datetime import UTC, datetime

START = datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC)


class Hours:
    """A clock as `wire.Clock` wants it; called, it is the sandbox's."""

    def __init__(self, speed: float) -> None:
        self._speed, self._began = speed, time.monotonic()

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * self._speed

    def __call__(self) -> float:
        return START.timestamp() + self.monotonic()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self(), UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(seconds, 0.0) / self._speed)
