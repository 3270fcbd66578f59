"""Uptime Kuma's webhook with its preset body (server/notification-providers/webhook.js, 1.x and 2.x): heartbeat, monitor, msg.

A heartbeat is one check, so the monitor is what stays. The test button sends ``msg`` alone, as do notices of certificates that
expire soon: neither says that anything is down. A monitor's object may hold passwords and headers; only what is named is read.
"""

from __future__ import annotations

from collections.abc import Mapping

from handlers.alerts.bodies import Body, Free, Said, body, text_of
from handlers.alerts.labels import alert, moment
from handlers.errors import Refusal
from handlers.models import Field
from handlers.trigger import Alert, Lost, Status

_STATUS: dict[str, Status] = {"0": "firing", "1": "resolved"}
"""Not here: 2 pending (being tried again), 3 maintenance."""


class Heartbeat(Body):
    """One check of a monitor."""

    monitorID: Said = ""  # noqa: N815 - the sender's spelling
    status: Said = ""
    time: Said = ""
    """UTC without saying so; ``localDateTime`` is the other one."""


class Notification(Body):
    """The whole body. ``monitor`` is what it is about: the heartbeat has its id as well, so it may be anything."""

    heartbeat: Heartbeat = Heartbeat()
    monitor: Free = Field(default_factory=dict)
    msg: Said = ""


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one monitor of a body. Raises Refusal."""
    beats = isinstance(document, Mapping) and document.get("heartbeat") is not None
    if isinstance(document, Mapping) and not beats and document.get("msg") is None:
        raise Refusal("wrong_dialect", "heartbeat: is missing, so this is no Uptime Kuma webhook body", field="heartbeat")
    notification = body(Notification, document, "heartbeat" if beats else "msg", "Uptime Kuma webhook body")
    heartbeat, monitor = notification.heartbeat, notification.monitor
    own = {
        "monitor_id": text_of(monitor.get("id")) or heartbeat.monitorID,
        "monitor": monitor.get("name"),
        "type": monitor.get("type"),
        "url": monitor.get("url"),
        "hostname": monitor.get("hostname"),
    }
    found = alert(
        sender,
        _STATUS.get(heartbeat.status, "other") if beats else "test",
        ["monitor_id"],
        own,
        _tags(monitor.get("tags")),
        title=text_of(monitor.get("name")) or notification.msg,
        starts_at=moment(f"{heartbeat.time}+00:00"),
    )
    return [found]


def _tags(found: object) -> dict[str, object]:
    """A monitor may have one tag several times: the first stands. One without a name or a value is no label."""
    tags: dict[str, object] = {}
    for each in found if isinstance(found, list) else ():
        if isinstance(each, Mapping) and (name := text_of(each.get("name"))) and text_of(each.get("value")):
            tags.setdefault(name, each["value"])
    return tags
