"""What may be published: the limits and codes of the SMN API reference, and the text that comes of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from handlers.sandbox import problems
from handlers.sandbox.exchange import readable

if TYPE_CHECKING:
    from collections.abc import Callable

_SUBJECT_BYTES = 512
_MESSAGE_BYTES = 256 * 1024
_TAGS, _TAG_KEY_CHARACTERS, _TAG_VALUE_BYTES = 90, 21, 1024
_LONGEST_TIME_TO_LIVE = 604_800  # OTC's; Huawei Cloud allows 86400
_TEMPLATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VARIABLE = re.compile(r"\{([A-Za-z0-9_.-]{1,21})\}")


def read(given: dict[str, Any], template_texts: Callable[[str], dict[str, str]]) -> tuple[str, str]:
    """Subject and text. A structure wins over a template, a template over a message; the default text of either is taken.

    ``template_texts`` gives the texts of a template by protocol.
    """
    subject, tags = given.get("subject", ""), given.get("tags", {})
    if not isinstance(subject, str) or size(subject) > _SUBJECT_BYTES:
        raise problems.by_code("SMN.0008")
    _check_tags(tags)
    _check_time_to_live(given.get("time_to_live", "3600"))
    if "message_structure" in given:
        return subject, _of_structure(given["message_structure"])
    if "message_template_name" in given:
        return subject, _of_template(given["message_template_name"], tags, template_texts)
    message = given.get("message")
    if not isinstance(message, str) or not 0 < size(message) <= _MESSAGE_BYTES:
        raise problems.by_code("SMN.0009")
    return subject, message


def variables(content: str) -> list[str]:
    """What stands in braces in a template, each once."""
    return list(dict.fromkeys(_VARIABLE.findall(content)))


def size(text: str) -> int:
    """In bytes of UTF-8; JSON can carry half of a surrogate pair."""
    return len(text.encode("utf-8", "surrogatepass"))


def _of_structure(structure: object) -> str:
    """JSON inside a string, and only ``default`` is mandatory."""
    parsed = readable(structure.encode("utf-8", "surrogatepass")) if isinstance(structure, str) else None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("default"), str) or size(str(structure)) > _MESSAGE_BYTES:
        raise problems.by_code("SMN.0021")
    return str(parsed["default"])


def _of_template(name: object, tags: dict[str, str], template_texts: Callable[[str], dict[str, str]]) -> str:
    """A variable without a value stays as it is written; that is not documented."""
    if not isinstance(name, str) or not _TEMPLATE_NAME.fullmatch(name):
        raise problems.by_code("SMN.0042")
    texts = template_texts(name)
    if not texts:
        raise problems.by_code("SMN.0027")
    if "default" not in texts:
        raise problems.by_code("SMN.0076")
    return _VARIABLE.sub(lambda found: tags.get(found[1], found[0]), texts["default"])


def _check_tags(tags: object) -> None:
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise problems.by_code("SMN.0038")
    if len(tags) > _TAGS:
        raise problems.by_code("SMN.0075")
    if any(len(key) > _TAG_KEY_CHARACTERS for key in tags):
        raise problems.by_code("SMN.0038")
    if any(size(value) > _TAG_VALUE_BYTES for value in tags.values()):
        raise problems.by_code("SMN.0047")


def _check_time_to_live(seconds: object) -> None:
    """Seconds in a string; no code is published for a bad one, so it is answered like a bad message."""
    digits = isinstance(seconds, str) and re.fullmatch(r"[0-9]{1,10}", seconds)
    if not digits or int(digits[0]) > _LONGEST_TIME_TO_LIVE:
        raise problems.by_code("SMN.0009")
