"""Sentry's webhooks (docs.sentry.io, "Integration Platform", Webhooks), and those of its legacy WebHooks plugin.

An issue alert and an issue's own changes speak of the same issue, so both have its number as identity; the event's number is
new for each. Of a metric alert it is the incident. What kind of thing a body is stands in a header; here ``data`` tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.alerts.bodies import Body, Free, Listed, Said, body, text_of
from handlers.alerts.labels import alert, moment, since_1970
from handlers.errors import Refusal
from handlers.models import Field
from handlers.trigger import Alert, Lost, Status

_STATUS: dict[str, Status] = {
    "triggered": "firing",
    "created": "firing",
    "unresolved": "firing",
    "critical": "firing",
    "warning": "firing",
    "resolved": "resolved",
}
_BACK = ("", "regressed", "escalating")
"""Substatus of an unresolved issue that is worse than it was ("Issues", the same documentation). Otherwise somebody only put it
back in the list, or it went from new to ongoing. Older servers do not say."""
_SAMPLE = ("sample_event", "yes")
"""The tag of the event Sentry makes up for its test buttons (its samples.py)."""
_SEVERITY = {"fatal": "critical", "error": "high", "warning": "warning", "info": "info", "debug": "info"}
_OF_ACTION = {"critical": "critical", "warning": "warning"}
"""A metric alert's severity: its action says which of the two thresholds was passed."""


class Event(Body):
    """``data.event`` of an issue alert, and ``event`` of the legacy plugin, which has fewer fields."""

    issue_id: Said = ""
    project: Any = None
    level: Said = ""
    environment: Said = ""
    title: Said = ""
    web_url: Said = ""
    datetime: Said = ""
    timestamp: Any = None
    tags: Listed = ()


class Issue(Body):
    """``data.issue``: created, or changed."""

    id: Said = ""
    short_id: Said = Field(default="", alias="shortId")
    project: Free = Field(default_factory=dict)
    level: Said = ""
    title: Said = ""
    web_url: Said = ""
    permalink: Said = ""
    first_seen: Said = Field(default="", alias="firstSeen")
    substatus: Said = ""


class MetricAlert(Body):
    """``data.metric_alert``: the incident."""

    id: Said = ""
    alert_rule: Free = Field(default_factory=dict)
    projects: Listed = ()
    date_started: Said = ""


class Data(Body):
    """One of the three, or something that is no alert: an installation, a comment, an error."""

    event: Event | None = None
    issue: Issue | None = None
    metric_alert: MetricAlert | None = None
    triggered_rule: Said = ""
    substatus: Said = ""
    description_title: Said = ""
    web_url: Said = ""


class Webhook(Body):
    """The whole body of the integration platform."""

    action: Said = ""
    data: Data


class Plugin(Body):
    """The whole body of the legacy plugin."""

    id: Said = ""
    project: Said = ""
    project_slug: Said = ""
    level: Said = ""
    message: Said = ""
    url: Said = ""
    event: Event


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one alert of a body. Raises Refusal."""
    if isinstance(document, Mapping):
        if "project" in document and document.get("data") is None:
            return [_of_plugin(body(Plugin, document, "event", "Sentry webhook body"), sender)]
        if "action" not in document and not _is_known(document.get("data")):  # Azure's has ``data``, too
            raise Refusal("wrong_dialect", "action: is missing, so this is no Sentry webhook body", field="action")
    webhook = body(Webhook, document, "data", "Sentry webhook body")
    data, status = webhook.data, _STATUS.get(webhook.action, "other")
    if data.event is not None:
        return [_of_event(data.event, data, status, sender)]
    if data.issue is not None:
        if webhook.action == "unresolved" and (data.issue.substatus or data.substatus) not in _BACK:
            status = "other"
        return [_of_issue(data.issue, webhook.action, status, sender)]
    if data.metric_alert is not None:
        return [_of_metric(data.metric_alert, data, webhook.action, status, sender)]
    return [alert(sender, "other", ["issue_id"], {})]


def _is_known(data: object) -> bool:
    return isinstance(data, Mapping) and any(data.get(key) is not None for key in ("event", "issue", "metric_alert"))


def _of_event(event: Event, data: Data, status: Status, sender: str) -> Alert:
    own = {
        "issue_id": event.issue_id,
        "project": _project(event.project),
        "level": event.level,
        "triggered_rule": data.triggered_rule,
        "environment": event.environment,
        "severity": _SEVERITY.get(event.level, ""),
    }
    starts_at = moment(event.datetime) or since_1970(event.timestamp)
    tags = _tags(event)
    status = "test" if _SAMPLE in tags.items() else status
    return alert(sender, status, ["issue_id"], own, tags, title=event.title, starts_at=starts_at, link=event.web_url)


def _of_issue(issue: Issue, action: str, status: Status, sender: str) -> Alert:
    own = {
        "issue_id": issue.id,
        "short_id": issue.short_id,
        "project": issue.project.get("slug"),
        "level": issue.level,
        "severity": _SEVERITY.get(issue.level, ""),
    }
    # an issue that comes back was first seen long ago, and the body does not say since when it is back
    starts_at = moment(issue.first_seen) if action == "created" else None
    link = issue.web_url or issue.permalink
    return alert(sender, status, ["issue_id"], own, title=issue.title, starts_at=starts_at, link=link)


def _of_metric(metric: MetricAlert, data: Data, action: str, status: Status, sender: str) -> Alert:
    own = {
        "metric_alert_id": metric.id,
        "alert_rule": metric.alert_rule.get("name"),
        "project": metric.projects[0] if metric.projects else "",
        "severity": _OF_ACTION.get(action, ""),
    }
    title = text_of(metric.alert_rule.get("name")) or data.description_title
    starts_at = moment(metric.date_started)
    return alert(sender, status, ["metric_alert_id"], own, title=title, starts_at=starts_at, link=data.web_url)


def _of_plugin(plugin: Plugin, sender: str) -> Alert:
    event = plugin.event
    level = plugin.level or event.level
    own = {
        "issue_id": plugin.id,
        "project": plugin.project_slug or plugin.project,
        "level": level,
        "environment": event.environment,
        "severity": _SEVERITY.get(level, ""),
    }
    tags = _tags(event)
    return alert(
        sender,
        "test" if _SAMPLE in tags.items() else "firing",
        ["issue_id"],
        own,
        tags,
        title=event.title or plugin.message,
        starts_at=since_1970(event.timestamp),
        link=plugin.url,
    )


def _project(found: object) -> str:
    """A number where the event is sent as it was stored; an object where it went through the API."""
    return text_of(found.get("slug")) or text_of(found.get("id")) if isinstance(found, Mapping) else text_of(found)


def _tags(event: Event) -> dict[str, object]:
    """``[[key, value], …]``; of a key that is there twice the first counts."""
    pairs = [tag for tag in event.tags if isinstance(tag, list | tuple) and len(tag) == 2]
    return {text_of(key): value for key, value in reversed(pairs) if text_of(key)}
