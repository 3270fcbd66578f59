"""Huawei Application Operations Management (AOM) events (AOM API reference, "Reporting Events and Alarms").

``{"events": [...]}`` is how they are reported and come over DMS; over SMN one event comes by itself, where the message template
is JSON. ``id`` is the alarm's, from its beginning to its end; an event that has none goes by its resource and its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handlers.alerts.bodies import Body, Free, Said, body, one_by_one, text_of
from handlers.alerts.labels import alert, since_1970
from handlers.documents import read as read_document
from handlers.errors import Refusal
from handlers.models import Field
from handlers.trigger import Alert, Lost, Unread

_SEVERITY = {"Critical": "critical", "Major": "high", "Minor": "warning", "Info": "info"}
_OWN = ("event_name", "event_type", "resource_provider", "resource_type", "resource_id")


class Event(Body):
    """One event. Keys of ``metadata`` beyond the documented and all of ``annotations`` are the user's."""

    id: Said = ""
    starts_at: Any = None
    """Milliseconds since 1970, as is ``ends_at``, which is 0 as long as there is no end."""
    ends_at: Said = ""
    metadata: Free = Field(default_factory=dict)
    annotations: Free = Field(default_factory=dict)


def read(document: object, sender: str) -> Sequence[Alert | Lost | Unread]:
    """All events of a body, each for itself. Raises Refusal."""
    if not isinstance(document, Mapping) or "events" not in document:
        return [_alert(body(Event, document, "metadata", "AOM event, nor is there a list of events"), sender)]
    events = document["events"]
    if not isinstance(events, list):
        raise Refusal("malformed", "events: must be a list", field="events")
    return one_by_one(sender, events, lambda index, each: _alert(read_document(Event, each, f"events[{index}]"), sender))


def _alert(event: Event, sender: str) -> Alert:
    severity = event.metadata.get("event_severity")
    own = {
        "event_id": event.id,
        **{key: event.metadata.get(key) for key in _OWN},
        "severity": _SEVERITY.get(severity, "") if isinstance(severity, str) else "",
    }
    others = {key: value for key, value in event.metadata.items() if key not in (*_OWN, "event_severity")}
    return alert(
        sender,
        "firing" if event.ends_at in ("", "0", "0.0") else "resolved",
        ["event_id"] if event.id else ["resource_id", "event_name"],
        own,
        others,
        event.annotations,
        title=text_of(event.metadata.get("event_name")),
        starts_at=since_1970(event.starts_at, 0.001),
    )
