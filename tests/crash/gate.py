"""A relay that sees requests whole and kills at one of them: before it goes on, or with its answer in hand.

Two of them stand between a process and the world: one before the cloud (HTTP), one before the ledger (RESP). A kill is over
before the relay does anything else, so what the victim had sent and what it had read is known exactly.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BufferedIOBase, BytesIO
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Literal, Protocol, Self

Words = list[bytes]
"""Method, target and body of an HTTP request; a Redis command and its arguments."""
Wanted = Callable[[Words], bool]
When = Literal["before", "after"]


class Language(Protocol):
    """How messages are told apart. Both raise EOFError where the other side hung up."""

    def request(self, stream: BufferedIOBase) -> tuple[bytes, Words]: ...
    def reply(self, stream: BufferedIOBase) -> bytes: ...
    def refused(self, reply: bytes) -> bool: ...


class Http:
    """HTTP/1.1 with Content-Length, which is what our client and the sandbox speak."""

    def request(self, stream: BufferedIOBase) -> tuple[bytes, Words]:
        head, body = _http_message(stream)
        method, target, _ = head.split(b" ", 2)
        return head + body, [method, target, body]

    def reply(self, stream: BufferedIOBase) -> bytes:
        head, body = _http_message(stream)
        return head + body

    def refused(self, reply: bytes) -> bool:
        """No status is: the cloud's word for a request that did not count would be none of these tests' traps."""
        return False


class Resp:
    """RESP 2 (redis.io/docs/latest/develop/reference/protocol-spec)."""

    def request(self, stream: BufferedIOBase) -> tuple[bytes, Words]:
        raw = self.reply(stream)
        return raw, _leaves(BytesIO(raw))

    def reply(self, stream: BufferedIOBase) -> bytes:
        line = _line(stream)
        if line[:1] == b"$":
            return line + _exactly(stream, int(line[1:]) + 2) if int(line[1:]) >= 0 else line
        if line[:1] == b"*":
            return line + b"".join(self.reply(stream) for _ in range(max(int(line[1:]), 0)))
        return line

    def refused(self, reply: bytes) -> bool:
        """A script the server does not know by its hash (NOSCRIPT) is sent again, as its source."""
        return reply.startswith(b"-")


@dataclass
class Trap:
    """Where a process dies: at the first request that is ``wanted``, before it is forwarded or after its answer came."""

    wanted: Wanted
    when: When
    kill: Callable[[], None]
    sprung: threading.Event = field(default_factory=threading.Event)

    def spring(self) -> None:
        self.kill()
        self.sprung.set()


class Gate(ThreadingTCPServer):
    """``trap`` is asked about every request until it has sprung."""

    daemon_threads = False  # they end with the connections of the processes, and are waited for
    request_queue_size = 64

    def __init__(self, port: int, language: Language) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.beyond, self.language = ("127.0.0.1", port), language
        self.port = int(self.server_address[1])
        self.trap: Trap | None = None
        self._serving = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._serving.join()
        self.server_close()

    def caught(self, words: Words) -> Trap | None:
        trap = self.trap
        return trap if trap and not trap.sprung.is_set() and trap.wanted(words) else None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who is killed leaves its connections in a mess."""


class _Connection(StreamRequestHandler):
    server: Gate
    disable_nagle_algorithm = True
    wbufsize = 0

    def handle(self) -> None:
        language = self.server.language
        with contextlib.suppress(EOFError, OSError), socket.create_connection(self.server.beyond) as beyond:
            beyond.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with beyond.makefile("rb") as answers:
                while True:
                    raw, words = language.request(self.rfile)
                    trap = self.server.caught(words)
                    if trap and trap.when == "before":
                        return trap.spring()
                    beyond.sendall(raw)
                    reply = language.reply(answers)
                    if trap and not language.refused(reply):
                        return trap.spring()
                    self.wfile.write(reply)


def asks(method: str, pattern: str) -> Wanted:
    """A request to the cloud."""
    return lambda words: words[0] == method.encode() and re.search(pattern.encode(), words[1]) is not None


def writes(state: str) -> Wanted:
    """A wish that is written down in this state, by whatever script."""
    said = f'"state": "{state}"'.encode()
    return lambda words: words[0] in (b"EVAL", b"EVALSHA") and b"wish" in words and any(said in each for each in words)


def _http_message(stream: BufferedIOBase) -> tuple[bytes, bytes]:
    head = first = _line(stream)
    length = 0
    while first != b"\r\n":
        first = _line(stream)
        head += first
        name, _, value = first.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return head, _exactly(stream, length)


def _leaves(stream: BufferedIOBase) -> Words:
    line = _line(stream)
    if line[:1] == b"*":
        return [leaf for _ in range(max(int(line[1:]), 0)) for leaf in _leaves(stream)]
    return [_exactly(stream, int(line[1:]) + 2)[:-2] if line[:1] == b"$" else line[1:-2]]


def _line(stream: BufferedIOBase) -> bytes:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return line


def _exactly(stream: BufferedIOBase, size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise EOFError
    return found
