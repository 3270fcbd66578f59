"""What the tests of the server share: senders, alerts of one cause each, and clients that speak bytes."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from tests.web_server import WebServer

AM, CRON, CI = (f"example-token-of-{name}-opens-nothing" for name in ("am", "cron", "ci"))
TOKENS = {"AM_TOKEN": AM, "CRON_TOKEN": CRON, "CI_TOKEN": CI}
PING = "/apis/v1/namespaces/backup/pingsources/nightly"
RULES = f"""
[timers.ping]
source = "{PING}"
sender = "cron"
[senders.cron]
dialect = "timer"
proof = "bearer"
secret = "env:CRON_TOKEN"
[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:AM_TOKEN"
[senders.mon]
dialect = "simple"
proof = "bearer"
secret = "env:AM_TOKEN"
[senders.ci]
dialect = "once"
proof = "bearer"
secret = "env:CI_TOKEN"
[[rules]]
name = "ping-files"
timer = "ping"
vaults = ["files"]
[[rules]]
name = "am-files"
sender = "am"
vaults = ["files"]
[[rules]]
name = "mon-erp"
sender = "mon"
vaults = ["erp"]
[[rules]]
name = "ci-files"
sender = "ci"
vaults = ["files"]
"""


def firing(host: str = "a") -> dict[str, Any]:
    """Alertmanager's body; each host is a cause of its own."""
    alert = {"status": "firing", "labels": {"alertname": "A", "host": host}, "startsAt": datetime.now(UTC).isoformat()}
    return {"version": "4", "status": "firing", "alerts": [alert]}


def request(body: bytes, *headers: str, path: str = "/alert/am", length: int | None = None) -> bytes:
    """With proof, and as many bytes as it says, or says more."""
    own = ["Host: x", f"Authorization: Bearer {AM}", "Content-Type: application/json", *headers]
    own += [f"Content-Length: {len(body) if length is None else length}"]
    return f"POST {path} HTTP/1.1\r\n".encode() + "".join(f"{each}\r\n" for each in own).encode() + b"\r\n" + body


ALERT = json.dumps(firing()).encode()
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Client:
    """One connection, byte by byte."""

    def __init__(self, port: int, start: bytes = b"", patience: float = 20.0) -> None:
        self.line = socket.create_connection(("127.0.0.1", port), patience)
        self._held = b""
        self.send(start)

    def send(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self.line.sendall(data)

    def answer(self, *, bodiless: bool = False) -> tuple[int, bytes]:
        """The next answer: its status and body, if it has one; 0 where the server hung up."""
        while True:
            head, there, rest = self._held.partition(b"\r\n\r\n")
            found = re.search(rb"(?i)content-length: ([0-9]+)", head)
            length = int(found[1]) if found and not bodiless else 0
            if there and len(rest) >= length:
                self._held = rest[length:]
                return int(head[9:12]), rest[:length]
            try:
                some = self.line.recv(65_536)
            except ConnectionError:
                some = b""
            if not some:
                return 0, self._held
            self._held += some

    def is_closed(self, within: float) -> bool:
        """Whether the server has hung up, after what it still had to say."""
        self.line.settimeout(within)
        with contextlib.suppress(ConnectionError):
            try:
                while self.line.recv(65_536):
                    pass
            except TimeoutError:
                return False
        return True

    def close(self) -> None:
        self.line.close()


@contextlib.contextmanager
def crowd(server: WebServer, many: int, start: bytes) -> Iterator[list[Client]]:
    """So many clients that began alike."""
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(many):
            clients.append(Client(server.port, start))
            stack.callback(clients[-1].close)
        yield clients


def seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def eventually(holds: Callable[[], object], within: float = 10.0) -> None:
    until = time.monotonic() + within
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)
