"""The one way out, attacked over real sockets: every server here sends scripted bytes and counts what reached it."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.errors import CallFailed, Misconfigured, NotSent, RestorePointError, Unclear, Untrusted
from handlers.wire import BODY_CAP, Deadline, Pace, Wire
from handlers.wire.reply import Reply
from tests.certificates import Certificates
from tests.sockets import Peer, Script, Server, always, closed_port, once, reply, silent_listener

TOKEN = "gAAAAAB-secret-token"
SLACK = 0.35
"""Seconds a loaded machine may add to a call that ends by its deadline."""


class RealClock:
    """The machine's clocks; a test moves the wall clock, as it is for a process that was frozen, or puts the other one ahead."""

    def __init__(self) -> None:
        self.frozen = timedelta()
        self.ahead = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + self.frozen

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class VirtualClock:
    """Stands still unless somebody sleeps alone; ``slept`` tells how long each one would have."""

    def __init__(self, *, moves: bool = True) -> None:
        self.time, self.moves = 100.0, moves
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.moves:
            self.time += seconds


CLOCK = RealClock()


def call(
    wire: Wire,
    origin: str,
    method: str = "GET",
    path: str = "/v3/p/vaults",
    *,
    within: float = 2.0,
    body: bytes = b"",
    **headers: str,
) -> Reply:
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.request(method, origin + path, headers=given_headers, body=body, deadline=Deadline.after(CLOCK, within))


def one_call(origin: str, method: str = "GET", *, within: float = 2.0, body: bytes = b"", ca_file: str = "") -> Reply:
    wire = Wire([origin], CLOCK, ca_file=ca_file)
    try:
        return call(wire, origin, method, within=within, body=body)
    finally:
        wire.close()


@pytest.fixture
def open_wires() -> Iterator[Callable[..., Wire]]:
    """Builds wires and closes their connections when the test is over."""
    built: list[Wire] = []

    def build(*origins: str, clock: RealClock = CLOCK, ca_file: str = "") -> Wire:
        built.append(Wire(origins, clock, ca_file=ca_file))
        return built[-1]

    yield build
    for wire in built:
        wire.close()


def in_time(within: float, work: Callable[[], object]) -> CallFailed:
    """The failure that ``work`` ends in, which must come by the deadline and belong to the tree."""
    began = time.monotonic()
    with pytest.raises(CallFailed) as caught:
        work()
    assert time.monotonic() - began < within + SLACK
    return caught.value


# --- nothing was sent -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_nobody_knows_was_not_sent(method: str) -> None:
    # RFC 2606 section 2: .invalid never resolves.
    failure = in_time(0.5, lambda: one_call("https://cbr.nowhere.invalid", method, within=0.5))
    assert type(failure) is NotSent
    assert "cbr.nowhere.invalid" in failure.message


def test_a_name_server_that_does_not_answer_ends_with_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def slow(*_: object, **__: object) -> list[Any]:
        asked.set()
        time.sleep(0.9)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    failure = in_time(0.2, lambda: one_call("http://localhost:9", "POST", within=0.2))
    assert type(failure) is NotSent
    assert asked.is_set()


def standing_for(*addresses: str) -> Callable[..., list[Any]]:
    """getaddrinfo for a name with several addresses."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host != "localhost":
            return real(host, port, *args, **kwargs)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return resolve


def test_all_addresses_of_a_name_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent_listener() as origin:
        monkeypatch.setattr(socket, "getaddrinfo", standing_for(*["127.0.0.1"] * 5))
        failure = in_time(0.2, lambda: one_call(origin.replace("127.0.0.1", "localhost"), "POST", within=0.2))
    assert type(failure) is NotSent


def test_the_next_address_is_tried_when_one_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(always(reply())) as server:
        monkeypatch.setattr(socket, "getaddrinfo", standing_for("127.0.0.2", "127.0.0.1"))
        assert one_call(f"http://localhost:{server.port}", "POST").status == 200
        assert server.methods() == ["POST"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_connection_was_not_sent(method: str) -> None:
    failure = in_time(0.5, lambda: one_call(closed_port(), method, within=0.5))
    assert type(failure) is NotSent
    assert "ConnectionRefusedError" in failure.message


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connect_without_answer_ends_by_the_deadline_and_was_not_sent(method: str) -> None:
    with silent_listener() as origin:
        failure = in_time(0.2, lambda: one_call(origin, method, within=0.2))
    assert type(failure) is NotSent


def test_a_connect_without_answer_takes_two_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def refuse(_: object, timeout: float, **__: object) -> socket.socket:
        waited.append(timeout)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(NotSent):
        one_call("http://127.0.0.1:9", "POST", within=60)
    assert len(waited) == 2
    assert all(1.0 < each <= 2.0 for each in waited)


def test_a_deadline_that_has_passed_sends_nothing(open_wires: Callable[..., Wire]) -> None:
    with Server(always(reply())) as server:
        wire = open_wires(server.origin)
        with pytest.raises(NotSent):
            call(wire, server.origin, "POST", within=0.0)
        with pytest.raises(NotSent):
            call(wire, server.origin, "POST", within=-5.0)
        assert server.accepted == 0


def test_a_call_that_finds_no_free_connection_in_time_was_not_sent(open_wires: Callable[..., Wire]) -> None:
    go_on = threading.Event()

    def hold(peer: Peer) -> None:
        peer.request()
        go_on.wait(3)
        peer.send(reply())

    with Server(hold) as server, ThreadPoolExecutor(64) as threads:
        wire = open_wires(server.origin)
        held = [threads.submit(call, wire, server.origin, "POST", within=5) for _ in range(64)]
        while len(server.methods()) < 64 and not any(each.done() for each in held):
            time.sleep(0.01)
        failure = in_time(0.05, lambda: call(wire, server.origin, "POST", within=0.05))
        go_on.set()
        assert type(failure) is NotSent
        assert [each.result().status for each in held] == [200] * 64
        assert len(server.asked) == 64


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\n", "\r\n a", "a\0b", "a\x7f", " a", "a ", "tök"])
def test_a_header_value_that_no_header_may_hold_sends_nothing(open_wires: Callable[..., Wire], value: str) -> None:
    with Server(always(reply())) as server:
        with pytest.raises(ValueError, match="header") as caught:
            call(open_wires(server.origin), server.origin, "POST", X_Auth_Token=TOKEN + value if value[0] == "a" else value)
        assert TOKEN not in str(caught.value)
        assert server.accepted == 0


@pytest.mark.parametrize("name", ["", "X\r\nY", "X Y", "X:", "Ü", "X\0"])
def test_a_header_name_that_is_none_sends_nothing(open_wires: Callable[..., Wire], name: str) -> None:
    with Server(always(reply())) as server:
        with pytest.raises(ValueError, match="header"):
            open_wires(server.origin).request("GET", server.origin, headers={name: "x"}, deadline=Deadline.after(CLOCK, 1))
        assert server.accepted == 0


@pytest.mark.parametrize("method", ["GET / HTTP/1.1\r\nX: y\r\n\r\nPOST", "", "G T"])
def test_a_method_that_is_none_sends_nothing(open_wires: Callable[..., Wire], method: str) -> None:
    with Server(always(reply())) as server:
        with pytest.raises(NotSent):
            call(open_wires(server.origin), server.origin, method)
        assert server.asked == []


# --- hosts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://{good}@{evil}/",
        "http://{good}:x@{evil}/",
        "http://user@{good}/",
        "http://:@{good}/",
        "http://{good}\\@{evil}/",
        "http://{good}\\.{evil}/",
        "http://{good}%2f@{evil}/",
        "http://{good};@{evil}/",
        "http://{good}#@{evil}/",
        "http://{good}\t@{evil}/",
        "http://{good}\n@{evil}/",
        "http://{good}0/",
        "http://{good}.evil.example/",
        "http://{evil}/",
        "http://{evil}/http://{good}/",
        "http://{evil}?http://{good}/",
        "http://{evil}#http://{good}/",
        "https://{good}/",
        "HTTP://{good}/",
        "ftp://{good}/",
        "file:///etc/passwd",
        "//{good}/",
        "//{evil}/",
        "http:{good}/",
        "http:/{good}/",
        "http:///{good}/",
        "http:\\\\{good}/",
        " http://{good}/",
        "\nhttp://{good}/",
        "http://127.0.0.1/",
        "http://127.1:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.0.0.1:{port}/",
        "http://0177.0.0.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[::1]:{port}/",
        "http://localhost:{port}/",
        "http://127.0.0.1.:{port}/",
        "http://127.0.0.2:{port}/",
        "http://\uff1127.0.0.1:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[",
        "http://[::1",
        "/v3/p/vaults",
        "",
    ],
)
def test_a_url_of_another_origin_reaches_nobody(open_wires: Callable[..., Wire], url: str) -> None:
    with Server(always(reply())) as good, Server(always(reply())) as evil:
        wire = open_wires(good.origin)
        written = url.format(good=f"127.0.0.1:{good.port}", evil=f"127.0.0.1:{evil.port}", port=good.port)
        with pytest.raises(NotSent) as caught:
            wire.request("POST", written, headers={"X-Auth-Token": TOKEN}, deadline=Deadline.after(CLOCK, 1))
        assert (good.accepted, evil.accepted) == (0, 0)
        assert "evil" not in caught.value.message


@pytest.mark.parametrize("path", ["/v3/p/../../iam", "/v3/..", "/./v3", "/v3/.?x=1", "/a b", "/a\nb", "/a\0b", "/ä", "/a\x7f"])
def test_a_path_that_would_leave_as_another_one_reaches_nobody(open_wires: Callable[..., Wire], path: str) -> None:
    with Server(always(reply())) as server:
        with pytest.raises(NotSent):
            call(open_wires(server.origin), server.origin, path=path)
        assert server.accepted == 0


def test_no_socket_is_opened_to_another_host_even_if_a_url_got_through() -> None:
    from handlers.wire.transport import Connections

    with Server(always(reply())) as good, Server(always(reply())) as evil:
        connections = Connections(frozenset({good.origin}), "")
        with pytest.raises(NotSent):
            connections.exchange("POST", f"{evil.origin}/", {"X-Auth-Token": TOKEN}, b"", Deadline.after(CLOCK, 1))
        connections.close()
        assert evil.accepted == 0


def test_an_absolute_url_in_a_path_stays_a_path(open_wires: Callable[..., Wire]) -> None:
    with Server(always(reply())) as good, Server(always(reply())) as evil:
        wire = open_wires(good.origin)
        for path in (f"/{evil.origin}/", f"//{evil.host}:{evil.port}/", f"/@{evil.host}:{evil.port}/", f"?u={evil.origin}"):
            assert call(wire, good.origin, path=path, X_Auth_Token=TOKEN).status == 200
        assert (len(good.asked), evil.accepted) == (4, 0)


@given(middle=st.text("/\\@:?#.;%&=[]\t\r\n aä0", max_size=6))
def test_nothing_written_after_an_origin_leads_elsewhere(middle: str) -> None:
    with Server(once(reply())) as good, Server(once(reply())) as evil:
        wire = Wire([good.origin], CLOCK)
        try:
            call(wire, good.origin, path=f"{middle}{evil.host}:{evil.port}/")
        except NotSent:
            assert good.asked == []
        finally:
            wire.close()
        assert evil.accepted == 0


@pytest.mark.parametrize(
    "origin",
    [
        "http://cbr.example.com",
        "https://cbr.example.com/",
        "https://cbr.example.com/v3",
        "https://cbr.example.com?x",
        "https://cbr.example.com#x",
        "https://user@cbr.example.com",
        "https://user:secret@cbr.example.com",
        "https://cbr.example.com.",
        "https://.example.com",
        "https://cbr..example.com",
        "https://" + "a" * 64 + ".example.com",
        "https://" + "a." * 130 + "com",
        "https://-cbr.example.com",
        "https://cbr example.com",
        "https://cbr.example.com\n",
        "\thttps://cbr.example.com",
        "https://cbr.exämple.com",
        "https://cbr.example.com\\",
        "https://cbr.example.com:",
        "https://cbr.example.com:0",
        "https://cbr.example.com:65536",
        "https://cbr.example.com:٤٤٣",
        "https://10.0.0.1",
        "https://169.254.169.254",
        "https://2852039166",
        "https://0xa9fea9fe",
        "https://[fd00::1]",
        "https://[::1",
        "http://[::ffff:10.0.0.1]",
        "http://127.0.0.1.example.com",
        "http://127.1",
        "http://0.0.0.0",
        "http://localhost.example.com",
        "ftp://localhost",
        "cbr.example.com",
        "https://",
        "",
    ],
)
def test_an_origin_that_is_none_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Wire([origin], CLOCK)
    assert "secret" not in str(caught.value)
    assert caught.value.setting == "endpoint"


@pytest.mark.parametrize(
    "origin",
    [
        "https://cbr.eu-de.otc.t-systems.com",
        "https://CBR.Example.com:8443",
        "https://a1",
        "https://127.0.0.1:8443",
        "http://127.255.255.254:1",
        "http://localhost:65535",
        "http://[::1]:8080",
        "https://" + "a" * 63 + ".example.com",
    ],
)
def test_an_origin_that_is_one_is_taken(origin: str) -> None:
    Wire([origin], CLOCK)


def test_a_loopback_of_the_newer_internet_protocol_is_reached() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        server = Server(always(reply()), host="::1")
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with server:
        assert one_call(server.origin).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_is_an_answer_and_nobody_follows_it(open_wires: Callable[..., Wire], status: int, method: str) -> None:
    with Server(always(reply())) as other:
        with Server(always(reply(status, b"", Location=f"{other.origin}/steal"))) as server:
            wire = open_wires(server.origin, other.origin)  # even a host that is allowed
            answer = call(wire, server.origin, method, body=b"{}", X_Auth_Token=TOKEN)
            assert (answer.status, server.methods()) == (status, [method])
        assert other.accepted == 0


def test_proxies_and_passwords_of_the_environment_are_ignored(
    open_wires: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Server(always(reply(418))) as proxy, Server(always(reply())) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.origin)
            monkeypatch.setenv(name.lower(), proxy.origin)
        assert call(open_wires(server.origin), server.origin).status == 200
        assert proxy.accepted == 0
        assert "authorization" not in server.asked[0].headers


def test_a_cookie_is_not_kept(open_wires: Callable[..., Wire]) -> None:
    with Server(always(reply(Set_Cookie="HWWAFSESID=1; Path=/"))) as server:
        wire = open_wires(server.origin)
        call(wire, server.origin)
        call(wire, server.origin)
        assert len(server.asked) == 2
        assert "cookie" not in server.asked[1].headers


# --- certificates ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    if not shutil.which("openssl"):
        pytest.skip("the openssl command makes the certificates")
    return Certificates(tmp_path_factory.mktemp("certificates"))


def test_a_private_authority_is_trusted_when_its_file_is_given(certificates: Certificates) -> None:
    with Server(always(reply()), tls=certificates.server("good")) as server:
        assert one_call(server.origin, "POST", ca_file=certificates.authority).status == 200
        assert one_call(f"https://localhost:{server.port}", "POST", ca_file=certificates.authority).status == 200
        assert server.methods() == ["POST", "POST"]


@pytest.mark.parametrize(
    ("shown", "trusted", "why"),
    [
        ("good", False, "unable to get local issuer certificate"),
        ("own", True, "self-signed certificate"),
        ("own", False, "self-signed certificate"),
        ("elsewhere", True, "IP address mismatch"),
        ("expired", True, "certificate has expired"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_certificate_nobody_trusts_ends_the_call_unsent_and_unrepeated(
    certificates: Certificates, shown: str, trusted: bool, why: str, method: str
) -> None:
    with Server(always(reply()), tls=certificates.server(shown)) as server:
        with pytest.raises(Untrusted, match=why) as caught:
            one_call(server.origin, method, ca_file=certificates.authority if trusted else "")
        assert "127.0.0.1" in caught.value.message
        assert "Private" not in caught.value.message
        assert (server.accepted, server.asked) == (1, [])


def test_a_certificate_for_another_name_is_refused_by_name(certificates: Certificates) -> None:
    with Server(always(reply()), tls=certificates.server("elsewhere")) as server:
        with pytest.raises(Untrusted, match="Hostname mismatch"):
            one_call(f"https://localhost:{server.port}", ca_file=certificates.authority)
        assert (server.accepted, server.asked) == (1, [])


def test_a_peer_of_tls_1_1_is_refused(certificates: Certificates) -> None:
    context = certificates.server("good")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of this very version
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with Server(always(reply()), tls=context) as server:
        with pytest.raises(Untrusted, match=r"TLS 1\.2"):
            one_call(server.origin, "POST", ca_file=certificates.authority)
        assert (server.accepted, server.asked) == (1, [])


@pytest.mark.parametrize("file", ["missing.pem", "empty.pem", "garbage.pem"])
def test_a_file_of_authorities_that_cannot_be_read_is_a_wrong_configuration(tmp_path: Path, file: str) -> None:
    (tmp_path / "empty.pem").write_bytes(b"")
    (tmp_path / "garbage.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(Misconfigured):
        one_call("https://127.0.0.1:9", ca_file=str(tmp_path / file))


def test_a_peer_that_leaves_during_the_handshake_is_tried_once_more(certificates: Certificates) -> None:
    def leave_first(peer: Peer) -> None:
        if peer.number:
            peer.shake_hands(certificates.server("good"))
            always(reply())(peer)
        else:
            peer.some()  # the client's hello: closing with it unread would be a reset

    with Server(leave_first) as server:
        origin = server.origin.replace("http:", "https:")
        assert one_call(origin, "POST", ca_file=certificates.authority).status == 200
        assert (server.accepted, server.methods()) == (2, ["POST"])


@pytest.mark.parametrize("every", [None, 0.02])
def test_a_handshake_without_end_ends_by_the_deadline_and_was_not_sent(every: float | None) -> None:
    def stall(peer: Peer) -> None:
        if every:
            peer.drip(b"\x16\x03\x03\x40\x00" + b"\0" * 500, every)  # the head of a handshake record of 16 KiB
        peer.until_hung_up()

    with Server(stall) as server:
        failure = in_time(0.2, lambda: one_call(server.origin.replace("http:", "https:"), "POST", within=0.2))
        assert type(failure) is NotSent


def test_a_deadline_between_connect_and_handshake_leaves_no_socket_open(
    open_wires: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, real, made = RealClock(), socket.create_connection, []

    def connect(*args: Any, **kwargs: Any) -> socket.socket:
        made.append(real(*args, **kwargs))
        clock.ahead = 60.0
        return made[-1]

    monkeypatch.setattr(socket, "create_connection", connect)
    with Server(lambda peer: peer.until_hung_up()) as server:
        origin = server.origin.replace("http:", "https:")
        with pytest.raises(NotSent):
            open_wires(origin, clock=clock).request("POST", origin, headers={}, deadline=Deadline.after(clock, 5))
        assert [each.fileno() for each in made] == [-1]


def test_what_the_caller_was_handling_does_not_colour_the_failure(certificates: Certificates) -> None:
    with Server(always(reply()), tls=certificates.server("good")) as server:
        try:
            one_call(server.origin)
        except Untrusted:
            with pytest.raises(NotSent) as caught:
                one_call(closed_port())
            assert type(caught.value) is NotSent


# --- it was sent, and then ------------------------------------------------------------------------------------------


def reset_after(peer: Peer) -> None:
    peer.request()
    peer.reset()


def truncated_then_reset(peer: Peer) -> None:
    peer.request()
    peer.send(reply(body=b"{", length=100))
    time.sleep(0.02)
    peer.reset()


BOMB = gzip.compress(b"\0" * (8 << 20))
FAILURES: dict[str, Script] = {
    "reset after the request": reset_after,
    "hung up without an answer": once(),
    "status line cut off": once(b"HTTP/1.1 2"),
    "headers cut off": once(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "body cut off": once(reply(body=b'{"checkpoint"', length=100)),
    "body cut off by a reset": truncated_then_reset,
    "chunks cut off": once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"),
    "a chunk of no size": once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}"),
    "not HTTP": once(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "HTTP/2": once(b"\0\0\x12\x04\0\0\0\0\0"),
    "two lengths": once(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\n{}"),
    "a negative length": once(b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}"),
    "headers without end": once(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000),
    "another protocol": once(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    "gzip bomb": once(reply(body=BOMB, Content_Encoding="gzip")),
    "gzip bomb in capitals": once(reply(body=BOMB, Content_Encoding=" GZIP")),
    "twice compressed": once(reply(body=BOMB, Content_Encoding="identity, gzip")),
    "compressed in transfer": once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "too large": once(reply(body=b" " * (BODY_CAP + 1))),
    "too large, of no length": once(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (BODY_CAP + 1)),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_post_without_a_whole_answer_is_unclear_and_made_once(kind: str) -> None:
    with Server(FAILURES[kind]) as server:
        with pytest.raises(Unclear) as caught:
            one_call(server.origin, "POST", body=b'{"checkpoint": {}}')
        assert server.methods() == ["POST"]
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("kind", FAILURES)
def test_a_get_without_a_whole_answer_is_made_twice(kind: str) -> None:
    with Server(FAILURES[kind]) as server:
        with pytest.raises(Unclear):
            one_call(server.origin, "GET")
        assert server.methods() == ["GET", "GET"]


@pytest.mark.parametrize("kind", FAILURES)
def test_a_get_is_answered_by_the_second_try(kind: str) -> None:
    def better(peer: Peer) -> None:
        (once(reply()) if peer.number else FAILURES[kind])(peer)

    with Server(better) as server:
        assert one_call(server.origin, "GET").status == 200
        assert server.methods() == ["GET", "GET"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateway_in_trouble_is_asked_twice_for_a_get_and_once_for_a_post(open_wires: Callable[..., Wire], status: int) -> None:
    with Server(always(reply(status, b"<html>"))) as server:
        wire = open_wires(server.origin)
        assert call(wire, server.origin, "POST").status == status
        assert call(wire, server.origin, "GET").body == b"<html>"
        assert server.methods() == ["POST", "GET", "GET"]


@pytest.mark.parametrize("status", [200, 202, 204, 301, 304, 400, 401, 404, 409, 429, 500, 501])
def test_any_other_answer_is_an_answer_the_first_time(open_wires: Callable[..., Wire], status: int) -> None:
    with Server(always(reply(status, b"", Retry_After="5"))) as server:
        answer = call(open_wires(server.origin), server.origin, "GET")
        assert (answer.status, answer.headers["retry-after"], server.methods()) == (status, "5", ["GET"])


def test_a_connection_reset_before_the_request_is_never_taken_for_an_answer() -> None:
    with Server(lambda peer: peer.reset()) as server:
        with pytest.raises((NotSent, Unclear)):
            one_call(server.origin, "POST", body=b"{}")
        assert server.asked == []


def test_an_early_refusal_is_read_although_the_request_could_not_be_sent_whole(open_wires: Callable[..., Wire]) -> None:
    def refuse(peer: Peer) -> None:
        peer.send(reply(413, b"too large", Connection="close"))
        peer.sip(65536, 0.0)

    with Server(refuse) as server:
        assert call(open_wires(server.origin), server.origin, "POST", body=b"x" * 300_000).status == 413


def drip(data: bytes, every: float = 0.03) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.drip(data, every)

    return script


def flood(head: bytes, piece: bytes, pause: float = 0.0) -> Script:
    """Never lets the client wait, so that no time-out of a socket can end it."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head)
        ends = time.monotonic() + 0.9
        while time.monotonic() < ends:
            peer.send(piece)
            time.sleep(pause)

    return script


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda peer: peer.until_hung_up(), id="silence"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 99), id="header drip"),
        pytest.param(drip(b"a" * 99), id="status line drip"),
        pytest.param(flood(reply(body=b"", length=99), b"x", 0.03), id="body drip"),
        pytest.param(flood(CHUNKED, b"1\r\nx\r\n", 0.03), id="chunk drip"),
        pytest.param(flood(CHUNKED, b"1", 0.03), id="chunk size drip"),
        pytest.param(flood(CHUNKED + b"1;", b"x", 0.03), id="chunk extension drip"),
        pytest.param(flood(CHUNKED + b"0\r\n", b"X: y\r\n", 0.03), id="trailer drip"),
        pytest.param(flood(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3000), id="informational flood"),
        pytest.param(flood(b"HTTP/1.1 100 Continue\r\n\r\n", b"", 0.03), id="continue and nothing more"),
        pytest.param(flood(CHUNKED, b"1\r\nx\r\n" * 20_000), id="chunk flood"),
    ],
)
def test_an_answer_without_end_ends_by_the_deadline_of_the_whole_call(script: Script) -> None:
    with Server(script) as server:
        failure = in_time(0.15, lambda: one_call(server.origin, "POST", within=0.15))
        assert type(failure) is Unclear


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_peer_that_reads_slowly_cannot_hold_a_call(certificates: Certificates, secure: bool) -> None:
    tls = certificates.server("good") if secure else None
    with Server(lambda peer: peer.sip(1 << 18, 0.02), tls=tls, receive_buffer=1 << 18) as server:
        failure = in_time(
            0.3, lambda: one_call(server.origin, "POST", within=0.2, body=b"x" * (16 << 20), ca_file=certificates.authority)
        )
        assert type(failure) is Unclear


def test_a_get_is_not_repeated_when_its_time_is_over() -> None:
    def silence(peer: Peer) -> None:
        peer.request()
        peer.until_hung_up()

    with Server(silence) as server:
        in_time(0.2, lambda: one_call(server.origin, "GET", within=0.2))
        assert server.methods() == ["GET"]


# --- an answer ------------------------------------------------------------------------------------------------------


def test_an_answer_is_read_whatever_its_body_is(open_wires: Callable[..., Wire]) -> None:
    for body in (b"", b"<html>busy</html>", b"[]", b"\xff\0", b" " * BODY_CAP):
        with Server(always(reply(200, body))) as server:
            assert call(open_wires(server.origin), server.origin, "POST").body == body


def test_an_answer_in_chunks_or_until_the_end_of_the_connection_is_read(open_wires: Callable[..., Wire]) -> None:
    for raw in (
        CHUNKED + b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200\r\n\r\n{}",
    ):
        with Server(once(raw)) as server:
            assert call(open_wires(server.origin), server.origin, "POST").body == b"{}"


def test_informational_answers_come_before_the_answer(open_wires: Callable[..., Wire]) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    with Server(always(early, reply(200, b"{}"))) as server:
        wire = open_wires(server.origin)
        assert call(wire, server.origin, "POST").status == 200
        assert call(wire, server.origin, "POST").body == b"{}"
        assert (server.accepted, len(server.asked)) == (1, 2)


def test_the_first_of_two_headers_wins_and_names_are_lower_case(open_wires: Callable[..., Wire]) -> None:
    raw = b"HTTP/1.1 200 OK\r\nX-Request-ID: one\r\nx-request-id: two\r\nContent-Length: 0\r\n\r\n"
    with Server(always(raw)) as server:
        answer = call(open_wires(server.origin), server.origin)
        assert answer.headers == {"x-request-id": "one", "content-length": "0"}
        assert answer.request_id == "one"


def test_a_request_id_is_short_and_printable(open_wires: Callable[..., Wire]) -> None:
    with Server(always(reply(X_Request_Id="a\tb\xe9" + "c" * 200))) as server:
        assert call(open_wires(server.origin), server.origin).request_id == "ab" + "c" * 126


def test_the_request_arrives_as_it_was_given(open_wires: Callable[..., Wire]) -> None:
    body = b'{"checkpoint": {"vault_id": "1"}}'
    with Server(always(reply())) as server:
        call(
            open_wires(server.origin),
            server.origin,
            "POST",
            "/v3/p/c?a=1&b=%2F",
            body=body,
            X_Auth_Token=TOKEN,
            accept_encoding="gzip",
        )
        (asked,) = server.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/v3/p/c?a=1&b=%2F", body)
    assert asked.headers["x-auth-token"] == TOKEN
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert asked.headers["content-length"] == str(len(body))
    assert asked.raw.lower().count(b"accept-encoding: identity\r\n") == asked.raw.lower().count(b"accept-encoding:") == 1


def test_a_token_of_32_kilobytes_goes_through(open_wires: Callable[..., Wire]) -> None:
    token = "MII" + "a" * (32 << 10)
    with Server(always(reply(201, b"{}", X_Subject_Token=token))) as server:
        answer = call(open_wires(server.origin), server.origin, "POST", X_Auth_Token=token)
        assert server.asked[0].headers["x-auth-token"] == token
        assert answer.headers["x-subject-token"] == token


# --- connections ----------------------------------------------------------------------------------------------------


def test_one_connection_serves_all_calls_of_a_thread(open_wires: Callable[..., Wire]) -> None:
    with Server(always(reply())) as server:
        wire = open_wires(server.origin)
        for method in ("GET", "POST", "GET", "POST"):
            assert call(wire, server.origin, method, body=b"{}").status == 200
        assert (server.accepted, len(server.asked)) == (1, 4)


@pytest.mark.parametrize("surplus", [reply(200, b'{"checkpoint": {"id": "of somebody else"}}'), b"}", b"\r\n"])
def test_what_follows_an_answer_is_never_the_answer_to_the_next_request(open_wires: Callable[..., Wire], surplus: bytes) -> None:
    with Server(always(reply(200, b'{"right": 1}') + surplus)) as server:
        wire = open_wires(server.origin)
        for method in ("GET", "POST", "POST"):
            assert call(wire, server.origin, method).body == b'{"right": 1}'
        assert (server.accepted, len(server.asked)) == (3, 3)


def test_a_connection_the_peer_closed_while_it_was_idle_is_not_used_again(open_wires: Callable[..., Wire]) -> None:
    with Server(once(reply())) as server:
        wire = open_wires(server.origin)
        for _ in range(3):
            assert call(wire, server.origin, "POST").status == 200
            time.sleep(0.02)  # the FIN arrives
        assert (server.accepted, server.methods()) == (3, ["POST"] * 3)


@pytest.mark.parametrize("leave", [Peer.hang_up, Peer.reset])
def test_a_connection_that_closes_on_the_next_request_leaves_a_post_unclear_and_a_get_answered(
    open_wires: Callable[..., Wire], leave: Callable[[Peer], None]
) -> None:
    def stale(peer: Peer) -> None:
        if peer.request():
            peer.send(reply())
        if peer.request():
            leave(peer)

    with Server(stale) as server:
        wire = open_wires(server.origin)
        call(wire, server.origin)
        with pytest.raises(Unclear):
            call(wire, server.origin, "POST")
        assert server.methods() == ["GET", "POST"]
    with Server(stale) as server:
        wire = open_wires(server.origin)
        call(wire, server.origin)
        assert call(wire, server.origin).status == 200
        assert (server.accepted, server.methods()) == (2, ["GET"] * 3)


@pytest.mark.parametrize(("jump", "connections"), [(0, 1), (3, 1), (5, 2), (-5, 2), (86400, 2)])
def test_connections_that_were_idle_while_the_wall_clock_moved_on_are_dropped(
    open_wires: Callable[..., Wire], jump: int, connections: int
) -> None:
    clock = RealClock()
    with Server(always(reply())) as server:
        wire = open_wires(server.origin, clock=clock)
        call(wire, server.origin)
        clock.frozen = timedelta(seconds=jump)
        assert call(wire, server.origin, "POST").status == 200
        assert server.accepted == connections


def test_a_freeze_drops_idle_connections_and_leaves_a_call_in_flight_alone(open_wires: Callable[..., Wire]) -> None:
    clock, both, go_on = RealClock(), threading.Barrier(2), threading.Event()

    def script(peer: Peer) -> None:
        while asked := peer.request():
            if asked.target == "/both":
                both.wait(2)
            if asked.target == "/held":
                go_on.wait(2)
            peer.send(reply())

    with Server(script) as server, ThreadPoolExecutor(2) as threads:
        wire = open_wires(server.origin, clock=clock)
        for each in [threads.submit(call, wire, server.origin, path="/both") for _ in range(2)]:
            each.result()
        held = threads.submit(call, wire, server.origin, "POST", "/held")
        while len(server.asked) < 3:
            time.sleep(0.005)
        assert server.accepted == 2
        clock.frozen = timedelta(minutes=10)
        call(wire, server.origin, "POST")
        assert server.accepted == 3
        go_on.set()
        assert held.result().status == 200
        assert len(server.asked) == 4


def test_closing_leaves_a_call_in_flight_alone_and_the_next_call_connects_anew(open_wires: Callable[..., Wire]) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        while peer.request():
            arrived.set()
            go_on.wait(2)
            peer.send(reply())

    with Server(script) as server, ThreadPoolExecutor(1) as threads:
        wire = open_wires(server.origin)
        held = threads.submit(call, wire, server.origin, "POST")
        assert arrived.wait(2)
        wire.close()
        go_on.set()
        assert held.result().status == 200
        assert call(wire, server.origin).status == 200
        assert (server.accepted, len(server.asked)) == (2, 2)


def test_32_threads_share_one_wire_and_each_gets_its_own_answer(open_wires: Callable[..., Wire]) -> None:
    def echo(peer: Peer) -> None:
        while asked := peer.request():
            peer.send(reply(200, asked.target.encode() + b" " + asked.body))

    def work(number: int) -> None:
        for turn in range(10):
            path, body = f"/{number}/{turn}", f"{number * turn}".encode()
            assert call(wire, server.origin, "POST", path, within=5, body=body).body == path.encode() + b" " + body

    with Server(echo) as server, ThreadPoolExecutor(32) as threads:
        wire = open_wires(server.origin)
        list(threads.map(work, range(32)))
        assert len(server.asked) == 320
        assert len({asked.target for asked in server.asked}) == 320
        assert server.accepted <= 32


def test_the_deadline_of_one_thread_is_not_that_of_another(open_wires: Callable[..., Wire]) -> None:
    def slowly(peer: Peer) -> None:
        while peer.request():
            time.sleep(0.3)
            peer.send(reply())

    with Server(slowly) as server, ThreadPoolExecutor(8) as threads:
        wire = open_wires(server.origin)
        calls = [threads.submit(call, wire, server.origin, "POST", within=0.1 if n % 2 else 2.0) for n in range(8)]
        ends = [each.exception() for each in calls]
        assert [type(each) for each in ends] == [type(None), Unclear] * 4


# --- what others see ------------------------------------------------------------------------------------------------


class Everything(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_no_url_and_no_token_is_logged_even_at_debug(open_wires: Callable[..., Wire]) -> None:
    seen, root = Everything(), logging.getLogger()
    loggers = [logging.getLogger(name) for name in ("httpx", "httpcore")]
    before = [root.level, *(each.level for each in loggers)]
    root.addHandler(seen)
    try:
        for each in (root, *loggers):
            each.setLevel(logging.DEBUG)
        with Server(always(reply(201, X_Subject_Token=TOKEN))) as server:
            call(open_wires(server.origin), server.origin, "POST", f"/v3/{TOKEN}?name={TOKEN}", X_Auth_Token=TOKEN)
        with pytest.raises(NotSent):
            one_call(closed_port())
        assert seen.records == []
    finally:
        root.removeHandler(seen)
        for each, level in zip((root, *loggers), before, strict=True):
            each.setLevel(level)


@pytest.mark.parametrize("script", [reset_after, once(b"HTTP/1.1 200 OK\r\n" + TOKEN.encode() + b"\0\r\n\r\n")])
def test_a_failure_repeats_neither_path_nor_token(open_wires: Callable[..., Wire], script: Script) -> None:
    with Server(script) as server, pytest.raises(Unclear) as caught:
        call(open_wires(server.origin), server.origin, "POST", f"/v3/{TOKEN}", X_Auth_Token=TOKEN)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert isinstance(caught.value, RestorePointError)


def test_importing_the_wire_loads_no_http_and_no_tls() -> None:
    program = (
        "import sys, handlers.wire\n"
        "handlers.wire.Wire(['https://cbr.example.com'], None)\n"
        "print(sorted({'httpx', 'httpcore', 'h11', 'ssl', 'socket', 'certifi', 'http.client'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"


# --- pace -----------------------------------------------------------------------------------------------------------


def turns(pace: Pace, clock: VirtualClock, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        pace.wait(Deadline.after(clock, 1000))
        taken.append(round(clock.time - 100.0, 6))
    return taken


def test_a_seconds_worth_goes_at_once_and_then_calls_are_evenly_spaced() -> None:
    clock = VirtualClock()
    assert turns(Pace(5, clock), clock, 9) == [0, 0, 0, 0, 0, 0.2, 0.4, 0.6, 0.8]


def test_less_than_one_call_a_second_is_spaced_from_the_first() -> None:
    clock = VirtualClock()
    assert turns(Pace(0.5, clock), clock, 4) == [0, 2, 4, 6]


def test_a_pause_earns_a_seconds_worth_and_no_more() -> None:
    clock = VirtualClock()
    pace = Pace(2, clock)
    turns(pace, clock, 4)
    clock.time = 200.0
    assert turns(pace, clock, 4) == [100, 100, 100.5, 101]


@given(rate=st.integers(1, 20), gaps=st.lists(st.floats(0, 0.5), min_size=1, max_size=60))
def test_no_stretch_of_time_holds_more_than_its_share_and_one_seconds_worth(rate: int, gaps: list[float]) -> None:
    clock, taken = VirtualClock(), []
    pace = Pace(rate, clock)
    for gap in gaps:
        clock.time += gap
        pace.wait(Deadline.after(clock, 1000))
        taken.append(clock.time)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= (taken[last] - taken[first]) * rate + rate + 1e-6


class Yielding(float):
    """A moment whose comparison lets another thread run: between reading the last turn and booking the next."""

    def __lt__(self, other: float) -> bool:
        time.sleep(0.0005)
        return super().__lt__(other)


def test_threads_never_share_a_turn() -> None:
    clock = VirtualClock(moves=False)
    pace = Pace(4, clock)
    with ThreadPoolExecutor(16) as threads:
        for each in [threads.submit(pace.wait, Deadline(clock, Yielding(1000))) for _ in range(64)]:
            each.result()
    assert sorted(round(each, 6) for each in clock.slept) == [n / 4 for n in range(1, 61)]


def test_a_turn_beyond_the_deadline_is_not_waited_for_and_not_used_up() -> None:
    clock = VirtualClock()
    pace = Pace(2, clock)
    turns(pace, clock, 2)
    for _ in range(10):
        with pytest.raises(NotSent):
            pace.wait(Deadline.after(clock, 0.4))
    assert clock.slept == []
    pace.wait(Deadline.after(clock, 0.6))
    assert clock.slept == [0.5]
