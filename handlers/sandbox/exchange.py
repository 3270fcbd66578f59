"""What passes between HTTP and the services of the sandbox, and the record kept of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handlers.sandbox import problems

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Request:
    """One request as it arrived. ``at`` is the sandbox clock, header names are lower case, ``segments`` are decoded."""

    at: float
    request_id: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    segments: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the JSON object in the body; whatever else stands there is CBR's 9900."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            raise problems.parameter("Parameter verification failed.") from None
        if not isinstance(parsed, dict):
            raise problems.parameter("Parameter verification failed.")
        return parsed


@dataclass(frozen=True)
class Reply:
    """``document`` is sent as JSON; None means no body at all."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, kept as they were: ``body`` and ``reply`` are parsed where they were JSON."""

    at: float
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Any
    status: int
    reply: Any


def readable(body: bytes) -> Any:
    """Parse JSON, else give the text, else None for nothing."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
