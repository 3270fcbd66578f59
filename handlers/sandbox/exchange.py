"""What passes between HTTP and the services of the sandbox, and the record kept of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handlers.sandbox import problems
from handlers.sandbox.vaults import NO_HARM, Harm

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Request:
    """One request as it arrived. ``at`` is the sandbox clock, header names are lower case, ``segments`` are decoded.

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

    def document(self) -> dict[str, Any]:
        """Return the JSON object in the body; whatever else stands there is CBR's 9900."""
        try:
            parsed = from_json(self.body)
        except (ValueError, RecursionError):
            raise problems.parameter("Parameter verification failed.") from None
        if not isinstance(parsed, dict):
            raise problems.parameter("Parameter verification failed.")
        return parsed


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


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. ``body`` and ``reply`` are parsed when read, where they are JSON.

    ``fault`` names what was made to go wrong (several with ``+``). ``done`` is the status the service itself gave, 0 if it
    never saw the request; ``status`` is the one that was sent, 0 if none was. Without a fault they are the same.
    """

    at: float
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    sent: bytes
    status: int
    answered: bytes
    fault: str = ""
    done: int = 0

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


def readable(body: bytes) -> Any:
    """Parse JSON, else give the text, else None for nothing."""
    if not body:
        return None
    try:
        return from_json(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def from_json(body: bytes) -> Any:
    """In UTF-8 and nothing else, where Python would also guess UTF-16 and UTF-32."""
    return json.loads(body.decode("utf-8-sig"))
