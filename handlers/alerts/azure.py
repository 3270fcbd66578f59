"""Azure Monitor's action groups: the common alert schema, the metric alerts before it, and classic alerts (Azure Monitor
documentation, "Common alert schema", "Webhook actions for metric alerts", "Classic metric alert webhook").

``alertId`` of the common schema is the alert instance, the same when it fires and when it is resolved. In the older two forms
``context.id`` is the rule, which watches many resources: there the target is part of what an alert is.

An activity log alert is always Fired: what it tells of stands in ``alertContext`` (the same documentation, "Sample alert
payloads", and for the stages "Service health notifications").
"""

from __future__ import annotations

from collections.abc import Mapping

from handlers.alerts.bodies import Body, Free, Listed, Said, text_of
from handlers.alerts.labels import alert, moment
from handlers.documents import read as read_document
from handlers.errors import Refusal
from handlers.models import Field
from handlers.trigger import Alert, Lost, Status

_COMMON, _METRIC = "azureMonitorCommonAlertSchema", "AzureMonitorMetricAlert"
_CONDITION: dict[str, Status] = {"Fired": "firing", "Resolved": "resolved"}
_STATUS: dict[str, Status] = {"Activated": "firing", "Resolved": "resolved", "Deactivated": "resolved"}
_HEALTH: dict[str, Status] = {"Available": "resolved", "Unavailable": "firing", "Degraded": "firing"}
_OVER = ("Resolved", "RCA", "Complete")
"""Stages of a Service Health notification that come when all is well again."""
_TEST_SUBSCRIPTION, _TEST_ALERT = "/11111111-1111-1111-1111-111111111111/", "12345678-1234-1234-1234-1234567890ab"
"""What is in the ``alertId`` of what "Test action group" sends (all its samples have the one, most the other)."""
_SEVERITY = {"Sev0": "critical", "Sev1": "high", "Sev2": "warning", "Sev3": "info", "Sev4": "info"}


class Essentials(Body):
    """``data.essentials``, the same for every kind of alert."""

    alert_id: Said = Field(default="", alias="alertId")
    alert_rule: Said = Field(default="", alias="alertRule")
    severity: Said = ""
    signal_type: Said = Field(default="", alias="signalType")
    condition: Said = Field(default="", alias="monitorCondition")
    service: Said = Field(default="", alias="monitoringService")
    targets: Listed = Field(default=(), alias="alertTargetIDs")
    items: Listed = Field(default=(), alias="configurationItems")
    fired: Said = Field(default="", alias="firedDateTime")
    link: Said = Field(default="", alias="investigationLink")


class CommonData(Body):
    """``data`` of the common schema."""

    essentials: Essentials
    context: Free = Field(default_factory=dict, alias="alertContext")
    properties: Free = Field(default_factory=dict, alias="customProperties")


class Common(Body):
    """The whole body, common schema."""

    data: CommonData


class Context(Body):
    """``context`` of the older forms. ``id`` is the rule's."""

    id: Said = ""
    name: Said = ""
    severity: Said = ""
    resource_id: Said = Field(default="", alias="resourceId")
    resource_name: Said = Field(default="", alias="resourceName")
    timestamp: Said = ""
    link: Said = Field(default="", alias="portalLink")


class Older(Body):
    """A classic alert; ``data`` of a metric alert."""

    status: Said = ""
    context: Context
    properties: Free = Field(default_factory=dict)


class MetricAlert(Body):
    """The whole body of a metric alert."""

    data: Older


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one alert of a body. Raises Refusal."""
    if not isinstance(document, Mapping):
        raise Refusal("wrong_dialect", "the body is no object, so it is no alert of Azure Monitor", field="document")
    schema = document.get("schemaId")
    if schema == _COMMON:
        return [_common(read_document(Common, document).data, sender)]
    if schema == _METRIC:
        return [_older(read_document(MetricAlert, document).data, sender)]
    if schema is not None:
        raise Refusal("unknown_version", "schemaId: enable the common alert schema in the action group", field="schemaId")
    if document.keys() >= {"status", "context"}:
        return [_older(read_document(Older, document), sender)]
    raise Refusal("wrong_dialect", "schemaId: is missing, and there is no status with a context either", field="schemaId")


def _common(data: CommonData, sender: str) -> Alert:
    said = data.essentials
    own = {
        "alert_id": said.alert_id,
        "alert_rule": said.alert_rule,
        "monitoring_service": said.service,
        "signal_type": said.signal_type,
        "target": text_of(said.targets[0]) if said.targets else "",
        "resource": text_of(said.items[0]) if said.items else "",
        "severity": _SEVERITY.get(said.severity, ""),
    }
    status = _status(said, data.context)
    title, since = said.alert_rule, moment(said.fired)
    return alert(sender, status, ["alert_id"], own, data.properties, title=title, starts_at=since, link=said.link)


def _status(said: Essentials, context: Mapping[str, object]) -> Status:
    if _TEST_SUBSCRIPTION in said.alert_id or said.alert_id.endswith(_TEST_ALERT):
        return "test"
    status, properties = _CONDITION.get(said.condition, "other"), context.get("properties")
    about = properties if isinstance(properties, Mapping) else {}
    service, signal = said.service.replace(" ", ""), said.signal_type.replace(" ", "")
    if status != "firing":
        return status
    if service == "ResourceHealth":
        return _HEALTH.get(text_of(about.get("currentHealthStatus")), "other")
    # of another kind of alert the properties are its rule's own, and may have any name
    if service == "ServiceHealth" or (signal == "ActivityLog" and not about.keys().isdisjoint(("stage", "incidentType"))):
        return _of_service(about, text_of(context.get("status")))
    return status


def _of_service(about: Mapping[str, object], said: str) -> Status:
    """A notification of Service Health: only an incident that goes on is one. What it does not say is not held against it."""
    stage = text_of(about.get("stage"))
    if stage in _OVER or said in _OVER:
        return "resolved"
    going_on = (stage or said or "Active") == "Active" and (text_of(about.get("incidentType")) or "Incident") == "Incident"
    return "firing" if going_on else "other"


def _older(body: Older, sender: str) -> Alert:
    context = body.context
    own = {
        "alert_id": context.id,
        "alert_rule": context.name,
        "target": context.resource_id,
        "resource": context.resource_name,
        "severity": _SEVERITY.get(context.severity) or _SEVERITY.get(f"Sev{context.severity}", ""),
    }
    return alert(
        sender,
        _STATUS.get(body.status, "other"),
        ["alert_id", "target"],
        own,
        body.properties,
        title=context.name,
        starts_at=moment(context.timestamp),
        link=context.link,
    )
