"""Grafana's webhook before unified alerting: versions 4 to 7, and later ones while the old alerting is on
(grafana.com/docs/grafana/v7.5, "Alert notifications", Webhook).

A rule has one state for all of its series, so the rule is the cause; its number counts within one Grafana, over all of its
organisations. The channel's test has the number 0, which no rule has. ``orgId``, the dashboard and ``tags`` are
not there in the first of these versions.
"""

from __future__ import annotations

from collections.abc import Mapping

from handlers.alerts.bodies import Body, Free, Needed, Said, body
from handlers.alerts.labels import alert
from handlers.errors import Refusal
from handlers.models import Field
from handlers.trigger import Alert, Lost, Status

_STATUS: dict[str, Status] = {"alerting": "firing", "ok": "resolved", "no_data": "no_data"}


class Notification(Body):
    """The whole body."""

    rule_id: Needed = Field(alias="ruleId")
    rule_name: Said = Field(default="", alias="ruleName")
    rule_url: Said = Field(default="", alias="ruleUrl")
    org_id: Said = Field(default="", alias="orgId")
    dashboard_id: Said = Field(default="", alias="dashboardId")
    panel_id: Said = Field(default="", alias="panelId")
    state: Said = ""
    title: Said = ""
    tags: Free = Field(default_factory=dict)


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one alert of a body. Raises Refusal."""
    if isinstance(document, Mapping) and "alerts" in document:
        raise Refusal(
            "unknown_version",
            'alerts: this is the form of Grafana 8 and later; a sender with dialect = "grafana" reads it',
            field="alerts",
        )
    rule = body(Notification, document, "ruleId", "webhook body of Grafana 7 or older")
    own = {
        "rule_id": rule.rule_id,
        "rule_name": rule.rule_name,
        "org_id": rule.org_id,
        "dashboard_id": rule.dashboard_id,
        "panel_id": rule.panel_id,
    }
    found = alert(
        sender,
        "test" if rule.rule_id == "0" else _STATUS.get(rule.state, "other"),
        ["org_id", "rule_id"],
        own,
        rule.tags,
        title=rule.rule_name or rule.title or f"rule {rule.rule_id}",
        link=rule.rule_url,
    )
    return [found]
