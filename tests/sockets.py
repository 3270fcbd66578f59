"""Loopback servers that send exactly the bytes a test scripts: no HTTP library stands between the script and the socket."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self, TypeAlias

PATIENCE = 5.0
"""Seconds after which a script gives up, so that no thread outlives its test."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived. Header names are lower-case; the first value wins."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    raw: bytes


class Peer:
    """One accepted connection, in the hands of a script."""

    def __init__(self, server: Server, accepted: socket.socket, number: int) -> None:
        self._server, self._socket = server, accepted
        self.number = number
        """0 for the first connection the server accepted."""

    def request(self) -> Asked | None:
        """The next whole request, noted at the server; None when the client hung up first."""
        received = bytearray()
        while b"\r\n\r\n" not in received:
            if not (some := self._socket.recv(65536)):
                return None
            received += some
        head, _, rest = bytes(received).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), value.strip())
        while len(rest) < int(headers.get("content-length", "0")):
            if not (some := self._socket.recv(65536)):
                return None
            rest += some
        method, target, _ = first.split(" ", 2)
        asked = Asked(method, target, headers, rest, head + b"\r\n\r\n" + rest)
        with self._server.noting:
            self._server.asked.append(asked)
        return asked

    def some(self) -> bytes:
        """What has arrived, be it a request or not."""
        return self._socket.recv(65536)

    def send(self, *parts: bytes) -> None:
        """Every part in a write of its own."""
        for part in parts:
            self._socket.sendall(part)

    def drip(self, data: bytes, every: float) -> None:
        """One byte at a time."""
        for byte in data:
            if self._server.over.wait(every):
                return
            self._socket.sendall(bytes([byte]))

    def sip(self, size: int, every: float) -> None:
        """Reads a little now and then, until the client hangs up."""
        while self._socket.recv(size) and not self._server.over.wait(every):
            pass

    def until_hung_up(self) -> None:
        """Waits for the client to close, or for the end of the test."""
        ends = time.monotonic() + PATIENCE
        while not self._server.over.is_set() and time.monotonic() < ends:
            readable, _, _ = select.select([self._socket], [], [], 0.02)
            if readable and not self._socket.recv(65536):
                return

    def shake_hands(self, context: ssl.SSLContext) -> None:
        """TLS from here on."""
        self._socket = context.wrap_socket(self._socket, server_side=True)

    def hang_up(self) -> None:
        """An orderly end (FIN)."""
        self._socket.close()

    def reset(self) -> None:
        """The end of a connection whose process died (RST)."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


Script: TypeAlias = Callable[[Peer], None]
"""What to do with one connection; it is closed when the script returns."""


class Server:
    """Accepts connections on a free loopback port and runs the script on each, in a thread of its own."""

    def __init__(
        self, script: Script, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", receive_buffer: int = 0
    ) -> None:
        self._script, self._tls = script, tls
        self._listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:  # must stand before listen(): accepted sockets inherit it, tcp(7)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind((host, 0))
        self._listener.listen(128)
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self.host, self.port = host, int(self._listener.getsockname()[1])
        self.asked: list[Asked] = []
        self.accepted = 0
        self.noting = threading.Lock()
        self.over = threading.Event()

    @property
    def origin(self) -> str:
        """What a client has to be configured with."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    def methods(self) -> list[str]:
        """Of all requests so far, in the order of their arrival."""
        with self.noting:
            return [each.method for each in self.asked]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() alone would not, on Linux
        self._listener.close()
        with self.noting:
            threads, sockets = list(self._threads), list(self._sockets)
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in threads), "a script did not end"

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        with self.noting:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            accepted.settimeout(PATIENCE)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.noting:
                peer = Peer(self, accepted, self.accepted)
                self.accepted += 1
                self._sockets.append(accepted)
            self._start(lambda peer=peer: self._run(peer))  # type: ignore[misc]

    def _run(self, peer: Peer) -> None:
        # A client that hangs up or refuses a certificate ends the script; what it did is what the test asks about.
        with contextlib.suppress(OSError):
            try:
                if self._tls:
                    peer.shake_hands(self._tls)
                self._script(peer)
            finally:
                peer.hang_up()


def reply(status: int = 200, body: bytes = b"{}", *, reason: str = "OK", length: int | None = None, **headers: str) -> bytes:
    """A whole answer; ``length`` contradicts the body, ``Retry_After="5"`` becomes ``Retry-After: 5``."""
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def json_reply(document: object, status: int = 200) -> bytes:
    """A whole answer as the API sends it."""
    return reply(status, json.dumps(document).encode(), Content_Type="application/json")


def always(*parts: bytes) -> Script:
    """The same answer to every request, for as long as the client keeps the connection."""

    def script(peer: Peer) -> None:
        while peer.request():
            peer.send(*parts)

    return script


def once(*parts: bytes) -> Script:
    """One answer per connection, which is closed after it without having been announced."""

    def script(peer: Peer) -> None:
        if peer.request():
            peer.send(*parts)

    return script


@contextlib.contextmanager
def silent_listener() -> Iterator[str]:
    """The origin of a listener that accepts nothing and whose queue is full: a connect gets no answer at all."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # Linux queues one connection more than listen() asks for and drops the SYN of every further one (listen(2)).
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def closed_port() -> str:
    """An origin nobody listens at: bound once, so that it was free, and closed again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
