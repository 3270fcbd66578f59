"""gunicorn's threaded worker, whose threads never wait for a client: they get requests whose bytes are all there.

gunicorn 27 gives a new connection to a thread, which waits five seconds for a first byte and without end for the rest of a head,
and its one loop waits two seconds for whoever does not hang up after an answer. Here the loop reads, as much as comes, and waits
for nobody; every connection has a deadline, and all of them together a measure of memory.
"""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http import get_parser
from gunicorn.workers.gthread import TConn, ThreadWorker

from handlers.clock import SystemClock
from handlers.web_server.arriving import Arriving

HEAD_SECONDS = 5.0
"""From a connection, or the first byte of its next request, to the end of the head. Senders and proxies send it in one piece."""
BODY_SECONDS = 10.0
"""From there to the end of the body."""
ANSWER_SECONDS = 10.0
"""For a client to take its answer."""
LINGER_SECONDS = 1.0
"""For a client to hang up after its last answer, so that it can read it (RFC 9112, 9.6)."""
HELD_MOST = 64 << 20
"""Bytes of all requests that are on their way or wait for a thread. Beyond it the largest is sent away, so small ones come in."""
LINGERING_MOST = 100
WAITED = "restore_point.waited"
"""Where the application finds how many seconds a request waited for a thread: its sender counts them, too."""

_clock = SystemClock()


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """One client. ``data`` is the request that is on its way, ``until`` when it must be there."""

    def __init__(self, worker: Worker, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(worker.cfg, sock, client, server)
        self.initialized = True
        self.worker = worker
        self.data = Arriving()
        self.until = self.came = 0.0
        self.late = False

    def close(self, graceful: bool = False) -> None:
        """Gracefully without waiting: gunicorn closes in its loop, which every client shares."""
        self.worker.linger(self.sock) if graceful else super().close()


def pieces(held: bytearray, *, late: bool) -> Iterator[bytes]:
    """What gunicorn's parser reads instead of a socket: all there is, and then the end, or that there was no time for it."""
    yield bytes(held)
    if late:
        raise TimeoutError


class Worker(ThreadWorker):  # type: ignore[misc]
    """Settings come from gunicorn's configuration; all but ``handle_request`` and the application run in the loop's thread."""

    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arriving: dict[Connection, None] = {}
        self._lingering: dict[socket.socket, float] = {}
        self._held = 0
        self._serving = threading.local()

    # ── arriving ──

    def accept(self, listener: socket.socket) -> None:
        """A new connection."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._shed()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        self.enqueue_req(Connection(self, sock, client, listener.getsockname()))

    def enqueue_req(self, conn: Connection) -> None:
        """A connection that is new, or has been answered and sends again: wait for the whole of its next request."""
        conn.data, conn.late = Arriving(conn.parser.unreader.take_buffered() if conn.parser else b""), False
        conn.until = _clock.monotonic() + HEAD_SECONDS
        self._held += len(conn.data.held)
        self._arriving[conn] = None
        conn.sock.settimeout(0)
        self._go_on(conn, "head")
        self._receive(conn, conn.sock)  # mostly all of it is there
        if conn in self._arriving:
            self.poller.register(conn.sock, EVENT_READ, partial(self._receive, conn))

    def _receive(self, conn: Connection, sock: socket.socket) -> None:
        if conn not in self._arriving:  # cut by another's event of the same round, or whole already
            return
        try:
            data = sock.recv(65_536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        before = conn.data.state
        conn.data.add(data)
        self._held += len(data)
        if data:
            self._go_on(conn, before)
        elif before == "head":
            self._drop(conn)
        else:
            self._hand_over(conn)  # who shuts one half of the connection down may still hear why
        if self._held > HELD_MOST:
            self._shed()

    def _go_on(self, conn: Connection, before: str) -> None:
        if conn.data.state == "refused":
            self._drop(conn, conn.data.status)
        elif conn.data.state == "whole":
            self._hand_over(conn)
        elif conn.data.state != before:
            conn.until = _clock.monotonic() + BODY_SECONDS
            if conn.data.asks:
                with suppress(OSError):
                    conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hand_over(self, conn: Connection) -> None:
        """To a thread."""
        self._forget(conn)
        conn.data_ready, conn.came = True, _clock.monotonic()
        conn.parser = get_parser(self.cfg, pieces(conn.data.held, late=conn.late), conn.client)
        super().enqueue_req(conn)

    def _forget(self, conn: Connection) -> None:
        del self._arriving[conn]
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection, status: str = "") -> None:
        """Before it is a request."""
        self._forget(conn)
        self._held -= len(conn.data.held)
        self.nr_conns -= 1
        if status:
            with suppress(OSError):
                conn.sock.send(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
        conn.close(graceful=bool(status))

    def _shed(self) -> None:
        """What holds the most of what is still arriving."""
        if self._arriving:
            self._drop(max(self._arriving, key=lambda each: len(each.data.held)), "503 Service Unavailable")

    # ── in a thread ──

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """The application's turn."""
        conn.sock.settimeout(ANSWER_SECONDS)
        req._expected_100_continue = False  # it was said when the head was there
        if not conn.data.complete:
            req.force_close()
        self._serving.waited = _clock.monotonic() - conn.came
        kept: bool = super().handle_request(req, conn)
        return kept

    def load_wsgi(self) -> None:
        """The application, told how long each request waited."""
        super().load_wsgi()
        application = self.wsgi

        def timed(environ: dict[str, Any], start_response: Any) -> Any:
            return application(environ | {WAITED: self._serving.waited}, start_response)

        self.wsgi = timed

    # ── leaving ──

    def finish_request(self, conn: Connection, fs: Any) -> None:
        """Answered: its bytes are no longer held, but for those of a next request."""
        self._held -= len(conn.data.held)
        conn.data = Arriving()
        super().finish_request(conn, fs)

    def linger(self, sock: socket.socket) -> None:
        """Says that nothing more comes, and closes when the client has, or soon."""
        try:
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(0)
            if len(self._lingering) < LINGERING_MOST:
                self.poller.register(sock, EVENT_READ, self._drain)
                self._lingering[sock] = _clock.monotonic() + LINGER_SECONDS
                return
        except (OSError, ValueError, KeyError):
            pass
        sock.close()

    def _drain(self, sock: socket.socket) -> None:
        with suppress(BlockingIOError, InterruptedError):
            try:
                if sock in self._lingering and sock.recv(65_536):
                    return
            except ConnectionError:
                pass
            self._end(sock)

    def _end(self, sock: socket.socket) -> None:
        if self._lingering.pop(sock, None) is not None:
            self.poller.unregister(sock)
            sock.close()

    def murder_pending(self) -> None:
        """gunicorn's name for what it does once a second: cut who is too late. A body's lateness the application tells."""
        now = _clock.monotonic()
        for conn in [each for each in self._arriving if each.until <= now or not (self.alive or each.data.held)]:
            if conn.data.head:
                conn.late = True
                self._hand_over(conn)
            else:
                self._drop(conn, "408 Request Timeout" if conn.data.held else "")
        for sock in [sock for sock, until in self._lingering.items() if until <= now]:
            self._end(sock)

    def set_accept_enabled(self, enabled: bool) -> None:
        """At the end the door is shut, not left standing open before an empty house: new connections are refused at once."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for each in self.sockets:
                each.close()
