"""Azure Monitor's common schema, and the two forms before it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.azure import read
from handlers.errors import Refusal
from handlers.trigger import Alert

CANARY = "hush-e7aa"
TARGET = "/subscriptions/s/resourcegroups/erp/providers/microsoft.compute/virtualmachines/erp-1"
RULE = "/subscriptions/s/resourcegroups/erp/providers/microsoft.insights/metricalerts/disk"


def common(properties: object = None, **changes: Any) -> dict[str, Any]:
    essentials = {
        "alertId": "/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/7",
        "alertRule": "disk",
        "severity": "Sev1",
        "signalType": "Metric",
        "monitorCondition": "Fired",
        "monitoringService": "Platform",
        "alertTargetIDs": [TARGET, "another"],
        "configurationItems": ["erp-1"],
        "firedDateTime": "2026-03-02T02:00:07.1234567Z",
        "investigationLink": "https://portal.example.com/7",
    }
    data = {"essentials": essentials | changes, "alertContext": {}, "customProperties": properties}
    return {"schemaId": "azureMonitorCommonAlertSchema", "data": data}


def older(**changes: Any) -> dict[str, Any]:
    context = {
        "timestamp": "2026-03-02T02:00:07Z",
        "id": RULE,
        "name": "disk",
        "severity": "3",
        "resourceName": "erp-1",
        "resourceId": TARGET,
        "portalLink": "https://portal.example.com/erp-1",
    }
    return {"status": "Activated", "context": context | changes, "properties": {"team": "erp"}}


def metric(**changes: Any) -> dict[str, Any]:
    return {"schemaId": "AzureMonitorMetricAlert", "data": {"version": "2.0"} | older(**changes)}


def one(document: object) -> Alert:
    (found,) = read(document, "azure")
    assert isinstance(found, Alert)
    return found


def refused(document: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(document, "azure")
    assert CANARY not in caught.value.message
    return caught.value


def test_the_common_schema() -> None:
    labels = {
        "alert_id": "/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/7",
        "alert_rule": "disk",
        "monitoring_service": "Platform",
        "signal_type": "Metric",
        "target": TARGET,
        "resource": "erp-1",
        "severity": "high",
        "team": "erp",
    }
    since = datetime(2026, 3, 2, 2, 0, 7, 123456, UTC)
    link = "https://portal.example.com/7"
    assert one(common({"team": "erp"})) == Alert("azure", "firing", labels, ("alert_id",), "disk", "high", since, link)


@pytest.mark.parametrize("document", [older(), metric()])
def test_the_older_forms(document: object) -> None:
    labels = {
        "alert_id": RULE,
        "alert_rule": "disk",
        "target": TARGET,
        "resource": "erp-1",
        "severity": "info",
        "team": "erp",
    }
    since, link = datetime(2026, 3, 2, 2, 0, 7, tzinfo=UTC), "https://portal.example.com/erp-1"
    assert one(document) == Alert("azure", "firing", labels, ("alert_id", "target"), "disk", "info", since, link)


@pytest.mark.parametrize(
    ("said", "status"),
    [("Resolved", "resolved"), ("Activated", "other"), ("fired", "other"), (None, "other"), (["Fired"], "other")],
)
def test_conditions(said: object, status: str) -> None:
    assert one(common(monitorCondition=said)).status == status


def activity(service: str, properties: object, status: object = "Active", **changes: Any) -> dict[str, Any]:
    """An activity log alert; its condition is always Fired."""
    document = common(signalType="Activity Log", monitoringService=service, **changes)
    document["data"]["alertContext"] = {"status": status, "properties": properties}
    return document


INCIDENT = {"incidentType": "Incident", "stage": "Active"}


@pytest.mark.parametrize(
    ("properties", "said", "status"),
    [
        (INCIDENT, "Active", "firing"),
        (INCIDENT | {"stage": "Resolved"}, "Resolved", "resolved"),
        (INCIDENT | {"stage": "RCA"}, "Active", "resolved"),
        (INCIDENT, "Resolved", "resolved"),
        (INCIDENT | {"stage": None}, "Resolved", "resolved"),
        (INCIDENT | {"incidentType": "Maintenance", "stage": "Planned"}, "Active", "other"),
        (INCIDENT | {"incidentType": "Maintenance", "stage": "Complete"}, "Active", "resolved"),
        (INCIDENT | {"incidentType": "Maintenance"}, "Active", "other"),
        (INCIDENT | {"incidentType": "Informational"}, "Active", "other"),
        (INCIDENT | {"incidentType": "ActionRequired"}, "Active", "other"),
        (INCIDENT | {"stage": "Canceled"}, "Active", "other"),
        ({"incidentType": "Incident"}, None, "firing"),
        ({"incidentType": "Incident"}, "Active", "firing"),
        ({"incidentType": ["Incident"], "stage": {}}, None, "firing"),
        (None, None, "firing"),
        ("Active", "Resolved", "resolved"),
    ],
)
def test_service_health_says_its_state_in_its_context(properties: object, said: object, status: str) -> None:
    assert one(activity("ServiceHealth", properties, said)).status == status
    assert one(activity("ServiceHealth", properties, said, monitorCondition="Resolved")).status == "resolved"


@pytest.mark.parametrize(
    ("health", "status"),
    [
        ("Available", "resolved"),
        ("Unavailable", "firing"),
        ("Degraded", "firing"),
        ("Unknown", "other"),
        (None, "other"),
        (["Available"], "other"),
    ],
)
def test_resource_health_says_its_state_in_its_context(health: object, status: str) -> None:
    assert (
        one(activity("Resource Health", {"currentHealthStatus": health, "previousHealthStatus": "Unavailable"})).status == status
    )


def test_other_activity_log_alerts_are_what_their_condition_says() -> None:
    assert one(activity("Activity Log - Administrative", {"x": "y"}, "Succeeded")).status == "firing"
    assert one(activity("Activity Log - Administrative", None, "Resolved")).status == "firing"
    assert one(activity("Activity Log", INCIDENT | {"stage": "Resolved"})).status == "resolved"


def test_a_metric_alerts_own_properties_say_nothing_of_its_state() -> None:
    document = common()
    document["data"]["alertContext"] = {"properties": {"stage": "Resolved", "incidentType": "Maintenance"}, "status": "Resolved"}
    assert one(document).status == "firing"


@pytest.mark.parametrize("context", [None, CANARY, [], {"properties": [], "status": {}}])
def test_a_strange_context_loses_no_alert(context: object) -> None:
    document = common(monitoringService="ServiceHealth")
    document["data"]["alertContext"] = context
    assert one(document).status == "firing"


@pytest.mark.parametrize(
    ("alert_id", "status"),
    [
        ("/subscriptions/11111111-1111-1111-1111-111111111111/providers/Microsoft.AlertsManagement/alerts/1234abcd", "test"),
        ("/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/12345678-1234-1234-1234-1234567890ab", "test"),
        ("/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/12345678-1234-1234-1234-1234567890ab-7", "firing"),
        ("/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/11111111-1111-1111-1111-111111111111", "firing"),
    ],
)
def test_the_action_groups_test(alert_id: str, status: str) -> None:
    assert one(common(alertId=alert_id)).status == status


@pytest.mark.parametrize(
    ("said", "status"),
    [("Resolved", "resolved"), ("Deactivated", "resolved"), ("Fired", "other"), (None, "other"), (["Activated"], "other")],
)
def test_older_states(said: object, status: str) -> None:
    assert one(older() | {"status": said}).status == status


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("Sev0", "critical"),
        ("Sev2", "warning"),
        ("Sev3", "info"),
        ("Sev4", "info"),
        ("Sev5", ""),
        ("0", ""),
        (None, ""),
        ([], ""),
    ],
)
def test_severities(said: object, severity: str) -> None:
    assert one(common(severity=said)).severity == severity


@pytest.mark.parametrize(
    ("said", "severity"),
    [(0, "critical"), ("1", "high"), (2, "warning"), ("Sev4", "info"), (5, ""), (True, ""), (None, ""), ("", ""), ({}, "")],
)
def test_older_severities(said: object, severity: str) -> None:
    assert one(metric(severity=said)).severity == severity


@pytest.mark.parametrize("odd", [None, CANARY, [], {}, [None], [[CANARY]]])
def test_what_does_not_decide_refuses_nothing(odd: object) -> None:
    found = one(common(odd, alertTargetIDs=odd, configurationItems=odd, alertRule=odd, firedDateTime=odd))
    assert (found.status, found.starts_at) == ("firing", None)
    assert "target" not in found.labels
    assert one(older(name=odd, timestamp=odd, portalLink=None) | {"properties": odd}).status == "firing"


def test_properties_name_nothing_anew() -> None:
    properties = {"alert_id": "spoofed", "target": "spoofed", "severity": "p1", "count": 5, "rate": 5.0, "on": False, "": "x"}
    found = one(common(properties, severity=None)).labels
    assert (found["alert_id"], found["target"]) == ("/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/7", TARGET)
    assert [found[key] for key in ("severity", "count", "rate", "on")] == ["p1", "5", "5.0", "false"]


def test_one_rule_watches_many_resources() -> None:
    assert one(older(resourceId=None)).identity == ("alert_id",)
    assert one(older(id=None)).identity == ("target",)


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        (None, "wrong_dialect", "document"),
        ([], "wrong_dialect", "document"),
        ({"alerts": []}, "wrong_dialect", "schemaId"),
        ({"status": "Activated"}, "wrong_dialect", "schemaId"),
        ({"schemaId": None, "data": {}}, "wrong_dialect", "schemaId"),
        ({"schemaId": "Microsoft.Insights/activityLogs", "status": "x", "context": {}}, "unknown_version", "schemaId"),
        (older() | {"schemaId": ""}, "unknown_version", "schemaId"),
        ({"schemaId": [CANARY]}, "unknown_version", "schemaId"),
        ({"schemaId": "azureMonitorCommonAlertSchema"}, "malformed", "data"),
        ({"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": CANARY}}, "malformed", "data.essentials"),
        ({"schemaId": "AzureMonitorMetricAlert", "data": {"context": None}}, "malformed", "data.context"),
        ({"status": "Activated", "context": [CANARY]}, "malformed", "context"),
        (common(alertId=None), "malformed", "alert_id"),
        (common(alertId="i" * 1025), "malformed", "alert_id"),
        (older(resourceId="r" * 1025), "malformed", "target"),
    ],
)
def test_refusals(document: object, reason: str, field: str) -> None:
    refusal = refused(document)
    assert (refusal.reason, refusal.field) == (reason, field)
