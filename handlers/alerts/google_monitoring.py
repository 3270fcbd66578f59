"""Google Cloud Monitoring's notifications, version 1, by webhook or Pub/Sub: the same JSON (Cloud Monitoring documentation,
"Create and manage notification channels", schema of webhooks; "Annotate notifications with user-defined documentation").

``incident_id`` is the same in the message that opens an incident and in the one that closes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.alerts.bodies import Body, Free, Said, body, text_of
from handlers.alerts.labels import alert, since_1970
from handlers.errors import Refusal
from handlers.models import Field
from handlers.trigger import Alert, Lost, Status

_STATUS: dict[str, Status] = {"open": "firing", "closed": "resolved"}
_SEVERITY = {"critical": "critical", "error": "high", "warning": "warning"}


class Incident(Body):
    """What is documented of an incident and used."""

    incident_id: Said = ""
    state: Said = ""
    """``open``, ``closed``; in capitals in some notifications."""
    severity: Said = ""
    """The policy's, where it has one; in newer notifications only."""
    policy_name: Said = ""
    condition_name: Said = ""
    scoping_project_id: Said = ""
    resource_id: Said = ""
    resource_name: Said = ""
    resource: Free = Field(default_factory=dict)
    metric: Free = Field(default_factory=dict)
    policy_user_labels: Free = Field(default_factory=dict)
    metadata: Free = Field(default_factory=dict)
    documentation: Free = Field(default_factory=dict)
    summary: Said = ""
    url: Said = ""
    started_at: Any = None
    """Seconds since 1970."""


class Notification(Body):
    """The whole body."""

    version: Said = ""
    incident: Incident


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one incident of a body. Raises Refusal."""
    notification = body(Notification, document, "incident", "notification of Google Cloud Monitoring")
    version, incident = notification.version, notification.incident
    if version not in ("", "test") and version.partition(".")[0] != "1":
        raise Refusal("unknown_version", "version: must be 1, 1.1, 1.2 … or test", field="version")
    if not incident.incident_id and version != "test":  # others have an incident, too
        raise Refusal("malformed", "incident.incident_id: is required", field="incident.incident_id")
    resource_labels = _inside(incident.resource, "labels")
    own = {
        "incident_id": incident.incident_id,
        "policy_name": incident.policy_name,
        "condition_name": incident.condition_name,
        "project": incident.scoping_project_id or resource_labels.get("project_id"),
        "resource_type": incident.resource.get("type"),
        "resource_id": incident.resource_id,
        "resource_name": incident.resource_name,
        "metric_type": incident.metric.get("type"),
        "severity": _SEVERITY.get(incident.severity.lower(), ""),
    }
    found = alert(
        sender,
        "test" if version == "test" else _STATUS.get(incident.state.lower(), "other"),
        ["incident_id"],
        own,
        resource_labels,
        _inside(incident.metric, "labels"),
        incident.policy_user_labels,
        _inside(incident.metadata, "user_labels"),
        title=text_of(incident.documentation.get("subject")) or incident.summary or incident.policy_name,
        starts_at=since_1970(incident.started_at),
        link=incident.url,
    )
    return [found]


def _inside(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    labels = found.get(key)
    return labels if isinstance(labels, Mapping) else {}
