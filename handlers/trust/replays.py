"""Proven requests that were settled, so that one which is sent once more asks for nothing.

Remembered only once it is settled: a sender that was told to come again comes with the same id. Where the ledger is down nothing
is remembered; the cause still keeps one wish from becoming two restore points.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from handlers.envelope import Envelope
from handlers.errors import LedgerDown
from handlers.ledger import Ledger, Record
from handlers.outcome import Outcome, Skipped
from handlers.trust import Proven

KIND = "replay"


def replayed(envelope: Envelope, sender: str) -> Outcome:
    """What becomes of it."""
    why = "this very request, proof and all, was settled before"
    return Skipped(reason="replayed", message=why, sender=sender, trigger=envelope.door, delivery_id=envelope.delivery_id)


def is_replayed(proven: Proven, opened: Callable[[], Ledger]) -> bool:
    """Whether this very request was settled before."""
    if not proven.replay:
        return False
    with suppress(LedgerDown):
        return opened().get(KIND, _key(proven)) is not None
    return False


def remember(proven: Proven, opened: Callable[[], Ledger], now: float) -> None:
    """It is settled."""
    if proven.replay:
        with suppress(LedgerDown):
            opened().put_if_absent(Record(KIND, _key(proven), now, None, "{}", now + proven.lasts))


def _key(proven: Proven) -> str:
    return f"{proven.sender} {proven.replay}"
