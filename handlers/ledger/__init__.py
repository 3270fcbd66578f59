"""Durable records under compare-and-swap: what keeps two deliveries of one cause from becoming two restore points.

Wishes, notices, replay ids and budgets are kinds of records. A back end keeps them, orders them by time and decides
who is first; it knows no kind and never reads a body.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from handlers.errors import LedgerDown, Misconfigured
from handlers.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.settings import LedgerAccess
    from handlers.wire import Clock


@dataclass(frozen=True)
class Record:
    """One thing to remember. Times are seconds since the epoch, ``body`` is JSON text and opaque to the ledger.

    ``at`` is when the thing happened that the record is about, ``due`` when somebody must look at it again (None: nobody).
    From ``expires`` on the record counts as absent and may vanish. ``version`` is 0 before the record is stored.

    What no back end could give back unchanged (a time that is not finite, text that is not UTF-8) is a ValueError: stored as
    NULL, a ``due`` of NaN would be a wish nobody looks at again.
    """

    kind: str
    key: str
    at: float
    due: float | None
    body: str
    expires: float
    version: int = 0

    def __post_init__(self) -> None:
        if not (isfinite(self.at) and isfinite(self.expires) and (self.due is None or isfinite(self.due))):
            raise ValueError("a record's times must be finite")
        for text in (self.kind, self.key, self.body):
            text.encode()


def body_of(record: Record) -> dict[str, Any]:
    """The body of a record as we write them: a JSON object. Raises ValueError, and nothing else, where it is something else."""
    try:
        found = json.loads(record.body)
    except RecursionError as error:
        raise ValueError("the record is nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError("the record holds no object")
    return found


class Ledger(Protocol):
    """Five verbs, safe to call from several threads; every one raises LedgerDown when the store does not answer.

    After a LedgerDown from a verb that writes, the write may or may not have happened: ``get`` tells.
    An expired record is absent for all of them. A key used again after its record expired starts at version 1 again, so
    ``expires`` must lie far beyond the longest time anybody holds a record between reading and swapping it.
    """

    def put_if_absent(self, record: Record) -> Record | None:
        """None: stored, as version 1. Otherwise the record that stands there, untouched. ``record.version`` is ignored."""

    def get(self, kind: str, key: str) -> Record | None:
        """The record as it stands now."""

    def swap(self, record: Record) -> Record | None:
        """Store it only over the version it was read as, and return it with its new version.

        None: somebody else was first, or the record is gone. All fields but kind and key may change.
        """

    def due(self, now: float, limit: int) -> list[Record]:
        """At most ``limit`` records of all kinds with ``due <= now``, oldest due first, then by kind and key."""

    def since(self, kind: str, time: float) -> list[Record]:
        """The records of one kind with ``at >= time``, oldest first, then by key."""

    def close(self) -> None:
        """May be called twice; afterwards every other verb raises LedgerDown."""


class Closed:
    """Stands in for a ledger that could not be opened: every verb says why."""

    def __init__(self, why: LedgerDown) -> None:
        self._why = str(why)

    def put_if_absent(self, record: Record) -> NoReturn:
        """See Ledger."""
        self._down()

    def get(self, kind: str, key: str) -> NoReturn:
        """See Ledger."""
        self._down()

    def swap(self, record: Record) -> NoReturn:
        """See Ledger."""
        self._down()

    def due(self, now: float, limit: int) -> NoReturn:
        """See Ledger."""
        self._down()

    def since(self, kind: str, time: float) -> NoReturn:
        """See Ledger."""
        self._down()

    def close(self) -> None:
        """There is nothing to close."""

    def _down(self) -> NoReturn:
        raise LedgerDown(self._why)


def open_ledger(where: str, now: Callable[[], float], clock: Clock | None = None, access: LedgerAccess | None = None) -> Ledger:
    """Open the ledger that settings found; the back end's library is imported only then. ``now`` decides what has expired.

    One on the network also needs a ``clock``, to wait by, and the ``access`` that was found with its name. Raises Misconfigured
    for any other word, LedgerDown at once when a file cannot be used; a store on the network says so at the first verb, because
    opening is one thread's turn at a time and nobody may wait behind another's time-out.
    """
    scheme, _, place = where.partition(":")
    if where == "memory":
        from handlers.ledger.memory import MemoryLedger

        return MemoryLedger(now)
    if scheme == "sqlite" and place:
        from handlers.ledger.sqlite import SqliteLedger

        return SqliteLedger(place, now)
    if clock and access and access.valkey:
        from handlers.ledger.valkey import ValkeyLedger

        return ValkeyLedger(access.valkey, now, clock, ca_file=access.ca_file)
    if clock and access and access.aws:
        from handlers.ledger.dynamodb import DynamoLedger

        return DynamoLedger(place, access.aws, now, clock, ca_file=access.ca_file)
    raise Misconfigured(
        "RESTORE_POINT_LEDGER",
        "not a known ledger; known are memory and sqlite:/path/to/file, dynamodb:TABLE and valkey://host:port/db",
    )
