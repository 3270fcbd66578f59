"""Falco's alerts, as ``http_output`` and falcosidekick's webhook send them (falco.org, "Falco Alerts").

Falco has no incidents: every matching system call is an event of its own, for which nothing ever says it is over. What stays
the same while a container misbehaves is the rule and where it was: host and container. The pod is known late, or now and then
(falcosecurity/falco issues 629, 1726), so it counts only where no container is named. Events of the Kubernetes audit log name
what was acted on (``ka.target.…``) instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.alerts.bodies import Body, Free, Needed, Said, body, text_of
from handlers.alerts.labels import alert, moment, tagged
from handlers.errors import Refusal
from handlers.models import Field
from handlers.trigger import Alert, Lost, Status

_IN_CONTAINER = ("rule", "hostname", "container.id")
_ELSEWHERE = (*_IN_CONTAINER, "k8s.ns.name", "k8s.pod.name")
_AUDITED = (*_ELSEWHERE, "ka.target.namespace", "ka.target.name")
_INTERNAL = "internal"
"""The source of what Falco says of itself: metrics snapshots (falco.org, "Falco Metrics"), dropped events."""
_SEVERITY = {
    "emergency": "critical",
    "alert": "critical",
    "critical": "critical",
    "error": "high",
    "warning": "warning",
    "notice": "info",
    "informational": "info",
    "debug": "info",
}
_TEST = ("Test rule", "This is a test from falcosidekick")
"""Rule and output of what falcosidekick sends when its ``/test`` is called (its handlers.go)."""
_SIGNS = ("priority", "output", "output_fields")
"""Besides ``rule``, which is a common word."""


class Event(Body):
    """The whole body. Older versions have no ``hostname``, ``source`` or ``tags``."""

    rule: Needed
    output: Said = ""
    priority: Said = ""
    hostname: Said = ""
    source: Said = ""
    time: Said = ""
    tags: Any = None
    output_fields: Free = Field(default_factory=dict)


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one alert of a body. Raises Refusal."""
    if isinstance(document, Mapping) and "rule" in document:
        if isinstance(document["rule"], Mapping):  # Wazuh's
            raise Refusal("wrong_dialect", "rule: is an object, and Falco's is a name", field="rule")
        if document.keys().isdisjoint(_SIGNS):
            raise Refusal("wrong_dialect", "priority: is missing, so this is no Falco alert", field="priority")
    event = body(Event, document, "rule", "Falco alert")
    tags, pairs = tagged(event.tags)
    fields, identity = event.output_fields, _identity(event)
    own = {
        "rule": event.rule,
        "priority": event.priority,
        "hostname": event.hostname,
        "source": event.source,
        "severity": _SEVERITY.get(event.priority.lower(), ""),
        "tags": tags,
        **{name: fields.get(name) for name in identity if name not in ("rule", "hostname")},  # never out of a tag
    }
    found = alert(
        sender,
        _status(event),
        identity,
        own,
        fields,
        pairs,
        title=event.rule,
        starts_at=moment(event.time),
    )
    return [found]


def _status(event: Event) -> Status:
    if (event.rule, event.output) == _TEST:
        return "test"
    return "other" if event.source == _INTERNAL else "firing"


def _identity(event: Event) -> tuple[str, ...]:
    fields = event.output_fields
    container = text_of(fields.get("container.id"))
    if container:
        return _ELSEWHERE if container == "host" else _IN_CONTAINER
    audited = event.source == "k8s_audit" or any(name.startswith("ka.") for name in fields)
    return _AUDITED if audited else _ELSEWHERE
