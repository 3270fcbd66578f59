"""The timer dialects: EventBridge rules, EventBridge Scheduler, FunctionGraph.

A schedule fires at least once, so identity is schedule + scheduled time. EventBridge Scheduler's execution id is made anew
for every attempt (AWS documentation), hence never part of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from handlers.errors import Refusal
from handlers.trigger import Timer

SCHEDULER_INPUT = '{"schedule_arn": "<aws.scheduler.schedule-arn>", "scheduled_time": "<aws.scheduler.scheduled-time>"}'
"""The Input to give an EventBridge Scheduler schedule; the service replaces both words when it fires."""

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def read_timer(document: object) -> Timer:
    """The timer in an event. Raises Refusal: malformed (naming the field), unreplaced_placeholder, not_a_timer."""
    if not isinstance(document, Mapping):
        raise Refusal("malformed", "the event must be a JSON object", field="document")
    if document.get("source") in ("aws.events", "aws.scheduler") and document.get("detail-type") == "Scheduled Event":
        return _eventbridge(document)
    if "schedule_arn" in document or "scheduled_time" in document:
        schedule = _text(document.get("schedule_arn"), "schedule_arn")
        return Timer(schedule, _moment(document.get("scheduled_time"), "scheduled_time"), "eventbridge-scheduler")
    if document.get("trigger_type") == "TIMER":
        schedule = _text(document.get("trigger_name"), "trigger_name")
        return Timer(schedule, _moment(document.get("time"), "time"), "functiongraph")
    raise Refusal(
        "not_a_timer",
        "this is no timer event: expected an EventBridge or Scheduler 'Scheduled Event', a FunctionGraph TIMER event, "
        f"or a Scheduler Input of {SCHEDULER_INPUT}",
        field="document",
    )


def _eventbridge(document: Mapping[str, object]) -> Timer:
    resources = document.get("resources")
    if not isinstance(resources, list) or not resources:
        raise Refusal("malformed", "resources: must be a list that holds the schedule's ARN", field="resources")
    dialect = "eventbridge-rule" if document["source"] == "aws.events" else "eventbridge-scheduler"
    return Timer(_text(resources[0], "resources[0]"), _moment(document.get("time"), "time"), dialect)


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 1024:
        raise Refusal("malformed", f"{field}: must be a string of 1 to 1024 characters", field=field)
    if "<aws.scheduler." in value:
        # Replacement is textual: an Input in which a tool wrote < and > as \u003c and \u003e is handed over as it is.
        raise Refusal(
            "unreplaced_placeholder",
            f"{field}: EventBridge Scheduler did not replace its <aws.scheduler.…> word; the schedule's Input must hold "
            "it with plain angle brackets, not as \\u003c and \\u003e",
            field=field,
        )
    return value


def _moment(value: object, field: str) -> datetime:
    text = _text(value, field)
    parts = _TIME.fullmatch(text)
    try:
        if parts is None:
            raise ValueError(field)
        day, clock, zone = parts.groups()
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        moment = datetime.min.replace(tzinfo=UTC)
    if not 1970 <= moment.year <= 2200:
        raise Refusal("malformed", f"{field}: must be a time with zone, such as 2026-11-23T02:00:00Z", field=field)
    return moment
