"""What goes with a message whatever kind of topic it is for: its mark, what subscriptions may filter by, and a size that fits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from handlers.message import Message

FILTERS = ("outcome", "rule", "vault", "trigger", "sender")
"""The fields of a message's document that subscriptions may filter by."""
SAME = tuple("reason message rule vault vault_id cause checkpoint_id trigger sender delivery_id".split())
"""The fields that make a message the same. Others, such as how long it took, the watch may not know any more."""
LASTING = ("overdue", "missed", "duplicate", "warning", "healed")
"""Outcomes that are states: they are told again while they last, and come back."""
LONGEST = 256
"""Characters of each; Pub/Sub takes 1,024 bytes (Pub/Sub, quotas and limits)."""


def attributes(message: Message) -> dict[str, str]:
    """Those of ``FILTERS`` that say something: services refuse an empty one (SNS developer guide, message attributes)."""
    given = {name: message.document.get(name) for name in FILTERS} | {"outcome": message.outcome}
    return {name: _plain(value) for name, value in given.items() if isinstance(value, str) and value}


def mark(message: Message, now: datetime) -> str:
    """The same for the same message, however often it is sent: whoever receives it twice can tell.

    What the watch tells again after a day is another message, although it may say the same.
    """
    said = [message.outcome, *(message.document.get(name) for name in SAME)]
    day = now.astimezone(UTC).date().isoformat() if message.outcome in LASTING else ""
    return hashlib.sha256(json.dumps([said, day], default=str).encode()).hexdigest()[:32]


def fitted(document: dict[str, Any], fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The document as it is, or with its lists halved until it fits; ``shortened`` then says so."""
    while not fits(document):
        shorter = {key: value[: len(value) // 2] for key, value in document.items() if isinstance(value, list) and value}
        if not shorter:
            break
        document = document | shorter | {"shortened": True}
    return document


def _plain(text: str) -> str:
    """What XML, headers and filters can carry: names come from the cloud and may hold anything."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:LONGEST]).strip() or "?"
