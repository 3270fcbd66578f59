"""Dynatrace's problem notification, whose body is a template."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.dynatrace import read
from handlers.errors import Refusal
from handlers.trigger import Alert


def one(**changes: Any) -> Alert:
    """None takes a key away."""
    document = {
        "State": "OPEN",
        "ProblemID": "P-26111",
        "PID": "88120_1795399200000V2",
        "ProblemTitle": "Disk errors on db-7",
        "ProblemURL": "https://dt.example.org/#problems;pid=88120",
        "ProblemImpact": "INFRASTRUCTURE",
        "ProblemSeverity": "ERROR",
        "ProblemDetailsText": "long",
        "ProblemDetailsJSON": {"startTime": 1795399200000},
        "ImpactedEntity": "db-7",
        "ImpactedEntityNames": "db-7",
        "ImpactedEntities": [{"type": "HOST", "name": "db-7", "entity": "HOST-1"}],
        "Tags": "storage, site:north",
    } | changes
    (found,) = read({key: value for key, value in document.items() if value is not None}, "d")
    assert isinstance(found, Alert)
    return found


def test_a_problem_opens() -> None:
    assert one() == Alert(
        sender="d",
        status="firing",
        labels={
            "problem_id": "P-26111",
            "pid": "88120_1795399200000V2",
            "impact": "INFRASTRUCTURE",
            "entities": "db-7",
            "severity": "high",
            "tags": "storage,site:north",
            "site": "north",
        },
        identity=("pid",),
        title="Disk errors on db-7",
        severity="high",
        starts_at=datetime(2026, 11, 23, 2, 0, tzinfo=UTC),
        link="https://dt.example.org/#problems;pid=88120",
    )


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("OPEN", "firing"),
        ("RESOLVED", "resolved"),
        ("CLOSED", "resolved"),
        ("MERGED", "other"),
        ("open", "other"),
        ("{State}", "other"),
        (1, "other"),
        (None, "other"),
    ],
)
def test_the_state(said: object, state: str) -> None:
    assert one(State=said).status == state


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("AVAILABILITY", "critical"),
        ("ERROR", "high"),
        ("PERFORMANCE", "warning"),
        ("RESOURCE", "warning"),
        ("RESOURCE_CONTENTION", "warning"),
        ("CUSTOM_ALERT", None),
        (["ERROR"], None),
        (None, None),
    ],
)
def test_the_severity(said: object, severity: str | None) -> None:
    assert one(ProblemSeverity=said).labels.get("severity") == severity


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"PID": "{PID}"}, "test"),
        ({"PID": "99999", "ProblemID": "999"}, "test"),
        ({"PID": 99999, "ProblemID": 999, "State": "RESOLVED"}, "test"),
        ({"PID": "999999"}, "test"),
        ({"ProblemID": "TESTID"}, "test"),
        ({"PID": None, "ProblemID": 999999}, "test"),
        ({"ProblemTitle": "Dynatrace Problem Notification TEST RUN"}, "test"),
        ({"ProblemTitle": "Problem notification queue is full"}, "firing"),
        ({"PID": "99999"}, "firing"),
        ({"ProblemID": "999"}, "firing"),
    ],
)
def test_the_vendors_test(changes: dict[str, Any], state: str) -> None:
    assert one(**changes).status == state


@pytest.mark.parametrize("pid", [None, "", []])
def test_without_its_long_number_the_short_one_is_the_identity(pid: object) -> None:
    assert one(PID=pid).identity == ("problem_id",)


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ([{"name": "db-7"}, {"name": "", "entity": "HOST-2"}, {"entity": "HOST-3"}], "db-7,HOST-2,HOST-3"),
        ([{}, "db-7", None, {"name": ["x"]}], None),
        ("{ImpactedEntities}", None),
        (None, None),
    ],
)
def test_the_entities(said: object, label: str | None) -> None:
    assert one(ImpactedEntities=said).labels.get("entities") == label


def test_other_keys_are_labels_after_the_tags_and_never_take_a_fields_place() -> None:
    found = one(
        Stage="production",
        site="south",
        pid="7",
        severity="info",
        Depth=5,
        Ratio=5.0,
        Odd=["x"],
        Empty="",
        Tags="site:north,problem_id:9",
    )
    assert (found.labels["site"], found.labels["pid"], found.labels["problem_id"]) == (
        "north",
        "88120_1795399200000V2",
        "P-26111",
    )
    assert (found.severity, found.labels["Stage"], found.labels["Depth"], found.labels["Ratio"]) == (
        "high",
        "production",
        "5",
        "5.0",
    )
    assert found.labels.keys().isdisjoint(
        {"Odd", "Empty", "State", "PID", "ProblemTitle", "ProblemDetailsText", "ImpactedEntity"}
    )


def test_the_link_as_the_documentation_spells_it() -> None:
    found = one(ProblemURL=None, **{"Problem URL": "https://dt.example.org/7"})
    assert found.link == "https://dt.example.org/7"
    assert "Problem URL" not in found.labels


@pytest.mark.parametrize(
    "changes", [{"ProblemDetailsJSON": "text"}, {"ProblemDetailsJSON": {"startTime": -1}}, {"ProblemDetailsJSON": None}]
)
def test_a_start_that_is_none(changes: dict[str, Any]) -> None:
    assert one(**changes).starts_at is None


def test_what_decides_nothing_refuses_nothing() -> None:
    found = one(ProblemTitle={"x": 1}, ProblemURL=[], ProblemImpact=7, Tags=9, ImpactedEntity={"x": 1})
    assert (found.status, found.title, found.link, found.labels["impact"]) == ("firing", "88120_1795399200000V2", "", "7")


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        ({"State": "OPEN"}, "wrong_dialect", "ProblemID"),
        ({"alerts": [], "status": "hush"}, "wrong_dialect", "ProblemID"),
        ([{"ProblemID": "hush"}], "wrong_dialect", "ProblemID"),
        (None, "wrong_dialect", "ProblemID"),
        ({"State": "OPEN", "ProblemTitle": "hush"}, "malformed", "problem_id"),
        ({"State": "OPEN", "ProblemID": None, "PID": None}, "malformed", "problem_id"),
        ({"State": "OPEN", "PID": "hush" * 257}, "malformed", "pid"),
    ],
)
def test_what_is_refused(document: object, reason: str, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(document, "d")
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert "hush" not in caught.value.message
