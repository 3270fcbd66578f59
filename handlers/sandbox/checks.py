"""What a value in a request may be: for a field's name, a test of its value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeGuard

from handlers.sandbox import problems

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # the China site takes Chinese characters too, the others do not


def only(document: Mapping[str, Any], known: Container[str]) -> Mapping[str, Any]:
    """CBR refuses keys it does not know, by name."""
    for key in document:
        if key not in known:
            raise problems.invalid_key(key)
    return document


def is_uuid(value: object) -> TypeGuard[str]:
    """Upper-case letters are accepted and mean the same as small ones (see `asking`); an id without dashes is none."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def is_boolean(value: object) -> bool:
    """Not 0 or 1."""
    return isinstance(value, bool)


def is_name(value: object) -> bool:
    """1 to 64 letters, digits, ``_`` and ``-``."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def is_object(value: object) -> bool:
    """Whatever is in it."""
    return isinstance(value, dict)


def text(longest: int) -> Callable[[object], bool]:
    """Anything up to so many characters."""
    return lambda value: isinstance(value, str) and len(value) <= longest


def is_description(longest: int) -> Callable[[object], bool]:
    """Without angle brackets."""
    return lambda value: isinstance(value, str) and len(value) <= longest and "<" not in value and ">" not in value


def is_whole(least: int, most: int) -> Callable[[object], bool]:
    """A whole number within both limits; true and false are none."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def one_of(*known: str) -> Callable[[object], bool]:
    """One of these words."""
    return lambda value: isinstance(value, str) and value in known
