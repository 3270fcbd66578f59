"""The timer dialects: which schedule fired, for which time, and what is refused.

``tables/timers.json`` has one event document per row; it is either read (``dialect``, ``schedule``, ``at``) or refused
(``refused`` is the reason, ``field`` the path of the offending value, or the paths that name it equally well).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.carriers.unwrapping import Carried
from handlers.errors import Refusal
from handlers.timers import read_timer
from handlers.trigger import Timer

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "tables" / "timers.json").read_text(encoding="utf-8"))
READ = [row for row in ROWS if "dialect" in row]
REFUSED = [row for row in ROWS if "refused" in row]
DIALECTS = {"eventbridge-rule", "eventbridge-scheduler", "functiongraph"}
ANY = DIALECTS | {"own", "cronjob"}
REASONS = {"malformed", "unreplaced_placeholder", "not_a_timer"}

# Stands in rows as a value nobody may read in a message.
CANARY = "hush-7f3a"

RULE = "arn:aws:events:eu-central-1:123456789012:rule/nightly-erp"
SCHEDULE = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly-erp"
AT = datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC)


def row_name(row: dict[str, Any]) -> str:
    return str(row["name"])


def rule_event(time: object = "2026-11-23T02:00:00Z", **more: object) -> dict[str, object]:
    event: dict[str, object] = {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": time,
        "region": "eu-central-1",
        "resources": [RULE],
        "detail": {},
    }
    return {**event, **more}


def own_input(time: object = "2026-11-23T02:00:00Z", **more: object) -> dict[str, object]:
    return {"schedule_arn": SCHEDULE, "scheduled_time": time, **more}


def functiongraph_event(time: object = "2026-11-23T10:00:00+08:00", **more: object) -> dict[str, object]:
    event: dict[str, object] = {
        "version": "v1.0",
        "time": time,
        "trigger_type": "TIMER",
        "trigger_name": "nightly-erp",
        "user_event": "",
    }
    return {**event, **more}


def timer_in(document: object) -> Timer:
    return read_timer(Carried(document))


def refusal_of(document: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        timer_in(document)
    return caught.value


def check_time(timer: Timer) -> None:
    assert timer.at.utcoffset() == timedelta(0)
    assert timer.at.microsecond == 0


@pytest.mark.parametrize("row", READ, ids=row_name)
def test_a_timer_is_read(row: dict[str, Any]) -> None:
    timer = timer_in(row["document"])
    assert isinstance(timer, Timer)
    check_time(timer)
    assert (timer.dialect, timer.schedule, timer.at) == (
        row["dialect"],
        row["schedule"],
        datetime.fromisoformat(row["at"]),
    ), row["why"]


@pytest.mark.parametrize("row", REFUSED, ids=row_name)
def test_anything_else_is_refused(row: dict[str, Any]) -> None:
    refusal = refusal_of(row["document"])
    assert refusal.reason == row["refused"], row["why"]
    if "field" in row:
        expected = row["field"] if isinstance(row["field"], list) else [row["field"]]
        assert refusal.field in expected, row["why"]
    assert CANARY not in f"{refusal} {refusal.message} {refusal.field}"


def test_the_table_is_sound() -> None:
    assert len(READ) + len(REFUSED) == len(ROWS)
    assert len({row["name"] for row in ROWS}) == len(ROWS)
    assert {row["dialect"] for row in READ} == DIALECTS
    assert {row["refused"] for row in REFUSED} == REASONS
    assert all(len(row["why"]) > 10 for row in ROWS)


@pytest.mark.parametrize("row", [row for row in REFUSED if row["refused"] == "unreplaced_placeholder"], ids=row_name)
def test_an_unreplaced_placeholder_says_what_happened_and_what_to_do(row: dict[str, Any]) -> None:
    text = refusal_of(row["document"]).message.lower()
    assert "bracket" in text
    assert "escap" in text or "u003c" in text
    assert "input" in text


def test_a_placeholder_written_as_an_escape_in_json_is_the_literal_one() -> None:
    text = r'{"schedule_arn": "\u003caws.scheduler.schedule-arn\u003e", "scheduled_time": "2026-11-23T02:00:00Z"}'
    assert refusal_of(json.loads(text)).reason == "unreplaced_placeholder"


def test_attempts_of_one_firing_are_the_same_firing() -> None:
    first = timer_in(own_input(execution_id="d32c5kddcf5bb8c3", attempt_number="1"))
    second = timer_in(own_input(execution_id="f00ba4", attempt_number="186"))
    bare = timer_in(own_input())
    assert (first.schedule, first.at) == (second.schedule, second.at) == (bare.schedule, bare.at) == (SCHEDULE, AT)


def test_event_ids_and_fractions_of_a_second_are_no_identity() -> None:
    first = timer_in(rule_event(id="a", version="0"))
    second = timer_in(rule_event("2026-11-23T02:00:00.987654321Z", id="b"))
    abroad = timer_in(rule_event("2026-11-22T21:00:00.5-05:00"))
    assert (first.schedule, first.at) == (second.schedule, second.at) == (abroad.schedule, abroad.at) == (RULE, AT)


def test_schedules_and_times_are_identity() -> None:
    seen = {
        (timer.schedule, timer.at)
        for timer in (
            timer_in(rule_event()),
            timer_in(rule_event("2026-11-23T02:00:01Z")),
            timer_in(rule_event(resources=[RULE + "2"])),
            timer_in(own_input()),
            timer_in(functiongraph_event()),
        )
    }
    assert len(seen) == 5


INSTANTS = st.integers(min_value=0, max_value=7_200_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, tz=UTC))
OFFSETS = st.integers(min_value=-14 * 60, max_value=14 * 60)
FRACTIONS = st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,9}", fullmatch=True))
EVENTS = st.sampled_from([rule_event, own_input, functiongraph_event])
MANY = settings(max_examples=300, deadline=None, database=None)


@MANY
@given(moment=INSTANTS, minutes=OFFSETS, fraction=FRACTIONS, event=EVENTS)
def test_any_rfc_3339_time_with_an_offset_is_that_second_in_utc(
    moment: datetime, minutes: int, fraction: str, event: Any
) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    text = local.strftime("%Y-%m-%dT%H:%M:%S") + fraction + local.isoformat()[-6:]
    timer = timer_in(event(text))
    check_time(timer)
    assert timer.at == moment


@MANY
@given(text=st.text(max_size=40).filter(lambda text: "<aws.scheduler." not in text and text[4:5] != "-"), event=EVENTS)
def test_any_other_text_as_time_is_malformed(text: str, event: Any) -> None:
    refusal = refusal_of(event(text))
    assert refusal.reason == "malformed"
    assert refusal.field in {"time", "scheduled_time"}


KEYS = st.sampled_from(
    ["source", "detail-type", "time", "resources", "trigger_type", "trigger_name", "schedule_arn", "scheduled_time"]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["aws.events", "aws.scheduler", "Scheduled Event", "TIMER", "2026-11-23T02:00:00Z", RULE]),
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6)),
    max_leaves=15,
)


@MANY
@given(document=DOCUMENTS)
def test_any_document_is_a_timer_or_refused(document: object) -> None:
    try:
        timer = timer_in(document)
    except Refusal as refusal:
        assert refusal.reason in REASONS  # noqa: PT017
    else:
        check_time(timer)
        assert timer.dialect in ANY
        assert timer.schedule != ""
