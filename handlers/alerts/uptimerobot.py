"""UptimeRobot's webhook (its "Web-Hook Alert Contacts"): the monitor and what became of it, each a variable that is replaced.

As JSON it comes with the variables' own names (``monitorID``) or with underscores, as whoever set it up wrote them, and mostly
as text. Nothing in it names one outage, so the monitor is the identity; a body without its id has its URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handlers.alerts.bodies import text_of
from handlers.alerts.labels import alert, since_1970
from handlers.errors import Refusal
from handlers.trigger import Alert, Lost, Status

_STATUS: dict[str, Status] = {"1": "firing", "2": "resolved"}
"""``alertType``: down and up. Not here: 3, a certificate or a domain that expires soon."""
_MONITOR, _URL, _TYPE = ("monitorID", "monitor_id"), ("monitorURL", "monitor_url"), ("alertType", "alert_type")
_NAME, _AT = ("monitorFriendlyName", "monitor_friendly_name"), ("alertDateTime", "alert_date_time")


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one monitor of a body. Raises Refusal."""
    if not isinstance(document, Mapping) or not document.keys() & {*_MONITOR, *_URL, *_TYPE}:
        raise Refusal("wrong_dialect", "alertType: is missing, so this is no UptimeRobot webhook body", field="alertType")
    own = {
        "monitor_id": _said(document, _MONITOR),
        "monitor": _said(document, _NAME),
        "url": _said(document, _URL),
        "alert_type": _said(document, _TYPE),
    }
    if not own["alert_type"]:
        raise Refusal("malformed", "alertType: is missing, and without it nobody could tell down from up", field="alertType")
    found = alert(
        sender,
        _STATUS.get(own["alert_type"], "other"),
        ["url"] if own["url"] and not own["monitor_id"] else ["monitor_id"],
        own,
        title=own["monitor"],
        starts_at=_seconds(_said(document, _AT)),
    )
    return [found]


def _said(document: Mapping[str, Any], spellings: tuple[str, ...]) -> str:
    """The first spelling that says something."""
    return next((text for name in spellings if (text := text_of(document.get(name)))), "")


def _seconds(text: str) -> datetime | None:
    """``alertDateTime``: seconds since 1970."""
    return since_1970(int(text)) if text.isascii() and text.isdecimal() and len(text) <= 12 else None
