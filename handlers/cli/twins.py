"""pydantic's own model of one of ours: for JSON Schemas, and for tests that hold both to the same answers."""

from __future__ import annotations

from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pydantic
from pydantic_core import PydanticCustomError

from handlers.models import REQUIRED, AfterValidator, BeforeValidator, Chosen, Declared, Model

_TWINS: dict[type[Model], type[pydantic.BaseModel]] = {}
_OURS: dict[type[pydantic.BaseModel], type[Model]] = {}


def twin(model: type[Model]) -> type[pydantic.BaseModel]:
    """Fields, names, defaults, checks and documentation are the same."""
    if model not in _TWINS:
        _TWINS[model] = _made(model)
        _OURS[_TWINS[model]] = model
    return _TWINS[model]


def _made(model: type[Model]) -> type[pydantic.BaseModel]:

    def prepared(cls: object, document: Any) -> Any:  # noqa: ARG001 - by this name pydantic knows what it is
        return model._prepared(document)

    def whole(value: pydantic.BaseModel) -> pydantic.BaseModel:
        for key, why in _ours(value)._faults():
            raise PydanticCustomError("not_whole", "{why}", {"key": key, "why": why})
        return value

    checks: dict[str, Any] = {
        "prepared": pydantic.model_validator(mode="before")(prepared),
        "whole": pydantic.model_validator(mode="after")(whole),
    }
    made: type[pydantic.BaseModel] = pydantic.create_model(
        model.__name__,
        __config__=pydantic.ConfigDict(frozen=True, extra=model.extra_fields_behavior, hide_input_in_errors=True),
        __doc__=model.__doc__,
        __module__=model.__module__,
        __validators__=checks,
        **{name: _field(each) for name, each in model.model_fields.items()},
    )
    return made


def _ours(value: Any) -> Any:
    """The same value as ours, not checked again."""
    if isinstance(value, pydantic.BaseModel):
        return _OURS[type(value)].made_of({name: _ours(each) for name, each in value}, value.model_fields_set)
    if isinstance(value, tuple):
        return tuple(map(_ours, value))
    return {key: _ours(each) for key, each in value.items()} if isinstance(value, dict) else value


def _theirs(value: Any) -> Any:
    return twin(type(value)).model_construct(**vars(value)) if isinstance(value, Model) else value


def _field(field: Declared) -> Any:
    about: dict[str, Any] = {"alias": field.alias} if field.alias else {}
    if field.default_factory is not None:
        about["default_factory"] = field.default_factory
    elif field.default is not REQUIRED:
        about["default"] = _theirs(field.default)
    return _kind(field.annotation), pydantic.Field(**about)


def _kind(kind: Any) -> Any:
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        if isinstance(inside[1], Chosen):
            return _chosen(get_args(inside[0]), inside[1])
        return reduce(lambda before, mark: Annotated[before, mark], map(_mark, inside[1:]), _kind(inside[0]))
    if origin is tuple:
        return tuple.__class_getitem__((_kind(inside[0]), ...))
    if origin is dict:
        return dict.__class_getitem__(tuple(map(_kind, inside)))
    if origin in (Union, UnionType):
        return reduce(or_, map(_kind, inside))
    return twin(kind) if isinstance(kind, type) and issubclass(kind, Model) else kind


def _chosen(kinds: tuple[Any, ...], chosen: Chosen) -> Any:
    tagged = (Annotated[_kind(kind), pydantic.Tag(tag)] for kind, tag in zip(kinds, chosen.tags, strict=True))
    return Annotated[reduce(or_, tagged), pydantic.Discriminator(chosen.by)]


def _mark(mark: Any) -> Any:
    if isinstance(mark, BeforeValidator):
        return pydantic.BeforeValidator(mark.function)
    return pydantic.AfterValidator(mark.function) if isinstance(mark, AfterValidator) else pydantic.Field(**dict(mark.limits))
