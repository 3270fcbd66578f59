"""httpx, with sockets that know the call's deadline, the hosts that are allowed, and whether a byte has left."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpcore
import httpx

from handlers.errors import NotSent, Unclear
from handlers.wire import BODY_CAP, IDLE_SECONDS, Deadline, Untrusted

CONNECT_SECONDS = 2.0
POOL = 64
"""Connections, idle or busy: as many as threads take restore points at once."""


class _Call(threading.local):
    """The call this thread is in the middle of. httpx's own time-outs are per read: a peer that sends a byte now and then
    would hold a call for ever."""

    deadline: Deadline | None = None
    sent = False

    def left(self, at_most: float | None = None) -> float:
        left = self.deadline.left() if self.deadline else 0.0
        left = left if at_most is None else min(left, at_most)
        return max(left, 0.001)  # 0 would mean a socket that does not block


_call = _Call()


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _call.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        _call.sent = _call.sent or bool(buffer)
        self._stream.write(buffer, _call.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _call.left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Sockets(httpcore.NetworkBackend):
    """Opens sockets to the allowed hosts only; the check stands here because here no URL can be misread any more."""

    def __init__(self, allowed: frozenset[tuple[str, int]]) -> None:
        self._allowed = allowed
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if (host, port) not in self._allowed:
            raise httpcore.ConnectError("host is not configured")
        return _Stream(self._backend.connect_tcp(host, port, _call.left(CONNECT_SECONDS), local_address, socket_options))


class _Transport(httpx.HTTPTransport):
    """httpx's own transport over a pool that opens its sockets through ``_Sockets``.

    httpcore documents ``network_backend``, httpx has no argument that passes it on; hence the pool is set here, in the one
    attribute httpx 0.28 keeps it in (the version is pinned below 0.29).
    """

    def __init__(self, sockets: _Sockets, context: ssl.SSLContext | None) -> None:  # the parent would build another pool
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=POOL,
            max_keepalive_connections=POOL,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=sockets,
        )


class Connections:
    """A pool of connections to the origins, for all threads."""

    def __init__(self, origins: frozenset[str], ca_file: str) -> None:
        for name in ("httpx", "httpcore"):  # they log URLs with their queries, and response headers with new tokens
            logging.getLogger(name).setLevel(logging.WARNING)
        parts = [urlsplit(origin) for origin in origins]
        allowed = frozenset((each.hostname or "", each.port or (443 if each.scheme == "https" else 80)) for each in parts)
        context = _context(ca_file) if any(each.scheme == "https" for each in parts) else None
        self._client = httpx.Client(
            transport=_Transport(_Sockets(allowed), context),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(None),  # the deadline stands in the sockets
        )

    def close(self) -> None:
        """All of them."""
        self._client.close()

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        """Status, headers and body of one answer; raises NotSent or Unclear."""
        _call.deadline, _call.sent = deadline, False
        request = self._client.build_request(
            method, url, headers={**headers, "Accept-Encoding": "identity"}, content=body or None
        )
        request.extensions["timeout"]["pool"] = _call.left()
        try:
            response = self._client.send(request, stream=True)
            try:
                return response.status_code, response.headers.multi_items(), _body(response, deadline)
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise _failure(error, deadline) from None

        finally:
            _call.deadline = None


def _body(response: httpx.Response, deadline: Deadline) -> bytes:
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        # Some bytes can stand for a thousand times as many; nothing compressed was asked for.
        raise Unclear("the answer is compressed although that was not asked for", status=response.status_code)
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > BODY_CAP:
            raise Unclear(f"the answer is larger than {BODY_CAP} bytes", status=response.status_code)
        if deadline.passed:
            raise Unclear("the answer was not complete in time", status=response.status_code)
    return bytes(content)


def _failure(error: httpx.HTTPError, deadline: Deadline) -> NotSent | Unclear:
    """What an error of the transport means for us: whether a byte has left decides, not the error's name."""
    host = error.request.url.host
    if _call.sent:
        how = "in time" if isinstance(error, httpx.TimeoutException) or deadline.passed else f"({type(error).__name__})"
        return Unclear(f"the request was sent to {host} and no complete answer came {how}")
    cause = _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Untrusted(f"the certificate of {host} is not trusted or not for that name ({cause.verify_message})")
    if isinstance(cause, ssl.SSLError):
        return Untrusted(f"no TLS 1.2 or later could be agreed with {host} ({cause.reason})")
    return NotSent(f"{host} could not be reached ({type(cause).__name__})")


def _root(error: BaseException) -> BaseException:
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return error


def _context(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
