"""Statuspage: incidents, maintenance, and components."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.statuspage import read
from handlers.errors import Refusal
from handlers.trigger import Alert

PAGE = {"id": "pg1", "status_indicator": "major", "status_description": "Partial System Outage"}


def one(document: dict[str, Any]) -> Alert:
    (found,) = read({"meta": {}, "page": PAGE, **document}, "status")
    assert isinstance(found, Alert)
    return found


def incident(**changes: Any) -> Alert:
    told = {
        "id": "inc1",
        "name": "Slow logins",
        "status": "investigating",
        "impact": "major",
        "page_id": "pg2",
        "created_at": "2026-03-02T03:00:05.500+01:00",
        "shortlink": "https://stspg.example/1",
        "incident_updates": [{"id": "upd1", "status": "investigating"}],
    }
    return one({"incident": told | changes})


def component(**changes: Any) -> Alert:
    update = {"id": "upd2", "component_id": "cmp1", "new_status": "major_outage", "created_at": "2026-03-02T02:00:05Z"}
    return one({"component_update": update, "component": {"id": "cmp1", "name": "API", "status": "major_outage"} | changes})


def test_an_incident() -> None:
    labels = {
        "incident_id": "inc1",
        "incident": "Slow logins",
        "status": "investigating",
        "impact": "major",
        "page_id": "pg2",
        "severity": "high",
    }
    began = datetime(2026, 3, 2, 2, 0, 5, 500000, tzinfo=UTC)
    expected = Alert("status", "firing", labels, ("incident_id",), "Slow logins", "high", began, "https://stspg.example/1")
    assert incident() == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("identified", "firing"),
        ("monitoring", "other"),
        ("resolved", "resolved"),
        ("postmortem", "resolved"),
        ("completed", "resolved"),
        ("scheduled", "other"),
        ("in_progress", "other"),
        (None, "other"),
        (1, "other"),
    ],
)
def test_the_incidents_status_decides(status: object, expected: str) -> None:
    assert incident(status=status).status == expected


@pytest.mark.parametrize(
    ("impact", "severity"),
    [("none", "info"), ("minor", "warning"), ("critical", "critical"), ("maintenance", ""), (None, "")],
)
def test_impact_is_severity_on_our_scale(impact: object, severity: str) -> None:
    found = incident(impact=impact)
    assert (found.severity, found.labels.get("severity", "")) == (severity, severity)


def test_a_component() -> None:
    labels = {"component_id": "cmp1", "component": "API", "status": "major_outage", "page_id": "pg1", "severity": "critical"}
    began = datetime(2026, 3, 2, 2, 0, 5, tzinfo=UTC)
    assert component() == Alert("status", "firing", labels, ("component_id",), "API", "critical", began)


@pytest.mark.parametrize(
    ("status", "expected", "severity"),
    [
        ("degraded_performance", "firing", "warning"),
        ("partial_outage", "firing", "high"),
        ("operational", "resolved", ""),
        ("under_maintenance", "other", ""),
        (None, "other", ""),
    ],
)
def test_the_components_status_decides(status: object, expected: str, severity: str) -> None:
    found = component(status=status)
    assert (found.status, found.severity) == (expected, severity)


def test_the_page_is_named_once_at_the_top_or_not_at_all() -> None:
    assert incident(page_id=None).labels["page_id"] == "pg1"
    assert "page_id" not in one({"page": ["pg1"], "incident": {"id": "inc1", "status": "identified"}}).labels


def test_an_empty_incident_beside_a_component_is_none() -> None:
    document = {"incident": None, "component_update": None, "component": {"id": "cmp1", "status": "partial_outage"}}
    found = one(document)
    assert (found.identity, found.status, found.starts_at) == (("component_id",), "firing", None)


@pytest.mark.parametrize("missing", [None, "", {}])
def test_what_is_wrong_with_nothing_is_refused(missing: object) -> None:
    for form, field in ((incident, "incident"), (component, "component_id")):
        with pytest.raises(Refusal, match=field) as caught:
            form(id=missing)
        assert caught.value.reason == "malformed"


@pytest.mark.parametrize("odd", ["inc1", ["inc1"], 7])
def test_an_incident_or_component_that_is_no_object_is_malformed(odd: object) -> None:
    for document, field in (({"incident": odd}, "incident"), ({"component_update": {}, "component": odd}, "component")):
        with pytest.raises(Refusal, match=f"^{field}: must be an object") as caught:
            one(document)
        assert caught.value.reason == "malformed"


@pytest.mark.parametrize("foreign", [{}, [], None, {"alerts": []}, {"component": {"id": "cmp1"}}, {"component_update": {}}])
def test_a_foreign_body(foreign: object) -> None:
    with pytest.raises(Refusal) as caught:
        read(foreign, "status")
    assert caught.value.reason == "wrong_dialect"
