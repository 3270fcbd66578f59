"""HTTP/1.1 as bytes: one request out of what has arrived, one answer as it goes out. No sockets here.

Strict where two readers could disagree about where a request ends: no bare line feeds, no folded lines, no blanks before a
colon, one ``Content-Length`` or chunks (see `chunks`). The limits are the gateway's: 32 KB for the request line and for each
header, 128 KB for all of them, 12 MB for a body (API gateway manual); its word for headers that are too large is 494, nginx's own
number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from handlers.sandbox import moments, problems
from handlers.sandbox.chunks import Chunks, Malformed, TooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_LINE = 32 * 1024
LARGEST_HEAD = 128 * 1024
LARGEST_BODY = 12 * 1024 * 1024
_SLACK = 256  # what comes on top: a method, a version, a name

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's name for such a word
_FIRST = re.compile(rf"({_TOKEN}) ([!-~\x80-\xff]+) HTTP/1\.([01])")
_NAME = re.compile(_TOKEN)
_ABSOLUTE = re.compile(r"(?i:(https?))://([^/?#@]+)([/?][^#]*|)")
_FINE = bytes({*range(256)} - {*range(32), 127} | {*b"\t\r\n"})
_END = b"\r\n\r\n"
# seen on real replies (field reports, recorded replies of cloud-custodian)
_ALWAYS = (
    "Server: api-gateway\r\n"
    "Strict-Transport-Security: max-age=31536000; includeSubdomains;\r\n"
    "X-Frame-Options: SAMEORIGIN\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Download-Options: noopen\r\n"
    "X-XSS-Protection: 1; mode=block;\r\n"
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Refused(Exception):
    """Not a request one could answer and go on after: the connection ends with the answer. ``head`` is what was read of it."""

    def __init__(self, problem: problems.Problem, head: Head | None = None) -> None:
        super().__init__(problem.status)
        self.problem, self.head = problem, head


@dataclass(frozen=True, slots=True)
class Head:
    """``size`` counts the bytes up to the body, ``length`` those of the body; header names are lower case.

    ``chunks`` reads a body whose length nobody knows yet.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    size: int
    length: int
    keep: bool
    chunks: Chunks | None = None

    @property
    def waits(self) -> bool:
        """Whether the client sends its body only after a 100."""
        return self.headers.get("expect", "").lower() == "100-continue"

    def body(self, arrived: bytearray) -> bytes | None:
        """Take the body out of ``arrived``, which begins with it in chunks and else with this head; None if it is not whole."""
        if self.chunks is None:
            whole = self.size + self.length
            if len(arrived) < whole:
                return None
            body = bytes(arrived[self.size : whole])
            del arrived[:whole]
            return body
        try:
            return self.chunks.take(arrived)
        except Malformed:
            raise Refused(problems.bad_request(), self) from None
        except TooLarge:
            raise Refused(problems.too_large(), self) from None

    def told_to_go_on(self) -> Head:
        """The same, no longer waiting."""
        return replace(self, headers={name: value for name, value in self.headers.items() if name != "expect"})


NOTHING = Head("", "", {}, 0, 0, keep=False)


def read_head(arrived: bytearray) -> Head | None:
    """Read the head at the start, None while it is incomplete. Empty lines before it are taken away, as RFC 9112 asks."""
    while arrived[:2] == b"\r\n":
        del arrived[:2]
    end = arrived.find(_END, 0, LARGEST_HEAD + 2 * LARGEST_LINE)
    if end < 0:
        _check_growing(arrived)
        return None
    head = bytes(arrived[:end])
    first, *lines = head.decode("latin-1").split("\r\n")
    started = _FIRST.fullmatch(first)
    if not started or head.translate(None, _FINE) or not head.count(b"\r") == head.count(b"\n") == len(lines):
        raise Refused(problems.bad_request(414) if len(first) > LARGEST_LINE + _SLACK else problems.bad_request())
    method, target, minor = started.groups()
    known = Head(method, target, {}, end + len(_END), 0, keep=False)
    if len(target) > LARGEST_LINE:
        raise Refused(problems.bad_request(414), known)
    if end - len(first) > LARGEST_HEAD:
        raise Refused(problems.bad_request(494), known)
    headers = _headers(lines, known)
    target, headers = _origin_form(target, headers)
    keep = "close" not in headers.get("connection", "").lower() if minor == "1" else _asks_to_stay(headers)
    if "transfer-encoding" not in headers:
        return Head(method, target, headers, known.size, _length(headers, known), keep)
    _check_chunked(headers, minor, known)
    del arrived[: known.size]
    return Head(method, target, headers, 0, 0, keep, Chunks(LARGEST_BODY))


def _check_chunked(headers: Mapping[str, str], minor: str, known: Head) -> None:
    """Nothing but chunks, no length beside them, and not in a version that had none."""
    if minor == "0" or headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
        raise Refused(problems.bad_request(), known)


def _origin_form(target: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
    """What is sent as to a proxy names the host, and that is the one that counts (RFC 9112, 3.2.2).

    Where the two differ by a port that goes without saying, the header stays as it was written: it may be signed.
    """
    absolute = None if target[0] == "/" else _ABSOLUTE.fullmatch(target)
    if not absolute:
        return target, headers
    scheme, host, rest = absolute.groups()
    unsaid = ":443" if scheme.lower() == "https" else ":80"
    said = headers.get("host", "")
    if said.lower().removesuffix(unsaid) == host.lower().removesuffix(unsaid):
        host = said
    return rest if rest.startswith("/") else f"/{rest}", {**headers, "host": host}


def _check_growing(arrived: bytearray) -> None:
    """Say no as soon as it is certain: a line that does not end, headers that do not end, bare line feeds."""
    line_end = arrived.find(b"\r\n")
    if line_end < 0:
        if len(arrived) > LARGEST_LINE + _SLACK:
            raise Refused(problems.bad_request(414))
        if b"\n" in arrived:
            raise Refused(problems.bad_request())
        return
    last = arrived.rfind(b"\r\n")
    if len(arrived) - line_end > LARGEST_HEAD or len(arrived) - last > LARGEST_LINE + _SLACK:
        raise Refused(problems.bad_request(494))


def _headers(lines: list[str], known: Head) -> dict[str, str]:
    """A repeated header is one with commas (RFC 9110), but what says where things end or who speaks may not be repeated."""
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if len(value) > LARGEST_LINE + 1:  # its blank comes on top
            raise Refused(problems.bad_request(494), known)
        if not colon or not _NAME.fullmatch(name):
            raise Refused(problems.bad_request(), known)
        name, value = name.lower(), value.strip(" \t")
        if name in headers:
            if name in {"content-length", "host", "authorization", "x-auth-token"}:
                raise Refused(problems.bad_request(), known)
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _length(headers: Mapping[str, str], known: Head) -> int:
    text = headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise Refused(problems.bad_request(), known)
    if int(text) > LARGEST_BODY:
        raise Refused(problems.too_large(), known)
    return int(text)


def _asks_to_stay(headers: Mapping[str, str]) -> bool:
    return "keep-alive" in headers.get("connection", "").lower()


def head_of(status: int, headers: Mapping[str, str], length: int, now: float, *, keep: bool) -> bytes:
    """Everything before the body. 204 has neither a length nor a type (RFC 9110)."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if status != HTTPStatus.NO_CONTENT:
        lines += f"Content-Length: {length}\r\n"
    if not keep:
        lines += "Connection: close\r\n"
    return f"{_status_line(status)}Date: {_date(int(now))}\r\n{_ALWAYS}{lines}\r\n".encode("latin-1", "replace")


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Request Header Or Cookie Too Large" if status == 494 else "Unknown"
    return f"HTTP/1.1 {status} {phrase}\r\n"


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return moments.http_date(second)
