"""How long a store on the network may keep a delivery waiting, in seconds."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from handlers.errors import LedgerDown
from handlers.wire import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handlers.wire import Clock

VERB_SECONDS = 1.5
"""For one verb, connecting included. A store answers within hundredths; the first TLS handshake of a cold start takes longest."""
LIST_SECONDS = 15.0
"""For a list of any length, which no delivery waits for."""
REST_SECONDS = 5.0
"""For so long a store that let a verb wait in vain is not asked again: a delivery of a hundred causes must not wait a hundred
times. It is degraded meanwhile, as it is while the store is down."""
LEAST_SECONDS = 0.1
"""With less of a verb's time left nothing is tried again: it could not be answered, and would hide what the store said before."""


class Patience:
    """One store's, shared by all threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rests_until, self._why = float("-inf"), ""

    @contextmanager
    def verb(self, seconds: float = VERB_SECONDS) -> Iterator[Deadline]:
        """The verb's end. Raises LedgerDown at once while the store rests; one that used up its time sends it to rest."""
        if self._clock.monotonic() < self._rests_until:
            raise LedgerDown(self._why)
        deadline = Deadline.after(self._clock, seconds)
        try:
            yield deadline
        except LedgerDown as down:
            if deadline.left() <= LEAST_SECONDS:
                self._rests_until, self._why = self._clock.monotonic() + REST_SECONDS, str(down)
            raise
