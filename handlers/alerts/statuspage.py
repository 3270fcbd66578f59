"""Atlassian Statuspage's webhooks (support.atlassian.com, "Enable webhook notifications"): an incident, or a component's status.

An incident keeps its id through all its updates; ``incident_updates[].id`` is new each time. A component's update has an id of
its own as well, so there the component is the identity. Planned maintenance comes as an incident, with other statuses.
"""

from __future__ import annotations

from collections.abc import Mapping

from handlers.alerts.bodies import Body, Free, Said, body, text_of
from handlers.alerts.labels import alert, moment
from handlers.errors import Refusal
from handlers.models import Field, StrictStr
from handlers.trigger import Alert, Lost, Status

_INCIDENT: dict[str, Status] = {
    "investigating": "firing",
    "identified": "firing",
    "resolved": "resolved",
    "postmortem": "resolved",
    "completed": "resolved",
}
"""Not here: monitoring (a fix is out), and scheduled, in_progress and verifying, which are maintenance."""
_IMPACT = {"none": "info", "minor": "warning", "major": "high", "critical": "critical"}
_COMPONENT: dict[str, Status] = {
    "degraded_performance": "firing",
    "partial_outage": "firing",
    "major_outage": "firing",
    "operational": "resolved",
}
"""Not here: under_maintenance."""
_OUTAGE = {"degraded_performance": "warning", "partial_outage": "high", "major_outage": "critical"}


class Incident(Body):
    """What is wrong, as somebody told it; ``impact`` is for people to choose too."""

    id: StrictStr
    name: Said = ""
    status: Said = ""
    impact: Said = ""
    page_id: Said = ""
    created_at: Said = ""
    shortlink: Said = ""


class Component(Body):
    """A part of the service that the page shows."""

    id: Said = ""
    name: Said = ""
    status: Said = ""
    page_id: Said = ""


class OfIncident(Body):
    """The whole body when an incident was made or updated."""

    incident: Incident
    page: Free = Field(default_factory=dict)


class OfComponent(Body):
    """The whole body when a component's status changed."""

    component: Component
    component_update: Free = Field(default_factory=dict)
    page: Free = Field(default_factory=dict)


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The incident or the component of a body. Raises Refusal."""
    if isinstance(document, Mapping) and document.get("incident") is not None:
        return [_incident(body(OfIncident, document, "incident", "Statuspage webhook body"), sender)]
    if not isinstance(document, Mapping) or not {"component", "component_update"} <= document.keys():
        raise Refusal("wrong_dialect", "incident: is missing, so this is no Statuspage webhook body", field="incident")
    return [_component(body(OfComponent, document, "component", "Statuspage webhook body"), sender)]


def _incident(found: OfIncident, sender: str) -> Alert:
    incident = found.incident
    own = {
        "incident_id": incident.id,
        "incident": incident.name,
        "status": incident.status,
        "impact": incident.impact,
        "page_id": incident.page_id or text_of(found.page.get("id")),
        "severity": _IMPACT.get(incident.impact, ""),
    }
    return alert(
        sender,
        _INCIDENT.get(incident.status, "other"),
        ["incident_id"],
        own,
        title=incident.name,
        starts_at=moment(incident.created_at),
        link=incident.shortlink,
    )


def _component(found: OfComponent, sender: str) -> Alert:
    component = found.component
    own = {
        "component_id": component.id,
        "component": component.name,
        "status": component.status,
        "page_id": component.page_id or text_of(found.page.get("id")),
        "severity": _OUTAGE.get(component.status, ""),
    }
    return alert(
        sender,
        _COMPONENT.get(component.status, "other"),
        ["component_id"],
        own,
        title=component.name,
        starts_at=moment(found.component_update.get("created_at")),
    )
