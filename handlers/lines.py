"""One line of the log: JSON, ASCII, and short enough that every platform takes it whole."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Mapping
from functools import cache
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

SERVICE = "restore-point"
ROOM = 15_000
"""Bytes of what we add to a line; it stays below 16 kB, which every platform takes whole."""
WRITING = threading.Lock()
"""One line at a time, whoever writes it."""


def write_line(stream: IO[str] | None, level: int, text: str, extra: dict[str, Any]) -> bool:
    """Whether the line was written (to standard output by default): a closed or full output must not undo what was done."""
    try:
        with WRITING:
            logger, handler = _logger()  # by one thread: of two loggers that begin at once one would write nowhere
            say = {logging.ERROR: logger.error, logging.WARNING: logger.warning}.get(level, logger.info)
            handler.stream = stream or sys.stdout  # setStream would first flush the last one, which may be closed
            say(text, extra=extra)
    except (OSError, ValueError):
        return False
    return True


def fitted(document: dict[str, Any]) -> dict[str, Any]:
    """Texts clipped, then lists halved until a line can hold it; their first entries go last."""
    fitted: dict[str, Any] = _clipped(document)
    if len(json.dumps(fitted)) <= ROOM:  # nearly always
        return fitted
    for least in (1, 0):
        while len(json.dumps(fitted)) > ROOM and any(isinstance(each, list) and len(each) > least for each in fitted.values()):
            shorter = {key: each[: max(len(each) // 2, least)] for key, each in fitted.items() if isinstance(each, list)}
            fitted |= shorter
    return fitted


def within(ages: Mapping[str, float], line: dict[str, Any]) -> dict[str, int]:
    """Ages in whole seconds, the greatest first, as many as the line has room for beside what is in it."""
    found: dict[str, int] = {}
    room = ROOM - len(json.dumps(line))
    for vault, age in sorted(ages.items(), key=lambda each: -each[1]):
        room -= len(json.dumps({vault: round(age)}))
        if room < 0:
            break
        found[vault] = round(age)
    return found


def _clipped(value: Any, limit: int = 300) -> Any:
    if isinstance(value, str):
        # A letter is twelve at most, a pair of escapes.
        return value if len(value) * 12 <= limit or _fits(value, limit) else _cut(value, limit)
    if isinstance(value, dict):
        return {key: _clipped(each, 2000 if key == "message" else 300) for key, each in value.items()}
    if isinstance(value, list):
        return [_clipped(each) for each in value]
    return value


def _cut(text: str, limit: int) -> str:
    plain = text[:limit].encode("ascii", "backslashreplace").decode()
    # JSON writes a quote or a backslash as two characters.
    return "".join(letter if letter.isprintable() else "?" for letter in plain)[: limit // 2]


def _fits(text: str, limit: int) -> bool:
    """Whether JSON writes it in so many characters; most are found short without being written."""
    if text.isascii() and text.isprintable():
        return len(text) + text.count('"') + text.count("\\") <= limit
    return len(json.dumps(text)) <= limit + 2


class _Handler(logging.StreamHandler[Any]):
    """Says so when a line could not be written; logging's own would print a traceback and go on."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        raise  # noqa: PLE0704 - called while the error is being handled


@cache
def _logger() -> tuple[Logger, logging.StreamHandler[Any]]:
    """One logger a process, imported when the first line is written: that is after the POST has left."""
    from aws_lambda_powertools import Logger

    handler = _Handler(sys.stdout)
    # Level and sampling are not left to POWERTOOLS_… variables: the one line of a delivery is no debug output.
    settings: dict[str, Any] = {"level": logging.INFO, "sampling_rate": 0.0, "utc": True, "use_rfc3339": True}
    return Logger(service=SERVICE, logger_handler=handler, json_serializer=_serialize, **settings), handler


def _serialize(line: dict[str, Any]) -> str:
    """Always a line, always ASCII: a character the output cannot carry would lose it."""
    line["severity"] = line["level"]  # by which Cloud Logging sorts
    line.pop("location", None)
    line.pop("sampling_rate", None)
    return json.dumps(line, default=str, ensure_ascii=True)
