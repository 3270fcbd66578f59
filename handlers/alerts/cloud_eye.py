"""Huawei Cloud Eye (CES) through SMN: the JSON of an alarm, or the text it writes for people (Cloud Eye User Guide, "Alarm
Notifications"; the fields as delivered in 2022 and 2024).

``alarm_id`` is the rule's: one rule watches many resources, so metric and dimension are part of what an alert is. Which of the
two forms a subscription gets depends on its protocol; the text has no id of the rule, its subject and the resource's id are all.
"""

from __future__ import annotations

import re
from typing import Any

from handlers.alerts.bodies import Body, Free, Said, body, text_of
from handlers.alerts.labels import alert, since_1970, tagged
from handlers.envelope import Text
from handlers.errors import Refusal
from handlers.models import Field
from handlers.trigger import Alert, Lost, Status

_STATUS: dict[str, Status] = {"alarm": "firing", "ok": "resolved", "insufficient_data": "no_data"}
_LEVEL = {"Critical": "critical", "Major": "high", "Minor": "warning", "Informational": "info"}
_NUMBER = {"1": "critical", "2": "high", "3": "warning", "4": "info"}


class Message(Body):
    """The JSON of an alarm. ``template_variable`` is what the texts are made of; it grows, and some of it is localised."""

    message_type: Said = ""
    alarm_id: Said = ""
    alarm_name: Said = ""
    alarm_status: Said = ""
    alarm_level: Said = ""
    time: Any = None
    """Milliseconds since 1970."""
    namespace: Said = ""
    metric_name: Said = ""
    dimension: Said = ""
    """``name:value``, several with commas between them."""
    template_variable: Free = Field(default_factory=dict)


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one alarm of a message. Raises Refusal."""
    if isinstance(document, Text):
        return [_text(document, sender)]
    message = body(Message, document, "message_type", "Cloud Eye message")
    if message.message_type != "alarm":
        raise Refusal("unknown_version", "message_type: only alarms of metrics are read", field="message_type")
    said = message.template_variable
    own = {
        "alarm_id": message.alarm_id,
        "alarm_name": message.alarm_name,
        "namespace": message.namespace,
        "metric_name": message.metric_name,
        "dimension": message.dimension,
        "resource_id": said.get("ResourceId"),
        "resource_name": said.get("ResourceName"),
        "region": said.get("Region"),
        "severity": _LEVEL.get(text_of(said.get("AlarmLevel"))) or _NUMBER.get(message.alarm_level, ""),
    }
    found = alert(
        sender,
        _STATUS.get(message.alarm_status, "other"),
        ["alarm_id", "metric_name", "dimension"],
        own,
        tagged(message.dimension)[1],
        title=message.alarm_name,
        starts_at=since_1970(message.time, 0.001),
        link=text_of(said.get("Link")),
    )
    return [found]


def _text(message: Text, sender: str) -> Alert:
    """``[Critical Alarm]…`` or ``[Critical OK]…``; Cloud Eye writes the second word as Ok, too."""
    bracket, closed, subject = message.subject.strip().partition("]")
    words = bracket[1:].split()
    status = {"alarm": "firing", "ok": "resolved"}.get(words[-1].lower()) if len(words) == 2 else None
    if not bracket.startswith("[") or not closed or status is None:
        raise Refusal("wrong_dialect", "subject: begins with neither [… Alarm] nor [… OK], as Cloud Eye's do", field="subject")
    own = {
        "subject": subject.strip(),
        "resource_id": _resource_id(message.text),
        "severity": _LEVEL.get(words[0], ""),
    }
    return alert(sender, "firing" if status == "firing" else "resolved", ["subject", "resource_id"], own)


def _resource_id(text: str) -> str:
    """From ``(ID: …)``; newer texts name addresses before it: ``(Private IP Address: …, Public IP Address: …, ID: …)``."""
    for group in re.findall(r"\(([^()]*)\)", text):
        if (found := re.search(r"(?:^|,)\s*ID:(.*)", group, re.DOTALL)) and (resource_id := found[1].strip()):
            return str(resource_id)
    return ""
