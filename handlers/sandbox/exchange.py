"""What passes between HTTP and the services of the sandbox, and the record kept of it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from handlers.sandbox import problems
from handlers.sandbox.vaults import NO_HARM, Harm

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Request:
    """One request as it arrived. ``at`` is the sandbox clock, header names are lower case, ``segments`` are decoded.

    ``target`` is path and query as they were written.
    ``harm`` is what shall go wrong with the restore point it asks for.
    """

    at: float
    request_id: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    segments: Mapping[str, str] = field(default_factory=dict)
    harm: Harm = NO_HARM
    target: str = ""

    def document(self) -> dict[str, Any]:
        """Return the JSON object in the body; whatever else stands there is CBR's 9900."""
        try:
            document = parsed(self.body)
        except (ValueError, RecursionError):
            raise problems.parameter("Parameter verification failed.") from None
        if not isinstance(document, dict):
            raise problems.parameter("Parameter verification failed.")
        return document


@dataclass(frozen=True, slots=True)
class Wire:
    """What the network does to an answer; ``server`` acts it out, a simulation may do so in its own way.

    reset       nothing of it arrives, the connection is reset
    hang        nothing of it arrives, the connection stays open; closed after ``seconds`` unless they are 0
    delay       it arrives ``seconds`` later
    drip        it arrives one byte every ``seconds``
    truncate    only ``size`` bytes of the body arrive, then the connection ends
    length      ``Content-Length`` is wrong by ``size``
    close_idle  it arrives whole, and the connection is closed ``seconds`` later although it was to be kept
    """

    kind: str
    seconds: float = 0.0
    size: int = 0


@dataclass(frozen=True)
class Reply:
    """``document`` is sent as JSON, with a line feed behind it if it is the gateway's; None means no body at all."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wire: Wire | None = None
    line_feed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out: ``payload`` is the body's bytes, ``wire`` what becomes of them on their way."""

    status: int
    headers: Mapping[str, str]
    payload: bytes
    wire: Wire | None = None

    def fit(self) -> Answer:
        """The same without a body where HTTP allows none: a client would read it as the start of the next answer."""
        if self.status not in _BODILESS or not (self.payload or _ABOUT_BODIES & self.headers.keys()):
            return self
        headers = {name: value for name, value in self.headers.items() if name not in _ABOUT_BODIES}
        return Answer(self.status, headers, b"", self.wire)


_BODILESS = frozenset({204, 205, 304})  # RFC 9110, 6.4.1 and 15.3.6
_ABOUT_BODIES = frozenset({"Content-Type", "Content-Encoding"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. ``target`` is kept as it was written; its parts, ``body`` and ``reply`` are parsed when read.

    ``fault`` names what was made to go wrong (several with ``+``). ``done`` is the status the service itself gave, 0 if it
    never saw the request; ``status`` is the one that was sent, 0 if none was. Without a fault they are the same.
    """

    at: float
    method: str
    target: str
    sent: bytes
    status: int
    answered: bytes
    fault: str = ""
    done: int = 0

    @property
    def path(self) -> str:
        """Not decoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """In its order, decoded."""
        return tuple(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def body(self) -> Any:
        """What the client sent."""
        return readable(self.sent)

    @property
    def reply(self) -> Any:
        """What it was answered."""
        return readable(self.answered)

    @property
    def applied(self) -> bool:
        """Whether it changed what the service keeps, or would have had there been something to change."""
        return 200 <= self.done < 300


def parsed(body: bytes) -> Any:
    """JSON as RFC 8259 has it: in UTF-8, and without NaN and numbers that are infinite to whoever reads them; else ValueError."""
    value = _DECODER.decode(body.decode("utf-8-sig"))
    if body.count(b"[") + body.count(b"{") > _DEEPEST and _is_deep(value):
        raise ValueError("nested too deeply")
    return value


def _is_deep(value: Any) -> bool:
    """So deep that it could be read but, inside another document, not be written."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for each in level for inner in _inside(each)]
    return bool(level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _finite(text: str) -> float:
    """Also called for the three words that are no numbers in JSON."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_DEEPEST = 200
_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def readable(body: bytes) -> Any:
    """Parse JSON, else give the text, else None for nothing."""
    if not body:
        return None
    try:
        return parsed(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
