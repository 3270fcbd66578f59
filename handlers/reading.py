"""From a delivery to its triggers: the door and the sender choose the dialect, the document only fills it in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from handlers.alerts import reader
from handlers.envelope import Envelope, check, check_size, parse_json
from handlers.errors import Refusal
from handlers.message import is_ours
from handlers.rules import Sender
from handlers.timers import read_timer
from handlers.trigger import Echo, Once, Trigger
from handlers.vault_backup import read_vault_backup

_KEY = re.compile(r"[!-~]{1,255}")


def read(envelope: Envelope, name: str, sender: Sender | None, now: datetime) -> list[Trigger]:
    """The triggers of one delivery; raises Refusal. A body shaped for another door never opens it."""
    document = _document(envelope)
    if _is_echo(document):
        return [Echo(name)]
    if envelope.door == "timer":
        return [read_timer(document)]
    if envelope.door == "alert" and sender is not None:
        return [*reader(sender)(document, name)]
    if envelope.door == "once" and sender is not None:
        return [_once(document, envelope, name, now)]
    raise Refusal("wrong_door", f"no event is read at the door {envelope.door!r}", field="document")


def _is_echo(document: object) -> bool:
    """A message of ours: as it is, or as SMN and SNS deliver it over HTTP, whole inside theirs."""
    if not isinstance(document, Mapping):
        return False
    topic, message = document.get("topic_urn") or document.get("TopicArn"), document.get("message") or document.get("Message")
    if topic and isinstance(message, str) and message.startswith("{"):
        with suppress(Refusal):
            inside = parse_json(message.encode("utf-8", "surrogatepass"))
            return isinstance(inside, Mapping) and is_ours(inside.get("schema"))
    return is_ours(document.get("schema"))


def _document(envelope: Envelope) -> object:
    if envelope.http is not None:
        return parse_json(envelope.http.body, "body")
    if isinstance(envelope.document, bytes):
        return parse_json(envelope.document, "message")
    check_size(envelope.document)
    try:
        check(envelope.document)
    except (ValueError, RecursionError) as error:
        raise Refusal("malformed", f"the event {error}", field="document") from None
    return envelope.document


def _once(document: object, envelope: Envelope, name: str, now: datetime) -> Once:
    """The API's own ``{"checkpoint": {…}}`` or ``{"rule": "name"}``, each with an optional ``idempotency_key``."""
    if not isinstance(document, Mapping) or not document.keys() & {"checkpoint", "rule"}:
        raise Refusal("wrong_dialect", "neither checkpoint nor rule is there, so this is no one-off", field="document")
    rest = dict(document)
    header = envelope.http.headers.get("idempotency-key") if envelope.http else None
    key = rest.pop("idempotency_key", header)
    if key is not None and (not isinstance(key, str) or not _KEY.fullmatch(key)):
        raise Refusal("malformed", "idempotency_key: must be 1 to 255 printable ASCII characters", field="idempotency_key")
    # Without a key the platform's delivery id makes a repetition of this delivery the same wish, and nothing else.
    key = key or envelope.delivery_id
    if "rule" not in rest:
        return Once(name, read_vault_backup(rest), "", key, now)
    rule = rest.pop("rule")
    if rest:
        raise Refusal("malformed", "rule: stands alone, or with idempotency_key", field="rule")
    if not isinstance(rule, str):
        raise Refusal("malformed", "rule: must be a string", field="rule")
    return Once(name, None, rule, key, now)
