"""httpx, with sockets that know the call's deadline, the hosts that are allowed, and whether a byte has left."""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from handlers.errors import NotSent, Unclear, Untrusted
from handlers.wire import BODY_CAP, Deadline
from handlers.wire.dialling import find_addresses, tls_context
from handlers.wire.lines import Lines

CONNECT_SECONDS = 2.0
"""For finding a host's addresses, and again for connecting to any of them."""
PIECE = 1 << 14
"""Bytes written at a time, a TLS record: httpcore 1.0 begins its time-out anew with every send that takes a part of them."""

_DEFAULTS = (("Accept", "*/*"), ("User-Agent", f"python-httpx/{httpx.__version__}"))
_OURS = ("Accept-Encoding", "identity")
_HUNG_UP = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""What a peer says who leaves in the middle of the handshake: nothing about certificates or versions."""


class _Call(threading.local):
    """The call this thread is in the middle of. httpx's own time-outs are per read: a peer that sends a byte now and then
    would hold a call for ever."""

    deadline: Deadline | None = None
    sent = False
    trouble: BaseException | None = None
    """What the operating system or TLS said; httpcore's pool cuts it off from the error it raises (``from None``)."""

    def left(self, too_late: type[httpcore.TimeoutException], at_most: float = float("inf")) -> float:
        """Seconds, never 0, which would mean a socket that does not block. A peer that never pauses never times out in the
        socket, hence the deadline is asked before every use of it."""
        seconds = min(self.deadline.left(), at_most) if self.deadline else 0.0
        if seconds <= 0:
            raise too_late
        return seconds


_call = _Call()


@contextlib.contextmanager
def _noted() -> Iterator[None]:
    try:
        yield
    except (httpcore.NetworkError, httpcore.TimeoutException) as error:
        _call.trouble = error.__cause__
        raise


_LOUD = ("httpx", "httpcore", *(f"httpcore.{each}" for each in ("connection", "http11", "http2", "proxy", "socks")))
"""Loggers that write URLs with their queries, and response headers with new tokens; each may have been given a level."""


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _call.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            seconds = _call.left(httpcore.WriteTimeout)
            _call.sent = True
            self._stream.write(buffer[start : start + PIECE], seconds)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        with _noted(), contextlib.ExitStack() as unless_done:
            unless_done.callback(self.close)
            stream = _Stream(self._stream.start_tls(ssl_context, server_hostname, _call.left(httpcore.ConnectTimeout)))
            unless_done.pop_all()
            return stream

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
        with _noted():
            return _Stream(self._connected(host, port, socket_options))

    def _connected(self, host: str, port: int, options: Iterable[Any] | None) -> httpcore.NetworkStream:
        try:
            addresses = find_addresses(host, port, _call.left(httpcore.ConnectTimeout, CONNECT_SECONDS))
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError from error
        each = _call.left(httpcore.ConnectTimeout, CONNECT_SECONDS) / len(addresses)
        for address in addresses[:-1]:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._backend.connect_tcp(address, port, each, socket_options=options)
        return self._backend.connect_tcp(addresses[-1], port, each, socket_options=options)


class Connections:
    """Connections to the origins, for all threads.

    There is no httpx Client above it: nothing here could follow a redirect, keep a cookie or read the environment.
    """

    users = 0
    retired = False

    def __init__(self, origins: frozenset[str], ca_file: str, body_cap: int = BODY_CAP) -> None:
        self._body_cap = body_cap
        for name in _LOUD:
            logging.getLogger(name).setLevel(logging.WARNING)
        parts = [urlsplit(origin) for origin in origins]
        allowed = frozenset((each.hostname or "", each.port or (443 if each.scheme == "https" else 80)) for each in parts)
        context = tls_context(ca_file) if any(each.scheme == "https" for each in parts) else None
        self._lines = Lines(_Sockets(allowed), context)

    def close(self) -> None:
        """All of them."""
        self._lines.close()

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        """Status, headers and body of one answer; raises NotSent or Unclear."""
        try:
            parsed = _parsed(url)
        except httpx.InvalidURL:
            raise NotSent("the URL of the request is malformed, so nothing was sent") from None
        request = httpx.Request(method, parsed, headers=_headers(headers), content=body or None)
        _call.deadline, _call.sent, _call.trouble = deadline, False, None
        try:
            return self._answer(request, deadline)
        except httpx.HTTPError as error:
            raise _failure(error, parsed.host, deadline) from None
        finally:
            _call.deadline = None

    def _answer(self, request: httpx.Request, deadline: Deadline) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        origin = request.url.scheme, request.url.netloc
        line = self._lines.take(origin, deadline.left())
        try:
            response = line.handle_request(request)
            try:
                return response.status_code, response.headers.multi_items(), _body(response, deadline, self._body_cap)
            finally:
                response.close()
        finally:
            self._lines.give_back(origin, line)


_parsed = lru_cache(maxsize=256)(httpx.URL)
"""Parsing is a seventh of a request's time; most are for the same few URLs."""


def _headers(given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Ours, those given and, whatever was given, that nothing may be compressed."""
    own = {name.lower() for name in given}
    defaults = [each for each in _DEFAULTS if each[0].lower() not in own]
    return [*defaults, *(each for each in given.items() if each[0].lower() != "accept-encoding"), _OURS]


def _body(response: httpx.Response, deadline: Deadline, cap: int) -> bytes:
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        # Some bytes can stand for a thousand times as many; nothing compressed was asked for.
        raise Unclear("the answer is compressed although that was not asked for", status=response.status_code)
    stream: Any = response.stream  # not iter_raw(), which gives the connection back before anybody could look at it
    content = bytearray()
    for chunk in stream:
        content += chunk
        if len(content) > cap:
            raise Unclear(f"the answer is larger than {cap} bytes", status=response.status_code)
        if deadline.passed:  # one read can hold ten thousand chunks
            raise Unclear("the answer was not complete in time", status=response.status_code)
    if _surplus(stream):
        response.extensions["network_stream"].close()  # before it is idle: another thread must not get it
    return bytes(content)


def _surplus(stream: Any) -> bool:
    """Whether more came than one answer. httpcore 1.0 keeps those bytes and takes them for the answer to the next request, so
    that connection is not used again. There is no public way to ask: without these attributes no connection is used twice."""
    try:
        left, _ = stream._httpcore_stream._stream._connection._h11_state.trailing_data
    except AttributeError:
        return True
    return bool(left)


def _failure(error: httpx.HTTPError, host: str, deadline: Deadline) -> NotSent | Unclear:
    """What an error of the transport means for us: whether a byte has left decides, not the error's name."""
    if _call.sent:
        how = "in time" if isinstance(error, httpx.TimeoutException) or deadline.passed else f"({type(error).__name__})"
        return Unclear(f"the request was sent to {host} and no complete answer came {how}")
    cause = _call.trouble or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Untrusted(f"the certificate of {host} is not trusted or not for that name ({cause.verify_message})")
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, _HUNG_UP):
        return Untrusted(f"no TLS 1.2 or later could be agreed with {host} ({cause.reason})")
    return NotSent(f"{host} could not be reached ({type(cause).__name__})")
