"""Where a server listens and with how much, by the variables functions-framework and the platforms that run containers use."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from handlers.errors import Misconfigured
from handlers.values import dataclass

THREADS = 32
"""Requests worked on at a time by one process, nearly all of that waiting for CBR."""
TARGETS = ("main", "timer", "alert", "once", "watch", "worker")


@dataclass(frozen=True)
class Listening:
    """Address, port and size of a server, and which function of which file it serves (empty: ``handlers/web.py``)."""

    host: str
    port: int
    threads: int
    workers: int
    target: str
    source: str


def listening(host: str | None = None, port: str | None = None, environ: Mapping[str, str] | None = None) -> Listening:
    """What was given, else HOST and PORT; THREADS, WORKERS, FUNCTION_TARGET and FUNCTION_SOURCE. Raises Misconfigured."""
    given = os.environ if environ is None else environ
    target = given.get("FUNCTION_TARGET") or "main"
    if target not in TARGETS:
        raise Misconfigured("FUNCTION_TARGET", f"must be one of {', '.join(TARGETS)}")
    source = given.get("FUNCTION_SOURCE", "")
    if source and not Path(source).is_file():
        raise Misconfigured("FUNCTION_SOURCE", "there is no file at that path")
    return Listening(
        host or given.get("HOST") or "0.0.0.0",
        _number("--port" if port else "PORT", port or given.get("PORT") or "8080", 65535),
        _number("THREADS", given.get("THREADS") or str(THREADS), 256),
        _number("WORKERS", given.get("WORKERS") or "1", 64),
        target,
        source,
    )


def _number(name: str, text: str, most: int) -> int:
    if not (re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= most):
        raise Misconfigured(name, f"must be 1 to {most}")
    return int(text)
