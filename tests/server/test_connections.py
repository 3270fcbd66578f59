"""Clients that are slow, silent or rude cost no thread: whoever sends a whole request meanwhile is answered at once."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from handlers.envelope import BODY_CAP
from tests.scripted import World
from tests.server.stage import ALERT, HEALTH, TOKENS, Client, crowd, request, seconds
from tests.web_server import WebServer

MANY = 50
SOON = 3.0
"""Seconds, on a machine that does much else; functions-framework's own start takes half a minute in each of these cases."""
CHUNKED = request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
SLOW = {
    "silent": (b"", b""),
    "a head that drips": (b"POST /alert/am HTTP/1.1\r\nX-Slow: ", b"a"),
    "a body that drips": (request(b"", length=100), b"{"),
    "chunks that drip": (CHUNKED, b"1\r\nx\r\n"),
    "nobody hangs up after an answer": (HEALTH.replace(b"Host", b"Connection: close\r\nHost"), b""),
    "nobody hangs up after a refusal": (b"NONSENSE\r\n\r\n", b""),
    "nobody takes more than half of a large body": (request(b"x" * 500_000, length=BODY_CAP), b"x"),
    "idle after an answer": (HEALTH, b""),
}


@contextlib.contextmanager
def dripping(clients: list[Client], piece: bytes) -> Iterator[None]:
    over = threading.Event()

    def drip() -> None:
        while piece and not over.wait(0.2):
            for each in clients:
                with contextlib.suppress(OSError):
                    each.send(piece)

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("case", SLOW.values(), ids=SLOW)
def test_fifty_bad_clients_keep_no_good_one_waiting(shared: WebServer, case: tuple[bytes, bytes]) -> None:
    start, piece = case
    shared.ask("GET", "/healthz")
    with crowd(shared, MANY, start) as clients, dripping(clients, piece):
        for _ in range(3):
            time.sleep(0.2)
            assert seconds(lambda: shared.ask("GET", "/healthz")) < SOON
        assert shared.post("/alert/am", ALERT, TOKENS["AM_TOKEN"]).status == 200


def test_requests_one_behind_the_other_are_answered_in_their_order(shared: WebServer) -> None:
    wrong = request(b"{}").replace(b"Bearer ", b"Bearer x")
    client = Client(shared.port, HEALTH + wrong + HEALTH.replace(b"GET", b"PUT") + HEALTH)
    assert [client.answer()[0] for _ in range(4)] == [200, 401, 405, 200]
    assert not client.is_closed(0.5)
    client.close()


def test_what_follows_a_body_that_was_not_read_is_no_request(shared: WebServer) -> None:
    many = BODY_CAP + 100_000
    chunks = b"%x\r\n" % many + b"x" * many + b"\r\n0\r\n\r\n"
    for refused in (request(b"", length=BODY_CAP + 1), CHUNKED + chunks):
        client = Client(shared.port, refused + HEALTH)
        assert client.answer()[0] == 413
        assert client.is_closed(2)
        client.close()


def test_a_sender_that_asks_first_is_told_to_go_on_and_only_once(server: WebServer, world: World) -> None:
    """curl does with more than a megabyte, other clients always; some wait for it without end."""
    client = Client(server.port, request(b"", "Expect: 100-continue", length=len(ALERT)))
    assert client.answer() == (100, b"")
    client.send(ALERT)
    status, body = client.answer()
    assert (status, b"created" in body) == (200, True)
    client.close()
    client = Client(server.port, request(b"", "Expect: 100-continue", length=BODY_CAP + 1))
    assert client.answer()[0] == 413
    client.close()
    assert len(world.posts()) == 1


def test_a_client_that_has_said_all_still_hears_the_answer(server: WebServer, world: World) -> None:
    for sent, wanted in ((request(ALERT), 200), (request(ALERT[:20], length=len(ALERT)), 400)):
        client = Client(server.port, sent)
        client.line.shutdown(socket.SHUT_WR)
        assert client.answer()[0] == wanted
        client.close()
    assert len(world.posts()) == 1


def test_bodies_that_wait_have_a_measure_together(shared: WebServer) -> None:
    """A hundred megabytes on their way: the largest are sent away, and a small one comes in."""
    before = shared.memory
    with crowd(shared, 100, b"") as clients, ThreadPoolExecutor(8) as threads:
        for _ in threads.map(lambda each: each.send(request(b"x" * 1_000_000, length=BODY_CAP)), clients):
            pass
        assert seconds(lambda: shared.ask("GET", "/healthz")) < SOON
        assert shared.memory - before < 100_000
        assert 20 < sum(each.is_closed(0.05) for each in clients) < 60


def test_bodies_that_were_answered_count_no_more(server: WebServer) -> None:
    """On a server of its own: what another test's clients left behind would count, until it is seen that they are gone."""
    large = request(b"x" * BODY_CAP).replace(b"Bearer ", b"Bearer x")
    with contextlib.closing(Client(server.port)) as client:
        for _ in range(80):
            client.send(large)
            assert client.answer()[0] == 401


def test_more_connections_than_are_served_wait_no_longer_than_the_slow_ones_may(server: WebServer) -> None:
    with crowd(server, 520, b"GET "):
        assert seconds(lambda: server.ask("GET", "/healthz")) < 8
    assert seconds(lambda: server.ask("GET", "/healthz")) < SOON
