"""The ledger of several machines, in a Valkey or Redis server (5.0 or later; one primary, not a cluster of several).

Each verb is one round trip of a script. MULTI under WATCH would be three, and a loop in which two deliveries can keep each other:
a verb reads before it decides. EVALSHA names a script by its hash; a server that has forgotten it is sent the source.

How long a wish lasts is the server's affair. What can be lost:

- with ``appendonly yes`` and ``appendfsync everysec`` the last second of writes when the machine dies, nothing when only the
  process does; with ``always`` nothing; without AOF everything since the last snapshot;
- a failover loses what the new primary had not received. WAIT makes that rarer and does not prevent it (valkey.io/commands/wait),
  so no delivery pays for it.

A cause whose claim is lost is a cause nobody has seen: looking through the vault by its name and CBR's refusal to run two
backups are then all that prevent a second restore point, and a wish that was lost before it was sent is made up for by nobody.
Where that must not happen take ``always`` and one server, or the ledger in DynamoDB.

Nothing here has the server delete anything by its own clock. So policies that evict only keys with a time to live
(``volatile-…``) evict nothing, and one that evicts any key (``allkeys-…``), which would forget wishes when memory is short, is
refused with every new connection, as a replica is. A server that does not let us ask (INFO) has to be trusted.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from valkey import exceptions as said

from handlers.errors import LedgerDown
from handlers.ledger import Record
from handlers.ledger.names import name_of, part
from handlers.ledger.patience import LIST_SECONDS, VERB_SECONDS, Patience
from handlers.ledger.valkey.advice import NO_VALKEY, STRANGE, advice
from handlers.ledger.valkey.connections import Dialler, Link
from handlers.ledger.valkey.scripts import DUE, PREFIX, PUT, SINCE, SWAP, Script
from handlers.values import replace
from handlers.wire import IDLE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handlers.settings.ledger import Valkey
    from handlers.wire import Clock, Deadline

_FIELDS = ("kind", "key", "at", "due", "body", "expires", "version")


class ValkeyLedger:
    """See the module. As many connections as threads use it at once, kept for a few seconds; the first verb makes the first."""

    def __init__(self, to: Valkey, now: Callable[[], float], clock: Clock, *, ca_file: str = "") -> None:
        self._name, self._now, self._clock, self._patience = f"{to.host}:{to.port}", now, clock, Patience(clock)
        self._dialler = Dialler(to, ca_file)
        self._mutex, self._closed = Lock(), False
        self._idle: list[Link] = []
        self._process, self._last_used = os.getpid(), 0.0

    def put_if_absent(self, record: Record) -> Record | None:
        """Takes a few expired records along."""
        stored = replace(record, version=1)
        with self._verb() as link:
            standing = self._run(link, PUT, _keys(record), repr(self._now()), *_named(stored))
            return None if standing is None else self._record(standing)

    def get(self, kind: str, key: str) -> Record | None:
        """One HMGET; what has expired and still stands is judged here."""
        with self._verb() as link:
            found = link.ask("HMGET", f"{PREFIX}record:{name_of(kind, key)}", *_FIELDS)
            if found == [None] * len(_FIELDS):
                return None
            record = self._record(found)
            return record if record.expires > self._now() else None

    def swap(self, record: Record) -> Record | None:
        """The versions are compared as text, which is exact for integers of any size."""
        stored = replace(record, version=record.version + 1)
        with self._verb() as link:
            done = self._run(link, SWAP, _keys(record), repr(self._now()), *_named(stored), record.version)
            if done not in (0, 1):
                raise self._down(NO_VALKEY)
            return stored if done else None

    def due(self, now: float, limit: int) -> list[Record]:
        """Takes expired records along, as many as a sweep can afford."""
        with self._verb() as link:
            return self._list(self._run(link, DUE, (f"{PREFIX}due",), repr(self._now()), repr(now), max(limit, 0)))

    def since(self, kind: str, time: float) -> list[Record]:
        """All of them in one answer."""
        with self._verb(LIST_SECONDS) as link:
            names = f"{part(kind)} "
            return self._list(self._run(link, SINCE, (f"{PREFIX}at:{kind}",), repr(self._now()), repr(time), names))

    def close(self) -> None:
        """Busy connections are closed when their verb is over."""
        with self._mutex:
            self._closed = True
        self._drop()

    def _check(self, link: Link) -> None:
        """Refuses a server that would forget, as far as it lets us ask."""
        try:
            text = link.ask("INFO")
        except said.ResponseError:  # not allowed to this user, or taken out by who runs the server
            return
        if not isinstance(text, bytes) or b"redis_version:" not in text:
            raise self._down(NO_VALKEY)
        told = dict(line.partition(":")[::2] for line in text.decode(errors="replace").splitlines())
        if told.get("role") == "slave":
            raise self._down("it is a replica; name the primary")
        policy = told.get("maxmemory_policy", "")
        if policy.startswith("allkeys-") and told.get("maxmemory") != "0":
            raise self._down(f"it throws wishes away when memory is short (maxmemory-policy {policy}); set noeviction")

    @contextmanager
    def _verb(self, seconds: float = VERB_SECONDS) -> Iterator[Link]:
        """A connection for one verb. After any error all of them are closed: the name may stand for another server by now."""
        if self._closed:
            raise self._down("it is closed; open it again")
        with self._patience.verb(seconds) as deadline, self._told():
            link = self._take(deadline)
            try:
                yield link
            except BaseException:
                link.hang_up()
                self._drop()
                raise
            self._give_back(link)

    def _take(self, deadline: Deadline) -> Link:
        """One that is idle, unless it has been for so long that a gateway on the way may have forgotten it, or another's."""
        now = self._clock.now().timestamp()
        if self._process != os.getpid() or abs(now - self._last_used) > IDLE_SECONDS:
            self._drop()
        with self._mutex:
            link = self._idle.pop() if self._idle else None
        if link and not link.is_quiet():  # the server has hung up, and on the others too
            link.hang_up()
            self._drop()
            link = None
        if link is None:
            return self._dial(deadline)
        link.deadline = deadline
        return link

    def _dial(self, deadline: Deadline) -> Link:
        link = self._dialler.dial(deadline)
        try:
            self._check(link)
        except BaseException:
            link.hang_up()
            raise
        return link

    def _give_back(self, link: Link) -> None:
        with self._mutex:
            self._last_used = self._clock.now().timestamp()
            if not self._closed:
                self._idle.append(link)
                return
        link.hang_up()

    def _drop(self) -> None:
        with self._mutex:
            idle, self._idle, self._process = self._idle, [], os.getpid()
        for link in idle:
            link.hang_up()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what the network, valkey-py and the server say into LedgerDown; the cause keeps their words."""
        try:
            yield
        except (said.ValkeyError, OSError, ValueError, RecursionError) as error:
            raise self._down(advice(error)) from error

    def _run(self, link: Link, script: Script, keys: tuple[str, ...], *arguments: str | int) -> Any:
        try:
            return link.ask("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except said.NoScriptError:
            return link.ask("EVAL", script.source, len(keys), *keys, *arguments)

    def _list(self, found: Any) -> list[Record]:
        if not isinstance(found, list):
            raise self._down(NO_VALKEY)
        return [self._record(each) for each in found]

    def _record(self, fields: Any) -> Record:
        try:
            kind, key, at, due, body, expires, version = (field.decode() for field in fields)
            return Record(kind, key, float(at), float(due) if due else None, body, float(expires), int(version))
        except (TypeError, ValueError, AttributeError) as error:
            raise self._down(STRANGE) from error

    def _down(self, what: str) -> LedgerDown:
        return LedgerDown(f"ledger {self._name}: {what}")


def _keys(record: Record) -> tuple[str, ...]:
    """What the script will touch for this record, as a cluster and access lists want it said."""
    return (f"{PREFIX}record:{name_of(record.kind, record.key)}", f"{PREFIX}at:{record.kind}", f"{PREFIX}due", f"{PREFIX}expires")


def _named(record: Record) -> tuple[str | int, ...]:
    due = "" if record.due is None else repr(record.due)
    name, at, expires = name_of(record.kind, record.key), repr(record.at), repr(record.expires)
    return name, record.kind, record.key, at, due, record.body, expires, record.version
