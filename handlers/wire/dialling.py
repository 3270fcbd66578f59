"""What comes before a byte is sent, whatever protocol it belongs to: the peer's addresses, in time, and whom TLS trusts."""

from __future__ import annotations

import socket
import ssl
import threading
from queue import Empty, SimpleQueue

import certifi

from handlers.errors import Misconfigured


def find_addresses(host: str, port: int, seconds: float) -> list[str]:
    """What the name stands for; raises TimeoutError, or what the resolver says (OSError, UnicodeError).

    getaddrinfo(3) takes no time-out and asks a silent name server for 5 seconds, twice (resolv.conf(5)), hence the thread; it is
    left behind when the time is over.
    """
    answer: SimpleQueue[list[str] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answer.put([str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
        except (OSError, UnicodeError) as error:
            answer.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        found = answer.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


def tls_context(ca_file: str) -> ssl.SSLContext:
    """TLS 1.2 or later, for peers whose name the public certificates vouch for, or those of ``ca_file`` instead."""
    try:
        context = ssl.create_default_context(cafile=ca_file or certifi.where())
    except OSError:
        raise Misconfigured("ca_file", "cannot be read as PEM certificates") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
