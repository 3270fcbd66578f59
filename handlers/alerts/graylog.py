"""Graylog's HTTP notifications (go2docs.graylog.org, "Notifications"; EventNotificationModelData of its server, 3.1 and later).

``event.id`` is new for every event: the definition, the key and what the event was grouped by stay. The key is made of
the fields marked as event keys only, so events that are merely grouped by a field have none (graylog2-server issue 20480).
Nothing says "over".
Until 3.0 it was an alarm callback with ``check_result`` and ``stream``, which some still have; there the condition stays.
"""

from __future__ import annotations

from collections.abc import Mapping

from handlers.alerts.bodies import Body, Free, Said, body, text_of
from handlers.alerts.labels import alert, clipped, moment
from handlers.errors import Refusal
from handlers.models import Field
from handlers.trigger import Alert, Lost

_PRIORITY = {"1": "info", "2": "warning", "3": "high", "4": "critical"}


class Event(Body):
    """What was found. ``fields`` are the definition's custom fields, as text, ``group_by_fields`` what it was grouped by."""

    key: Said = ""
    source: Said = ""
    priority: Said = ""
    timestamp: Said = ""
    fields: Free = Field(default_factory=dict)
    group_by_fields: Free = Field(default_factory=dict)


class Notification(Body):
    """The whole body; its ``backlog``, the messages found, stays unread."""

    event_definition_id: Said = ""
    event_definition_type: Said = ""
    event_definition_title: Said = ""
    event: Event


class Condition(Body):
    """A condition of a stream."""

    id: Said = ""
    type: Said = ""


class CheckResult(Body):
    """What checking a condition gave."""

    triggered: Said = ""
    triggered_at: Said = ""
    triggered_condition: Condition = Condition()


class Stream(Body):
    """Where it was found."""

    id: Said = ""
    title: Said = ""


class Callback(Body):
    """The whole body until 3.0."""

    check_result: CheckResult
    stream: Stream = Stream()


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one event of a body. Raises Refusal."""
    keys = document.keys() if isinstance(document, Mapping) else frozenset()
    if {"event_definition_id", "event"} <= keys:
        return [_event(body(Notification, document, "event", "Graylog notification"), sender)]
    if {"check_result", "stream"} <= keys:
        return [_callback(body(Callback, document, "check_result", "Graylog alarm callback"), sender)]
    raise Refusal(
        "wrong_dialect", "event_definition_id: is missing, or event is, so this is no Graylog notification", field="event"
    )


def _event(found: Notification, sender: str) -> Alert:
    event = found.event
    # The server's own NotificationTestData: the definition it sends when somebody presses the test button.
    test = found.event_definition_type == "test-dummy-v1" or found.event_definition_id == "NotificationTestId"
    own = {
        "event_definition_id": found.event_definition_id,
        "event_definition": found.event_definition_title,
        "key": event.key,
        "group": _group(event.group_by_fields),
        "source": event.source,
        "severity": _PRIORITY.get(event.priority, ""),
    }
    return alert(
        sender,
        "test" if test else "firing",
        ["event_definition_id", "key", "group"],
        own,
        event.fields,
        event.group_by_fields,
        title=found.event_definition_title,
        starts_at=moment(event.timestamp),
    )


def _group(fields: Mapping[str, object]) -> str:
    """What events of one definition differ in, in one label. It may be long: a long command is grouped by as a short one."""
    return clipped(",".join(f"{name}={text}" for name in sorted(fields) if (text := text_of(fields[name]))))


def _callback(found: Callback, sender: str) -> Alert:
    result = found.check_result
    own = {
        "stream_id": found.stream.id,
        "stream": found.stream.title,
        "condition_id": result.triggered_condition.id,
        "condition_type": result.triggered_condition.type,
    }
    return alert(
        sender,
        "firing" if result.triggered == "true" else "other",
        ["stream_id", "condition_id"],
        own,
        title=found.stream.title,
        starts_at=moment(result.triggered_at),
    )
