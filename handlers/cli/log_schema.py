"""The JSON Schema of a delivery's log line: one a delivery, whatever the platform."""

from __future__ import annotations

from typing import Any

from handlers.cli.message_schema import PROPERTIES, WORDS

_TEXT: dict[str, Any] = {"type": "string"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_BRIEF = {name: each for name, each in PROPERTIES.items() if name not in ("schema", "advice", "resources", "shortened")}
_POINT: dict[str, Any] = {
    "type": "object",
    "required": ["outcome", "reason", "message"],
    "properties": _BRIEF | {"resources": _COUNT | {"description": "how many take part"}},
}


def log_schema() -> dict[str, Any]:
    """Levels are INFO, WARNING and ERROR: CloudWatch and LTS read ``level``, Cloud Logging ``severity``."""
    level = {"enum": ["INFO", "WARNING", "ERROR"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The log line of a delivery",
        "type": "object",
        "required": ["level", "severity", "message", "timestamp", "service", "delivery", "restore_points", "told"],
        "properties": {
            "level": level,
            "severity": level,
            "message": _TEXT | {"description": "the door, and how many outcomes there were of each word"},
            "timestamp": _TEXT | {"description": "RFC 3339, UTC"},
            "service": {"const": "restore-point"},
            "delivery": {
                "type": "object",
                "required": ["id", "door", "platform"],
                "properties": {
                    "id": _TEXT | {"description": "of this run; restore_points[].delivery_id is of the one that wanted it first"},
                    "door": {"enum": ["timer", "alert", "once", "watch", "worker"]},
                    "platform": _TEXT,
                    "path": _TEXT | {"description": "of an HTTP request"},
                },
            },
            "proven_by": _TEXT | {"description": "where the secret stands that proved the sender"},
            "restore_points": {"type": "array", "items": _POINT, "description": "the first 20 outcomes"},
            "unnamed": _COUNT | {"description": "how many outcomes more there were"},
            "noticed": {"type": "array", "items": _POINT, "description": "what the delivery showed beside them"},
            "counts": {"type": "object", "properties": dict.fromkeys(WORDS, _COUNT), "additionalProperties": False},
            "duration_ms": _COUNT | {"description": "of the slowest outcome"},
            "queued": {
                "type": "object",
                "properties": {
                    "wishes": _COUNT,
                    "until": _TEXT | {"description": "when the last of them is asked for, ISO 8601"},
                },
            },
            "ages": {
                "type": "object",
                "additionalProperties": _COUNT,
                "description": "seconds since the oldest of the newest good backups of each vault's resources",
            },
            "told": _COUNT | {"description": "messages that topics took"},
            "not_told": {"type": "array", "items": _TEXT, "description": "topics that did not, and what they said"},
        },
    }
