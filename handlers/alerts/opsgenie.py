"""Opsgenie's webhook integration (support.atlassian.com, "Opsgenie Edge Connector alert action data").

The alias is what whoever raised the alert calls the problem; an alert that is closed and raised again has the same alias and
a new ``alertId``. Details come with Create and custom actions only, and only where the integration is set to send them.
"""

from __future__ import annotations

from typing import Any

from handlers.alerts.bodies import Body, Free, Said, body
from handlers.alerts.labels import alert, since_1970, tagged
from handlers.models import Field
from handlers.trigger import Alert, Lost, Status

_STATUS: dict[str, Status] = {"Create": "firing", "Acknowledge": "acknowledged", "Close": "resolved"}
_SEVERITY = {"1": "critical", "2": "high", "3": "warning", "4": "info", "5": "info"}
"""By the digit of P1 to P5; some send the digit alone."""


class Subject(Body):
    """``alert``: what the action was taken on."""

    alert_id: Said = Field(default="", alias="alertId")
    alias: Said = ""
    message: Said = ""
    entity: Said = ""
    source: Said = ""
    priority: Said = ""
    tags: Any = None
    details: Free = Field(default_factory=dict)
    created_at: Any = Field(default=None, alias="createdAt")
    """Milliseconds, where ``updatedAt`` has nanoseconds."""


class Webhook(Body):
    """The whole body. ``action`` may be the name of a custom action, too."""

    action: Said = ""
    alert: Subject
    integration: Said = Field(default="", alias="integrationName")


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one alert of a body. Raises Refusal."""
    webhook = body(Webhook, document, "alert", "Opsgenie webhook body")
    subject = webhook.alert
    tags, pairs = tagged(subject.tags)
    own = {
        "alias": subject.alias,
        "alert_id": subject.alert_id,
        "entity": subject.entity,
        "source": subject.source,
        "action": webhook.action,
        "integration": webhook.integration,
        "priority": subject.priority,
        "severity": _SEVERITY.get(subject.priority.removeprefix("P"), ""),
        "tags": tags,
    }
    found = alert(
        sender,
        _STATUS.get(webhook.action, "other"),
        ["alias" if subject.alias else "alert_id"],
        own,
        pairs,
        subject.details,
        title=subject.message,
        starts_at=since_1970(subject.created_at, 0.001),
    )
    return [found]
