"""SMN: takes messages for the topics that exist and keeps them."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from handlers.sandbox import problems
from handlers.sandbox.exchange import Reply, Request, readable

if TYPE_CHECKING:
    from collections.abc import Iterable

# limits and codes of the SMN API reference
_SUBJECT_BYTES = 512
_MESSAGE_BYTES = 256 * 1024
_TAGS, _TAG_KEY_CHARACTERS, _TAG_VALUE_BYTES = 90, 21, 1024
_LONGEST_TIME_TO_LIVE = 604_800  # OTC's; Huawei Cloud allows 86400
_URN = re.compile(r"urn:smn:[^:]+:[^:]+:[A-Za-z0-9_-]+")


class Topics:
    """``published`` is what subscribers would have got, oldest first."""

    def __init__(self, urns: Iterable[str]) -> None:
        self.urns = frozenset(urns)
        self.published: list[dict[str, Any]] = []

    def publish(self, request: Request) -> Reply:
        """Not idempotent: the same message twice is two messages."""
        urn, given = request.segments["topic_urn"], readable(request.body)
        if not _URN.fullmatch(urn):
            raise problems.smn(400, "0005", "Invalid topic URN.")
        if urn not in self.urns:
            raise problems.smn(404, "0006", "The topic does not exist.")
        if not isinstance(given, dict):
            raise problems.smn(403, "0009", "Invalid message.")
        _check_subject(given.get("subject", ""))
        _check_tags(given.get("tags", {}))
        _check_time_to_live(given.get("time_to_live", "3600"))
        message_id = uuid.uuid4().hex
        self.published.append(
            {
                "topic_urn": urn,
                "subject": given.get("subject", ""),
                "message": _text(given),
                "message_id": message_id,
                "at": request.at,
            }
        )
        return Reply(200, {"request_id": request.request_id, "message_id": message_id})


def _text(given: dict[str, Any]) -> str:
    """A structure wins over a template, a template over a message; of a structure the default text is kept."""
    if "message_structure" in given:
        return _default(given["message_structure"])
    if "message_template_name" in given:
        raise problems.smn(404, "0027", "The message template does not exist.")
    message = given.get("message")
    if not isinstance(message, str) or not 0 < _size(message) <= _MESSAGE_BYTES:
        raise problems.smn(403, "0009", "Invalid message.")
    return message


def _default(structure: object) -> str:
    """JSON inside a string, and only ``default`` is mandatory."""
    parsed = readable(structure.encode("utf-8", "surrogatepass")) if isinstance(structure, str) else None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("default"), str) or _size(str(structure)) > _MESSAGE_BYTES:
        raise problems.smn(400, "0021", "Invalid message structure.")
    return str(parsed["default"])


def _check_subject(subject: object) -> None:
    if not isinstance(subject, str) or _size(subject) > _SUBJECT_BYTES:
        raise problems.smn(403, "0008", "Invalid subject.")


def _check_tags(tags: object) -> None:
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise problems.smn(400, "0038", "Invalid tag.")
    if len(tags) > _TAGS:
        raise problems.smn(403, "0075", "Too many tags.")
    if any(len(key) > _TAG_KEY_CHARACTERS for key in tags):
        raise problems.smn(400, "0038", "Invalid tag.")
    if any(_size(value) > _TAG_VALUE_BYTES for value in tags.values()):
        raise problems.smn(403, "0047", "The value is too long.")


def _check_time_to_live(seconds: object) -> None:
    """Seconds in a string; no code is published for a bad one, so it is answered like a bad message."""
    digits = isinstance(seconds, str) and re.fullmatch(r"[0-9]{1,10}", seconds)
    if not digits or int(digits[0]) > _LONGEST_TIME_TO_LIVE:
        raise problems.smn(403, "0009", "Invalid message.")


def _size(text: str) -> int:
    """In bytes of UTF-8; JSON can carry half of a surrogate pair."""
    return len(text.encode("utf-8", "surrogatepass"))
