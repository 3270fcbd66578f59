"""What stands in lines and metrics: reliability.md, 6.7, H71 to H77."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.rows import Rows
from tests.hostile.stage import Stage, asked, event_of, firing, simple

rows = Rows(
    named={
        "H71": ["tests/test_message.py::test_a_word_from_outside_stays_one_line_of_text"],
        "H74": ["tests/test_report.py::test_a_line_is_one_json_line_below_16_kb_whatever_stands_in_it"],
    },
    waiting={},
)
Fresh = Callable[..., Stage]
CANARY = "canary-5e1f-nobody-may-read-this"
CLOSED = {"timestamp", "level", "message", "service", "delivery", "restore_points", "told", "noticed", "not_told", "unnamed"}
CLOSED |= {"proven_by", "severity", "counts", "queued", "ages", "duration_ms"}


def no_constant(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def lines_of(text: str) -> list[dict[str, Any]]:
    """Every line of the output: JSON that any reader takes, ASCII, below 16 kB."""
    assert text.isascii()
    assert text.endswith("\n")
    found = [json.loads(line, parse_constant=no_constant) for line in text.removesuffix("\n").split("\n")]
    assert all(len(line) < 16_000 for line in text.split("\n"))
    assert not [line for line in text.splitlines() if not line.isprintable()]
    return found


def logged(text: str) -> list[dict[str, Any]]:
    """The lines of deliveries, which have our keys and no other."""
    found = [line for line in lines_of(text) if "_aws" not in line]
    for line in found:
        assert set(line) <= CLOSED
        assert line["service"] == "restore-point"
        assert line["level"] in ("INFO", "WARNING", "ERROR")
    return found


# ── the line of a delivery ──

FORGED: dict[str, Any] = {
    "H71 a line of its own": simple(host='x\n{"level":"CRITICAL","message":"forged"}'),
    "H71 a line of its own behind CR": simple(host='x\r{"level":"CRITICAL"}'),
    "H71 the end of ours": simple(host='"}]}\n{"level":"CRITICAL","restore_points":[{"outcome":"created"}]}'),
    "H71 in a label's name": simple(**{'x"}\n{"level":"CRITICAL"}': "y"}),
    "H71 in the title": simple() | {"title": 'x\n{"level":"CRITICAL"}'},
    "H72 level": simple(level="CRITICAL"),
    "H72 message, timestamp, service": simple(message="forged", timestamp="1970-01-01", service="forged"),
    "H72 our own words": simple(delivery="x", restore_points="x", outcome="created", told="9", reason="x", durable="true"),
    "H72 what the library knows": simple(xray_trace_id="x", function_arn="x", cold_start="true", sampling_rate="1", location="x"),
    "H72 what logging knows": simple(args="x", msg="%s", exc_info="x", levelname="CRITICAL", name="root", lineno="1"),
    "H73 a line separator": simple(host="a\u2028b\u2029c"),
    "H73 a terminal's": simple(host="\x1b[2J\x1b[31mred\x1b]0;x\x07"),
    "H73 the other way round": simple(host="\u202eabc\u2066\u2069"),
    "H73 C1 and delete": simple(host="\x85\x9b31m\x7f\x08\x08\x08"),
    "H73 beyond the plane": simple(host="\U0001f600\U000e0001"),
    "H76 a label of 1,024": simple(host="x" * 1024),
    "H76 64 labels of 1,000": simple(**{f"l{each}": "x" * 1000 for each in range(63)}),
    "H76 a title of 1,024": simple() | {"title": "<" * 1024},
    "H76 a link of 2,048": simple() | {"link": "https://x/" + "y" * 2030},
}


@rows.cases("body", FORGED)
def test_an_event_writes_no_line_and_no_key_of_ours(
    fresh: Fresh, body: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    made = fresh()
    for path in ("/alert/mon", "/alert/budget"):
        for platform in ("lambda", "functiongraph"):
            made.ask(platform, path, body)
    written = capsys.readouterr()
    assert written.err == ""
    found = logged(written.out)
    assert len(found) == 4
    assert {line["level"] for line in found} <= {"INFO", "WARNING"}
    assert all(line["message"].startswith("alert: 1 ") for line in found)
    assert "forged" not in {line["message"] for line in found} | {line["timestamp"] for line in found}
    for line in found:
        for point in line["restore_points"]:
            assert all(len(value) <= 2000 for value in point.values() if isinstance(value, str))
            assert all(len(value) <= 200 for value in point.get("cause_names", ()))


@rows("H71", "H73", "H76")
def test_nor_does_one_that_is_refused(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = 'x\n{"level":"CRITICAL"}\u2028\x1b[2J' + "y" * 5000
    with stage.nothing_leaves():
        asks = 0
        for platform in ("lambda", "functiongraph"):
            for path, body in (
                ("/alert/mon", simple() | {hostile: 1}),
                ("/alert/mon", {"status": hostile, "labels": {}}),
                ("/once/ci", asked() | {hostile: 1}),
                ("/once/ci", {"rule": hostile}),
                ("/once/ci", {"checkpoint": {hostile: {hostile: 1}}}),
                (f"/alert/{hostile}", simple()),
                ("/timer/cron", {"schedule": hostile[:1000], "scheduled_time": "2026-11-23T02:00:00Z"}),
                ("/timer/cron", {"job": hostile[:1000]}),
            ):
                said = stage.ask(platform, path, body, method="POST", X_Note="ok")
                assert 400 <= said.status < 500
                assert said.text.isascii()
                assert len(said.text) < 3000
                asks += 1
    assert len(logged(capsys.readouterr().out)) == asks


@rows("H71", "H74")
def test_the_real_server_writes_whole_lines_too(stage: Stage) -> None:
    with stage.nothing_leaves():
        for value in ('x\n{"level":"CRITICAL"}', "\u2028\x1b[2J", "\U0001f600" * 200):
            assert stage.ask("web", "/alert/mon", simple(host=value)).status == 200
        assert stage.ask("web", "/alert/mon", b'{"status": "firing", "labels": {"a": "\\ud800"}}').status == 400
    deliveries = stage.web.deliveries
    assert len(deliveries) == 4
    written = (stage.folder / "web.out").read_text("ascii")
    assert len(logged(written)) == 4


SURROGATES: dict[str, Any] = {
    "H74 in a value": simple(host="\ud800"),
    "H74 in a name": simple(**{"\udc80": "x"}),
    "H74 in the title": simple() | {"title": "\udfff"},
    "H74 in an unknown key": simple() | {"\ud800": 1},
    "H74 at the top": "\ud800",
}


@rows.cases("event", SURROGATES)
def test_a_line_appears_whatever_the_event_holds(stage: Stage, event: object, capsys: pytest.CaptureFixture[str]) -> None:
    with stage.nothing_leaves():
        for platform in ("lambda", "functiongraph"):
            assert stage.hand(platform, "alert", event).status == 400
        headers = {"content-type": "application/json", "authorization": "Bearer \ud800"}
        surrogate = event_of("lambda", "/alert/\udfff", "\ud800", headers, b"{}")
        assert stage.hand("lambda", "alert", surrogate).status in (401, 405)
    assert len(logged(capsys.readouterr().out)) == 3


NUMBERS: dict[str, dict[str, Any]] = {
    "H75 NaN": {"a": float("nan")},
    "H75 Infinity": {"a": float("inf"), "b": float("-inf")},
    "H75 beyond every fraction": {"a": 10**400},
    "H75 minus nothing": {"a": -0.0},
}
GENERIC = """dialect = "generic"
paths = { identity = ["host", "a", "b"], labels = { a = "a", b = "b" }, severity = "a", starts_at = "a", title = "b", link = "a" }
"""


@rows.cases("numbers", NUMBERS)
def test_a_number_that_is_none_breaks_no_line(fresh: Fresh, numbers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Lambda's runtime hands over NaN as it is; a dialect that reads any scalar must not hand it on as a number."""
    made = fresh(told=True)
    rules = Path(made.environ["RESTORE_POINT_RULES"])
    head, direct, rest = rules.read_text("utf-8").partition("[senders.direct]\n")
    rules.write_text(head + direct + rest.replace('dialect = "simple"\n', GENERIC, 1), encoding="utf-8")
    for platform in ("lambda", "functiongraph"):
        said = made.hand(platform, "alert", {"host": "erp-db"} | numbers)
        assert said.status in (200, 202, 400)
    written = capsys.readouterr()
    assert written.err == ""
    assert len(logged(written.out)) == 2
    for exchange in made.sandbox.exchanges:
        json.dumps(exchange.body, allow_nan=False)


@rows("H76")
def test_a_megabyte_of_annotations_is_a_short_line_and_a_short_message(fresh: Fresh, capsys: pytest.CaptureFixture[str]) -> None:
    made = fresh(told=True)
    body = firing()
    body["alerts"][0]["annotations"] = {"summary": "s" * 500_000, "description": "d" * 400_000}
    assert made.ask("lambda", "/alert/am", body).words == ["created"]
    (line,) = logged(capsys.readouterr().out)
    assert len(json.dumps(line)) < 4000
    (message,) = made.sandbox.published
    assert len(message["message"]) < 4000
    assert "d" * 50 not in message["message"]
    assert len(bytes(made.line.sent)) < 50_000


# ── metrics ──


@rows("H77")
def test_the_dimensions_of_metrics_are_a_closed_set(fresh: Fresh, capsys: pytest.CaptureFixture[str]) -> None:
    made = fresh()
    bodies = [
        simple(door="x", service="x", Created="1", _aws="x", host=CANARY),
        simple(vault_id=CANARY),
        {CANARY: CANARY},
        [CANARY],
    ]
    for body in bodies:
        for path in ("/alert/mon", "/alert/budget", f"/alert/{CANARY}", "/once/ci", "/timer/cron"):
            made.ask("lambda", path, body)
    measured = [line for line in lines_of(capsys.readouterr().out) if "_aws" in line]
    assert len(measured) == 20
    for line in measured:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "RestorePoint"
        assert [set(each) for each in directive["Dimensions"]] == [{"door", "service"}]
        assert (line["door"], line["service"]) in {(door, "restore-point") for door in ("alert", "once", "timer")}
        names = {each["Name"] for each in directive["Metrics"]}
        assert names <= {"Created", "Joined", "Skipped", "Refused", "Later", "Failed", "Duration"}
        assert set(line) == {"_aws", "door", "service"} | names
        assert CANARY not in json.dumps(line)
