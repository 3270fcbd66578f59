"""From a delivery to its triggers: the door and the sender choose the dialect, the document only fills it in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from handlers.alerts import HAS_LABELS, READS_TEXT, reader
from handlers.carriers.unwrapping import Carried, Confirmation, is_cloud_event, lenient, unwrapped
from handlers.envelope import Envelope, Text, check, check_size, parse_json
from handlers.errors import Refusal
from handlers.message import is_ours
from handlers.rules import Sender
from handlers.timers import is_cloud_scheduler, read_timer
from handlers.trigger import Alert, Echo, Handshake, Lost, Once, Trigger, Unread
from handlers.values import replace
from handlers.vault_backup import read_vault_backup

_KEY = re.compile(r"[!-~]{1,255}")


def read(envelope: Envelope, name: str, sender: Sender | None, now: datetime) -> list[Trigger]:
    """The triggers of one delivery; raises Refusal. A body shaped for another door never opens it."""
    parts = unwrapped(_document(envelope), envelope.http)
    if len(parts) == 1:
        return _read(parts[0], envelope, name, sender, now)
    found: list[Trigger] = []
    for part in parts:
        try:
            found += _read(part, envelope, name, sender, now)
        except Refusal as refusal:
            found.append(Unread(name, refusal, envelope.door))
    return found


def read_message(envelope: Envelope) -> object:
    """The one document that a queue's message carries; raises Refusal."""
    parts = unwrapped(_document(envelope), envelope.http)
    if len(parts) != 1:
        raise Refusal("malformed", "a batch of events is no message of ours", field="document")
    return parts[0].document


def _read(part: Carried, envelope: Envelope, name: str, sender: Sender | None, now: datetime) -> list[Trigger]:
    if isinstance(part.document, Confirmation):
        return [Handshake(name, part.document.topic, part.document.kind, part.document.url)]
    if isinstance(part.document, Mapping) and is_ours(part.document.get("schema")):
        return [Echo(name)]
    if envelope.door == "timer":
        return [read_timer(part, envelope.http, name)]
    if part.document is None:
        raise Refusal("malformed", "the message holds no document", field="document")
    if isinstance(part.document, Text) and (sender is None or not _reads(sender, part.document)):
        raise part.document.problem
    if envelope.door == "alert" and sender is not None:
        alerts = reader(sender)(part.document, name)
        return [_from_topic(each, part.topic, sender) for each in alerts] if part.topic else [*alerts]
    if envelope.door == "once" and sender is not None:
        return [_once(part, envelope, name, now)]
    raise Refusal("wrong_door", f"no event is read at the door {envelope.door!r}", field="document")


def _reads(sender: Sender, text: Text) -> bool:
    """Whether its dialect can make something of a message for people; not of what could not be unwrapped."""
    return sender.dialect in READS_TEXT and text.problem.reason == "malformed" and bool(text.subject)


def _from_topic(found: Alert | Lost | Unread, topic: str, sender: Sender) -> Alert | Lost | Unread:
    """With a label that says which topic brought it, for rules to match on.

    Where people choose the labels, their own of that name stays; elsewhere a tag must not say which topic it was.
    """
    if not isinstance(found, Alert) or (sender.dialect in HAS_LABELS and "topic" in found.labels):
        return found
    return replace(found, labels={**found.labels, "topic": topic})


def _document(envelope: Envelope) -> object:
    http = envelope.http
    if http is not None and (is_cloud_event(http) or is_cloud_scheduler(http)):
        return lenient(http.body, what="body") if http.body else None  # what matters may stand in the headers alone
    if http is not None:
        return parse_json(http.body, "body")
    if isinstance(envelope.document, bytes):
        return parse_json(envelope.document, "message")
    check_size(envelope.document)
    try:
        check(envelope.document)
    except (ValueError, RecursionError) as error:
        raise Refusal("malformed", f"the event {error}", field="document") from None
    return envelope.document


def _carried_key(part: Carried) -> str:
    """A message's id is its own only together with where it comes from (CloudEvents 1.0, "id")."""
    key = f"{part.topic or part.event_source} {part.id}".strip().replace(" ", "#")
    return key if _KEY.fullmatch(key) else hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _once(part: Carried, envelope: Envelope, name: str, now: datetime) -> Once:
    """The API's own ``{"checkpoint": {…}}`` or ``{"rule": "name"}``, each with an optional ``idempotency_key``."""
    document = part.document
    if not isinstance(document, Mapping) or not document.keys() & {"checkpoint", "rule"}:
        raise Refusal("wrong_dialect", "neither checkpoint nor rule is there, so this is no one-off", field="document")
    rest = dict(document)
    header = envelope.http.headers.get("idempotency-key") if envelope.http else None
    key = rest.pop("idempotency_key", header)
    if key is not None and (not isinstance(key, str) or not _KEY.fullmatch(key)):
        raise Refusal("malformed", "idempotency_key: must be 1 to 255 printable ASCII characters", field="idempotency_key")
    # Without a key the carrier's id of the message, or else the proof's or the platform's of the delivery, makes a repetition of
    # this the same wish, and nothing else.
    key = key or (_carried_key(part) if part.id else envelope.proof_id or envelope.delivery_id)
    if "rule" not in rest:
        return Once(name, read_vault_backup(rest), "", key, now)
    rule = rest.pop("rule")
    if rest:
        raise Refusal("malformed", "rule: stands alone, or with idempotency_key", field="rule")
    if not isinstance(rule, str):
        raise Refusal("malformed", "rule: must be a string", field="rule")
    return Once(name, None, rule, key, now)
