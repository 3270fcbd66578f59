"""Documents that two readers could read differently, or that only look like an event: reliability.md, 6.2, H13 to H25."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.hostile.rows import Rows
from tests.hostile.stage import PLATFORMS, QUEUE, TOPIC, Stage, asked, firing, simple
from tests.test_envelope import MALFORMED

rows = Rows(
    named={
        "H16": ["tests/test_envelope.py::test_minus_zero_is_zero"],
        "H20": ["tests/test_alerts.py::test_labels_have_an_end", "tests/test_alerts.py::test_as_many_and_as_long_as_they_may_be"],
    },
    waiting={},
)
BIG = 1 << 20


# ── what is no JSON, or not the same JSON for everybody ──


@rows.cases("case", MALFORMED)
def test_it_is_refused_at_every_door_of_every_platform(stage: Stage, case: tuple[bytes, str]) -> None:
    with stage.nothing_leaves():
        for path in ("/alert/am", "/once/ci", "/timer/cron"):
            for said in stage.everywhere(path, case[0]):
                assert (said.status, said.reasons) == (400, ["malformed"])


DIRECT: dict[str, Any] = {
    "H13 33 levels, parsed by the platform": json.loads("[" * 33 + "]" * 33),
    "H13 a hundred levels in a label": simple(a=json.loads("[" * 100 + "]" * 100)),
    "H17 half a surrogate pair, parsed by the platform": simple(a="\ud800"),
    "H17 as a label's name, parsed by the platform": simple(**{"\udfff": "a"}),
    "H25 NUL, parsed by the platform": simple(a="x\x00"),
    "H16 NaN, parsed by the platform": simple(a=float("nan")),
    "H16 Infinity, parsed by the platform": simple(a=float("inf")),
    "H15 a number without end, parsed by the platform": simple(a=10**400),
}


@rows.cases("event", DIRECT)
def test_a_platforms_own_reader_gets_nothing_past(stage: Stage, event: object) -> None:
    """Lambda's runtime reads events with Python's own reader, which takes all of these."""
    with stage.nothing_leaves():
        for platform in ("lambda", "functiongraph"):
            said = stage.hand(platform, "alert", event)
            assert (said.status, said.words) == (400, ["refused"])


@rows("H13", "H15", "H16", "H17", "H18", "H19", "H25")
def test_what_is_right_is_served_by_every_platform(fresh: Any) -> None:
    """The other side of all the refusals above: the doors do open."""
    made: Stage = fresh()
    for platform in PLATFORMS:
        said = made.ask(platform, "/alert/am", firing(host=f"erp-{platform}", zero=str(json.loads("-0"))))
        assert said.status in (200, 202)
        assert said.words[0] in ("created", "joined", "later")
    assert len(made.posts()) >= 1


# ── counts and sizes ──

SIZES: dict[str, tuple[str, bytes, int]] = {
    "H20 200,000 keys": ("/alert/am", b'{"alerts": [], ' + b",".join(b'"%d": 0' % each for each in range(200_000)) + b"}", 413),
    "H20 20,000 labels": ("/alert/am", json.dumps(firing(**{f"l{each}": "x" for each in range(20_000)})).encode(), 400),
    "H20 65 labels": ("/alert/am", json.dumps(firing(**{f"l{each}": "x" for each in range(62)})).encode(), 400),
    "H20 a label's name of 129": ("/alert/am", json.dumps(firing(**{"n" * 129: "x"})).encode(), 400),
    "H20 a label's value of 1,025": ("/alert/am", json.dumps(firing(host="x" * 1025)).encode(), 400),
    "H20 a key of a megabyte": ("/alert/am", json.dumps(firing(**{"k" * BIG: "x"})).encode(), 413),
    "H20 a key just below it": ("/alert/am", json.dumps(firing(**{"k" * (BIG - 400): "x"})).encode(), 400),
    "H20 a string of a megabyte": ("/alert/mon", json.dumps(simple(host="x" * BIG)).encode(), 413),
    "H20 a string just below it": ("/alert/mon", json.dumps(simple(host="x" * (BIG - 400))).encode(), 400),
    "H20 a million zeros": ("/once/ci", b'{"checkpoint": [' + b"0," * (10**6 - 1) + b"0]}", 413),
    "H20 half a million zeros": ("/once/ci", b'{"checkpoint": [' + b"0," * 500_000 + b"0]}", 400),
    "H20 half a million zeros for alerts": ("/alert/am", b'{"alerts": [' + b"0," * 500_000 + b"0]}", 400),
    "H20 a hundred thousand keys of a one-off": ("/once/ci", b"{%s}" % b",".join(b'"%d":0' % n for n in range(99_999)), 400),
}


@rows.cases("case", SIZES)
def test_too_much_is_refused_at_once(stage: Stage, case: tuple[str, bytes, int]) -> None:
    path, body, status = case
    with stage.nothing_leaves():
        began = time.monotonic()
        for said in stage.everywhere(path, body):
            assert said.status == status
            assert said.words == ["refused"]
            assert len(said.text) < 1000
        assert time.monotonic() - began < 5


# ── documents that are none ──

NO_EVENT = {f"H21 {each}": each.encode() for each in ("null", "[]", '"x"', "42", "{}", "[{}]", "[[]]", "true")}


@rows.cases("body", NO_EVENT)
def test_json_that_is_no_event_is_refused(stage: Stage, body: bytes) -> None:
    with stage.nothing_leaves():
        for path in ("/alert/am", "/alert/mon", "/once/ci", "/timer/cron"):
            for said in stage.everywhere(path, body):
                assert said.status == 400, path


LAX: dict[str, dict[str, Any]] = {
    **{f"H22 incremental {each!r}": asked(incremental=each) for each in ("true", "yes", "1", "", 1, 0, 1.0, [True], None)},
    **{f"H22 days {each!r}": asked(retention_duration_days=each) for each in ("30", True, 30.5, 30.0, "30d", [30], None)},
    "H22 a number for a name": asked(name=7),
    "H22 a truth for a vault": {"checkpoint": {"vault_id": True}},
    "H22 a list for the request": {"checkpoint": [asked()["checkpoint"]]},
    "H22 a number for a rule": {"rule": 1},
    "H22 a number for a key": {"rule": "ci-erp", "idempotency_key": 1},
    "H22 resources as text": asked(resources="d7250ea3-4c19-46f8-95b7-83a1c6d2e04f"),
}


@rows.cases("body", LAX)
def test_nothing_is_taken_for_what_it_only_looks_like(stage: Stage, body: dict[str, Any]) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/once/ci", body):
            assert (said.status, said.reasons) == (400, ["malformed"])


# ── names that mean something to a language, and documents within documents ──

NAMES = ("__class__", "__proto__", "__init__", "model_config", "model_fields", "self", "cls", "constructor", "$ref", "")
KEYS: dict[str, dict[str, Any]] = {
    **{f"H23 {name or 'no name'} beside the request": asked() | {name: {"x": 1}} for name in NAMES},
    **{f"H23 {name or 'no name'} in the request": {"checkpoint": asked()["checkpoint"] | {name: 1}} for name in NAMES},
    **{f"H23 {name or 'no name'} in the parameters": asked(**{name: []}) for name in NAMES},
}


@rows.cases("body", KEYS)
def test_a_name_with_a_meaning_is_an_unknown_key(stage: Stage, body: dict[str, Any]) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/once/ci", body):
            assert (said.status, said.reasons) == (400, ["malformed"])


@rows("H23")
def test_as_a_label_it_is_data(fresh: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made: Stage = fresh()
    body = firing(**dict.fromkeys(NAMES, "x")) | {name: {"x": 1} for name in NAMES}
    said = made.ask("lambda", "/alert/am", body)
    assert (said.status, said.words) == (200, ["created"])
    assert len(made.posts()) == 1
    assert made.ask("functiongraph", "/alert/mon", simple(host="no")).words == ["skipped"]
    assert capsys.readouterr().err == ""


def wrapped(depth: int, document: object) -> object:
    for number in range(depth):
        document = {
            "Type": "Notification",
            "TopicArn": "arn:aws:sns:x:1:t",
            "MessageId": str(number),
            "Message": json.dumps(document),
        }
    return document


def pushed(document: object) -> object:
    import base64

    data = base64.b64encode(json.dumps(document).encode()).decode()
    return {"message": {"data": data, "messageId": "1"}, "subscription": "projects/p/subscriptions/s"}


NESTED: dict[str, object] = {
    "H24 a notification in a notification": wrapped(2, simple()),
    "H24 five notifications deep": wrapped(5, simple()),
    "H24 Pub/Sub in a notification": wrapped(1, pushed(simple())),
    "H24 Pub/Sub in Pub/Sub": pushed(pushed(simple())),
    "H24 text of text of an alert": json.dumps(json.dumps(simple())),
    "H24 an alert as text in its own field": {"status": "firing", "labels": json.dumps({"host": "erp-db"})},
}


@rows.cases("document", NESTED)
def test_no_more_is_unwrapped_than_anybody_sends(stage: Stage, document: object) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/alert/mon", document):
            assert said.status == 400
        sqs = {"Records": [{"eventSource": "aws:sqs", "eventSourceARN": QUEUE, "messageId": "1", "body": json.dumps(document)}]}
        assert stage.hand("lambda", "alert", sqs).text == '{"batchItemFailures": []}'
        smn = {"record": [{"event_source": "smn", "smn": {"topic_urn": TOPIC, "message": json.dumps(document)}}]}
        if isinstance(document, dict) and "Type" not in document:
            assert stage.hand("functiongraph", "alert", smn).words == ["refused"]


@rows("H24")
def test_what_everybody_sends_is_unwrapped(fresh: Any) -> None:
    made: Stage = fresh()
    sqs = {"eventSource": "aws:sqs", "eventSourceARN": QUEUE, "messageId": "1", "body": json.dumps(wrapped(1, simple()))}
    assert made.hand("lambda", "alert", {"Records": [sqs]}).text == '{"batchItemFailures": []}'
    assert len(made.posts()) == 1
