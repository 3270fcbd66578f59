"""Sentry's webhooks: issue alerts, issues, metric alerts, and the legacy plugin's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.sentry import read
from handlers.errors import Refusal
from handlers.trigger import Alert

BEGAN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
EVENT = {
    "event_id": "e1",
    "issue_id": "5501",
    "project": 12,
    "level": "error",
    "title": "OSError: no space left",
    "web_url": "https://sentry.example.org/issues/5501/events/e1/",
    "datetime": "2026-11-23T02:00:00.000000Z",
    "tags": [["site", "north"], ["level", "error"]],
}
ISSUE = {
    "id": "5501",
    "shortId": "SHOP-4",
    "project": {"id": "12", "slug": "shop"},
    "level": "fatal",
    "title": "OSError: no space left",
    "permalink": "https://sentry.example.org/issues/5501/",
    "firstSeen": "2026-11-23T02:00:00Z",
}
METRIC = {
    "id": "31",
    "alert_rule": {"id": "7", "name": "Too many errors"},
    "projects": ["shop", "till"],
    "date_started": "2026-11-23T02:00:00Z",
    "title": "Bold Badger",
}
PLUGIN = {
    "id": "5501",
    "project": "shop-name",
    "project_slug": "shop",
    "level": "warning",
    "message": "no space left",
    "url": "https://sentry.example.org/issues/5501/",
    "event": {"event_id": "e1", "level": "error", "environment": "prod", "timestamp": 1795399200.0, "tags": [["site", "north"]]},
}


def one(document: object) -> Alert:
    (found,) = read(document, "s")
    assert isinstance(found, Alert)
    return found


def hook(action: object = "triggered", **data: object) -> Alert:
    return one({"action": action, "data": data, "installation": {"uuid": "u"}, "actor": {"id": "sentry"}})


def without(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """None takes a key away."""
    return {key: value for key, value in (document | changes).items() if value is not None}


def test_an_issue_alert() -> None:
    found = hook(event=EVENT, triggered_rule="Disk rule", issue_alert={"title": "Disk rule"})
    assert found == Alert(
        sender="s",
        status="firing",
        labels={
            "issue_id": "5501",
            "project": "12",
            "level": "error",
            "triggered_rule": "Disk rule",
            "severity": "high",
            "site": "north",
        },
        identity=("issue_id",),
        title="OSError: no space left",
        severity="high",
        starts_at=BEGAN,
        link="https://sentry.example.org/issues/5501/events/e1/",
    )


def test_an_issue_is_created() -> None:
    assert hook("created", issue=ISSUE) == Alert(
        sender="s",
        status="firing",
        labels={"issue_id": "5501", "short_id": "SHOP-4", "project": "shop", "level": "fatal", "severity": "critical"},
        identity=("issue_id",),
        title="OSError: no space left",
        severity="critical",
        starts_at=BEGAN,
        link="https://sentry.example.org/issues/5501/",
    )


def test_a_metric_alert() -> None:
    found = hook(
        "critical", metric_alert=METRIC, description_title="Critical: x", web_url="https://sentry.example.org/alerts/31/"
    )
    assert found == Alert(
        sender="s",
        status="firing",
        labels={"metric_alert_id": "31", "alert_rule": "Too many errors", "project": "shop", "severity": "critical"},
        identity=("metric_alert_id",),
        title="Too many errors",
        severity="critical",
        starts_at=BEGAN,
        link="https://sentry.example.org/alerts/31/",
    )


def test_the_legacy_plugin() -> None:
    assert one(PLUGIN) == Alert(
        sender="s",
        status="firing",
        labels={
            "issue_id": "5501",
            "project": "shop",
            "level": "warning",
            "environment": "prod",
            "severity": "warning",
            "site": "north",
        },
        identity=("issue_id",),
        title="no space left",
        severity="warning",
        starts_at=BEGAN,
        link="https://sentry.example.org/issues/5501/",
    )


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ({"project_slug": None}, {"project": "shop-name"}),
        ({"level": None}, {"level": "error", "severity": "high"}),
        ({"id": 5501, "data": None}, {"issue_id": "5501"}),
    ],
)
def test_what_the_plugin_leaves_out(changes: dict[str, Any], labels: dict[str, str]) -> None:
    assert one(PLUGIN | changes).labels.items() >= labels.items()


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("triggered", "firing"),
        ("created", "firing"),
        ("unresolved", "firing"),
        ("critical", "firing"),
        ("warning", "firing"),
        ("resolved", "resolved"),
        ("assigned", "other"),
        ("archived", "other"),
        ("Resolved", "other"),
        (["created"], "other"),
        (None, "other"),
    ],
)
def test_the_action(action: object, state: str) -> None:
    assert hook(action, issue=ISSUE).status == state


@pytest.mark.parametrize(
    ("substatus", "state"),
    [
        ("regressed", "firing"),
        ("escalating", "firing"),
        (None, "firing"),
        ("ongoing", "other"),
        ("new", "other"),
        ("Regressed", "other"),
        ("archived_forever", "other"),
    ],
)
def test_an_unresolved_issue_fires_only_where_it_is_back(substatus: object, state: str) -> None:
    assert hook("unresolved", issue=ISSUE | {"substatus": substatus}).status == state
    assert hook("unresolved", issue=ISSUE, substatus=substatus).status == state
    assert hook("created", issue=ISSUE | {"substatus": substatus}).status == "firing"


@pytest.mark.parametrize(("value", "state"), [("yes", "test"), ("no", "firing"), (True, "firing"), (None, "firing")])
def test_the_event_of_a_test_button(value: object, state: str) -> None:
    tags = [["site", "north"], ["sample_event", value]]
    assert hook(event=EVENT | {"tags": tags}).status == state
    assert one(PLUGIN | {"event": {"event_id": "e1", "tags": tags}}).status == state


@pytest.mark.parametrize(
    ("action", "severity"), [("critical", "critical"), ("warning", "warning"), ("resolved", None), ("created", None)]
)
def test_the_severity_of_a_metric_alert(action: str, severity: str | None) -> None:
    assert hook(action, metric_alert=METRIC).labels.get("severity") == severity


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("fatal", "critical"),
        ("error", "high"),
        ("warning", "warning"),
        ("info", "info"),
        ("debug", "info"),
        ("sample", None),
        (40, None),
    ],
)
def test_the_level(level: object, severity: str | None) -> None:
    assert hook(event=EVENT | {"level": level}).labels.get("severity") == severity


@pytest.mark.parametrize(
    ("project", "label"),
    [(12, "12"), ("shop", "shop"), ({"id": 12, "slug": "shop"}, "shop"), ({"id": 12}, "12"), ([], None), (None, None)],
)
def test_the_project_of_an_event(project: object, label: str | None) -> None:
    assert hook(event=EVENT | {"project": project}).labels.get("project") == label


@pytest.mark.parametrize("data", [{"installation": {"uuid": "u"}}, {"error": EVENT}, {"comment": "x", "issue_id": 5501}, {}])
def test_what_is_no_alert_is_left_alone(data: dict[str, Any]) -> None:
    found = hook("created", **data)
    assert (found.status, found.labels, found.identity) == ("other", {}, ())


def test_an_issue_that_is_back_does_not_count_from_its_first_day() -> None:
    assert hook("unresolved", issue=ISSUE).starts_at is None


def test_a_tag_never_takes_a_fields_place() -> None:
    tags = [
        ["issue_id", "9"],
        ["level", "info"],
        ["environment", "prod"],
        ["k", "1"],
        ["k", "2"],
        ["depth", 5],
        ["x"],
        "y",
        ["n", None],
        [None, "v"],
    ]
    found = hook(event=EVENT | {"tags": tags})
    assert found.labels == {
        "issue_id": "5501",
        "project": "12",
        "level": "error",
        "severity": "high",
        "environment": "prod",
        "k": "1",
        "depth": "5",
    }


def test_what_decides_nothing_refuses_nothing() -> None:
    odd: dict[str, Any] = {"title": [], "web_url": 7, "tags": {"a": "b"}, "datetime": None, "timestamp": "x", "environment": {}}
    found = hook(event=EVENT | odd, triggered_rule=["x"])
    assert (found.status, found.title, found.link, found.starts_at) == ("firing", "5501", "7", None)
    assert hook("created", issue=ISSUE | {"project": "shop", "shortId": []}).status == "firing"
    assert hook("critical", metric_alert=METRIC | {"projects": "shop", "alert_rule": 7}).status == "firing"
    assert hook("critical", metric_alert=METRIC | {"projects": [], "alert_rule": {}}, description_title="D").title == "D"


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        ({"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": {"alertId": "hush"}}}, "wrong_dialect", "action"),
        ({"action": "Create", "alert": {"alertId": "hush"}}, "wrong_dialect", "data"),
        ({"event": {"event_type": "incident.triggered"}}, "wrong_dialect", "action"),
        ({"project": "hush"}, "wrong_dialect", "event"),
        ("hush", "wrong_dialect", "data"),
        (None, "wrong_dialect", "data"),
        ({"action": "created", "data": None}, "malformed", "data"),
        ({"action": "created", "data": "hush"}, "malformed", "data"),
        ({"action": "created", "data": {"issue": "hush"}}, "malformed", "data.issue"),
        ({"project": "shop", "event": "hush"}, "malformed", "event"),
        ({"project": "shop", "event": {"level": "hush"}}, "malformed", "issue_id"),
        ({"action": "created", "data": {"issue": without(ISSUE, id=None)}}, "malformed", "issue_id"),
        ({"action": "warning", "data": {"metric_alert": without(METRIC, id=None)}}, "malformed", "metric_alert_id"),
        ({"action": "triggered", "data": {"event": EVENT | {"issue_id": "hush" * 257}}}, "malformed", "issue_id"),
    ],
)
def test_what_is_refused(document: object, reason: str, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(document, "s")
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert "hush" not in caught.value.message


def test_an_event_without_an_action_is_another_state() -> None:
    assert one({"data": {"event": EVENT}}).status == "other"
