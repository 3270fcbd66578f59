"""That all 84 rows have their tests, that what is named elsewhere is there, and that a call would be seen."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from tests.hostile import (
    test_authority,
    test_code,
    test_connections,
    test_forged_tokens,
    test_forgery,
    test_json,
    test_parameters,
    test_requests,
    test_secrets,
    test_telling,
    test_text,
    test_text_taken,
    test_transport,
)
from tests.hostile.rows import Rows
from tests.hostile.stage import Stage, firing
from tests.web_server import ROOT

FILES: dict[str, Rows] = {
    module.__name__.rpartition(".")[2]: module.rows
    for module in (
        test_transport, test_requests, test_json, test_text, test_text_taken, test_authority, test_parameters, test_connections,
        test_telling, test_secrets, test_code, test_forgery, test_forged_tokens,
    )
}  # fmt: skip
ALL = {f"H{number}" for number in range(1, 85)}


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"))


def test_every_row_is_tested() -> None:
    tested = {row for each in FILES.values() for row in each.tested | set(each.named)}
    assert tested - ALL == set()
    assert ALL - tested == set(), "rows without a test"


def test_what_is_named_elsewhere_is_there() -> None:
    gone = [
        test
        for each in FILES.values()
        for tests in each.named.values()
        for test in tests
        if test.partition("::")[2] not in names_in(test.partition("::")[0])
    ]
    assert gone == []


def test_what_waits_is_a_case_and_has_a_reason() -> None:
    for name, each in FILES.items():
        assert set(each.waiting) - each.known == set(), name
        assert all(len(reason) > 10 for reason in each.waiting.values()), name


@pytest.mark.parametrize("platform", ["web", "lambda", "functiongraph"])
def test_a_call_would_be_seen(stage: Stage, platform: str) -> None:
    """ "Nothing leaves" is what almost every other test here rests on."""
    with pytest.raises(AssertionError), stage.nothing_leaves():
        stage.ask(platform, "/alert/am", firing(host=platform))
