"""Dynatrace's problem notifications, custom integration (docs.dynatrace.com, "Webhook integration for problem notifications").

The body is the operator's template; read is what the documented template holds, under its names. ``PID`` is the problem,
``ProblemID`` the number people see, which a shorter template may have alone. Other keys are the operator's, and labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.alerts.bodies import Body, Free, Listed, Said, text_of
from handlers.alerts.labels import alert, since_1970, tagged
from handlers.documents import read as read_body
from handlers.errors import Refusal
from handlers.models import Field
from handlers.trigger import Alert, Lost, Status

_STATUS: dict[str, Status] = {"OPEN": "firing", "RESOLVED": "resolved", "CLOSED": "resolved"}
_SEVERITY = {
    "AVAILABILITY": "critical",
    "ERROR": "high",
    "PERFORMANCE": "warning",
    "RESOURCE": "warning",
    "RESOURCE_CONTENTION": "warning",
}
_DOCUMENTED = {
    "State",
    "ProblemID",
    "PID",
    "ProblemTitle",
    "ProblemURL",
    "Problem URL",
    "ProblemImpact",
    "ProblemSeverity",
    "ImpactedEntity",
    "ImpactedEntities",
    "ImpactedEntityNames",
    "Tags",
}
_SIGNS = ("ProblemID", "PID", "ProblemTitle")
"""One of these every template has: without any, people would not know what the notification is about."""
_TEST = ("99999", "999")
"""``PID`` and ``ProblemID`` of the test the settings page sends."""
_TEST_IDS = ("TESTID", "999999")
"""Either of them in that test of other versions (published receivers of it look for these, and for the title)."""
_TEST_TITLE = "problem notification test run"


class Problem(Body):
    """The documented template's keys."""

    state: Said = Field(default="", alias="State")
    problem_id: Said = Field(default="", alias="ProblemID")
    pid: Said = Field(default="", alias="PID")
    title: Said = Field(default="", alias="ProblemTitle")
    url: Said = Field(default="", alias="ProblemURL")
    url_with_space: Said = Field(default="", alias="Problem URL")
    """How the documentation's own template spells it."""
    impact: Said = Field(default="", alias="ProblemImpact")
    severity: Said = Field(default="", alias="ProblemSeverity")
    entities: Listed = Field(default=(), alias="ImpactedEntities")
    tags: Any = Field(default=None, alias="Tags")
    details: Free = Field(default_factory=dict, alias="ProblemDetailsJSON")


def read(document: object, sender: str) -> list[Alert | Lost]:
    """The one alert of a body. Raises Refusal."""
    if not isinstance(document, Mapping) or document.keys().isdisjoint(_SIGNS):
        raise Refusal("wrong_dialect", "ProblemID: is missing, so this is no Dynatrace problem notification", field="ProblemID")
    problem = read_body(Problem, document)
    tags, pairs = tagged(problem.tags)
    own = {
        "problem_id": problem.problem_id,
        "pid": problem.pid,
        "impact": problem.impact,
        "entities": ",".join(filter(None, map(_name, problem.entities))),
        "severity": _SEVERITY.get(problem.severity, ""),
        "tags": tags,
    }
    found = alert(
        sender,
        _status(problem),
        ["pid" if problem.pid else "problem_id"],
        own,
        pairs,
        {key: document[key] for key in document if key not in _DOCUMENTED and not key.startswith("ProblemDetails")},
        title=problem.title,
        starts_at=since_1970(problem.details.get("startTime"), 0.001),
        link=problem.url or problem.url_with_space,
    )
    return [found]


def _status(problem: Problem) -> Status:
    ids = (problem.pid, problem.problem_id)
    if "{PID}" in problem.pid or ids == _TEST or not set(ids).isdisjoint(_TEST_IDS):
        return "test"
    if _TEST_TITLE in problem.title.lower():
        return "test"
    return _STATUS.get(problem.state, "other")


def _name(entity: object) -> str:
    return text_of(entity.get("name")) or text_of(entity.get("entity")) if isinstance(entity, Mapping) else ""
