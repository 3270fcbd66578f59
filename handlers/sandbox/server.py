"""HTTP/1.1 on a loopback address, and nowhere else."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from handlers.errors import Misconfigured
from handlers.sandbox import problems

if TYPE_CHECKING:
    from handlers.sandbox.front import Answer, Front

_LARGEST_BODY = 12 * 1024 * 1024  # the gateway's limit
_PATIENCE_SECONDS = 0.9


class Handler(BaseHTTPRequestHandler):
    """Keeps connections open. http.server itself takes header lines of up to 64 KiB, more than the gateway's 32 KB."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 20  # headers and body leave together
    server: Server
    unread = False  # something was left on the connection

    def do_POST(self) -> None:
        """Answer one request of any method."""
        body = self._body()
        if body is None:
            self.close_connection = True
            return
        if isinstance(body, problems.Problem):
            self.close_connection = self.unread = True
        headers: dict[str, str] = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.front.answer(self.command, self.path, headers, body))

    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Put into the gateway's words what http.server refuses by itself; 494 is the gateway's word for 431."""
        self.close_connection = self.unread = True
        self.request_version = self.protocol_version
        status = {431: 494}.get(code, code)
        problem = problems.no_such_api() if code == 501 else problems.gateway(status, "0201", message or "Bad request")
        target = getattr(self, "path", "")
        self._send(self.server.front.answer(self.command or "", target, {}, problem))

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string(int(self.server.front.clock())))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.payload:
            self.send_header("Content-Type", "application/json")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(answer.payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.payload)

    def _body(self) -> bytes | problems.Problem | None:
        """None if the client went away in the middle of it."""
        if "Transfer-Encoding" in self.headers:
            return problems.bad_request()
        text = self.headers.get("Content-Length", "0")
        if not re.fullmatch(r"[0-9]{1,15}", text):
            return problems.bad_request()
        length = int(text)
        if length > _LARGEST_BODY:
            return problems.too_large()
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def finish(self) -> None:
        """Take in for a while what nobody wanted: closing on unread bytes would reset the connection under the reply."""
        if self.unread:
            with contextlib.suppress(OSError):
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_WR)
                self.connection.settimeout(_PATIENCE_SECONDS)
                for _ in range(_LARGEST_BODY >> 12):
                    if not self.connection.recv(1 << 16):
                        break
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing: what arrived is on record."""


class Server(ThreadingHTTPServer):
    """Knows its open connections, so that stopping ends the idle ones too."""

    daemon_threads = True
    request_queue_size = 128  # http.server's 5 resets connections when a storm of callers arrives at once

    def __init__(self, host: str, port: int) -> None:
        address = _loopback(host)
        self.address_family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        self.front: Front
        self._open: set[Any] = set()
        self._changed = threading.Condition()
        self._serving: threading.Thread | None = None
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        """As http.server, without its look-up of the host's name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def endpoint(self) -> str:
        """The address as clients write it."""
        name = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"http://{name}:{self.server_port}"

    def start(self, front: Front) -> None:
        """Serve from a thread of its own; the socket has been listening since construction."""
        self.front = front
        self._serving = threading.Thread(target=self.serve_forever, args=(0.02,), name="sandbox", daemon=True)
        self._serving.start()

    def stop(self) -> None:
        """Return once every connection is closed, or after a second."""
        if self._serving:
            self.shutdown()
            self._serving.join()
        with self._changed:
            for connection in self._open:
                _hang_up(connection)
            self._changed.wait_for(lambda: not self._open, _PATIENCE_SECONDS)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Called for every new connection, in the serving thread."""
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Called at a connection's end, in its own thread."""
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _loopback(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise Misconfigured("host", "the sandbox listens on a loopback address only, such as 127.0.0.1")
    return address


def _hang_up(connection: Any) -> None:
    with contextlib.suppress(OSError):  # the client was faster
        connection.shutdown(socket.SHUT_RDWR)
