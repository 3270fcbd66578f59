"""An outcome as a person and a program read it: a subject that says it all, a short text, one versioned document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from handlers.letters import in_ascii, legible
from handlers.outcome import Outcome, Refused
from handlers.values import dataclass
from handlers.vault_backup import CheckpointResource, SkippedResource

SCHEMA = "restore-point/1"
"""Names the document's shape. An event that carries it is a message of our own and must never ask for anything."""
SUBJECT = 100
"""Characters: SNS takes no more of a subject, and ASCII only."""
_LONGEST = {"message": 2000, "link": 500}
"""Characters of a value; 200 of any other."""
LISTED = 20
"""Resources a text names; the document has all of them."""


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
_WHY = ("failed", "broken", "refused", "warning", "later", "skipped")
"""Of these the subject says the reason."""
_TYPES = {
    "OS::Nova::": "server",
    "OS::Ironic::": "server",
    "OS::Cinder::": "disk",
    "OS::Sfs": "file system",
    "OS::Workspace": "desktop",
}
"""What people call CBR's resource types, by how these begin."""


@dataclass(frozen=True)
class Message:
    """``subject`` is at most 100 ASCII characters on one line, ``text`` plain lines, ``document`` JSON."""

    outcome: str
    subject: str
    text: str
    document: dict[str, Any]


def compose(outcome: Outcome) -> Message:
    """The message for one outcome. Nothing in it is a template filled from outside: values stand quoted on lines of their own."""
    from handlers.advice import what_now

    said, advice = legible(outcome.message, 2000), what_now(outcome)
    lines = [said, *([f"Now: {legible(advice, 500)}"] if advice and advice not in outcome.message else []), ""]
    lines += [f"{label}: {legible(value, 500 if label == 'See' else 200)}" for label, value in _facts(outcome) if value]
    lines += _listed("Resource", [_resource(each) for each in outcome.resources[:LISTED]], len(outcome.resources), "resources")
    skipped = outcome.skipped_resources
    lines += _listed("Skipped", [_skipped(each) for each in skipped[:LISTED]], len(skipped), "skipped")
    return Message(outcome.word, _subject(outcome), "\n".join(lines).rstrip() + "\n", _document(outcome, advice))


def explained(code: str) -> str:
    """What an error code of CBR means for a resource; empty where it is not documented."""
    from handlers.explanations import EXPLANATIONS

    return EXPLANATIONS.get(code.removeprefix("BackupService."), "")


def _document(outcome: Outcome, advice: str) -> dict[str, Any]:
    plain = outcome.to_dict()
    plain["skipped_resources"] = [each | {"explanation": explained(each["code"])} for each in plain["skipped_resources"]]
    return {"schema": SCHEMA, **{key: _clipped(key, value) for key, value in plain.items()}, "advice": advice[:500]}


def _clipped(key: str, value: object) -> object:
    """Words from outside are as long in the document as they are in the text; lists are shortened by who sends them."""
    return value[: _LONGEST.get(key, 200)] if isinstance(value, str) else value


def _subject(outcome: Outcome) -> str:
    """What happened, to which vault, why; where that is too long the reason goes first, then the vault's name is cut.

    A vault whose name has no letter that is left in ASCII is known by its id.
    """
    whose, why = _whose(outcome), _why(outcome)
    said = f"Restore point {_SAYS[outcome.word]}" + (f": {in_ascii(whose)}" if whose else "")
    in_brackets = f" ({in_ascii(why, 70)})" if why else ""
    return said + in_brackets if len(said + in_brackets) <= SUBJECT else said[:SUBJECT]


def _whose(outcome: Outcome) -> str:
    if outcome.vault or outcome.vault_id:
        named = any(letter.isalnum() for letter in in_ascii(outcome.vault))
        return f"vault {outcome.vault if named or not outcome.vault_id else outcome.vault_id}"
    of_timer = outcome.word in ("missed", "healed") and outcome.trigger == "timer" and outcome.sender
    return f"timer {outcome.sender}" if of_timer else ""


def _why(outcome: Outcome) -> str:
    if outcome.word == "partly":
        return _part_of(outcome, "missing")
    if outcome.word == "created" and outcome.skipped_resources:
        return _part_of(outcome, "left out")
    whose = _whose(outcome)
    if outcome.word not in _WHY and whose:
        return ""
    who = f", {outcome.trigger} {outcome.sender}" if outcome.sender and not whose else ""
    return f"{outcome.reason} {outcome.error_code}".strip() + who


def _part_of(outcome: Outcome, what: str) -> str:
    """How many of those that were wanted, each counted once."""
    out = {each.id for each in outcome.skipped_resources}
    out |= {each.id for each in outcome.resources if each.protect_status == "error"}
    whole = out | {each.id for each in outcome.resources}
    if not out:
        return outcome.reason
    return f"{len(out)} of {len(whole)} {what}" if len(whole) > len(out) else f"{len(out)} {what}"


def _facts(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    shown = outcome.cause_names[:3]
    more = f" and {outcome.causes - len(shown)} more" if shown and outcome.causes > len(shown) else ""
    return (
        ("Time", outcome.at),
        ("Outcome", f"{outcome.word} ({outcome.reason})"),
        ("Vault", f"{outcome.vault} {outcome.vault_id}".strip()),
        ("Project", f"{outcome.project} {outcome.project_id}".strip()),
        ("Region", outcome.region),
        ("Name", outcome.name),
        ("Restore point", outcome.checkpoint_id),
        ("Rule", outcome.rule),
        ("Came to" if outcome.word == "refused" else "Asked by", f"{outcome.trigger} {outcome.sender}".strip()),
        ("Cause", "; ".join(shown) + more),
        ("Alert", outcome.title),
        ("See", outcome.link),
        ("Why", outcome.detail if isinstance(outcome, Refused) else ""),
        ("Delivery", outcome.delivery_id),
        ("Degraded", "the ledger could not be used, so a second one of this cause is possible" if outcome.degraded else ""),
        ("Error code", outcome.error_code),
        ("Request id", outcome.request_id),
    )


def _resource(resource: CheckpointResource) -> str:
    kind = next((name for start, name in _TYPES.items() if resource.type.startswith(start)), resource.type)
    size = f"{resource.resource_size:g} GB" if resource.resource_size else ""
    about = ", ".join(filter(None, (kind, size)))
    return (resource.name or resource.id) + (f" ({about})" if about else "")


def _skipped(resource: SkippedResource) -> str:
    code = f"({resource.code})" if resource.code else ""
    said = " ".join(filter(None, (resource.name or resource.id, code, resource.reason)))
    return said + (f" - {explained(resource.code)}" if explained(resource.code) else "")


def _listed(label: str, values: list[str], count: int, what: str) -> Iterator[str]:
    for value in values:
        yield f"{label}: {legible(value, 350)}"
    if count > len(values):
        yield f"and {count - len(values)} more {what}"
