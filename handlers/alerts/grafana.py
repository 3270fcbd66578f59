"""Grafana's webhook since unified alerting, version 8 (grafana.com, "Configure the webhook notifier for Alerting").

The form is Alertmanager's, and so is what makes an alert: all of its labels. Two things of Grafana's own come as alerts that
fire: the contact point's test, and a rule that got no data or an error from its data source ("No Data and Error alerts").
"""

from __future__ import annotations

from collections.abc import Mapping

from handlers.alerts.alertmanager import read_group
from handlers.errors import Refusal
from handlers.trigger import Alert, Lost, Status, Unread
from handlers.values import replace

_OF_THE_RULE: dict[str, Status] = {"DatasourceNoData": "no_data", "DatasourceError": "other"}
"""The ``alertname`` Grafana gives instead of the rule's own, and what such an alert is while it fires."""


def read(document: object, sender: str) -> list[Alert | Lost | Unread]:
    """The alerts of one group. Raises Refusal."""
    if isinstance(document, Mapping) and "alerts" not in document and ("ruleId" in document or "evalMatches" in document):
        raise Refusal(
            "unknown_version",
            'ruleId: this is the form of Grafana 7 and older; a sender with dialect = "grafana-legacy" reads it',
            field="ruleId",
        )
    return read_group(document, sender, "Grafana", _grafana)


def _grafana(alert: Alert) -> Alert:
    # the test's generatorURL is "?orgId=1", which leads nowhere
    link = alert.link if alert.link.startswith(("http://", "https://")) else ""
    return replace(alert, status=_status(alert), link=link)


def _status(alert: Alert) -> Status:
    name = alert.labels.get("alertname", "")
    if name == "TestAlert" and alert.labels.get("instance") == "Grafana":
        return "test"
    return _OF_THE_RULE.get(name, "firing") if alert.status == "firing" else alert.status
