"""What a refusing answer of CBR, its gateway or IAM means: the published codes, the envelopes, and anything else.

``tables/cbr_errors.json`` has one answer per row: its status, either a ``code`` (sent in the service's envelope) or a whole
``body``, the one class it falls into, and where that is written. ``carries`` names what the failure has to hand on.
``tables/retry_after.json`` has one header value per row and the seconds it may be read as; its clock stands at ``NOW``.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from handlers.errors import Busy, CallFailed, Rejected, Throttled, Unauthorized, Unclear
from handlers.meaning import meaning

TABLES = Path(__file__).parent / "tables"
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
REQUEST_ID = "8080d377bffeb6d519b0567c09cebe6b"
CLASSES: dict[str, type[CallFailed]] = {
    "Busy": Busy,
    "Rejected": Rejected,
    "Unauthorized": Unauthorized,
    "Throttled": Throttled,
    "Unclear": Unclear,
}

ANSWERS: list[dict[str, Any]] = json.loads((TABLES / "cbr_errors.json").read_text(encoding="utf-8"))
RETRY_AFTER: list[dict[str, Any]] = json.loads((TABLES / "retry_after.json").read_text(encoding="utf-8"))

# What is no class of an answer: only the way to the service can tell that nothing was sent.
KINDS = frozenset(CLASSES.values())


def envelope(code: str, text: str = "Some text of the service.") -> bytes:
    return json.dumps({"error_code": code, "error_msg": text}).encode()


def body_of(row: dict[str, Any]) -> bytes:
    return envelope(row["code"]) if "code" in row else row["body"].encode("utf-8")


def row_name(row: dict[str, Any]) -> str:
    return f"{row['status']}-{row['code'] if 'code' in row else row['body'][:40]!r}"


def check_shape(failed: CallFailed, status: int) -> None:
    """What holds for every failure: one class, the status as it came, and texts that may stand in a log line."""
    assert type(failed) in KINDS
    assert failed.status == status
    assert 0 < len(failed.message) <= 200
    for text in (failed.message, failed.code, failed.request_id, str(failed)):
        assert isinstance(text, str)
        assert text.isprintable(), "no control characters, line breaks, direction marks or lone surrogates"
    assert len(failed.code) <= 200
    assert len(failed.request_id) <= 200
    assert failed.retry_after is None or 1 <= failed.retry_after <= 300


@pytest.mark.parametrize("row", ANSWERS, ids=row_name)
def test_an_answer_falls_into_its_class(row: dict[str, Any]) -> None:
    failed = meaning(row["status"], {}, body_of(row), now=NOW)
    check_shape(failed, row["status"])
    assert type(failed) is CLASSES[row["expect"]], row["why"]
    if "code" in row:
        assert failed.code == row["code"]
        assert "Some text of the service." in failed.message
    carries = row.get("carries", {})
    assert failed.code == carries.get("code", failed.code)
    assert failed.request_id == carries.get("request_id", failed.request_id)
    assert carries.get("message", "") in failed.message


def test_the_table_has_every_published_code_of_cbr() -> None:
    published = {row["code"] for row in ANSWERS if row["why"].startswith("CBR API reference, error codes: ") and "code" in row}
    assert len(published) == 160
    seen = Counter((row["status"], row["code"]) for row in ANSWERS if "code" in row)
    assert [pair for pair, times in seen.items() if times > 1] == []
    by_code = Counter(row["code"] for row in ANSWERS if row.get("code") in published)
    assert set(by_code.values()) == {2}, "each code once with its own status and once with another"


def test_the_table_names_known_classes_and_its_sources() -> None:
    for row in ANSWERS:
        assert row["expect"] in CLASSES
        assert ("code" in row) != ("body" in row)
        assert 300 <= row["status"] <= 599
        assert len(row["why"]) > 10


@pytest.mark.parametrize("row", RETRY_AFTER, ids=lambda row: repr(row["header"])[:40])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_as_seconds_or_date_and_bounded(row: dict[str, Any], status: int) -> None:
    headers = {} if row["header"] is None else {"retry-after": row["header"]}
    failed = meaning(status, headers, b"", now=NOW)
    check_shape(failed, status)
    assert failed.retry_after in row["expect"], row["why"]


def test_retry_after_never_changes_the_class() -> None:
    for row in ANSWERS[::7]:
        failed = meaning(row["status"], {"retry-after": "30"}, body_of(row), now=NOW)
        assert type(failed) is CLASSES[row["expect"]]
        assert failed.retry_after == 30


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        pytest.param({"x-request-id": REQUEST_ID}, b"", REQUEST_ID, id="the header every reply has"),
        pytest.param({"x-request-id": "req-11111111-2222-3333-4444-555555555555"}, b"", None, id="with its prefix"),
        pytest.param({"x-iam-trace-id": REQUEST_ID}, b"", REQUEST_ID, id="IAM's own header"),
        pytest.param({}, json.dumps({"request_id": REQUEST_ID}).encode(), REQUEST_ID, id="the gateway's body"),
        pytest.param({}, b"", "", id="nowhere"),
        pytest.param({"x-request-id": ""}, b'{"request_id": 5}', "", id="nothing usable"),
    ],
)
def test_the_request_id_is_kept_for_the_providers_support(headers: dict[str, str], body: bytes, expected: str | None) -> None:
    failed = meaning(503, headers, body, now=NOW)
    check_shape(failed, 503)
    assert failed.request_id == (headers["x-request-id"] if expected is None else expected)


@pytest.mark.parametrize("text", [REQUEST_ID + "\r\nx-evil: 1", "\x00", "a" * 100_000, "\x1b[31m", "\u202e", "\ud800"], ids=ascii)
def test_a_hostile_request_id_never_reaches_a_log_line(text: str) -> None:
    check_shape(meaning(400, {"x-request-id": text}, b"", now=NOW), 400)
    check_shape(meaning(400, {}, json.dumps({"request_id": text}).encode(), now=NOW), 400)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(envelope("BackupService.6125", "x" * 65_536), Busy, id="text of 64 kB"),
        pytest.param(envelope("BackupService.6125", "备份" * 20_000), Busy, id="Chinese text of 120 kB"),
        pytest.param(envelope("x" * 65_536), Rejected, id="code of 64 kB"),
        pytest.param(b"<html>" + b"x" * 65_536 + b"</html>", Rejected, id="HTML of 64 kB"),
        pytest.param(b"[" * 100_000, Rejected, id="100,000 arrays"),
        pytest.param(b'{"error":' * 100_000, Rejected, id="100,000 objects"),
        pytest.param(b'{"error":' * 5_000 + b"{}" + b"}" * 5_000, Rejected, id="5,000 objects, all closed"),
        pytest.param(b'{"error_code":' + b"9" * 6_000 + b"}", Rejected, id="number of 6,000 digits"),
        pytest.param(b"\xff\xfe\x00", Rejected, id="invalid UTF-8"),
        pytest.param(b"\xc0\xaf", Rejected, id="overlong UTF-8"),
        pytest.param("未知错误".encode("gbk"), Rejected, id="Chinese in another encoding"),
        pytest.param(b"\x1f\x8b\x08\x00", Rejected, id="gzip"),
    ],
)
def test_an_enormous_or_broken_body_is_classed_all_the_same(body: bytes, expected: type[CallFailed]) -> None:
    failed = meaning(400, {}, body, now=NOW)
    check_shape(failed, 400)
    assert type(failed) is expected
    unreadable = meaning(503, {}, body, now=NOW)
    check_shape(unreadable, 503)
    assert type(unreadable) is (Busy if expected is Busy else Unclear)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"error_code":"BackupService.6125","error_msg":"\xff\xfe"}', id="invalid UTF-8 in the text"),
        pytest.param(b'\xef\xbb\xbf{"error_code":"BackupService.6125"}', id="byte order mark"),
        pytest.param('{"error_code":"BackupService.6125"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"error_code":"BackupService.6125"} {}', id="two documents"),
        pytest.param(b'{"error_code":"BackupService.6105","error_code":"BackupService.6125"}', id="two codes"),
        pytest.param(b'{"error_code":"BackupService.6125","x":' + b"[" * 5_000 + b"]" * 5_000 + b"}", id="deep beside"),
    ],
)
def test_a_body_readable_in_two_ways_is_one_of_the_two(body: bytes) -> None:
    failed = meaning(400, {}, body, now=NOW)
    check_shape(failed, 400)
    assert type(failed) in {Busy, Rejected}


def test_an_unreadable_answer_without_code_has_none() -> None:
    for body in (b"", b"<html></html>", b"[]", b"null", b"{}", b"\xff"):
        assert meaning(502, {"content-type": "text/html"}, body, now=NOW).code == ""


def test_the_failure_is_handed_back_and_may_be_raised() -> None:
    failed = meaning(400, {}, envelope("BackupService.6125"), now=NOW)
    with pytest.raises(Busy):
        raise failed


STATUSES = st.integers(min_value=300, max_value=599)
KEYS = st.sampled_from(
    ["error_code", "error_msg", "errorCode", "errorMsg", "code", "message", "error", "unauthorized", "request_id"]
)
CODES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(sorted({row["code"] for row in ANSWERS if "code" in row})),
    st.from_regex(r"(BackupService|APIGW?|IAM|SMN)\.[0-9]{4}", fullmatch=True),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40), CODES)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=5)),
    max_leaves=15,
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-request-id", "x-iam-trace-id", "content-type", "date"]), st.text(max_size=40)
)
EVERYTHING = settings(max_examples=300, deadline=None, database=None)


@EVERYTHING
@given(status=STATUSES, headers=HEADERS, body=st.binary(max_size=300))
@example(status=401, headers={"retry-after": "-1"}, body=b"\xed\xa0\x80")
def test_any_bytes_have_exactly_one_meaning(status: int, headers: dict[str, str], body: bytes) -> None:
    check_shape(meaning(status, headers, body, now=NOW), status)


@EVERYTHING
@given(status=STATUSES, code=CODES, text=SCALARS)
def test_any_code_has_exactly_one_meaning(status: int, code: str, text: object) -> None:
    body = json.dumps({"error_code": code, "error_msg": text}).encode()
    check_shape(meaning(status, {}, body, now=NOW), status)


@EVERYTHING
@given(status=STATUSES, headers=HEADERS, document=DOCUMENTS)
def test_any_document_has_exactly_one_meaning(status: int, headers: dict[str, str], document: object) -> None:
    body = json.dumps(document).encode()
    failed = meaning(status, headers, body, now=NOW)
    check_shape(failed, status)
    again = meaning(status, headers, body, now=NOW)
    assert (type(again), again.code, again.message) == (type(failed), failed.code, failed.message)


@EVERYTHING
@given(status=STATUSES)
def test_without_a_code_the_status_alone_decides(status: int) -> None:
    named: dict[int, type[CallFailed]] = {401: Unauthorized, 403: Unauthorized, 408: Unclear, 429: Throttled}
    expected = named.get(status, Unclear if status >= 500 else Rejected)
    for body in (b"", b"<html></html>", b"{}", b"[]"):
        assert type(meaning(status, {}, body, now=NOW)) is expected
