"""Google Cloud Monitoring's incidents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.google_monitoring import read
from handlers.errors import Refusal
from handlers.trigger import Alert

CANARY = "hush-6d02"


def incident(**changes: Any) -> dict[str, Any]:
    return {
        "incident_id": "0.abc123",
        "scoping_project_id": "erp-prod",
        "state": "open",
        "severity": "Critical",
        "started_at": 1772416807,
        "policy_name": "Disk",
        "condition_name": "used > 90 %",
        "resource": {"type": "gce_instance", "labels": {"instance_id": "77", "project_id": "erp-host"}},
        "resource_id": "77",
        "resource_name": "erp-1",
        "metric": {"type": "agent/disk", "labels": {"device": "sda1"}},
        "policy_user_labels": {"team": "erp"},
        "metadata": {"user_labels": {"env": "prod"}, "system_labels": {"zone": "a"}},
        "summary": "The disk of erp-1 is full.",
        "url": "https://console.example.com/incidents/0.abc123",
    } | changes


def one(found: object, version: object = "1.2") -> Alert:
    (found,) = read({"version": version, "incident": found}, "google")
    assert isinstance(found, Alert)
    return found


def refused(document: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(document, "google")
    assert CANARY not in caught.value.message
    return caught.value


def test_an_incident() -> None:
    labels = {
        "incident_id": "0.abc123",
        "policy_name": "Disk",
        "condition_name": "used > 90 %",
        "project": "erp-prod",
        "resource_type": "gce_instance",
        "resource_id": "77",
        "resource_name": "erp-1",
        "metric_type": "agent/disk",
        "severity": "critical",
        "instance_id": "77",
        "project_id": "erp-host",
        "device": "sda1",
        "team": "erp",
        "env": "prod",
    }
    since = datetime(2026, 3, 2, 2, 0, 7, tzinfo=UTC)
    title, link = "The disk of erp-1 is full.", "https://console.example.com/incidents/0.abc123"
    assert one(incident()) == Alert("google", "firing", labels, ("incident_id",), title, "critical", since, link)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("OPEN", "firing"),
        ("closed", "resolved"),
        ("CLOSED", "resolved"),
        ("acked", "other"),
        (None, "other"),
        (["open"], "other"),
    ],
)
def test_states(state: object, status: str) -> None:
    assert one(incident(state=state)).status == status


@pytest.mark.parametrize("version", [None, "", "1", 1, 1.0, "1.0", "1.2", "1.99", {}])
def test_versions_that_are_read(version: object) -> None:
    assert one(incident(), version).status == "firing"


def test_no_version_is_fine() -> None:
    (found,) = read({"incident": incident()}, "google")
    assert isinstance(found, Alert)
    assert found.status == "firing"


@pytest.mark.parametrize("version", ["2", "2.0", 2, "11.0", "v1", "TEST", "0.1", True])
def test_versions_that_are_not(version: object) -> None:
    refusal = refused({"version": version, "incident": incident()})
    assert (refusal.reason, refusal.field) == ("unknown_version", "version")


@pytest.mark.parametrize("state", ["open", "closed", None])
def test_the_test_button(state: object) -> None:
    assert one(incident(state=state), "test").status == "test"
    assert one({"state": state}, "test").identity == ()


@pytest.mark.parametrize(
    ("said", "severity"),
    [("CRITICAL", "critical"), ("error", "high"), ("Warning", "warning"), ("No severity", ""), (None, ""), (["Error"], "")],
)
def test_severities(said: object, severity: str) -> None:
    assert one(incident(severity=said)).severity == severity
    named = one(incident(severity=said, policy_user_labels={"severity": "p1"})).labels["severity"]
    assert named == (severity or "p1")


def test_the_project_of_the_resource_where_no_other_is_said() -> None:
    assert one(incident(scoping_project_id=None)).labels["project"] == "erp-host"
    assert "project" not in one(incident(scoping_project_id="", resource=None)).labels


def test_free_labels_in_their_order_and_never_instead() -> None:
    layers = {
        "resource": {"labels": {"a": "1", "project_id": "p", "incident_id": "spoofed"}},
        "metric": {"labels": {"a": "2", "b": "2"}},
        "policy_user_labels": {"a": "3", "b": "3", "c": "3", "policy_name": "spoofed"},
        "metadata": {"user_labels": {"a": "4", "b": "4", "c": "4", "d": 4, "e": [CANARY]}},
    }
    found = one(incident(**layers)).labels
    assert [found[key] for key in "abcd"] == ["1", "2", "3", "4"]
    assert (found["incident_id"], found["policy_name"], "e" in found) == ("0.abc123", "Disk", False)


@pytest.mark.parametrize("odd", [None, CANARY, [], {}, {"labels": CANARY, "user_labels": [CANARY], "type": {}}])
def test_what_does_not_decide_refuses_nothing(odd: object) -> None:
    found = one(incident(resource=odd, metric=odd, metadata=odd, policy_user_labels=odd, started_at=odd, documentation=odd))
    assert (found.status, found.starts_at) == ("firing", None)


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ({"documentation": {"subject": "ERP's disk"}}, "ERP's disk"),
        ({"documentation": {"subject": None}}, "The disk of erp-1 is full."),
        ({"summary": None}, "Disk"),
        ({"summary": None, "policy_name": ["x"]}, "0.abc123"),
    ],
)
def test_what_people_call_it(said: dict[str, Any], title: str) -> None:
    assert one(incident(**said)).title == title


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        (None, "wrong_dialect", "incident"),
        ([], "wrong_dialect", "incident"),
        ({"version": "1.2", "alerts": []}, "wrong_dialect", "incident"),
        ({"incident": None}, "malformed", "incident"),
        ({"incident": [CANARY]}, "malformed", "incident"),
        ({"incident": incident(incident_id=None)}, "malformed", "incident.incident_id"),
        ({"incident": incident(incident_id="i" * 1025)}, "malformed", "incident_id"),
    ],
)
def test_refusals(document: object, reason: str, field: str) -> None:
    refusal = refused(document)
    assert (refusal.reason, refusal.field) == (reason, field)
