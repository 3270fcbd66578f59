"""When each timer came last: what a newer event supersedes, and whether one is missing, is read from here."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from handlers.ledger import Ledger, Record

KIND = "timer"
KEPT = 400 * 86400.0
"""Seconds; longer than any schedule's span between two events may be written in the rules."""
TRIES = 3


def arrived(ledger: Ledger, name: str, at: datetime, now: float) -> None:
    """The event for ``at`` was taken care of. An older one, or the same again, changes nothing. Raises LedgerDown."""
    fresh = Record(KIND, name, at.timestamp(), None, json.dumps({"came": True}), now + KEPT)
    for _ in range(TRIES):  # several events of one timer may come at once, and the newest counts
        standing = ledger.put_if_absent(fresh)
        if standing is None or (_came(standing) and standing.at >= fresh.at):
            return
        if ledger.swap(replace(fresh, version=standing.version)) is not None:
            return


def newest(ledger: Ledger, name: str) -> datetime | None:
    """The scheduled time of the newest event that came. Raises LedgerDown."""
    standing = ledger.get(KIND, name)
    return datetime.fromtimestamp(standing.at, UTC) if standing is not None and _came(standing) else None


def last_seen(ledger: Ledger, name: str, now: float) -> tuple[float, bool]:
    """When it came last, and True; where it never has, when it was first asked for here, and False. Raises LedgerDown."""
    waiting = Record(KIND, name, now, None, json.dumps({"came": False}), now + KEPT)
    standing = ledger.put_if_absent(waiting) or waiting
    return standing.at, _came(standing)


def _came(record: Record) -> bool:
    with suppress(ValueError, AttributeError):
        return json.loads(record.body).get("came") is True
    return False
