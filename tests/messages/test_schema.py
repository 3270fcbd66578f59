"""``restore-point schema message``: what programs that read the documents may rely on."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from copy import deepcopy
from io import StringIO
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from handlers.cli import main
from tests.messages.test_golden import CASES, GOLDEN

TYPED: dict[str, Any] = {
    "reason": 1, "message": None, "rule": 1, "vault": [], "vault_id": 1, "cause": 1, "causes": "many", "cause_names": "one",
    "link": 1, "title": 1, "name": 1, "checkpoint_id": 1, "resources": {}, "skipped_resources": "none", "delivery_id": 1,
    "trigger": 1, "sender": 1, "duration_ms": "long", "request_id": 1, "error_code": 1, "degraded": "no", "conflict": "no",
    "advice": 1, "outcome": 1, "schema": 1, "at": 1, "project": 1, "project_id": 1, "region": 1,
}  # fmt: skip
"""A value that none of the fields may have, whatever the version."""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """As the command prints it."""
    printed = StringIO()
    with redirect_stdout(printed):
        assert main(["schema", "message"]) == 0
    found: dict[str, Any] = json.loads(printed.getvalue())
    return found


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="ascii"))
    return found


def valid(schema: dict[str, Any], found: object) -> bool:
    return bool(Draft202012Validator(schema).is_valid(found))


def test_it_is_a_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", CASES)
def test_every_golden_document_validates(schema: dict[str, Any], name: str) -> None:
    problems = [each.message for each in Draft202012Validator(schema).iter_errors(document(name))]
    assert problems == []


@pytest.mark.parametrize("field", TYPED)
def test_a_field_of_a_wrong_type_does_not(schema: dict[str, Any], field: str) -> None:
    assert not valid(schema, document("created_with_some_left_out") | {field: TYPED[field]})


@pytest.mark.parametrize(("listed", "field"), [("resources", "id"), ("resources", "name"), ("skipped_resources", "code"),
                                               ("skipped_resources", "explanation")])  # fmt: skip
def test_nor_does_one_of_a_resource(schema: dict[str, Any], listed: str, field: str) -> None:
    found = deepcopy(document("created_with_some_left_out"))
    found[listed][0][field] = 1
    assert not valid(schema, found)


@pytest.mark.parametrize("field", ["schema", "outcome", "reason", "message"])
def test_a_document_without_what_makes_it_one_does_not(schema: dict[str, Any], field: str) -> None:
    found = document("failed_6114")
    del found[field]
    assert not valid(schema, found)


def test_what_a_newer_version_adds_is_allowed(schema: dict[str, Any]) -> None:
    found = document("partly") | {"new": {"of": ["a", "newer", "version"]}}
    found["resources"][0]["new"] = found["skipped_resources"][0]["new"] = 1
    assert valid(schema, found)


def test_a_shortened_document_validates(schema: dict[str, Any]) -> None:
    """What ``handlers.topics.smn`` makes of one that is too large."""
    found = document("partly") | {"resources": [], "shortened": True}
    assert valid(schema, found)


def test_every_listed_field_is_described(schema: dict[str, Any]) -> None:
    parts = [each.get("properties", {}) for each in (schema, *schema.get("$defs", {}).values())]
    listed = {name: field for fields in parts if "advice" in fields for name, field in fields.items()}
    assert set(TYPED) <= set(listed)
    assert [name for name in TYPED if not listed[name].get("description")] == []
