"""How documents are read: unknown keys and wrong types are refused, and every refusal names the field, never the value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from handlers.errors import Refusal

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """Base of what we alone may write: frozen, no unknown keys, and errors that do not print the input.

    pydantic's own error text repeats the input, which may be a secret; hence ``hide_input_in_errors`` and ``fault``.
    Scalars are declared StrictBool and StrictInt where used: ``"true"`` and ``1`` are no booleans.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, document: Any) -> Any:
        if isinstance(document, Mapping):
            known = [field.alias or name for name, field in cls.model_fields.items()]
            for key in document:
                if key not in known:
                    raise PydanticCustomError(
                        "unknown_key", "unknown key; {hint}", {"key": _printable(key), "hint": _hint(key, known)}
                    )
        return document


def fault(error: ValidationError, where: str = "") -> tuple[str, str]:
    """The first thing wrong, as (dotted path, sentence). ``where`` is put before the path."""
    first = error.errors(include_input=False, include_url=False)[0]
    steps = [*first["loc"]]
    if "key" in first.get("ctx", {}):  # what a validator of ours found inside the value it was given
        steps.append(str(first["ctx"]["key"]))
    path = where
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path, _SENTENCES.get(first["type"], first["msg"].removeprefix("Value error, "))


def read(model: type[Model], document: object, where: str = "") -> Model:
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
    return str(key).encode("ascii", "backslashreplace").decode()[:64]


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
}
