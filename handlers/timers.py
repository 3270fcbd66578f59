"""The timer dialects: EventBridge rules and Scheduler, FunctionGraph, Google's Cloud Scheduler, Knative, Kubernetes.

A schedule fires at least once, so identity is schedule + scheduled time. EventBridge Scheduler's execution id is made anew
for every attempt (AWS documentation), as are the ids of CloudEvents and Pub/Sub messages, hence never part of it. Where only the
time of sending is told, it is that down to the minute: cron knows no shorter span, and a sender is seconds late.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from handlers.carriers.unwrapping import PUBSUB, Carried
from handlers.envelope import Http, Text
from handlers.errors import Refusal
from handlers.trigger import Timer

SCHEDULER_INPUT = '{"schedule_arn": "<aws.scheduler.schedule-arn>", "scheduled_time": "<aws.scheduler.scheduled-time>"}'
"""The Input to give an EventBridge Scheduler schedule; the service replaces both words when it fires."""

_Read = tuple[str, datetime, str]
"""Schedule, scheduled time, dialect."""
_BY_EVENT = {"dev.knative.sources.ping": "pingsource", "google.cloud.scheduler.job.v1.executed": "cloud-scheduler"}
_FIRST, _LAST = 26_297_280, 120_966_240
"""Minutes since 1970 in 2020, before Kubernetes named jobs so, and in 2200. A date in a name made by hand is far below."""
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def read_timer(carried: Carried, http: Http | None = None, sender: str = "") -> Timer:
    """The timer in an event. Raises Refusal: malformed (naming the field), unreplaced_placeholder, not_a_timer."""
    schedule, at, dialect = _by_carrier(carried, http) or _by_document(carried.document)
    return Timer(schedule, at, dialect, sender)


def is_cloud_scheduler(http: Http | None) -> bool:
    """Whether the request says it is Cloud Scheduler's, whose body may be anything and of any type."""
    return http is not None and http.headers.get("x-cloudscheduler", "").lower() == "true"


def _by_carrier(carried: Carried, http: Http | None) -> _Read | None:
    """What carriers say around a document that says nothing."""
    if http is not None and is_cloud_scheduler(http):
        name, time = (http.headers.get(f"x-cloudscheduler-{each}") for each in ("jobname", "scheduletime"))
        if time is None:
            why = "X-CloudScheduler-ScheduleTime: is missing; it comes with schedules in unix-cron form"
            raise Refusal("malformed", why, field="X-CloudScheduler-ScheduleTime")
        return _text(name, "X-CloudScheduler-JobName"), _moment(time, "X-CloudScheduler-ScheduleTime"), "cloud-scheduler"
    if carried.event_type in _BY_EVENT:
        return _text(carried.event_source, "source"), _minute(carried.at, "time"), _BY_EVENT[carried.event_type]
    own = isinstance(carried.document, Mapping) and carried.document.keys() & {"scheduled_time", "job"}
    if (carried.event_type == PUBSUB or carried.topic.startswith("projects/")) and not own:
        named = carried.attributes.get("schedule") or carried.topic
        return _text(named, "attributes.schedule"), _minute(carried.at, "publishTime"), "pubsub"
    return None


def _by_document(document: object) -> _Read:
    if isinstance(document, Text):
        raise document.problem
    if not isinstance(document, Mapping):
        raise Refusal("malformed", "the event must be a JSON object", field="document")
    if document.get("source") in ("aws.events", "aws.scheduler") and document.get("detail-type") == "Scheduled Event":
        return _eventbridge(document)
    if "schedule_arn" in document or ("scheduled_time" in document and "schedule" not in document):
        schedule = _text(document.get("schedule_arn"), "schedule_arn")
        return schedule, _moment(document.get("scheduled_time"), "scheduled_time"), "eventbridge-scheduler"
    if "schedule" in document:
        return _text(document["schedule"], "schedule"), _moment(document.get("scheduled_time"), "scheduled_time"), "own"
    if document.get("trigger_type") == "TIMER":
        return _text(document.get("trigger_name"), "trigger_name"), _moment(document.get("time"), "time"), "functiongraph"
    if "job" in document:
        return _cronjob(_text(document["job"], "job"))
    raise Refusal(
        "not_a_timer",
        "this is no timer event: expected an EventBridge or Scheduler 'Scheduled Event', a FunctionGraph TIMER event, "
        f"a Scheduler Input of {SCHEDULER_INPUT}, the name of a CronJob's job, or a schedule and its scheduled_time; "
        "Cloud Scheduler and PingSource are known by their headers (X-CloudScheduler…, ce-…)",
        field="document",
    )


def _cronjob(job: str) -> _Read:
    """Kubernetes names a CronJob's jobs by the minutes since 1970 of the scheduled time, whichever attempt a pod is."""
    name, dash, minutes = job.rpartition("-")
    if not (name and dash and re.fullmatch("[0-9]{8,9}", minutes) and _FIRST <= int(minutes) <= _LAST):
        why = 'job: must be the name of a job that a CronJob made, such as "nightly-29401560": one made by hand has no time'
        raise Refusal("malformed", why, field="job")
    return name, datetime.fromtimestamp(int(minutes) * 60, UTC), "cronjob"


def _minute(value: object, field: str) -> datetime:
    return _moment(value, field).replace(second=0)


def _eventbridge(document: Mapping[str, object]) -> _Read:
    resources = document.get("resources")
    if not isinstance(resources, list) or not resources:
        raise Refusal("malformed", "resources: must be a list that holds the schedule's ARN", field="resources")
    dialect = "eventbridge-rule" if document["source"] == "aws.events" else "eventbridge-scheduler"
    return _text(resources[0], "resources[0]"), _moment(document.get("time"), "time"), dialect


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
