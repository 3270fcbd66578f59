"""Our own schema, for every sender whose body is a template: Datadog, New Relic, Zabbix, Icinga …"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from handlers.alerts.labels import flat, moment
from handlers.documents import Strict
from handlers.documents import read as read_strictly
from handlers.errors import Refusal
from handlers.models import Field, StrictStr
from handlers.trigger import Alert, Lost


class SimpleAlert(Strict):
    """One alert. ``status`` and ``labels`` decide; the rest is told to people."""

    status: Literal["firing", "resolved"]
    labels: dict[str, StrictStr]
    id: Annotated[StrictStr, Field(max_length=1024)] = ""
    """The sender's own id of the alert; reported, never part of the cause (put it into ``labels`` for that)."""
    title: Annotated[StrictStr, Field(max_length=1024)] = ""
    severity: Annotated[StrictStr, Field(max_length=64)] = ""
    starts_at: Annotated[StrictStr, Field(max_length=64)] = ""
    """RFC 3339 with zone; left unread where it is something else."""
    link: Annotated[StrictStr, Field(max_length=2048)] = ""


def read(document: object, sender: str) -> list[Alert | Lost]:
    """One alert, read strictly; raises Refusal naming the field."""
    if not isinstance(document, Mapping) or "labels" not in document:
        raise Refusal("wrong_dialect", "labels: is missing, so this is no alert in the simple form", field="labels")
    alert = read_strictly(SimpleAlert, document)
    return [
        Alert(
            sender=sender,
            status=alert.status,
            labels=flat(alert.labels, "labels"),
            identity=tuple(alert.labels),
            title=alert.title or alert.labels.get("alertname", ""),
            severity=alert.severity or alert.labels.get("severity", ""),
            starts_at=moment(alert.starts_at),
            link=alert.link,
        )
    ]
