"""What other people's bodies have in common: they grow, they say null for what is missing, and numbers come as text or not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from handlers.documents import read
from handlers.errors import Refusal
from handlers.models import AfterValidator, BeforeValidator, Model
from handlers.trigger import Alert, Lost, Unread

Read = TypeVar("Read", bound="Body")


PROBLEMS = 1000
"""Alerts of one body that may be unreadable before the whole is."""


class Body(Model):
    """Base of a sender's documented fields. Unknown ones are let through unread, null means missing, errors do not repeat."""

    @classmethod
    def _prepared(cls, document: Any) -> Any:
        if isinstance(document, Mapping):
            return {key: value for key, value in document.items() if value is not None}
        return document


def text_of(value: object) -> str:
    """A scalar as JSON writes it, text as it is; nothing for whatever else."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else ""


def _listed(value: object) -> object:
    return value if isinstance(value, list) else ()


def _mapped(value: object) -> object:
    return value if isinstance(value, Mapping) else {}


def _there(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


Said = Annotated[str, BeforeValidator(text_of)]
"""Text, or a number or truth value as text; empty for whatever else: a field that decides nothing must not refuse an alert."""
Needed = Annotated[Said, AfterValidator(_there)]
"""The same where there must be something."""
Listed = Annotated[tuple[Any, ...], BeforeValidator(_listed)]
"""A list, or nothing. Give it the default ``()``."""
Free = Annotated[dict[str, Any], BeforeValidator(_mapped)]
"""An object whose keys the sender's user chooses, or nothing. Give it the default ``Field(default_factory=dict)``."""


def one_by_one(sender: str, alerts: Sequence[object], read_one: Callable[[int, Any], Alert]) -> list[Alert | Lost | Unread]:
    """Each alert of a list by itself: a bad one must not silence the others. Raises Refusal where none can be read.

    Or where so many cannot that going on would only cost time. A storm repeats itself: what says the same to the letter (1 is not
    true, nor "1") is read once, and is the same alert.
    """
    found: list[Alert | Lost | Unread] = []
    known: dict[str, Alert] = {}
    first, refused = None, 0
    try:
        for index, each in enumerate(alerts):
            try:
                said = repr(each)
                if said not in known:
                    known[said] = read_one(index, each)
                found.append(known[said])
            except Refusal as problem:
                first, refused = first or problem, refused + 1
            if first and refused > PROBLEMS:
                raise first
        if first and not found:
            raise first
        return [*found, Unread(sender, first, count=refused)] if first else found
    finally:
        first = None  # its traceback holds this frame and so the whole body: a ring that only a full collection would free


def body(model: type[Read], document: object, key: str, what: str) -> Read:
    """``document`` as ``model``. Raises Refusal: wrong_dialect where it has no ``key`` at its top, malformed naming the field."""
    if not isinstance(document, Mapping) or key not in document:
        raise Refusal("wrong_dialect", f"{key}: is missing, so this is no {what}", field=key)
    return read(model, document)
