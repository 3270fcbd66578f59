"""Prometheus Alertmanager's webhook, version 4 (its documentation, ``webhook_config``).

A group mixes firing and resolved alerts, so each alert stands for itself. The fingerprint is no identity here: it is a 64-bit
hash of the labels that whoever chooses labels can make collide, and it differs between the replicas of one Prometheus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from handlers.alerts.bodies import one_by_one, text_of
from handlers.alerts.labels import flat, moment
from handlers.errors import Refusal
from handlers.trigger import Alert, Lost, Status, Unread


def read(document: object, sender: str) -> list[Alert | Lost | Unread]:
    """The alerts of one group. Real ones lack ``version``, a status of their own, or a fingerprint: all of that is tolerated."""
    return read_group(document, sender, "Alertmanager")


def read_group(
    document: object, sender: str, who: str, as_theirs: Callable[[Alert], Alert] = lambda alert: alert
) -> list[Alert | Lost | Unread]:
    """The alerts of a group in Alertmanager's form, whoever sent it, and each as that one means it. Raises Refusal."""
    if not isinstance(document, Mapping) or "alerts" not in document:
        raise Refusal("wrong_dialect", f"alerts: is missing, so this is no {who} webhook body", field="alerts")
    alerts = document["alerts"]
    if not isinstance(alerts, list):
        raise Refusal("malformed", "alerts: must be a list", field="alerts")
    found = one_by_one(sender, alerts, lambda index, each: as_theirs(_alert(each, document, sender, f"alerts[{index}]")))
    truncated = document.get("truncatedAlerts")
    if isinstance(truncated, int) and truncated > 0:
        found.append(Lost(sender, truncated))
    return found


def _alert(alert: Any, group: Mapping[str, Any], sender: str, field: str) -> Alert:
    if not isinstance(alert, dict):
        raise Refusal("malformed", f"{field}: must be an object", field=field)
    labels = flat(alert.get("labels"), f"{field}.labels")
    annotations = alert.get("annotations")
    summary = annotations.get("summary") if isinstance(annotations, dict) else None
    return Alert(
        sender=sender,
        status=_status(alert.get("status", group.get("status"))),
        labels=labels,
        identity=tuple(labels),
        title=summary if isinstance(summary, str) and summary else labels.get("alertname", ""),
        severity=labels.get("severity", ""),
        starts_at=moment(alert.get("startsAt")),
        link=text_of(alert.get("generatorURL")),
    )


def _status(said: object) -> Status:
    return "firing" if said == "firing" else "resolved" if said == "resolved" else "other"
