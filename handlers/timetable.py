"""When each timer came last: what a newer event supersedes, and whether one is missing, is read from here."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from handlers.ledger import Ledger, Record, body_of
from handlers.values import replace

KIND = "timer"
KEPT = 400 * 86400.0
"""Seconds; longer than any schedule's span between two events may be written in the rules."""
TRIES = 3


def arrived(ledger: Ledger, name: str, at: datetime, now: float, *, planned: bool) -> None:
    """The event for ``at`` was taken care of; ``planned``: restore points were wanted because of it, so it supersedes older ones.

    An older one, or the same again, changes nothing. Raises LedgerDown.
    """
    when = at.timestamp()
    for _ in range(TRIES):  # several events of one timer may come at once, and the newest counts
        standing = ledger.get(KIND, name)
        came, newest_planned = _read(standing)
        latest = max(came or when, when)
        body = {"came": latest, "planned": max(newest_planned or when, when) if planned else newest_planned}
        fresh = Record(KIND, name, latest, None, json.dumps(body), now + KEPT, standing.version if standing else 0)
        if (came, newest_planned) == (body["came"], body["planned"]):
            return
        if (ledger.put_if_absent(fresh) is None) if standing is None else ledger.swap(fresh):
            return


def newest(ledger: Ledger, name: str) -> datetime | None:
    """The scheduled time of the newest event that wanted restore points. Raises LedgerDown."""
    _, planned = _read(ledger.get(KIND, name))
    return datetime.fromtimestamp(planned, UTC) if planned is not None else None


def last_seen(ledger: Ledger, name: str, now: float) -> tuple[float, bool]:
    """When it came last, and True; where it never has, when it was first asked for here, and False. Raises LedgerDown."""
    waiting = Record(KIND, name, now, None, json.dumps({"came": None, "planned": None}), now + KEPT)
    standing = ledger.put_if_absent(waiting) or waiting
    came, _ = _read(standing)
    if came is None and not _plausible(standing.at):
        ledger.swap(replace(waiting, version=standing.version))  # not written by us
        return now, False
    return (standing.at, False) if came is None else (came, True)


def came_last(ledger: Ledger, name: str) -> tuple[float | None, bool]:
    """The same as ``last_seen`` without writing anything down: None where nobody ever asked. Raises LedgerDown."""
    standing = ledger.get(KIND, name)
    came, _ = _read(standing)
    if came is not None:
        return came, True
    return (standing.at if standing and _plausible(standing.at) else None), False


def _read(record: Record | None) -> tuple[float | None, float | None]:
    """When the newest event was for, and the newest that wanted something. What was not written by us says nothing."""
    try:
        body = body_of(record) if record else {}
    except ValueError:
        body = {}
    came, planned = body.get("came"), body.get("planned")
    return came if _plausible(came) else None, planned if _plausible(planned) else None


def _plausible(at: object) -> bool:
    """A time between 1970 and 2200, in seconds."""
    return isinstance(at, float) and 0.0 <= at < 7.3e9
