"""How often refusals are told: who proves nothing must not fill a mailbox."""

from __future__ import annotations

import threading

from handlers.outcome import Outcome
from handlers.values import replace

REFUSED_SECONDS = 3600.0
"""Between two messages about refusals of the same kind."""
UNHEARD_SECONDS = 60.0
"""... where no topic took the first."""


class Refusals:
    """Refusals are told once in REFUSED_SECONDS for each sender and reason: who proves nothing must not fill a mailbox.

    This process's alone, for a refusal asks nothing of the ledger. Every one of them is logged and counted.
    """

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._told: dict[tuple[str, ...], tuple[float, int]] = {}

    def unheard(self, outcome: Outcome, now: float) -> None:
        """No topic took it: the next one is told sooner."""
        with self._changing:
            self._told[_kind(outcome)] = now - REFUSED_SECONDS + UNHEARD_SECONDS, 1

    def worded(self, outcome: Outcome, now: float) -> Outcome | None:
        """The refusal as it is told, with how many were kept back since the last one; None: this one is kept back."""
        key = _kind(outcome)
        with self._changing:
            at, kept_back = self._told.get(key, (float("-inf"), 0))
            if now - at < REFUSED_SECONDS:
                self._told[key] = at, kept_back + 1
                return None
            self._told[key] = now, 0
        more = f" ({kept_back} more like it since the last message; the log has them all)" if kept_back else ""
        return replace(outcome, message=outcome.message + more)


def _kind(outcome: Outcome) -> tuple[str, ...]:
    """What refusals must share to be told as one; rules name all of it, events nothing."""
    return outcome.reason, outcome.sender, outcome.rule, outcome.vault
