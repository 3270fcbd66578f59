"""Wazuh's alerts, as its Integrator hands them on (documentation.wazuh.com, "External API integration", 4.x).

Either the alert itself (what Shuffle's and most people's scripts send), or what the script made for Keep makes of it: the
rule's description as ``message`` and everything else as lines of ``description``. An alert's own id is new for every log line,
so the rule and the agent are the identity; and the host that is watched without an agent. What devices send by syslog the
manager reads, agent 000: there only the location says whose it is. There is no word for "over": an alert is one thing that was
seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.alerts.bodies import Body, Free, Said, text_of
from handlers.alerts.labels import alert, moment
from handlers.documents import read as read_body
from handlers.errors import Refusal
from handlers.models import Field
from handlers.trigger import Alert, Lost

_LEVELS = ((15, "critical"), (12, "high"), (7, "warning"), (0, "info"))
_SEVERITY = {"critical": "critical", "high": "high", "medium": "warning", "low": "info", "info": "info"}
_MANAGER = "000"
"""The agent that is the manager itself."""
_LINES = {"Rule ID": "rule_id", "Level": "level", "Agent ID": "agent_id", "Agent Name": "agent"}


class Rule(Body):
    """What was found."""

    id: Said = ""
    description: Said = ""
    level: Said = ""
    groups: Any = ()


class Agent(Body):
    """Where."""

    id: Said = ""
    name: Said = ""


class Seen(Body):
    """An alert of Wazuh's. One of a host without an agent has ``agentless`` instead of ``agent``."""

    rule: Rule
    agent: Agent = Agent()
    agentless: Free = Field(default_factory=dict)
    location: Said = ""
    timestamp: Said = ""


class Told(Body):
    """What the script sends."""

    message: Said = ""
    description: Said = ""
    severity: Said = ""
    created_at: Said = ""


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one alert of a body. Raises Refusal."""
    keys = document.keys() if isinstance(document, Mapping) else ()
    if "rule" in keys and ("agent" in keys or "agentless" in keys):
        return [_seen(read_body(Seen, document), sender)]
    if "message" in keys and "description" in keys:
        return [_told(read_body(Told, document), sender)]
    raise Refusal("wrong_dialect", "rule: is missing, or agent is, so this is no alert of Wazuh's", field="rule")


def _seen(found: Seen, sender: str) -> Alert:
    rule = found.rule
    groups = rule.groups if isinstance(rule.groups, list) else [rule.groups]
    own = {
        "rule_id": rule.id,
        "rule": rule.description,
        "level": rule.level,
        "agent_id": found.agent.id,
        "agent": found.agent.name,
        "host": found.agentless.get("host"),
        "location": found.location,
        "groups": ",".join(text for each in groups if (text := text_of(each))),
        "severity": _severity(rule.level),
    }
    identity = ["rule_id", "agent_id", "host"]
    if found.agent.id in ("", _MANAGER):
        identity.append("location")
    return alert(sender, "firing", identity, own, title=rule.description, starts_at=moment(found.timestamp))


def _told(found: Told, sender: str) -> Alert:
    own = {"rule": found.message, **_lines(found.description), "severity": _SEVERITY.get(found.severity, "")}
    return alert(sender, "firing", ["rule_id", "agent_id"], own, title=found.message, starts_at=moment(found.created_at))


def _lines(description: str) -> dict[str, str]:
    """What the lines before the title and the log say: whoever can write to a log must not name the rule or the agent."""
    labels: dict[str, str] = {}
    for line in description.split("\n"):
        if line.startswith(("Title ", "Full Log ")):
            break
        for words, name in _LINES.items():
            if line.startswith(f"{words} "):
                labels.setdefault(name, line.removeprefix(words).strip())
    return labels


def _severity(level: str) -> str:
    """By the rule's level, 0 to 16; nothing where it is no whole number."""
    if not (level.isascii() and level.isdecimal() and len(level) <= 20):
        return ""
    return next(word for least, word in _LEVELS if int(level) >= least)
