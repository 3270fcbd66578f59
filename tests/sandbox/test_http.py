"""The sandbox's own HTTP: its limits, what it refuses, and that one request ends where the next begins."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from handlers.sandbox import Sandbox, estate
from tests.sandbox.plain import CREATE, PROJECT, Came, Plain

KB = 1024
GET = b"GET /v3/x HTTP/1.1\r\nHost: sandbox\r\n\r\n"


def refused(came: Came, status: int) -> None:
    """The gateway's envelope, whose request id is also the header's; nothing follows on this connection."""
    assert (came.status, came.json["error_code"]) == (status, "APIGW.0201")
    assert came.json["request_id"] == came.headers["x-request-id"]
    assert came.headers["connection"] == "close"


class TestLimits:
    @pytest.mark.parametrize(("size", "status"), [(32 * KB, 401), (32 * KB + 1, 494)])
    def test_one_header_has_32_kilobytes(self, plain: Plain, size: int, status: int) -> None:
        came = plain.send(b"GET %s/vaults HTTP/1.1\r\nX-Auth-Token: %s\r\n\r\n" % (PROJECT.encode(), b"M" * size))
        assert came.status == status

    @pytest.mark.parametrize(("count", "status"), [(4, 404), (5, 494)])
    def test_all_headers_have_128_kilobytes(self, plain: Plain, count: int, status: int) -> None:
        lines = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 31 * KB) for number in range(count))
        assert plain.send(b"GET /v3/x HTTP/1.1\r\n" + lines + b"\r\n").status == status

    @pytest.mark.parametrize(("size", "status"), [(32 * KB, 404), (32 * KB + 1, 414), (300 * KB, 414)])
    def test_a_uri_has_32_kilobytes(self, plain: Plain, size: int, status: int) -> None:
        came = plain.send(b"GET /%s HTTP/1.1\r\nHost: sandbox\r\n\r\n" % (b"x" * (size - 1)))
        assert came.status == status

    def test_a_line_that_does_not_end_is_refused_before_it_has_all_the_memory(self, plain: Plain) -> None:
        refused(plain.send(b"GET /" + b"x" * 40 * KB), 414)

    def test_a_header_that_does_not_end_is_too(self, plain: Plain) -> None:
        refused(plain.send(b"GET / HTTP/1.1\r\nX: " + b"x" * 40 * KB), 494)

    def test_so_are_headers_that_do_not_end(self, plain: Plain) -> None:
        refused(plain.send(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 30_000), 494)

    def test_the_answer_arrives_although_the_client_is_still_sending(self, plain: Plain) -> None:
        """Closing on unread bytes would reset the connection under it."""
        plain.socket.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (13 * KB * KB))
        plain.socket.sendall(b"x" * 4 * KB * KB)
        refused(plain.rest(), 413)


MALFORMED = {
    "no HTTP at all": b"hello\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: x\n\n",
    "a bare line feed in a header": b"GET / HTTP/1.1\r\nX: a\nY: b\r\n\r\n",
    "a carriage return in a header": b"GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
    "a blank before the colon": b"GET / HTTP/1.1\r\nX : a\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nX\r\n\r\n",
    "an empty name": b"GET / HTTP/1.1\r\n: a\r\n\r\n",
    "a NUL": b"GET / HTTP/1.1\r\nX: \0\r\n\r\n",
    "two blanks": b"GET  / HTTP/1.1\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "a list of lengths": b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx",
    "a negative length": b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "a length with a sign": b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx",
    "a length in hexadecimal": b"POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\nx",
    "a length in other digits": "POST / HTTP/1.1\r\nContent-Length: ٣\r\n\r\nxxx".encode(),
    "chunks": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two proofs": b"GET / HTTP/1.1\r\nX-Auth-Token: a\r\nX-Auth-Token: b\r\n\r\n",
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_two_readers_could_read_in_two_ways_is_refused(plain: Plain, sandbox: Sandbox, what: str) -> None:
    refused(plain.send(MALFORMED[what]), 400)
    assert plain.rest().end == "closed"
    assert sandbox.exchanges[-1].status == 400
    assert sandbox.restore_points() == []


def test_bytes_in_any_portion_make_the_same_requests(plain: Plain, sandbox: Sandbox) -> None:
    body = json.dumps(CREATE).encode()
    whole = b"\r\nPOST %s/checkpoints HTTP/1.1\r\nX-Auth-Token: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        PROJECT.encode(),
        plain.token.encode(),
        len(body),
        body,
    )
    for at in range(0, len(whole) - 1, 97):
        plain.socket.sendall(whole[at : min(at + 97, len(whole) - 1)])
    assert plain.send(whole[-1:]).status == 200
    assert sandbox.posts()[0].body == CREATE


def test_requests_sent_at_once_are_answered_in_order(plain: Plain, sandbox: Sandbox) -> None:
    last = b"GET /v3/last HTTP/1.1\r\nConnection: close\r\n\r\n"
    plain.socket.sendall(b"".join(b"GET /v3/%d HTTP/1.1\r\n\r\n" % number for number in range(50)) + last)
    while plain.rest().end == "open":
        pass
    assert [seen.path for seen in sandbox.exchanges if seen.method == "GET"] == [f"/v3/{number}" for number in range(50)] + [
        "/v3/last"
    ]


def test_head_has_the_length_and_no_body(plain: Plain) -> None:
    token = plain.token
    got = plain.call("GET", "/v3/nowhere")
    head = plain.call("HEAD", "/v3/nowhere")
    assert (head.status, head.body) == (404, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert plain.token == token
    assert plain.list("vaults").status == 200  # on the same connection


def test_a_client_that_waits_for_a_100_gets_it(plain: Plain, sandbox: Sandbox) -> None:
    body = json.dumps(CREATE).encode()
    head = f"POST {PROJECT}/checkpoints HTTP/1.1\r\nX-Auth-Token: {plain.token}\r\nExpect: 100-continue\r\n"
    came = plain.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
    assert (came.raw, sandbox.posts()) == (b"HTTP/1.1 100 Continue\r\n\r\n", [])
    assert plain.send(body).status == 200
    came = plain.send(f"{head}Content-Length: {13 * KB * KB}\r\n\r\n".encode())
    refused(came, 413)  # not told to go on


@pytest.mark.parametrize(
    ("request_line", "headers", "stays"),
    [
        ("HTTP/1.1", "", True),
        ("HTTP/1.1", "Connection: close\r\n", False),
        ("HTTP/1.0", "", False),
        ("HTTP/1.0", "Connection: keep-alive\r\n", True),
    ],
)
def test_who_keeps_the_connection(plain: Plain, request_line: str, headers: str, stays: bool) -> None:
    came = plain.send(f"GET /v3/x {request_line}\r\n{headers}\r\n".encode())
    assert came.status == 404
    assert (came.headers.get("connection") != "close") is stays
    assert plain.rest(0.2).end == ("silent" if stays else "closed")


def test_a_reader_who_does_not_read_holds_only_himself_up(sandbox: Sandbox, plain: Plain) -> None:
    """The answers to 3,000 requests do not fit between the two; nobody else waits, and the rest comes when it is read."""
    lazy = Plain(sandbox)
    lazy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.socket.settimeout(0)
    wanted = b"".join(b"GET /v3/%s HTTP/1.1\r\n\r\n" % (b"x" * 4000) for _ in range(3000))
    sent = 0
    until = time.monotonic() + 1.0
    while sent < len(wanted) and time.monotonic() < until:
        try:
            sent += lazy.socket.send(wanted[sent:])
        except BlockingIOError:
            time.sleep(0.01)
    assert sent < len(wanted)
    assert plain.list("vaults").status == 200
    lazy.close()


def test_every_answer_looks_like_the_gateways(plain: Plain, clock: Any) -> None:
    headers = plain.list("vaults").headers
    assert headers["server"] == "api-gateway"
    assert headers["date"] == "Mon, 23 Nov 2026 07:04:51 GMT"  # the sandbox's date
    assert headers["x-content-type-options"] == "nosniff"
    assert clock.now == 1795417491.304116


def test_a_storm_of_connections_is_let_in() -> None:
    with Sandbox() as sandbox:
        clients = [Plain(sandbox) for _ in range(300)]
        for client in clients:
            client.socket.sendall(GET)
        assert {client.rest().status for client in clients} == {404}
        for client in clients:
            client.close()
        assert sandbox.counts.requests == 300
        assert estate.PROJECT_ID in sandbox.settings()["project_id"]
