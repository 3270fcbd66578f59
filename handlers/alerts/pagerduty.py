"""PagerDuty's webhooks, version 3 (developer.pagerduty.com, "Webhooks Overview" and "Webhook Payload").

``data.id`` is the incident; ``event.id`` is new for every event of it. Version 2 (``messages``) is past its end of support.
"""

from __future__ import annotations

from collections.abc import Mapping

from handlers.alerts.bodies import Body, Free, Listed, Said, body, text_of
from handlers.alerts.labels import alert, moment
from handlers.errors import Refusal
from handlers.models import Field, StrictStr
from handlers.trigger import Alert, Lost, Status

_STATUS: dict[str, Status] = {
    "incident.triggered": "firing",
    "incident.reopened": "firing",
    "incident.acknowledged": "acknowledged",
    "incident.resolved": "resolved",
    "pagey.ping": "test",
}
_PRIORITY = {"P1": "critical", "P2": "high", "P3": "warning", "P4": "info", "P5": "info"}
_URGENCY = {"high": "high", "low": "warning"}


class Incident(Body):
    """``event.data`` of an incident's event."""

    id: Said = ""
    number: Said = ""
    title: Said = ""
    html_url: Said = ""
    urgency: Said = ""
    service: Free = Field(default_factory=dict)
    """A reference: ``id``, and ``summary``, which is how people know it."""
    priority: Free = Field(default_factory=dict)
    custom_fields: Listed = ()


class Event(Body):
    """What happened, and to what; ``data`` has another shape for what is no incident."""

    event_type: StrictStr
    occurred_at: Said = ""
    data: Incident = Field(default_factory=lambda: Incident.model_validate({}))


class Webhook(Body):
    """The whole body."""

    event: Event


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one event of a body. Raises Refusal."""
    if isinstance(document, Mapping) and "messages" in document and "event" not in document:
        raise Refusal(
            "unknown_version", "messages: this is version 2; make a V3 webhook subscription in PagerDuty", field="messages"
        )
    event = body(Webhook, document, "event", "PagerDuty webhook body").event
    incident = event.data
    priority = text_of(incident.priority.get("summary"))
    own = {
        "incident_id": incident.id,
        "incident_number": incident.number,
        "service": incident.service.get("summary"),
        "service_id": incident.service.get("id"),
        "priority": priority,
        "urgency": incident.urgency,
        "event_type": event.event_type,
        "severity": _PRIORITY.get(priority) or _URGENCY.get(incident.urgency, ""),
    }
    fields = {text_of(each.get("name")): each.get("value") for each in incident.custom_fields if isinstance(each, Mapping)}
    found = alert(
        sender,
        _STATUS.get(event.event_type, "other"),
        ["incident_id"],
        own,
        fields,
        title=incident.title,
        starts_at=moment(event.occurred_at),
        link=incident.html_url,
    )
    return [found]
