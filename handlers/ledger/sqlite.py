"""The ledger of one machine: a sqlite file that several processes and threads share, and that survives power loss.

``synchronous = FULL``: a wish must be on the disk before the POST it announces leaves. In WAL mode NORMAL syncs only at
checkpoints, and a transaction "might roll back following a power loss" (sqlite.org/pragma.html#pragma_synchronous), and
with it the only trace of a restore point already asked for. FULL costs one fsync per write, a fraction of a
millisecond on a solid-state disk, against the seconds CBR takes.

One connection behind a mutex, not one per thread: sqlite has a single writer anyway, and the threads of a pool come and go
and would leave their connections open. Reads wait for a write of their own process; they are short.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from handlers.errors import LedgerDown
from handlers.ledger import Record
from handlers.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUSY_SECONDS = 2.5  # writers take turns of about a millisecond: who waits longer waits for something that hangs
PRUNED_PER_PUT = 8  # more than one, so that the expired never pile up; few, so that no delivery pays for many
APPLICATION = 0x4352_5031  # "CRP1" in the header of the file: no other program's database is taken for a ledger
SCHEMA = 1

_CREATE = f"""
    CREATE TABLE record (
        kind TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL, due REAL, body TEXT NOT NULL, expires REAL NOT NULL,
        version INTEGER NOT NULL, PRIMARY KEY (kind, key)
    );
    CREATE INDEX record_due ON record (due, kind, key) WHERE due IS NOT NULL;
    CREATE INDEX record_at ON record (kind, at, key);
    CREATE INDEX record_expires ON record (expires);
    PRAGMA application_id = {APPLICATION};
    PRAGMA user_version = {SCHEMA};
"""
_SELECT = "SELECT kind, key, at, due, body, expires, version FROM record WHERE expires > :now"
_GET = f"{_SELECT} AND kind = :kind AND key = :key"
_DUE = f"{_SELECT} AND due <= :until ORDER BY due, kind, key LIMIT :limit"
_SINCE = f"{_SELECT} AND kind = :kind AND at >= :time ORDER BY at, key"
_PUT = """
    INSERT INTO record (kind, key, at, due, body, expires, version) VALUES (:kind, :key, :at, :due, :body, :expires, 1)
    ON CONFLICT (kind, key) DO UPDATE SET at = :at, due = :due, body = :body, expires = :expires, version = 1
    WHERE record.expires <= :now
"""
_SWAP = """
    UPDATE record SET at = :at, due = :due, body = :body, expires = :expires, version = version + 1
    WHERE kind = :kind AND key = :key AND version = :version AND expires > :now
"""
_PRUNE = """
    DELETE FROM record WHERE rowid IN (SELECT rowid FROM record WHERE expires <= :now ORDER BY expires LIMIT :limit)
"""

# Primary result codes (sqlite.org/rescode.html) and what a person can do about them.
_ADVICE = {
    sqlite3.SQLITE_BUSY: "another process keeps it busy; end the one that hangs",
    sqlite3.SQLITE_PROTOCOL: "another process keeps it busy; end the one that hangs",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_IOERR: "the disk refuses; look for room, quota and faults",
    sqlite3.SQLITE_READONLY: "it may not be written; give this user the right to write the file and its directory",
    sqlite3.SQLITE_PERM: "it may not be used; give this user the right to write the file and its directory",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; give this user the right to write the file and its directory",
    sqlite3.SQLITE_CORRUPT: "it is damaged; restore it, or move it and its -wal file away and start anew",
    sqlite3.SQLITE_NOTADB: "it is damaged or no ledger; restore it, or move it away and start anew",
}


class SqliteLedger:
    """See the module. ``busy_seconds`` bounds every wait, for another process and for another thread."""

    def __init__(self, path: str, now: Callable[[], float], busy_seconds: float = BUSY_SECONDS) -> None:
        self._path = Path(path).absolute()
        self._now, self._busy_seconds = now, busy_seconds
        self._mutex, self._process = Lock(), os.getpid()
        with self._told():
            if not self._path.exists():
                _create(self._path)
            self._connection: sqlite3.Connection | None = self._connect()
            self._file = self._identity()

    def put_if_absent(self, record: Record) -> Record | None:
        """The record and the pruning of expired ones share one transaction, hence one sync.

        What stands is looked for first: of a storm's alerts all but one find it, and none of them waits for the right to write.
        """
        now = self._now()
        asked: dict[str, str | float] = {"kind": record.kind, "key": record.key, "now": now}
        with self._turn() as connection:
            if standing := self._records(connection, _GET, asked):
                return standing[0]
            with _transaction(connection):
                if connection.execute(_PUT, {**_fields(record), "now": now}).rowcount == 0:
                    return self._records(connection, _GET, asked)[0]
                connection.execute(_PRUNE, {"now": now, "limit": PRUNED_PER_PUT})
                return None

    def get(self, kind: str, key: str) -> Record | None:
        """See Ledger."""
        with self._turn() as connection:
            found = self._records(connection, _GET, {"kind": kind, "key": key, "now": self._now()})
            return found[0] if found else None

    def swap(self, record: Record) -> Record | None:
        """One UPDATE, which sqlite makes atomic by itself."""
        with self._turn() as connection:
            changed = connection.execute(_SWAP, {**_fields(record), "now": self._now()}).rowcount
            return replace(record, version=record.version + 1) if changed else None

    def due(self, now: float, limit: int) -> list[Record]:
        """A limit below zero would mean "all" to sqlite; here it means none."""
        with self._turn() as connection:
            return self._records(connection, _DUE, {"until": now, "limit": max(limit, 0), "now": self._now()})

    def since(self, kind: str, time: float) -> list[Record]:
        """See Ledger."""
        with self._turn() as connection:
            return self._records(connection, _SINCE, {"kind": kind, "time": time, "now": self._now()})

    def close(self) -> None:
        """The last process to close folds the -wal file into the file."""
        with self._mutex, self._told():
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False)
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
            if application != APPLICATION:
                raise self._down("it is not a ledger; name another file, or move it away and start anew")
            if schema > SCHEMA:
                raise self._down(f"it was written by a newer version (schema {schema}, known {SCHEMA}); update this program")
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise self._down("its file system cannot be shared safely; put it on a local disk")
            connection.execute("PRAGMA synchronous = FULL")
            # Elsewhere a no-op; on macOS fsync leaves data in the drive's cache (sqlite.org/pragma.html#pragma_fullfsync).
            connection.execute("PRAGMA fullfsync = ON")
            # A write that is taken back: a file that may only be read is found out now, not at the first wish.
            for statement in ("BEGIN IMMEDIATE", f"PRAGMA user_version = {SCHEMA}", "ROLLBACK"):
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _turn(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time; raises LedgerDown rather than wait or write into the void."""
        if self._process != os.getpid():  # a connection must not be used across a fork (sqlite.org/howtocorrupt.html, 2.6)
            raise self._down("it was opened before this process was forked; open it in each process")
        if not self._mutex.acquire(timeout=self._busy_seconds):
            raise self._down("this process keeps it busy; send fewer deliveries at once")
        try:
            with self._told():
                if self._connection is None:
                    raise self._down("it is closed; open it again")
                if self._identity() != self._file:
                    raise self._down("it was moved or replaced while in use; start again")
                yield self._connection
        finally:
            self._mutex.release()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what the disk and sqlite say into LedgerDown; the cause keeps their words."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # none on text that is not UTF-8
            name = getattr(error, "sqlite_errorname", "unreadable text")
            # An extended code carries its primary code in the lowest eight bits (sqlite.org/rescode.html).
            raise self._down(_ADVICE.get(code & 0xFF, f"it cannot be used ({name}); restore it or start anew")) from error
        except OSError as error:
            raise self._down(f"its directory cannot be used ({error.strerror}); create it, writable by this user") from error

    def _records(self, connection: sqlite3.Connection, query: str, values: dict[str, str | float]) -> list[Record]:
        rows = connection.execute(query, values).fetchall()
        try:
            return [Record(*row) for row in rows]
        except (TypeError, ValueError, AttributeError) as error:
            raise self._down(_ADVICE[sqlite3.SQLITE_CORRUPT]) from error

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _down(self, advice: str) -> LedgerDown:
        return LedgerDown(f"ledger {self._path.name}: {advice}")


def _create(path: Path) -> None:
    """A whole, empty ledger appears under its name or none does, so nobody sees half of one and no start races another.

    An empty file found under the name is therefore damage and never taken for a new ledger: it would have forgotten wishes.
    """
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _sync(path.parent.parent)
    draft_file, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600, as its documentation promises
    os.close(draft_file)
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(f"BEGIN; {_CREATE} COMMIT;")
        try:
            os.link(draft, path)
        except FileExistsError:
            return  # another process was first; its ledger is as good
    finally:
        Path(draft).unlink()
    _sync(path.parent)


def _sync(directory: Path) -> None:
    """The name of a new file is durable only once its directory is, says fsync(2)."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE, because a reader that turns writer is refused without waiting (sqlite.org/rescode.html#busy_snapshot)."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _fields(record: Record) -> dict[str, str | float | None]:
    names = ("kind", "key", "at", "due", "body", "expires", "version")
    return {name: getattr(record, name) for name in names}
