"""Every error the sandbox can emit, from a table written from the references: situation → status, code, text, envelope."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handlers.sandbox import Sandbox
from tests.sandbox.recipes import Kitchen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.conftest import Answer

TABLE = json.loads((Path(__file__).parents[1] / "tables" / "sandbox_errors.json").read_text(encoding="utf-8"))
Pair = tuple[object, object]  # code and text


def cbr(answer: Answer, _: Any) -> Pair:
    assert answer.json.keys() == {"error_code", "error_msg"}
    return answer.json["error_code"], answer.json["error_msg"]


def gateway(answer: Answer, _: Any) -> Pair:
    assert answer.json.keys() == {"error_code", "error_msg", "request_id"}
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert answer.raw.endswith(b"}\n")
    return answer.json["error_code"], answer.json["error_msg"]


def iam(answer: Answer, expect: Any) -> Pair:
    """Two forms: Keystone's object, and the one of the newer calls."""
    if "error" not in answer.json:
        assert answer.json.keys() == {"error_code", "error_msg"}
        assert answer.json["error_code"].startswith("IAM.")
        return answer.json["error_code"], answer.json["error_msg"]
    (error,) = answer.json.values()
    assert error.keys() == {"code", "message", "title"}
    assert error["title"] == expect.get("title", error["title"])
    assert error["message"]
    return error["code"], error["message"]


def smn(answer: Answer, _: Any) -> Pair:
    assert answer.json.keys() == {"request_id", "code", "message"}
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    return answer.json["code"], answer.json["message"]


def unauthorized(answer: Answer, _: Any) -> Pair:
    assert answer.json.keys() == {"unauthorized"}
    assert answer.json["unauthorized"].keys() == {"code", "message"}
    return answer.json["unauthorized"]["code"], answer.json["unauthorized"]["message"]


def html(answer: Answer, _: Any) -> Pair:
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.raw.startswith(b"<html>")
    return None, answer.raw.decode()


def skipped(answer: Answer, expect: Any) -> Pair:
    rows = answer.json["checkpoint"]["vault"]["skipped_resources"]
    row = next(row for row in rows if row["id"] == expect.get("of", row["id"]))
    assert row.keys() == {"id", "type", "name", "code", "reason"}
    return row["code"], row["reason"]


def log(answer: Answer, _: Any) -> Pair:
    (row,) = answer.json["operation_logs"]
    assert row["status"] == "failed"
    return row["error_info"]["code"], row["error_info"]["message"]


ENVELOPES: dict[str, Callable[[Answer, Any], Pair]] = {
    each.__name__: each for each in (cbr, gateway, iam, smn, unauthorized, html, skipped, log)
}


@pytest.fixture
def kitchen(clock: Any) -> Iterator[Kitchen]:
    from tests.sandbox.conftest import Client

    with Sandbox(clock=clock, well_behaved=True) as sandbox:
        client = Client(sandbox.endpoint, clock)
        yield Kitchen(client, clock)
        client.connection.close()


@pytest.mark.parametrize("row", TABLE, ids=[row["situation"] for row in TABLE])
def test_a_situation_has_its_error(kitchen: Kitchen, row: Any) -> None:
    kitchen.prepare(row["setup"])
    answer = kitchen.send(row["request"])
    expect = kitchen.said(row["expect"])
    assert answer.status == expect["status"], answer.raw[:300]
    code, text = ENVELOPES[expect["envelope"]](answer, expect)
    assert code == (expect["code"] or code), text
    assert text == expect.get("text", text)
    assert expect.get("text_has", "") in str(text)
    if expect["envelope"] != "html":  # recorded: a proxy's page has no request id
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
    if "header" in expect:
        name, pattern = expect["header"]
        assert re.search(pattern, answer.headers[name])


def test_the_table_knows_every_situation_once() -> None:
    assert len({row["situation"] for row in TABLE}) == len(TABLE)
    assert {row["expect"]["envelope"] for row in TABLE} == set(ENVELOPES)
