"""Values whose fields are checked: declared as pydantic's models are, validated by pydantic's core alone.

``import pydantic`` and its first model cost a cold start as much as all of httpx, and a restore point would wait for it
(tests/bench/README.md). Of what pydantic offers this has what we use, under the same names. ``handlers.cli.twins`` makes
pydantic's own models out of ours: JSON Schemas come from there, and tests hold both to the same answers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Self,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
)

from pydantic_core import PydanticCustomError, SchemaSerializer, SchemaValidator

from handlers.values import Frozen

REQUIRED: Any = type("Required", (), {})()
"""The default of a field that has none."""


class BeforeValidator(NamedTuple):
    """A function that sees what was given before its type is looked at; may raise ValueError."""

    function: Callable[[Any], Any]


class AfterValidator(NamedTuple):
    """A function that sees a value when it has its type; may raise ValueError or PydanticCustomError."""

    function: Callable[[Any], Any]


class Chosen(NamedTuple):
    """Which kind of a union is meant, by a look at what was given. ``tags`` stand for the kinds, in their order."""

    by: Callable[[Any], str]
    tags: tuple[str, ...]


class About(NamedTuple):
    """What ``Field`` was given. ``limits``: strict, gt, ge, le, min_length, max_length."""

    default: Any
    default_factory: Callable[[], Any] | None
    alias: str | None
    limits: tuple[tuple[str, Any], ...] = ()


class Declared(NamedTuple):
    """One field of a model. ``alias`` is its name in documents, where that is another."""

    annotation: Any
    default: Any
    default_factory: Callable[[], Any] | None
    alias: str | None


def Field(  # noqa: N802 - pydantic's name
    *, default: Any = REQUIRED, default_factory: Callable[[], Any] | None = None, alias: str | None = None, **limits: Any
) -> Any:
    """More about a field than its type says; as a default, or inside Annotated."""
    return About(default, default_factory, alias, tuple(limits.items()))


StrictStr = Annotated[str, Field(strict=True)]
StrictInt = Annotated[int, Field(strict=True)]
StrictBool = Annotated[bool, Field(strict=True)]


class _Lazily:
    """Something of each class, made when it is first asked for: models that an event never meets cost it nothing."""

    def __init__(self, make: Callable[[type[Model]], Any]) -> None:
        self.make = make

    def __set_name__(self, _: type, name: str) -> None:
        self._name = f"_own_{name}"

    def __get__(self, _: object, model: type[Model]) -> Any:
        try:
            return model.__dict__[self._name]
        except KeyError:
            setattr(model, self._name, made := self.make(model))
            return made


def _declared(model: type[Model]) -> dict[str, Declared]:
    """The fields, in the order in which they are declared, a base's first."""
    found = {}
    for name, hint in _hints(model):
        given = getattr(model, name, REQUIRED)
        about = given if isinstance(given, About) else About(given, None, None)
        inside = [each for each in getattr(hint, "__metadata__", ()) if isinstance(each, About)]
        alias = about.alias or next((each.alias for each in inside if each.alias), None)
        kind = Annotated[hint, About(REQUIRED, None, None, about.limits)] if about.limits else hint
        found[name] = Declared(kind, about.default, about.default_factory, alias)
    return found


def _hints(model: type[Model]) -> Iterator[tuple[str, Any]]:
    """As ``typing.get_type_hints`` finds them, in half the time: what is no field is not looked at."""
    for each in reversed(model.__mro__[: model.__mro__.index(Model)]):
        there = vars(sys.modules[each.__module__])
        for name, hint in each.__annotations__.items():  # a text where its module imports annotations from __future__
            yield name, eval(hint, there) if isinstance(hint, str) else hint  # noqa: S307 - our own source's


def _of_model(model: type[Model]) -> dict[str, Any]:
    """pydantic's core schema: keys are looked at before fields are, and the whole when each field is well."""
    fields = {name: _of_field(each) for name, each in model.model_fields.items()}
    schema: dict[str, Any] = {"type": "model-fields", "model_name": model.__name__, "fields": fields}
    if model._prepared.__func__ is not Model._prepared.__func__:  # type: ignore[attr-defined]  # a classmethod's
        schema = _around("function-before", model._prepared, schema)
    behavior = model.extra_fields_behavior
    config = {"extra_fields_behavior": behavior, "hide_input_in_errors": True, "title": model.__name__}
    schema = {"type": "model", "cls": model, "schema": schema, "config": config}
    if model._faults is not Model._faults:
        schema = _around("function-after", _without_fault, schema) | {"config": config}
    return schema


def _without_fault(value: Model) -> Model:
    for key, why in value._faults():
        raise PydanticCustomError("not_whole", "{why}", {"key": key, "why": why})
    return value


def _of_field(field: Declared) -> dict[str, Any]:
    schema = _of(field.annotation)
    if field.default_factory is not None:
        schema = {"type": "default", "schema": schema, "default_factory": field.default_factory}
    elif field.default is not REQUIRED:
        schema = {"type": "default", "schema": schema, "default": field.default}
    names = {"validation_alias": field.alias, "serialization_alias": field.alias} if field.alias else {}
    return {"type": "model-field", "schema": schema, **names}


_PLAIN = {Any: "any", str: "str", bool: "bool", int: "int", float: "float", datetime: "datetime"}


def _of(kind: Any) -> dict[str, Any]:
    origin, inside = get_origin(kind), get_args(kind)
    if origin is None and kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if origin is Annotated:
        return _marked(inside[0], inside[1:])
    if origin is Literal:
        return {"type": "literal", "expected": list(inside)}
    if origin is tuple:
        return {"type": "tuple", "items_schema": [_of(inside[0])], "variadic_item_index": 0}
    if origin is dict:
        return {"type": "dict", "keys_schema": _of(inside[0]), "values_schema": _of(inside[1])}
    if origin in (Union, UnionType) and inside[1:] == (NoneType,):
        return {"type": "nullable", "schema": _of(inside[0])}
    schema: dict[str, Any] = kind._schema
    return schema


def _marked(kind: Any, marks: tuple[Any, ...]) -> dict[str, Any]:
    if isinstance(marks[0], Chosen):
        choices = dict(zip(marks[0].tags, map(_of, get_args(kind)), strict=True))
        return {"type": "tagged-union", "discriminator": marks[0].by, "choices": choices}
    schema = innermost = _of(kind)
    for mark in marks:
        if isinstance(mark, About):
            innermost |= dict(mark.limits)
        else:
            schema = _around("function-before" if isinstance(mark, BeforeValidator) else "function-after", mark.function, schema)
    return schema


def _around(when: str, function: Callable[[Any], Any], schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": when, "function": {"type": "no-info", "function": function}, "schema": schema}


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
class Model(Frozen):
    """Base of all: frozen, compared by value. A subclass declares fields, and may have ``_prepared`` and ``_faults``.

    Raises pydantic_core.ValidationError, whose text does not repeat the input, which may be a secret.
    """

    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")
    """Those that pydantic's core fills in."""
    extra_fields_behavior: ClassVar[Literal["forbid", "ignore"]] = "ignore"
    model_fields: ClassVar[Any] = _Lazily(_declared)
    _schema: ClassVar[Any] = _Lazily(_of_model)
    _validator: ClassVar[Any] = _Lazily(lambda model: SchemaValidator(model._schema, model._schema["config"]))
    _serializer: ClassVar[Any] = _Lazily(lambda model: SchemaSerializer(model._schema))

    def __init__(self, **given: Any) -> None:
        self._validator.validate_python(given, self_instance=self)

    @classmethod
    def model_validate(cls, document: object) -> Self:
        """The document's keys as fields."""
        value: Self = cls._validator.validate_python(document)
        return value

    @classmethod
    def made_of(cls, values: dict[str, Any], given: set[str]) -> Self:
        """Of the values of all fields, which are not checked; ``given`` names those that were no defaults."""
        made = object.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        object.__setattr__(made, "__pydantic_fields_set__", given)
        return made

    @classmethod
    def _prepared(cls, document: Any) -> Any:
        """The document before its fields are looked at; may raise PydanticCustomError."""
        return document

    def _faults(self) -> Iterator[tuple[str, str]]:
        """What does not go together although each field is well: the key, and a sentence about it."""
        return iter(())

    def model_dump(self, **how: Any) -> dict[str, Any]:
        """The fields in a dict, as pydantic does it: mode, by_alias, exclude_none, exclude_unset, exclude_defaults."""
        plain: dict[str, Any] = self._serializer.to_python(self, **how)
        return plain

    def model_copy(self, *, update: dict[str, Any]) -> Self:
        """The same with other values, which are not checked."""
        return self.made_of(self.__dict__ | update, self.model_fields_set | update.keys())

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[Any, ...]]:
        """Copied and pickled by what stands in it."""
        return type(self).made_of, (self.__dict__, self.model_fields_set)

    @property
    def model_fields_set(self) -> set[str]:
        """The fields that were given."""
        given: set[str] = getattr(self, "__pydantic_fields_set__")  # noqa: B009 - mangled otherwise
        return given
