"""Every model of ours answers as pydantic's own model of the same declaration does: values, defaults, and what is wrong where."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pydantic
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic_core import ValidationError

import handlers
from handlers.cli.twins import _kind, twin
from handlers.documents import Strict, fault
from handlers.models import Chosen, Field, Model
from handlers.vault_backup import CheckpointParam, Resource, VaultBackup

UUID = "3b5816b5-f29c-4172-9d9a-76c719a659ce"
WORDS = (
    "", "a", "nightly", "Nightly", UUID, UUID.upper(), "-1", "7", "1h", "90s", "367d", "eu-de", "0" * 32, "env", "env:PROD_",
    "env:A", "file:/x", "x" * 65, "x" * 300, "a.b", "a..b", "*", "<b>", "X-Signature", "{body}", "{timestamp}:{body}",
    "2026-11-27T00:00:00Z", "2026-11-27", "{}", '{"a": 1}', "arn:aws:sns:eu-central-1:123456789012:ops",
    f"urn:smn:eu-de:{'0' * 32}:ops", "projects/my-project/topics/ops", "https://host/path", "\ud800", "é",
)  # fmt: skip
ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 40_000), st.just(10**19), st.floats(allow_nan=False), st.sampled_from(WORDS),
    st.just([]), st.just({}), st.just(["a"]), st.just([None]), st.just({"id": UUID}), st.just(datetime(2026, 11, 27, tzinfo=UTC)),
)  # fmt: skip


_CHECKPOINT = {"id": "c", "project_id": "p", "status": "available", "created_at": "2026-11-27T00:00:00Z"}
GOOD: dict[str, dict[str, Any]] = {
    "_CheckpointReply": {"checkpoint": _CHECKPOINT},
    "Expected": {"as": "timer", "now": "2026-11-27T00:00:00Z", "platforms": ["web"], "status": 200, "outcomes": []},
    "Resource": {"id": UUID, "type": "OS::Nova::Server"},
    "Scheme": {"header": "X-Signature"},
    "Token": {"audience": "https://host", "email": "a@b.c"},
    "Topic": {"kind": "log", "rules": ["nightly"]},
    "Paths": {"identity": ["a.b"], "status": "state", "firing": ["on"]},
    "Retiring": {"secret": "env:A", "until": datetime(2027, 1, 1, tzinfo=UTC)},
    "Sender": {"dialect": "simple", "proof": "platform"},
    "Rule": {"name": "nightly", "timer": "nightly", "vaults": ["a"]},
}
"""What is well only as a whole, and would hardly be met by chance."""


def models() -> Iterator[type[Model]]:
    """All that declare a field."""
    for found in pkgutil.walk_packages(handlers.__path__, "handlers."):
        if not found.name.startswith(("handlers.web", "handlers.__main__", "handlers.sandbox")):
            importlib.import_module(found.name)
    waiting: list[type[Model]] = [Model]
    while waiting:
        waiting += (model := waiting.pop()).__subclasses__()
        if model.model_fields and model.__module__.startswith("handlers."):
            yield model


def fitting(kind: Any) -> st.SearchStrategy[Any]:
    """Values that may be well where the annotation stands."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return st.sampled_from(well) if inside[0] in (str, float, datetime) and (well := _well(kind)) else fitting(inside[0])
    if origin is Literal:
        return st.sampled_from(inside)
    if origin is tuple:
        return st.lists(value(inside[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(st.sampled_from(WORDS[1:4]), value(inside[1]), max_size=2)
    if origin in (Union, UnionType):
        return st.one_of([st.none() if each is NoneType else fitting(each) for each in inside])
    if isinstance(kind, type) and issubclass(kind, Model):
        whole: Any = kind
        return documents(whole)
    plain = {str: st.sampled_from(WORDS), int: st.integers(-2, 40_000), bool: st.booleans(), float: st.floats(0, 300)}
    return plain.get(kind, ANYTHING)


def _well(kind: Any) -> list[str]:
    """Of the words those that pydantic takes there."""
    taken, asked = [], pydantic.TypeAdapter(_kind(kind))
    for word in WORDS:
        with suppress(ValidationError):
            asked.validate_python(word)
            taken.append(word)
    return taken


def value(kind: Any) -> st.SearchStrategy[Any]:
    well = fitting(kind)
    return st.sampled_from([well] * 15 + [ANYTHING]).flatmap(lambda chosen: chosen)


@cache
def documents(model: Any) -> st.SearchStrategy[dict[str, Any]]:
    named = {each.alias or name: value(each.annotation) for name, each in model.model_fields.items()}
    must = {
        each.alias or name
        for name, each in model.model_fields.items()
        if (each.alias or name) in ("id", "name", "kind", "dialect")
    }
    more = st.sampled_from([{}, {}, {}, {}, {"nmae": 1}, {"vaults": []}])
    some = st.fixed_dictionaries({key: named[key] for key in must}, optional={key: named[key] for key in named.keys() - must})
    return st.builds(lambda document, extra: extra | document, some, more)


def answered(model: Any, document: object) -> Any:
    """What it says of the document, in the same form for both: values and which of them were given, or what is wrong where."""
    try:
        found = model.model_validate(document)
    except ValidationError as error:
        every = error.errors(include_url=False, include_input=False)
        # Of a text that is too short pydantic says by another word where a validator of ours stands before the limit.
        return fault(error), [
            (each["loc"], each["type"].removeprefix("string_"), str(each.get("ctx", {}).get("key"))) for each in every
        ]
    return found.model_dump(), found.model_dump(mode="json", by_alias=True, exclude_none=True), found.model_fields_set


@pytest.mark.parametrize("model", list(models()), ids=lambda each: f"{each.__module__}.{each.__name__}".removeprefix("handlers."))
def test_it_answers_as_pydantic_does(model: type[Model]) -> None:
    ended = set()

    @settings(max_examples=150)
    @example(document=GOOD.get(model.__name__, {}))
    @example(document=[])
    @given(value(model))
    def compared(document: object) -> None:
        ours = answered(model, document)
        assert ours == answered(twin(model), document)
        ended.add(len(ours) == 3)

    compared()
    assert ended == {True, False}, "both are to be compared: what is well, and what is wrong"


def test_all_of_them_are_compared() -> None:
    assert len(list(models())) > 50
    assert {VaultBackup, CheckpointParam, Resource} <= set(models())


def _tag(given: object) -> str:
    return "[name]" if isinstance(given, str) else "[table]"


class Short(Strict):
    name: Annotated[str, Field(max_length=3)]


class Shorter(Strict):
    name: Annotated[str, Field(max_length=2)]


class Holder(Strict):
    what: Annotated[str | Resource, Chosen(_tag, ("[name]", "[table]"))]


def test_a_difference_would_be_seen() -> None:
    """The comparison is no comparison of a thing with itself: a twin with one more limit answers otherwise."""
    assert answered(Short, {"name": "abc"}) == answered(twin(Short), {"name": "abc"})
    assert answered(Short, {"name": "abc"}) != answered(twin(Shorter), {"name": "abc"})


def test_a_twin_is_a_model_of_pydantic() -> None:
    assert issubclass(twin(VaultBackup), pydantic.BaseModel)
    assert json.loads(json.dumps(twin(VaultBackup).model_json_schema()))["required"] == ["vault_id"]


def test_values_are_compared_by_type_and_fields_and_cannot_be_changed() -> None:
    one, same = VaultBackup(vault_id=UUID), VaultBackup.model_validate({"vault_id": UUID})
    assert (one, hash(one)) == (same, hash(same))
    assert one != VaultBackup(vault_id=UUID, parameters=CheckpointParam())
    assert repr(one) == f"VaultBackup(parameters=None, vault_id='{UUID}')"
    with pytest.raises(AttributeError, match="frozen: vault_id"):
        one.vault_id = "x"  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen: vault_id"):
        del one.vault_id
    other = one.model_copy(update={"parameters": CheckpointParam()})
    assert (other.vault_id, other.parameters, other.model_fields_set) == (UUID, CheckpointParam(), {"vault_id", "parameters"})


def test_a_union_of_tables_is_told_apart_by_what_was_given() -> None:
    for document in ({"what": "x"}, {"what": {"id": UUID, "type": "OS::Nova::Server"}}, {"what": {"id": "x"}}, {"what": 3}):
        assert str(answered(Holder, document)) == str(answered(twin(Holder), document))


def test_values_can_be_copied_and_pickled() -> None:
    one = VaultBackup(vault_id=UUID, parameters=CheckpointParam(resources=(UUID,)))
    for again in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert again == one
        assert again.model_fields_set == one.model_fields_set
        assert again.to_bytes() == one.to_bytes()
