"""The machine's clocks: what every other file is given as a parameter."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The machine's clocks; ``starts_at`` is what the wall's says now, for a replay against the sandbox."""

    def __init__(self, starts_at: datetime | None = None) -> None:
        self._ahead = starts_at - datetime.now(UTC) if starts_at else timedelta()

    def now(self) -> datetime:
        """Wall time, UTC."""
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        """Seconds on a clock that is never set back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
