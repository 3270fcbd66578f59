"""When CBR is asked for what: slots at a project's rate, booked in the ledger, so that all dispatches share one line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress

from handlers.errors import LedgerDown
from handlers.ledger import Ledger, Record, body_of
from handlers.values import replace

KIND = "slots"
KEPT = 7 * 86400.0
"""Seconds after its last slot that a project's record is kept."""
REQUESTS = 2
"""Of one restore point: a look at the vault's backups, and the POST."""
SHARE = 0.8
"""Of a project's rate that restore points get while many wait; the rest is for following those that are made."""
BOOKED = 64
"""Slots booked at a time, so that not each of ten thousand needs the record."""
TRIES = 20


class Slots:
    """One project's slots, taken one after the other by the threads of one dispatch.

    Where the ledger cannot be asked they begin now, as if nobody else waited: CBR's own limit is left then.
    """

    def __init__(self, ledger: Ledger, project: str, per_second: float, now: float) -> None:
        self._ledger, self._project, self._now = ledger, project, now
        self._gap = REQUESTS / (per_second * SHARE)
        self._taking = threading.Lock()
        self._booked: Iterator[float] = iter(())
        self._last = self._until = now

    def take(self) -> float:
        """The next one: seconds since the epoch."""
        with self._taking:
            slot = next(self._booked, None)
            if slot is None:
                start = self._book()
                self._booked = iter([start + self._gap * number for number in range(BOOKED)])
                slot = next(self._booked)
            self._last = slot
            return slot

    def give_back(self) -> None:
        """What was booked and not taken, unless somebody has booked behind it by now."""
        with self._taking, suppress(LedgerDown):
            unused = next(self._booked, None)
            standing = self._ledger.get(KIND, self._project) if unused else None
            if standing and unused and abs(_free_from(standing, self._now) - self._until) < 1e-3:
                self._ledger.swap(replace(standing, body=json.dumps({"until": unused})))
            self._booked = iter(())

    def _book(self) -> float:
        """The first of BOOKED slots that nobody else has."""
        for _ in range(TRIES):
            try:
                standing = self._ledger.get(KIND, self._project)
                start = max(self._now, _free_from(standing, self._now))
                until = start + self._gap * BOOKED
                mine = Record(KIND, self._project, self._now, None, json.dumps({"until": until}), until + KEPT)
                if standing is None:
                    booked = self._ledger.put_if_absent(mine) is None
                else:
                    booked = self._ledger.swap(replace(mine, version=standing.version)) is not None
            except LedgerDown:
                break
            if booked:
                self._until = until
                return start
        return self._last


def waiting_until(ledger: Ledger, project: str, now: float) -> float:
    """The end of a project's line, seconds since the epoch; 0 where nobody ever waited. Raises LedgerDown."""
    return _free_from(ledger.get(KIND, project), now)


def _free_from(standing: Record | None, now: float) -> float:
    """By this clock: who booked may have had one that is ahead, and his line must not hold up everybody by as much."""
    try:
        return float(body_of(standing)["until"]) - max(standing.at - now, 0.0) if standing else 0.0
    except (ValueError, KeyError, TypeError):
        return 0.0  # not written by us
