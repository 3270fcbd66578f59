"""Graylog: event notifications, and the alarm callbacks they replaced."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.graylog import read
from handlers.errors import Refusal
from handlers.trigger import Alert

EVENT = {
    "id": "01J00000000000000000000000",
    "key": "db1",
    "source": "graylog-1",
    "priority": 3,
    "timestamp": "2026-03-02T02:00:05.250Z",
    "message": "Disk errors: db1",
    "fields": {"disk": "sda", "key": "forged", "host": "from fields"},
    "group_by_fields": {"host": "db1", "rack": 4},
}


def one(document: dict[str, Any]) -> Alert:
    (found,) = read(document, "graylog")
    assert isinstance(found, Alert)
    return found


def notification(**changes: Any) -> Alert:
    return one(
        {
            "event_definition_id": "def1",
            "event_definition_type": "aggregation-v1",
            "event_definition_title": "Disk errors",
            "event": EVENT,
            "backlog": [],
        }
        | changes
    )


def event(**changes: Any) -> Alert:
    return notification(event=EVENT | changes)


def callback(**changes: Any) -> Alert:
    result = {
        "triggered": True,
        "triggered_at": "2026-03-02T02:00:05.250Z",
        "triggered_condition": {"id": "con1", "type": "MESSAGE_COUNT"},
        "matching_messages": [],
    }
    return one({"check_result": result | changes, "stream": {"id": "str1", "title": "Errors"}})


def test_an_event() -> None:
    labels = {
        "event_definition_id": "def1",
        "event_definition": "Disk errors",
        "key": "db1",
        "group": "host=db1,rack=4",
        "source": "graylog-1",
        "severity": "high",
        "disk": "sda",
        "host": "from fields",
        "rack": "4",
    }
    began = datetime(2026, 3, 2, 2, 0, 5, 250000, tzinfo=UTC)
    expected = Alert("graylog", "firing", labels, ("event_definition_id", "key", "group"), "Disk errors", "high", began)
    assert notification() == expected


def test_an_alarm_callback() -> None:
    labels = {"stream_id": "str1", "stream": "Errors", "condition_id": "con1", "condition_type": "MESSAGE_COUNT"}
    began = datetime(2026, 3, 2, 2, 0, 5, 250000, tzinfo=UTC)
    assert callback() == Alert("graylog", "firing", labels, ("stream_id", "condition_id"), "Errors", "", began)


@pytest.mark.parametrize("changes", [{"event_definition_type": "test-dummy-v1"}, {"event_definition_id": "NotificationTestId"}])
def test_the_test_button(changes: dict[str, Any]) -> None:
    assert notification(**changes).status == "test"


@pytest.mark.parametrize("key", [None, "", {}, []])
def test_an_event_without_a_key_is_its_definitions(key: object) -> None:
    found = event(key=key, fields={}, group_by_fields=None)
    assert found.identity == ("event_definition_id",)
    assert "key" not in found.labels


@pytest.mark.parametrize(
    ("priority", "severity"), [(1, "info"), ("2", "warning"), (4, "critical"), (0, ""), (5, ""), (None, ""), ([3], "")]
)
def test_priority_is_severity_on_our_scale(priority: object, severity: str) -> None:
    found = event(priority=priority)
    assert (found.severity, found.labels.get("severity", "")) == (severity, severity)


def test_a_field_may_say_the_severity_where_the_priority_does_not() -> None:
    assert event(priority=None, fields={"severity": "low"}).severity == "low"
    assert event(priority=4, fields={"severity": "low"}).severity == "critical"


def test_events_without_a_key_are_told_apart_by_what_they_are_grouped_by() -> None:
    here, there = (event(key=None, fields={"group": "forged"}, group_by_fields={"rack": 4, "host": host}) for host in ("a", "b"))
    assert here.identity == there.identity == ("event_definition_id", "group")
    assert (here.labels["group"], there.labels["group"]) == ("host=a,rack=4", "host=b,rack=4")


@pytest.mark.parametrize(("fields", "group"), [({"host": ""}, None), ({"host": None, "rack": 4}, "rack=4"), (["host"], None)])
def test_what_is_no_group(fields: object, group: str | None) -> None:
    found = event(key=None, fields={"group": "forged"}, group_by_fields=fields)
    assert found.labels.get("group") == group


def test_a_long_group_loses_no_alert_and_merges_none() -> None:
    here, there = (event(group_by_fields={"cmd": "x" * 2000 + end}).labels["group"] for end in "12")
    assert len(here) == len(there) == 1024
    assert here != there


@pytest.mark.parametrize("fields", [None, [], "disk", {"disk": {}, "n" * 129: {}}])
def test_odd_fields_lose_no_alert(fields: object) -> None:
    found = event(fields=fields, group_by_fields=fields)
    assert found.status == "firing"
    assert set(found.labels) == {"event_definition_id", "event_definition", "key", "source", "severity"}


@pytest.mark.parametrize(("triggered", "expected"), [(True, "firing"), (False, "other"), (None, "other"), (1, "other")])
def test_whether_the_condition_was_met_decides(triggered: object, expected: str) -> None:
    assert callback(triggered=triggered).status == expected


def test_a_callback_without_a_condition_is_its_streams() -> None:
    assert callback(triggered_condition=None).identity == ("stream_id",)


def test_an_event_of_nothing_is_refused() -> None:
    with pytest.raises(Refusal, match="event_definition_id: is missing") as caught:
        notification(event_definition_id=None, event={})
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize("odd", ["db1", [EVENT], None, 3])
def test_an_event_that_is_no_object_is_malformed(odd: object) -> None:
    with pytest.raises(Refusal, match=r"^event: ") as caught:
        notification(event=odd)
    assert caught.value.reason == "malformed"


def test_a_long_key_is_refused_for_it_would_merge_two_causes() -> None:
    with pytest.raises(Refusal, match="key: is longer"):
        event(key="k" * 1025)
    assert len(event(source="s" * 1025).labels["source"]) == 1024


@pytest.mark.parametrize(
    "foreign", [{}, [], None, {"alerts": []}, {"event": {"event_type": "x"}}, {"event_definition_id": "d"}, {"check_result": {}}]
)
def test_a_foreign_body(foreign: object) -> None:
    with pytest.raises(Refusal) as caught:
        read(foreign, "graylog")
    assert caught.value.reason == "wrong_dialect"
