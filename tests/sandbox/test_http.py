"""The sandbox's own HTTP: its limits, what it refuses, and that one request ends where the next begins."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from handlers.sandbox import Sandbox, estate
from handlers.sandbox.connection import Connection
from handlers.sandbox.exchange import Answer, Wire
from handlers.sandbox.http1 import read_head
from handlers.signing import sign
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
    "chunks of HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "packed chunks": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two encodings": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk's extension": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n",
    "a chunk's size with a sign": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n",
    "a chunk of no size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\nx\r\n0\r\n\r\n",
    "a chunk longer than its size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
    "a bare line feed behind a size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
    "a trailer": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n\r\n",
    "a size that does not end": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n000000000",
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


class TestChunks:
    """What clients send that do not know the length of a body before they send it."""

    def head(self, plain: Plain, more: str = "") -> bytes:
        text = f"POST {PROJECT}/checkpoints HTTP/1.1\r\nX-Auth-Token: {plain.token}\r\nTransfer-Encoding: chunked\r\n{more}\r\n"
        return text.encode()

    @pytest.mark.parametrize("size", [1, 7, 1000])
    @pytest.mark.parametrize("portion", [1, 3, 10**6])
    def test_are_one_body_in_any_portion(self, plain: Plain, sandbox: Sandbox, size: int, portion: int) -> None:
        body = json.dumps(CREATE).encode()
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        whole = self.head(plain) + b"".join(b"%X\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        plain.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(whole) - portion, portion):
            plain.socket.sendall(whole[at : at + portion])
        assert plain.send(whole[(len(whole) - 1) // portion * portion :]).status == 200
        assert sandbox.posts()[0].body == CREATE
        assert plain.list("vaults").status == 200  # on the same connection

    def test_the_next_request_begins_behind_them(self, plain: Plain, sandbox: Sandbox) -> None:
        two = b"POST /v3/1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        plain.socket.sendall(two * 2 + b"GET /v3/2 HTTP/1.1\r\nConnection: close\r\n\r\n")
        while plain.rest().end == "open":
            pass
        assert [(seen.path, seen.sent) for seen in sandbox.exchanges[1:]] == [("/v3/1", b"ab")] * 2 + [("/v3/2", b"")]

    def test_have_12_megabytes_as_well(self, plain: Plain, sandbox: Sandbox) -> None:
        most = 12 * KB * KB
        assert plain.send(self.head(plain) + b"%x\r\n%s\r\n0\r\n\r\n" % (most, b" " * most)).status == 400
        refused(plain.send(self.head(plain) + b"%x\r\n" % (most + 1)), 413)
        plain.connect()
        refused(plain.send(self.head(plain) + b"%x\r\n%s\r\n1\r\n" % (most, b" " * most)), 413)
        assert sandbox.restore_points() == []

    def test_may_wait_for_a_100(self, plain: Plain) -> None:
        came = plain.send(self.head(plain, "Expect: 100-continue\r\n"))
        assert came.raw == b"HTTP/1.1 100 Continue\r\n\r\n"
        body = json.dumps(CREATE).encode()
        assert plain.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)).status == 200


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        ("http://sandbox/v3/x?a=b", "/v3/x?a=b"),
        ("http://sandbox", "/"),
        ("HTTPS://SANDBOX:443/", "/"),
        ("http://sandbox?a", "/?a"),
    ],
)
def test_a_target_as_for_a_proxy_is_the_same_path(plain: Plain, sandbox: Sandbox, target: str, seen: str) -> None:
    assert plain.send(f"GET {target} HTTP/1.1\r\n\r\n".encode()).status in {300, 404}
    assert sandbox.exchanges[-1].target == seen


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://127.0.0.1:1", "evil.example", 200),
        ("http://127.0.0.1:1", "", 200),
        ("http://evil.example", "127.0.0.1", 403),
        ("http://u@127.0.0.1", "127.0.0.1", 404),  # no address, so a path nobody knows
    ],
)
def test_its_host_is_the_one_that_counts(plain: Plain, target: str, host: str, status: int) -> None:
    """Seen on the control path, which is choosy about it."""
    line = f"Host: {host}\r\n" if host else ""
    assert plain.send(f"GET {target}/_sandbox/faults HTTP/1.1\r\n{line}\r\n".encode()).status == status


@pytest.mark.parametrize(
    ("target", "host", "counts"),
    [
        ("http://A/", "a:80", "a:80"),
        ("https://a:443/", "a", "a"),
        ("http://a:443/", "a", "a:443"),
        ("http://a/", "b", "a"),
    ],
)
def test_a_port_that_goes_without_saying_leaves_the_header_as_it_was_signed(target: str, host: str, counts: str) -> None:
    head = read_head(bytearray(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()))
    assert head is not None
    assert (head.target, head.headers["host"]) == ("/", counts)


def test_a_signature_over_the_host_of_such_a_target_is_good(client: Any) -> None:
    netloc = client.endpoint.removeprefix("http://")
    now = datetime.fromtimestamp(client.clock.now, UTC)
    path = f"{PROJECT}/vaults"
    headers = sign("GET", client.endpoint + path, {}, b"", now=now, **client.keys)
    client.connection.putrequest("GET", client.endpoint + path, skip_host=True)
    for name, value in ({"Host": netloc} | headers).items():
        client.connection.putheader(name, value)
    client.connection.endheaders()
    reply = client.connection.getresponse()
    assert (reply.status, len(json.load(reply)["vaults"])) == (200, len(estate.VAULTS))


class TestSlowReaders:
    """A small window and a client that takes its time: everything arrives, in order."""

    SIZE = 4_000_000

    def ask(self, sandbox: Sandbox, raw: bytes) -> socket.socket:
        address = urlsplit(sandbox.endpoint)
        asking = socket.socket()
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        asking.connect((address.hostname, address.port))
        asking.settimeout(10)
        asking.sendall(raw)
        return asking

    def read(self, asked: socket.socket) -> bytes:
        came = b""
        while more := asked.recv(1 << 16):
            came += more
        asked.close()
        return came

    @pytest.mark.parametrize("wire", [None, "delay:seconds=0.01,path=/x"])
    def test_a_last_answer_comes_whole_however_late_it_is_read(self, sandbox: Sandbox, wire: str | None) -> None:
        sandbox.faults.add(f"huge_error:bytes={self.SIZE},path=/v3", *([wire] if wire else []))
        asked = self.ask(sandbox, b"GET /v3?/x HTTP/1.1\r\nConnection: close\r\n\r\n")
        time.sleep(1.2)  # the server's patience goes by real time
        assert len(self.read(asked).partition(b"\r\n\r\n")[2]) > self.SIZE

    def test_no_other_answer_comes_into_one_that_drips(self) -> None:
        """Written on a pair of sockets with small buffers, so that the writer is stopped while it drips."""
        answers = [Answer(200, {}, b"x" * 30_000, Wire("drip")), Answer(404, {}, b"")]

        async def serve() -> bytes:
            loop = asyncio.get_running_loop()
            ours, theirs = socket.socketpair()
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            theirs.settimeout(0)
            server: Any = Serving(answers)
            await loop.create_connection(lambda: Narrow(server), sock=ours)
            await loop.sock_sendall(theirs, GET + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            await asyncio.wait_for(server.stuck.wait(), 5)
            came = b""
            while more := await loop.sock_recv(theirs, 1 << 16):
                came += more
            theirs.close()
            return came

        first, _, rest = asyncio.run(serve()).partition(b"\r\n\r\n")
        assert b"Content-Length: 30000" in first
        assert rest.startswith(b"x" * 30_000 + b"HTTP/1.1 404 ")


class Serving:
    """What a connection asks of its server."""

    def __init__(self, answers: list[Answer]) -> None:
        self.front, self.clock, self._answers = self, time.time, answers
        self.open: set[Any] = set()
        self.stuck = asyncio.Event()

    def answer(self, *_: object) -> Answer:
        return self._answers.pop(0)

    def gone(self, connection: Any) -> None:
        self.open.discard(connection)


class Narrow(Connection):
    """Stopped after a kilobyte that the socket does not take."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=1024)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._server.stuck.set()  # type: ignore[attr-defined]  # ours has it


class TestHalfClosed:
    """Who says that nothing more will be asked may still read."""

    @pytest.mark.parametrize("wire", ["delay:seconds=0.1", "drip:seconds=0.0001", "delay:seconds=0"])
    def test_an_answer_that_is_late_arrives(self, sandbox: Sandbox, plain: Plain, wire: str) -> None:
        sandbox.faults.add(wire)
        plain.socket.sendall(GET)
        plain.socket.shutdown(socket.SHUT_WR)
        came = plain.rest()
        assert came.status == 404
        assert json.loads(came.body)["error_code"] == "APIGW.0101"
        assert plain.rest().end == "closed"

    def test_so_do_those_behind_it(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("delay:seconds=0.1,times=2")
        plain.socket.sendall(GET * 3)
        plain.socket.shutdown(socket.SHUT_WR)
        came = b""
        while more := plain.socket.recv(1 << 16):
            came += more
        assert came.count(b"HTTP/1.1 404 ") == 3

    @pytest.mark.parametrize("sent", [b"", GET[:9], b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"])
    def test_nothing_is_kept_for_who_asked_nothing(self, plain: Plain, sent: bytes) -> None:
        plain.socket.sendall(sent)
        plain.socket.shutdown(socket.SHUT_WR)
        assert plain.rest().end == "closed"

    def test_nor_for_who_gets_no_answer(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("hang")
        plain.socket.sendall(GET)
        plain.socket.shutdown(socket.SHUT_WR)
        assert plain.rest().end == "closed"
