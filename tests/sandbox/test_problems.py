"""Every published code is an error document of its service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.sandbox import codes, problems

TABLES = {"BackupService": codes.CBR, "APIGW": codes.GATEWAY, "IAM": codes.IAM, "SMN": codes.SMN}
CASES = [(f"{service}.{code}", status, text) for service, table in TABLES.items() for code, (status, text) in table.items()]


@pytest.mark.parametrize(("code", "status", "text"), CASES)
def test_by_code(code: str, status: int, text: str) -> None:
    problem = problems.by_code(code)
    assert problem.status == status
    document = json.loads(json.dumps(problem.document("r1")))
    if code.startswith("SMN."):
        assert document == {"request_id": "r1", "code": code, "message": text}
    else:
        extra = {"request_id": "r1"} if code.startswith("APIGW.") else {}
        assert document == {"error_code": code, "error_msg": text} | extra
    assert problem.line_feed == code.startswith("APIGW.")
    assert text.strip() == text != ""


@pytest.mark.parametrize("code", codes.CBR)
def test_cbr_is_meant_without_a_prefix(code: str) -> None:
    assert problems.by_code(code, "x").document("") == {"error_code": f"BackupService.{code}", "error_msg": "x"}


@pytest.mark.parametrize("code", ["", "1", "0308", "APIGW.6134", "NOSUCH.0001"])
def test_other_codes_are_none(code: str) -> None:
    with pytest.raises(KeyError):
        problems.by_code(code)


def test_as_many_as_are_published() -> None:
    assert len(codes.CBR) == 161


@pytest.mark.parametrize(
    ("problem", "status", "text"),
    [
        (problems.throttled(), 429, "policy user over ratelimit,limit:100,time:1 minute"),
        (problems.throttled(5, "5 seconds", "ip"), 429, "policy ip over ratelimit,limit:5,time:5 seconds"),
        (problems.bad_request(), 400, "API request error"),
        (problems.too_large(), 413, "Request entity too large"),
        (problems.bad_request(494), 494, "Request headers too large"),
        (problems.key_locked(), 401, "AK access failed to reach the limit,forbidden"),
        (problems.no_such_key("AK"), 401, "ak AK not exist"),
    ],
)
def test_the_gateways_own(problem: problems.Problem, status: int, text: str) -> None:
    document: dict[str, Any] = problem.document("r1")
    assert problem.status == status
    assert document["error_code"].startswith("APIGW.")
    assert document["error_msg"].endswith(text)


@pytest.mark.parametrize(
    ("style", "keys"),
    [
        ("cbr", {"error_code", "error_msg"}),
        ("gateway", {"error_code", "error_msg", "request_id"}),
        ("iam", {"error"}),
        ("smn", {"request_id", "code", "message"}),
    ],
)
def test_the_four_envelopes(style: str, keys: set[str]) -> None:
    problem = problems.envelope(style, 503)
    assert (problem.status, set(problem.document("r1")), problem.line_feed) == (503, keys, style == "gateway")


def test_texts_that_are_hard_to_read() -> None:
    assert len(problems.hard_to_read(500, 65_536).document("r1")["error_msg"]) == 65_536
    assert not problems.hard_to_read(500).document("r1")["error_msg"].isascii()
    assert problems.page(502).startswith("<html>")
    assert "502" in problems.page(502)
