"""How documents are read: what people write for us strictly, what the service answers tolerantly.

Every refusal names the field and never repeats the value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic_core import PydanticCustomError, ValidationError

from handlers.errors import Refusal
from handlers.models import BeforeValidator, Model

Read = TypeVar("Read", bound=Model)


class Strict(Model):
    """Base of what we alone may write: frozen, no unknown keys, and errors that do not print the input.

    Scalars are declared StrictBool and StrictInt where used: ``"true"`` and ``1`` are no booleans.
    """

    extra_fields_behavior = "forbid"

    @classmethod
    def _prepared(cls, document: Any) -> Any:
        if isinstance(document, Mapping):
            known = [field.alias or name for name, field in cls.model_fields.items()]
            for key, value in document.items():
                if key not in known:
                    hint = _hint(key, known)
                    raise PydanticCustomError("unknown_key", "unknown key; {hint}", {"key": _printable(key), "hint": hint})
                if value is None:  # "resources": null must not come to mean the whole vault
                    raise PydanticCustomError("null", "must not be null: leave it out", {"key": key})
        return document


_MARKS = ("[key]", "[name]", "[table]")
"""No keys of the document: pydantic's for "the key itself is wrong", and ours for how a value may be written."""


def fault(error: ValidationError, where: str = "") -> tuple[str, str]:
    """The first thing wrong, as (dotted path, sentence). ``where`` is put before the path."""
    first = error.errors(include_input=False, include_url=False)[0]
    steps = [*first["loc"]]
    if "key" in first.get("ctx", {}):  # what a validator of ours found inside the value it was given
        steps.append(str(first["ctx"]["key"]))
    path = where
    for step in steps:
        if step not in _MARKS:
            path += f"[{step}]" if isinstance(step, int) else f".{_printable(step)}" if path else _printable(step)
    return path, _SENTENCES.get(first["type"], first["msg"].removeprefix("Value error, "))


def read(model: type[Read], document: object, where: str = "") -> Read:
    """``document`` as ``model``; raises Refusal("malformed") naming the first bad field."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        path, sentence = fault(error, where)
        raise Refusal("malformed", f"{path or 'document'}: {sentence}", field=path) from None


def nearest(word: object, known: list[str]) -> str:
    """The known word a slip of the finger may have meant, or nothing."""
    import difflib

    close = difflib.get_close_matches(str(word), known, n=1, cutoff=0.6)
    return close[0] if close else ""


def _hint(key: object, known: list[str]) -> str:
    meant = nearest(key, known)
    return f"did you mean {meant!r}?" if meant else "known here: " + ", ".join(known)


def _printable(key: object) -> str:
    """A key from outside, fit for a message: one line, short."""
    plain = str(key).encode("ascii", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else "?" for letter in plain)[:100]


def _number(value: object) -> object:
    """Sizes are documented as strings, shown as integers, sent as strings, and may be missing or empty."""
    if isinstance(value, str):
        digits = value.removeprefix("-")
        return int(value) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _object(value: object) -> object:
    """``extra_info`` of a resource: JSON text on the wire, an object in some replies, null or missing in others."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    return value if isinstance(value, dict) else {}


def _moment(value: object) -> object:
    """The wire sends naive UTC with six decimals, the documents show Z, +00:00 and three decimals."""
    if not isinstance(value, str):
        raise ValueError("must be a time")
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # whose own words repeat the value
        raise ValueError("must be a time") from None


def listed(value: object) -> object:
    """A list, or nothing where a reply has null or something else."""
    return value if isinstance(value, list) else ()


def _text(value: object) -> object:
    return "" if value is None else str(value)


Moment = Annotated[datetime, BeforeValidator(_moment)]
Number = Annotated[int | None, BeforeValidator(_number)]
Text = Annotated[str, BeforeValidator(_text)]
Object = Annotated[dict[str, Any], BeforeValidator(_object)]


class Tolerant(Model):
    """Base of what the service answers. It grows fields and enum values without notice: the unknown is let through unread."""


_SENTENCES = {
    "missing": "is required",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}
