"""One delivery, whatever platform brought it, and the strict reading of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, NoReturn

from handlers.errors import Refusal
from handlers.values import dataclass

Door = Literal["timer", "alert", "once", "watch", "worker"]

BODY_CAP = 1 << 20
"""Bytes. The largest event that is read; platforms allow more (Lambda 6 MB), no sender known needs it."""
WEBHOOK_SECONDS = 4.0
"""For an alert over HTTP: SMN waits five seconds and shuns an endpoint that is slower; what is not settled by then is later."""
DEPTH_CAP = 32
CONTAINERS = 100_000
"""Objects and lists of one document: ten thousand alerts have forty thousand, and a megabyte has room for half a million."""
_STRING = re.compile(rb'"[^"]*"')
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]")
_NO_TEXT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_NO_TEXT_WORDS = "holds a character that is no text (NUL or half a surrogate pair)"
_DIGITS = bytes(0x30 if chr(each) in "0123456789" else 0x65 if chr(each) in "eE" else 0x20 for each in range(256))
_ALIKE = bytes.maketrans(b"{}", b"[]")
_NO_MARK = bytes(set(range(256)) - set(b'"[]{}'))
_EXACT = 1 << 53
"""Beyond this a JSON number is not the same number in every reader (RFC 8259, section 6)."""


@dataclass(frozen=True)
class Http:
    """An HTTP request as a platform handed it over: header names in lower case, the body as the bytes that were sent.

    ``caller`` is who the platform itself says is calling (an ARN); empty where it asked nobody.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    caller: str = ""


NO_REQUEST = Http("", "", {}, b"")
"""Stands for a request that could not be read."""


@dataclass(frozen=True)
class Envelope:
    """One arrival at one entry function. The entry decides the door; the document only fills it in.

    ``delivery_id`` is the platform's id of this invocation, ``seconds_left`` what remains until the platform kills the run.
    ``http`` is there when a sender spoke HTTP, its body unread, for proof comes before parsing. ``source`` is the exact topic or
    queue a message came from; then ``document`` is its text, unread, as bytes.
    """

    door: Door
    platform: str
    delivery_id: str
    document: object
    seconds_left: float
    http: Http | None = None
    source: str = ""
    proof_id: str = ""
    """What its proof says makes this very request one: the sender's own id of it, or a digest of what was signed."""
    proven_by: str = ""
    """Where the secret stands that proved its sender; while one is being changed, logs tell which is still in use."""

    @property
    def webhook(self) -> bool:
        """Whether a monitoring system waits for the answer."""
        return self.door == "alert" and self.http is not None

    @property
    def may_take(self) -> float:
        """Seconds: what is left, and less for a webhook."""
        return min(self.seconds_left, WEBHOOK_SECONDS) if self.webhook else self.seconds_left


@dataclass(frozen=True)
class Text:
    """A topic's message that is written for people, with the subject it came under. ``problem`` is why it is no document."""

    text: str
    subject: str
    problem: Refusal


def text_at(value: object, *keys: str) -> str:
    """The text behind these keys, or nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def parse_json(body: bytes, what: str = "event") -> object:
    """``body`` as JSON that every reader reads alike; raises Refusal("malformed" or "too_large").

    Refused although Python's own reader takes them: duplicate keys (two readers may take different ones), NaN and Infinity,
    UTF-16 and byte order marks, lone surrogates (a log line holding one is lost), NUL characters, fractions beyond 2**53.
    A whole number beyond 2**53 is its digits, as text: Falco and Opsgenie send nanoseconds, and nobody may calculate with them.
    """
    if len(body) > BODY_CAP:
        raise Refusal("too_large", f"the {what} is larger than {BODY_CAP} bytes", http=413)
    try:
        text = body.decode("utf-8")
        _check_shape(body)
        numbers: dict[str, Any] = {"parse_int": _integer, "parse_float": _float} if _long_numbers(body) else {}
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, **numbers)
        if b"\\u" in body and _NO_TEXT.search(_PAIR.sub(b"", body.replace(b"\\\\", b" "))):
            # Raw ones are neither JSON nor UTF-8, so escapes are the only way to them; an escaped backslash begins none.
            raise ValueError(_NO_TEXT_WORDS)
    except Refusal:
        raise
    except json.JSONDecodeError as error:
        raise _malformed(f"is not JSON (line {error.lineno}, column {error.colno})", what) from None
    except UnicodeDecodeError as error:
        raise _malformed(f"is not UTF-8 (byte {error.start})", what) from None
    except RecursionError:
        raise _malformed(f"is nested deeper than {DEPTH_CAP} levels", what) from None
    except ValueError as error:
        raise _malformed(str(error), what) from None
    return document


def _long_numbers(body: bytes) -> bool:
    """Whether a number may have sixteen digits or an exponent: without one none needs to be looked at by itself."""
    alike = body.translate(_DIGITS)
    return b"0" * 16 in alike or b"0e" in alike


def _check_shape(body: bytes) -> None:
    """Depth and number of objects and lists, found before any is built. Raises ValueError.

    Without its strings a document's brackets are all it has of them; what is left after the innermost pairs were taken out
    thirty-two times is deeper than that.
    """
    if body.count(b"[") + body.count(b"{") <= DEPTH_CAP:
        return
    brackets = _brackets(body)
    if brackets.count(b"[") > CONTAINERS:
        raise ValueError(f"holds more than {CONTAINERS} objects and lists")
    for _ in range(DEPTH_CAP):
        brackets = brackets.replace(b"[]", b"")
    if brackets.startswith(b"["):
        raise ValueError(f"is nested deeper than {DEPTH_CAP} levels")


def _brackets(body: bytes) -> bytes:
    """All brackets outside strings, as square ones. Quotes open and close in turn, so where no string holds a bracket they are
    neighbours once all else is gone: a pattern, six times as dear, is asked only where one does.
    """
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body
    brackets = plain.translate(_ALIKE, _NO_MARK).replace(b'""', b"")
    return _STRING.sub(b"", plain).translate(_ALIKE, _NO_MARK) if b'"' in brackets else brackets


def check_size(document: object) -> None:
    """Of a document a platform parsed for us, about as large as it was as text; raises Refusal."""
    left, waiting = BODY_CAP, [document]
    while waiting and left >= 0:
        value = waiting.pop()
        left -= len(value) + 2 if isinstance(value, str) else 2
        if isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
    if left < 0:
        raise Refusal("too_large", f"the event is larger than {BODY_CAP} bytes", http=413)


def check(value: object, depth: int = 0) -> None:
    """Depth and text of a document a platform parsed for us; raises ValueError."""
    if isinstance(value, str):
        if "\x00" in value or (not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)):
            raise ValueError(_NO_TEXT_WORDS)
    elif depth == DEPTH_CAP and isinstance(value, dict | list):
        raise ValueError(f"is nested deeper than {DEPTH_CAP} levels")
    elif isinstance(value, dict):
        for key, each in value.items():
            check(key, depth + 1)
            check(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            check(each, depth + 1)


def _malformed(problem: str, what: str) -> Refusal:
    return Refusal("malformed", f"the {what} {problem}", field="document")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("names a key twice in one object")
    return found


def _constant(_: str) -> NoReturn:
    raise ValueError("holds NaN or Infinity")


def _integer(text: str) -> int | str:
    if len(text) > 20:  # the longest 64-bit number there is
        raise ValueError("holds a number beyond 64 bits")
    return int(text) if -_EXACT <= int(text) <= _EXACT else text


def _float(text: str) -> float:
    if not -_EXACT <= (number := float(text)) <= _EXACT:
        raise ValueError("holds a number beyond 2**53")
    return number
