"""Connections that threads share: whose they may be next, how many there are, and when they go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from handlers.errors import NotSent
from handlers.wire import IDLE_SECONDS, Deadline, Wire
from handlers.wire.lines import POOL
from tests.sockets import Peer, Server, always, closed_port, reply


class StandingWall:
    """The machine's monotonic clock; the wall's stands still, so that only httpcore notices how long a connection is idle."""

    def now(self) -> datetime:
        return datetime(2026, 11, 27, tzinfo=UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


CLOCK = StandingWall()


class Together:
    """Answers when so many wait for one; counts the connections that are open."""

    def __init__(self, many: int) -> None:
        self._barrier = threading.Barrier(many)
        self._counting = threading.Lock()
        self.open = 0

    def __call__(self, peer: Peer) -> None:
        with self._counting:
            self.open += 1
        while asked := peer.request():
            if asked.target == "/together":
                self._barrier.wait(5)
            peer.send(reply())
        with self._counting:
            self.open -= 1

    def becomes(self, many: int) -> bool:
        """Whether that many are open, soon."""
        ends = time.monotonic() + 2
        while self.open != many and time.monotonic() < ends:
            time.sleep(0.01)
        return self.open == many


def call(wire: Wire, origin: str, path: str = "/together", within: float = 5.0) -> int:
    return wire.request("POST", origin + path, headers={}, deadline=Deadline.after(CLOCK, within)).status


def all_at_once(wire: Wire, origin: str, many: int) -> None:
    """In threads that have ended when this returns."""
    with ThreadPoolExecutor(many) as threads:
        assert [each.result() for each in [threads.submit(call, wire, origin) for _ in range(many)]] == [200] * many


@pytest.fixture
def open_wire() -> Iterator[Callable[..., Wire]]:
    built: list[Wire] = []

    def build(*origins: str) -> Wire:
        built.append(Wire(origins, CLOCK))
        return built[-1]

    yield build
    for wire in built:
        wire.close()


def test_the_next_deliverys_threads_use_the_connections_of_those_that_have_ended(open_wire: Callable[..., Wire]) -> None:
    with Server(Together(16)) as server:
        wire = open_wire(server.origin)
        for _ in range(3):
            all_at_once(wire, server.origin, 16)
        assert (server.accepted, len(server.asked)) == (16, 48)


def test_closing_closes_the_connections_of_threads_that_have_ended(open_wire: Callable[..., Wire]) -> None:
    together = Together(16)
    with Server(together) as server:
        wire = open_wire(server.origin)
        all_at_once(wire, server.origin, 16)
        assert together.open == 16
        wire.close()
        assert together.becomes(0)


def test_of_all_origins_together_no_more_connections_are_open_than_the_limit(open_wire: Callable[..., Wire]) -> None:
    together = Together(POOL)
    with Server(together) as many, Server(always(reply())) as other:
        wire = open_wire(many.origin, other.origin)
        all_at_once(wire, many.origin, POOL)
        assert call(wire, many.origin, "/") == 200
        assert together.open == POOL
        assert call(wire, other.origin) == 200
        assert together.becomes(POOL - 1)
        assert (many.accepted, other.accepted) == (POOL, 1)


def test_calls_that_reached_nobody_leave_the_limit_as_it_was(open_wire: Callable[..., Wire]) -> None:
    nobody = closed_port()
    with Server(Together(POOL)) as server:
        wire = open_wire(server.origin, nobody)
        for _ in range(POOL + 1):
            with pytest.raises(NotSent):
                call(wire, nobody)
        all_at_once(wire, server.origin, POOL)
        assert server.accepted == POOL


def test_who_waits_for_a_connection_gets_the_first_that_is_free(open_wire: Callable[..., Wire]) -> None:
    with Server(Together(POOL)) as server, ThreadPoolExecutor(2 * POOL) as threads:
        wire = open_wire(server.origin)
        calls = [threads.submit(call, wire, server.origin) for _ in range(2 * POOL)]
        assert [each.result() for each in calls] == [200] * (2 * POOL)
        assert (server.accepted, len(server.asked)) == (POOL, 2 * POOL)


def test_connections_nobody_uses_for_long_are_closed_by_the_next_call_although_others_are_used(
    open_wire: Callable[..., Wire],
) -> None:
    together = Together(8)
    with Server(together) as server:
        wire = open_wire(server.origin)
        all_at_once(wire, server.origin, 8)
        ends = time.monotonic() + IDLE_SECONDS + 0.2
        while time.monotonic() < ends:
            assert call(wire, server.origin, "/alone") == 200
            time.sleep(0.5)
        call(wire, server.origin, "/alone")
        assert together.becomes(1)
        assert server.accepted == 8


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, {"accept": "*/*", "accept-encoding": "identity"}),
        ({"accept": "application/json", "X-A": "1"}, {"accept": "application/json", "accept-encoding": "identity", "x-a": "1"}),
        ({"ACCEPT-ENCODING": "gzip", "user-agent": "us"}, {"accept": "*/*", "accept-encoding": "identity", "user-agent": "us"}),
    ],
)
def test_a_header_is_sent_once_and_nothing_compressed_is_asked_for(
    open_wire: Callable[..., Wire], given: dict[str, str], said: dict[str, str]
) -> None:
    with Server(always(reply())) as server:
        open_wire(server.origin).request("GET", server.origin + "/", headers=given, deadline=Deadline.after(CLOCK, 2))
        (asked,) = server.asked
        assert asked.headers.items() >= said.items()
        names = [line.partition(b":")[0].lower() for line in asked.raw.split(b"\r\n")[1:] if line]
        assert len(names) == len(set(names))
