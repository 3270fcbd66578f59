"""What goes with a message whatever kind of topic it is for: its mark, what subscriptions may filter by, and a size that fits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from handlers.message import Message

FILTERS = ("outcome", "rule", "vault", "trigger", "sender")
"""The fields of a message's document that subscriptions may filter by."""
LONGEST = 256
"""Characters of each; Pub/Sub takes 1,024 bytes (Pub/Sub, quotas and limits)."""


def attributes(message: Message) -> dict[str, str]:
    """Those of ``FILTERS`` that say something: services refuse an empty one (SNS developer guide, message attributes)."""
    given = {name: message.document.get(name) for name in FILTERS} | {"outcome": message.outcome}
    return {name: _plain(value) for name, value in given.items() if isinstance(value, str) and value}


def mark(message: Message) -> str:
    """The same for the same message, however often it is sent: whoever receives it twice can tell."""
    return hashlib.sha256(json.dumps(message.document, sort_keys=True).encode()).hexdigest()[:32]


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
