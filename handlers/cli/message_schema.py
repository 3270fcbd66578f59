"""The JSON Schema of messages, ``restore-point/1``: what topics carry, and what `message.compose` makes."""

from __future__ import annotations

from typing import Any

from handlers.message import SCHEMA

_TEXT: dict[str, Any] = {"type": "string"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_FLAG: dict[str, Any] = {"type": "boolean"}
_SIZE: dict[str, Any] = {"type": ["number", "null"]}

_RESOURCE: dict[str, Any] = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": _TEXT,
        "name": _TEXT,
        "type": _TEXT | {"description": "CBR's own: OS::Nova::Server, OS::Cinder::Volume, ..."},
        "protect_status": _TEXT,
        "resource_size": _SIZE | {"description": "GB"},
        "backup_size": _SIZE,
        "backup_count": _SIZE,
        "extra_info": {"type": "object"},
    },
}
_SKIPPED: dict[str, Any] = {
    "type": "object",
    "required": ["id", "code", "reason", "explanation"],
    "properties": {
        "id": _TEXT,
        "name": _TEXT,
        "type": _TEXT,
        "code": _TEXT | {"description": "CBR's error code"},
        "reason": _TEXT | {"description": "CBR's own words"},
        "explanation": _TEXT | {"description": "what that means, in plain words; empty where it is not documented"},
    },
}
WORDS = (
    "created", "joined", "skipped", "refused", "later", "failed", "available", "partly", "broken",
    "overdue", "missed", "duplicate", "warning", "healed",
)  # fmt: skip

PROPERTIES: dict[str, dict[str, Any]] = {
    "schema": {"const": SCHEMA, "description": "the shape of this document"},
    "outcome": {"enum": list(WORDS), "description": "what happened"},
    "reason": _TEXT | {"description": "why, as a word that stays the same"},
    "message": _TEXT | {"description": "what happened, to which vault, in a sentence"},
    "at": _TEXT | {"description": "when it was decided, which may be hours before it is told: UTC, as 2026-11-23T02:00:07Z"},
    "advice": _TEXT | {"description": "what to do now; empty where nothing is to be done"},
    "rule": _TEXT | {"description": "by its name in the rules"},
    "vault": _TEXT | {"description": "its name in the rules"},
    "vault_id": _TEXT | {"description": "its id at CBR"},
    "project": _TEXT | {"description": "the vault's, by its name in the rules"},
    "project_id": _TEXT | {"description": "its id at the cloud; empty where it is not known yet"},
    "region": _TEXT | {"description": "its region"},
    "cause": _TEXT | {"description": "64 hexadecimal digits: the same for every delivery of the same wish"},
    "causes": _COUNT | {"description": "how many causes this one restore point settles"},
    "cause_names": {"type": "array", "items": _TEXT, "description": "the first 20 of them"},
    "title": _TEXT | {"description": "what the first alert is called by its sender"},
    "link": _TEXT | {"description": "the page of what asked for it, for a person to open"},
    "name": _TEXT | {"description": "the restore point's name at CBR"},
    "checkpoint_id": _TEXT | {"description": "the restore point's id at CBR"},
    "resources": {"type": "array", "items": _RESOURCE, "description": "what takes part"},
    "skipped_resources": {"type": "array", "items": _SKIPPED, "description": "what was left out, and why"},
    "delivery_id": _TEXT | {"description": "finds the log line"},
    "trigger": _TEXT | {"description": "timer, alert, once, watch or worker"},
    "sender": _TEXT | {"description": "who asked, by the name in the rules; of a refusal whom its address names"},
    "duration_ms": _COUNT | {"description": "how long it took, in milliseconds"},
    "request_id": _TEXT | {"description": "CBR's, for its support"},
    "error_code": _TEXT | {"description": "CBR's"},
    "degraded": _FLAG | {"description": "the ledger could not be used: a second one of the cause is possible"},
    "conflict": _FLAG | {"description": "the same cause was asked for with other parameters before, and those count"},
    "http": _COUNT | {"description": "of a refusal: the status its sender got"},
    "detail": _TEXT | {"description": "of a refusal: why, for the operator"},
    "durable": _FLAG | {"description": "of later and failed: it stands in the ledger"},
    "retry_after": {"type": "number", "minimum": 0, "description": "of later: seconds"},
    "slot": _TEXT | {"description": "of later: when CBR is to be asked, ISO 8601"},
    "shortened": _FLAG | {"description": "lists were cut so that a topic takes the message"},
}
_OF_SOME = ("http", "detail", "durable", "retry_after", "slot", "shortened")


def message_schema() -> dict[str, Any]:
    """Newer versions of the same schema may add keys; those that are here keep their meaning."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A message about a restore point",
        "type": "object",
        "required": [name for name in PROPERTIES if name not in _OF_SOME],
        "properties": PROPERTIES,
    }
