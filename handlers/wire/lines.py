"""Connections that all threads share: one call at a time on each, so many in all, and none that has been idle for too long.

httpcore's own pool looks at each of its connections whenever a request begins or ends, with a system call for every idle one
and under one lock. Above 32 connections threads stand in line for it (tests/bench/README.md); hence a pool for each connection.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections import deque
from collections.abc import Hashable, Iterable

import httpcore
import httpx

from handlers.wire import IDLE_SECONDS

POOL = 64
"""Connections, idle or busy: as many as threads take restore points at once."""


class Line(httpx.HTTPTransport):
    """One connection: httpx's own transport over a network of ours.

    httpcore documents ``network_backend``, httpx has no argument that passes it on; hence the pool is set here, in the one
    attribute httpx 0.28 keeps it in (the version is pinned below 0.29).
    """

    def __init__(self, network: httpcore.NetworkBackend, context: ssl.SSLContext | None) -> None:  # not the parent's pool
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, max_connections=1, keepalive_expiry=IDLE_SECONDS, network_backend=network
        )

    @property
    def usable(self) -> bool:
        """Whether its connection can take another call: open, idle, and not for too long."""
        return any(each.is_idle() and not each.has_expired() for each in self._pool.connections)


class Lines:
    """At most ``POOL``. The line used last is used next, whichever thread asks: threads come and go with every delivery."""

    def __init__(self, network: httpcore.NetworkBackend, context: ssl.SSLContext | None) -> None:
        self._network, self._context = network, context
        self._changed = threading.Condition(threading.Lock())
        self._busy = 0
        self._idle: dict[Hashable, deque[Line]] = {}

    def take(self, origin: Hashable, seconds: float) -> Line:
        """A line to this origin, or a new one; raises httpx.PoolTimeout where none becomes free in so many seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._busy < POOL, seconds):
                raise httpx.PoolTimeout("")
            self._busy += 1
            own, leaving = self._idle.get(origin), list[Line]()
            line = own.pop() if own else None
            if line is None and self._busy + sum(map(len, self._idle.values())) > POOL:
                leaving.append(next(lines for lines in self._idle.values() if lines).popleft())
        _close(leaving)
        return line or Line(self._network, self._context)

    def give_back(self, origin: Hashable, line: Line) -> None:
        """After its call, however that ended."""
        with self._changed:
            self._busy -= 1
            leaving = self._expired()
            if line.usable:
                self._idle.setdefault(origin, deque()).append(line)
            else:
                leaving.append(line)
            self._changed.notify()
        _close(leaving)

    def close(self) -> None:
        """The idle ones: all, when no call is left."""
        with self._changed:
            leaving = [line for lines in self._idle.values() for line in lines]
            self._idle = {}
        _close(leaving)

    def _expired(self) -> list[Line]:
        """Called with the lock held. The first of each origin has been idle for the longest."""
        found = list[Line]()
        for lines in self._idle.values():
            while lines and not lines[0].usable:
                found.append(lines.popleft())
        return found


def _close(lines: Iterable[Line]) -> None:
    for line in lines:
        with contextlib.suppress(OSError):  # it was another call's: this one goes on
            line.close()
