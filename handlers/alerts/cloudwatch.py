"""CloudWatch alarms: by EventBridge, as a Lambda action, by SNS (CloudWatch User Guide, "Alarm events and EventBridge", "Invoke
a Lambda function from an alarm", "Using Amazon CloudWatch alarms").

The alarm's ARN is what stays the same; SNS messages from before it was added have account, region and name instead. An alarm over
several time series changes once for itself and once for each of them: such a contributor has an id of its own (the same pages,
"Multi Time Series Alarm"; in SNS messages as "Log alarms" shows it). A message comes at a change of state only. None of the three
forms has a link, or a severity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.alerts.bodies import Body, Free, Listed, Said, text_of
from handlers.alerts.labels import alert, moment
from handlers.documents import read as read_document
from handlers.errors import Refusal
from handlers.models import Field
from handlers.rules.words import LOOPS, NAMESPACE
from handlers.trigger import Alert, Lost, Status
from handlers.values import dataclass, field

_CHANGED = "CloudWatch Alarm State Change"
_CONTRIBUTED = "CloudWatch Alarm Contributor State Change"
_CONFIGURED = "CloudWatch Alarm Configuration Change"
_STATUS: dict[str, Status] = {"ALARM": "firing", "OK": "resolved", "INSUFFICIENT_DATA": "no_data"}


class State(Body):
    """What the alarm is in. A composite alarm whose actions are held back says by what: WaitPeriod, ExtensionPeriod, Alarm."""

    value: Said = ""
    timestamp: Said = ""
    suppressed_by: Said = Field(default="", alias="actionsSuppressedBy")


class Alarm(Body):
    """``detail`` of an event, ``alarmData`` of a Lambda action. ``muteDetail`` is there while a mute rule holds it back."""

    alarm_name: Said = Field(default="", alias="alarmName")
    state: State = State()
    muted: Free = Field(default_factory=dict, alias="muteDetail")
    contributor: Free = Field(default_factory=dict, alias="alarmContributor")
    configuration: Free = Field(default_factory=dict)

    @property
    def status(self) -> Status:
        """Only an alarm can be suppressed."""
        held = self.state.value == "ALARM" and (self.state.suppressed_by or self.muted)
        return "suppressed" if held else _STATUS.get(self.state.value, "other")


class Event(Body):
    """An EventBridge event; ``resources`` holds the alarm's ARN."""

    account: Said = ""
    region: Said = ""
    resources: Listed = ()
    detail: Alarm


class Action(Body):
    """What a Lambda function gets that an alarm invokes itself."""

    alarm_arn: Said = Field(default="", alias="alarmArn")
    account_id: Said = Field(default="", alias="accountId")
    region: Said = ""
    alarm_data: Alarm = Field(alias="alarmData")
    contributor: Free = Field(default_factory=dict, alias="alarmContributor")


class Message(Body):
    """What an alarm publishes to a topic. ``Region`` is for people: "EU (Ireland)"."""

    alarm_name: Said = Field(default="", alias="AlarmName")
    alarm_arn: Said = Field(default="", alias="AlarmArn")
    account: Said = Field(default="", alias="AWSAccountId")
    region: Said = Field(default="", alias="Region")
    value: Said = Field(default="", alias="NewStateValue")
    changed: Said = Field(default="", alias="StateChangeTime")
    contributor_id: Said = Field(default="", alias="AlarmContributorId")
    attributes: Free = Field(default_factory=dict, alias="AlarmContributorAttributes")
    trigger: Free = Field(default_factory=dict, alias="Trigger")


@dataclass(frozen=True)
class Metric:
    """What an alarm looks at."""

    namespace: str = ""
    name: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict)


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one alarm of a body, whichever of the three forms it has. Raises Refusal."""
    if isinstance(document, Mapping):
        kind = document.get("detail-type")
        if kind in (_CHANGED, _CONTRIBUTED, _CONFIGURED):
            event = read_document(Event, document)
            arn = text_of(event.resources[0]) if event.resources else ""
            status = "other" if kind == _CONFIGURED else event.detail.status
            own = {"alarm_arn": arn, "account": event.account, "region": event.region}
            return [_of(event.detail, sender, status, own, event.detail.contributor)]
        if document.keys() >= {"alarmArn", "alarmData"}:
            action = read_document(Action, document)
            alarm = action.alarm_data
            own = {"alarm_arn": action.alarm_arn, "account": action.account_id, "region": action.region}
            return [_of(alarm, sender, alarm.status, own, alarm.contributor or action.contributor)]
        if document.keys() >= {"AlarmName", "NewStateValue"}:
            return [_published(read_document(Message, document), sender)]
    why = "is no CloudWatch alarm's, and there is neither alarmArn with alarmData nor AlarmName with NewStateValue"
    raise Refusal("wrong_dialect", f"detail-type: {why}", field="detail-type")


def _of(alarm: Alarm, sender: str, status: Status, own: Mapping[str, str], contributor: Mapping[str, Any]) -> Alert:
    metrics = []
    entries = _objects(alarm.configuration.get("metrics"))
    for each in entries:
        if metric := _at(each, "metricStat", "metric"):
            dimensions = {name: text_of(value) for name, value in _at(metric, "dimensions").items()}
            metrics.append(Metric(text_of(metric.get("namespace")), text_of(metric.get("name")), dimensions))
    named = {
        **own,
        "alarm_name": alarm.alarm_name,
        "contributor_id": text_of(contributor.get("id")),
        "namespace": _looping(metrics, [text_of(each.get("expression")) for each in entries]),
    }
    return _alert(sender, status, named, _at(contributor, "attributes"), metrics, alarm.state.timestamp)


def _published(message: Message, sender: str) -> Alert:
    parts = message.alarm_arn.split(":")
    own = {
        "alarm_name": message.alarm_name,
        "alarm_arn": message.alarm_arn,
        "account": message.account,
        "region": (parts[3] if len(parts) > 3 else "") or message.region,
        "contributor_id": message.contributor_id,
    }
    entries = _objects(message.trigger.get("Metrics"))
    listed = [_at(each, "MetricStat", "Metric") for each in entries]
    # An alarm on a formula has Metrics, any other the one metric's fields beside the threshold.
    found = [each for each in (message.trigger, *listed) if each.get("MetricName") or each.get("Namespace")]
    metrics = [
        Metric(
            text_of(each.get("Namespace")),
            text_of(each.get("MetricName")),
            {text_of(one.get("name")): text_of(one.get("value")) for one in reversed(_objects(each.get("Dimensions")))},
        )
        for each in found
    ]
    own["namespace"] = _looping(metrics, [text_of(each.get("Expression")) for each in entries])
    return _alert(sender, _STATUS.get(message.value, "other"), own, message.attributes, metrics, message.changed)


def _alert(
    sender: str, status: Status, own: Mapping[str, str], attributes: Mapping[str, Any], metrics: list[Metric], since: str
) -> Alert:
    metric = _agreed(metrics)
    return alert(
        sender,
        status,
        [*(["alarm_arn"] if own["alarm_arn"] else ["account", "region", "alarm_name"]), "contributor_id"],
        {**own, "namespace": own["namespace"] or metric.namespace, "metric_name": metric.name},
        attributes,
        metric.dimensions,
        title=own["alarm_name"],
        starts_at=moment(since),
    )


def _looping(metrics: list[Metric], expressions: list[str]) -> str:
    """The namespace of metrics about backups where any of these is of one: such an alarm must not ask for a restore point.

    An expression may name it where no metric does (Metrics Insights, SEARCH).
    """
    if any(NAMESPACE in each for each in expressions):
        return NAMESPACE
    return next((each.namespace for each in metrics if each.namespace in LOOPS), "")


def _agreed(metrics: list[Metric]) -> Metric:
    """What all of them say; a formula over two metrics of one server is about that server."""
    if not metrics:
        return Metric()
    first = metrics[0]
    return Metric(
        first.namespace if all(each.namespace == first.namespace for each in metrics) else "",
        first.name if all(each.name == first.name for each in metrics) else "",
        {
            name: value
            for name, value in first.dimensions.items()
            if name and all(each.dimensions.get(name) == value for each in metrics)
        },
    )


def _objects(found: object) -> list[Mapping[str, Any]]:
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _at(found: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The object at the end of ``keys``, or an empty one."""
    for key in keys:
        inner = found.get(key)
        found = inner if isinstance(inner, Mapping) else {}
    return found
