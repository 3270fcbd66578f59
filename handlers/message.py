"""An outcome as a person and a program read it: a subject that says it all, a short text, one versioned document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from handlers.outcome import Outcome, Refused

SCHEMA = "restore-point/1"
"""Names the document's shape. An event that carries it is a message of our own and must never ask for anything."""


def is_ours(schema: object) -> bool:
    """Whether a document of this ``schema`` is such a message, of whatever version."""
    return isinstance(schema, str) and schema.partition("/")[0] == SCHEMA.partition("/")[0]


_SAYS = {
    "created": "started",
    "joined": "was there already",
    "skipped": "not wanted",
    "refused": "REFUSED",
    "later": "delayed",
    "failed": "FAILED",
    "available": "available",
    "partly": "INCOMPLETE",
    "broken": "BROKEN",
    "overdue": "OVERDUE",
    "missed": "MISSED",
    "duplicate": "made twice",
    "warning": "warning",
    "healed": "well again",
}


@dataclass(frozen=True, slots=True)
class Message:
    """``subject`` is at most 100 ASCII characters on one line, ``text`` plain lines, ``document`` JSON."""

    outcome: str
    subject: str
    text: str
    document: dict[str, Any]


def compose(outcome: Outcome) -> Message:
    """The message for one outcome. Nothing in it is a template filled from outside: values stand quoted on lines of their own."""
    plain = outcome.to_dict()
    subject = f"Restore point {_SAYS[outcome.word]}{_about(outcome)}"
    lines = [
        _line(outcome.message, 2000),
        "",
        *(f"{label}: {_line(value, 500 if label == 'See' else 200)}" for label, value in _facts(outcome) if value),
        *(
            f"Skipped: {_line(each.name or each.id)} ({_line(each.code)}) {_line(each.reason)}"
            for each in outcome.skipped_resources[:20]
        ),
    ]
    return Message(outcome.word, _line(subject)[:100], "\n".join(lines).rstrip() + "\n", {"schema": SCHEMA, **plain})


def _about(outcome: Outcome) -> str:
    """What it is about, as far as a subject needs to say: a vault, a timer, or why and who."""
    whose = outcome.vault or outcome.vault_id
    if outcome.word == "warning" and whose:
        return f" ({outcome.reason}): vault {whose}"
    if whose:
        return f": vault {whose}"
    if outcome.word in ("missed", "healed") and outcome.trigger == "timer":
        return f": timer {outcome.sender}"
    who = f", {outcome.trigger} {outcome.sender}" if outcome.sender else ""
    return f" ({outcome.reason}{who})"


def _facts(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    return (
        ("Outcome", f"{outcome.word} ({outcome.reason})"),
        ("Vault", f"{outcome.vault} {outcome.vault_id}".strip()),
        ("Name", outcome.name),
        ("Restore point", outcome.checkpoint_id),
        ("Rule", outcome.rule),
        ("Came to" if outcome.word == "refused" else "Asked by", f"{outcome.trigger} {outcome.sender}".strip()),
        ("Why", outcome.detail if isinstance(outcome, Refused) else ""),
        ("Cause", "; ".join(outcome.cause_names[:3])),
        ("See", outcome.link),
        ("Delivery", outcome.delivery_id),
        ("Degraded", "the ledger could not be used, so a second one of this cause is possible" if outcome.degraded else ""),
        ("Error code", outcome.error_code),
        ("Request id", outcome.request_id),
    )


def _line(text: str, limit: int = 200) -> str:
    """One printable ASCII line of at most ``limit`` characters: some of these words come from an event or from CBR."""
    return json.dumps(text)[1:-1].replace('\\"', '"').replace("\x7f", "\\u007f")[:limit]
