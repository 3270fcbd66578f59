"""The ledger of one process: forgotten with it, so only for tests, dry runs and a single instance that may forget."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from handlers.errors import LedgerDown
from handlers.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.ledger import Record


class MemoryLedger:
    """A dict behind a mutex."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._mutex = now, Lock()
        self._records: dict[tuple[str, str], Record] | None = {}

    def put_if_absent(self, record: Record) -> Record | None:
        """Look and store under the mutex."""
        with self._mutex:
            records = self._alive()
            if (standing := records.get((record.kind, record.key))) is None:
                records[record.kind, record.key] = replace(record, version=1)
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
            records[record.kind, record.key] = stored = replace(record, version=record.version + 1)
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
            self._records = None

    def _alive(self) -> dict[tuple[str, str], Record]:
        """The records that have not expired, after dropping the others; called with the mutex held."""
        if self._records is None:
            raise LedgerDown("the memory ledger is closed: open a new one")
        now = self._now()
        for key in [key for key, record in self._records.items() if record.expires <= now]:
            del self._records[key]
        return self._records


class Outliving(MemoryLedger):
    """One process's memory: a service that ends leaves it to the next one, or what it holds would be done twice."""

    def close(self) -> None:
        """Not yet."""
