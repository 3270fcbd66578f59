"""valkey-py's connections, with a socket that knows when the verb it serves has to be over.

valkey-py counts its time-outs anew with every read and looks names up without one: a server that sends a byte now and then, or a
silent name server, would hold a delivery for as long as it likes.
"""

from __future__ import annotations

import select
import socket
import ssl
from typing import Any

from valkey.connection import Connection, SSLConnection

from handlers.ledger.patience import VERB_SECONDS
from handlers.settings.ledger import Valkey
from handlers.wire import Deadline
from handlers.wire.dialling import find_addresses, tls_context


class _Timed:
    """A socket whose every use ends with the verb, and whose silence ends it earlier."""

    def __init__(self, connected: socket.socket, link: Link) -> None:
        self._socket, self._link = connected, link

    def recv(self, size: int) -> bytes:
        self._socket.settimeout(self._link.left())
        return self._socket.recv(size)

    def recv_into(self, buffer: Any) -> int:  # what libvalkey's parser calls, where somebody has installed it
        self._socket.settimeout(self._link.left())
        return self._socket.recv_into(buffer)

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._link.left())
        self._socket.sendall(data)

    def fileno(self) -> int:
        return self._socket.fileno()

    def settimeout(self, seconds: float | None) -> None:
        """Somebody else's idea of a time-out does not count."""

    def shutdown(self, how: int) -> None:
        self._socket.shutdown(how)

    def close(self) -> None:
        self._socket.close()


class Link(Connection):
    """One connection. ``deadline`` is set for each verb before the connection is used."""

    deadline: Deadline

    def left(self) -> float:
        """Seconds; raises the time-out itself where none is left, since 0 would mean a socket that does not block."""
        seconds = min(self.deadline.left(), VERB_SECONDS)
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def ask(self, *command: str | int) -> Any:
        """Send and read; bytes, integers, None and lists of them. Raises what valkey-py raises."""
        self.send_command(*command)  # type: ignore[no-untyped-call]
        return self.read_response()  # type: ignore[no-untyped-call]

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer: a server that hung up would be noticed only after the next command."""
        if self._sock is None:
            return False
        poll = select.poll()
        poll.register(self._sock.fileno(), select.POLLIN)
        return not poll.poll(0)

    def hang_up(self) -> None:
        """May be called twice."""
        self.disconnect()  # type: ignore[no-untyped-call]

    def _connect(self) -> Any:
        addresses = find_addresses(self.host, self.port, self.left())
        each = self.left() / len(addresses)
        for address in addresses[:-1]:
            try:
                return self._dial(address, each)
            except OSError:
                continue
        return self._dial(addresses[-1], each)

    def _dial(self, address: str, seconds: float) -> socket.socket:
        connected = socket.create_connection((address, self.port), seconds)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.settimeout(self.left())  # for the TLS handshake
        return connected


class _Plain(Link):
    def _connect(self) -> Any:
        return _Timed(super()._connect(), self)


class _Tls(SSLConnection, Link):
    context: ssl.SSLContext

    def _connect(self) -> Any:
        return _Timed(super()._connect(), self)  # type: ignore[no-untyped-call]

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> ssl.SSLSocket:
        """With one context for all connections, and the certificates every other call of ours trusts."""
        return self.context.wrap_socket(sock, server_hostname=self.host)


class Dialler:
    """Makes connections to one server. Raises Misconfigured where the file of certificates is none."""

    def __init__(self, to: Valkey, ca_file: str) -> None:
        self._context = tls_context(ca_file) if to.tls else None
        self._options: dict[str, Any] = {"host": to.host, "port": to.port, "db": to.db, "lib_name": None, "lib_version": None}
        self._user, self._password = to.user or None, to.password

    def dial(self, deadline: Deadline) -> Link:
        """A connection that has proved who it is and chosen its database; raises what valkey-py raises."""
        password = self._password.reveal() if self._password else None
        kind = _Tls if self._context else _Plain
        made = kind(**self._options, username=self._user, password=password)
        if isinstance(made, _Tls) and self._context:
            made.context = self._context
        made.deadline = deadline
        made.connect()  # type: ignore[no-untyped-call]
        return made
