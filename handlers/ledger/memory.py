"""The ledger of one process: forgotten with it, so only for tests, dry runs and a single instance that may forget."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from threading import Lock
from typing import TYPE_CHECKING

from handlers.errors import LedgerDown
from handlers.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.ledger import Record

SPARE = 64
"""Entries of the heap that may be out of date in a small ledger; in a large one, as many as there are records."""


class MemoryLedger:
    """A dict behind a mutex, and a heap of when its records expire: no verb but a list goes through all of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._mutex = now, Lock()
        self._records: dict[tuple[str, str], Record] | None = {}
        self._expiries: list[tuple[float, tuple[str, str]]] = []

    def put_if_absent(self, record: Record) -> Record | None:
        """Look and store under the mutex."""
        with self._mutex:
            records = self._alive()
            if (standing := records.get((record.kind, record.key))) is None:
                self._keep(records, replace(record, version=1))
            return standing

    def get(self, kind: str, key: str) -> Record | None:
        """See Ledger."""
        with self._mutex:
            return self._alive().get((kind, key))

    def swap(self, record: Record) -> Record | None:
        """Compare and store under the mutex."""
        with self._mutex:
            records = self._alive()
            standing = records.get((record.kind, record.key))
            if standing is None or standing.version != record.version:
                return None
            stored = replace(record, version=record.version + 1)
            self._keep(records, stored, standing)
            return stored

    def due(self, now: float, limit: int) -> list[Record]:
        """Sorted on every call: there are few."""
        with self._mutex:
            found = [(record.due, record) for record in self._alive().values() if record.due is not None and record.due <= now]
        found.sort(key=lambda pair: (pair[0], pair[1].kind, pair[1].key))
        return [record for _, record in found[: max(limit, 0)]]

    def since(self, kind: str, time: float) -> list[Record]:
        """Sorted on every call, like ``due``."""
        with self._mutex:
            found = [record for record in self._alive().values() if record.kind == kind and record.at >= time]
        return sorted(found, key=lambda record: (record.at, record.key))

    def close(self) -> None:
        """Forget everything."""
        with self._mutex:
            self._records, self._expiries = None, []

    def _keep(self, records: dict[tuple[str, str], Record], record: Record, standing: Record | None = None) -> None:
        """Store it, and note when it expires. What was noted of records that changed since is thrown out when it is the most."""
        records[place := (record.kind, record.key)] = record
        if standing is None or record.expires != standing.expires:
            heappush(self._expiries, (record.expires, place))
        if len(self._expiries) > 2 * len(records) + SPARE:
            self._expiries = [(each.expires, place) for place, each in records.items()]
            heapify(self._expiries)

    def _alive(self) -> dict[tuple[str, str], Record]:
        """The records that have not expired, after dropping the others; called with the mutex held."""
        if self._records is None:
            raise LedgerDown("the memory ledger is closed: open a new one")
        now = self._now()
        while self._expiries and self._expiries[0][0] <= now:
            _, place = heappop(self._expiries)
            record = self._records.get(place)  # it may have been swapped for one that expires later, or be gone
            if record is not None and record.expires <= now:
                del self._records[place]
        return self._records


class Outliving(MemoryLedger):
    """One process's memory: a service that ends leaves it to the next one, or what it holds would be done twice."""

    def close(self) -> None:
        """Not yet."""
