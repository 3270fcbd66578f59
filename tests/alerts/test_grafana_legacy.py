"""Grafana 7 and older: a rule with one state."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.alerts.grafana_legacy import read
from handlers.errors import Refusal
from handlers.trigger import Alert


def one(**changes: Any) -> Alert:
    """None takes a key away."""
    document = {
        "ruleId": 41,
        "ruleName": "Replication lag",
        "ruleUrl": "https://grafana.example.org/d/x?tab=alert",
        "orgId": 2,
        "dashboardId": 9,
        "panelId": 5,
        "state": "alerting",
        "title": "[Alerting] Replication lag",
        "evalMatches": [{"value": 9.5, "metric": "lag", "tags": None}],
        "tags": {"team": "storage"},
    } | changes
    (found,) = read({key: value for key, value in document.items() if value is not None}, "g")
    assert isinstance(found, Alert)
    return found


def test_a_rule_that_fires() -> None:
    assert one() == Alert(
        sender="g",
        status="firing",
        labels={
            "rule_id": "41",
            "rule_name": "Replication lag",
            "org_id": "2",
            "dashboard_id": "9",
            "panel_id": "5",
            "team": "storage",
        },
        identity=("org_id", "rule_id"),
        title="Replication lag",
        severity="",
        starts_at=None,
        link="https://grafana.example.org/d/x?tab=alert",
    )


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("alerting", "firing"),
        ("ok", "resolved"),
        ("no_data", "no_data"),
        ("pending", "other"),
        ("paused", "other"),
        ("Alerting", "other"),
        (["alerting"], "other"),
        (None, "other"),
    ],
)
def test_the_state(said: object, state: str) -> None:
    assert one(state=said).status == state


@pytest.mark.parametrize("number", [0, "0"])
@pytest.mark.parametrize("state", ["alerting", "ok"])
def test_the_rule_number_nought_is_the_test(number: object, state: str) -> None:
    assert one(ruleId=number, state=state, orgId=0).status == "test"


def test_without_an_organisation_the_rule_is_the_cause() -> None:
    found = one(orgId=None, dashboardId=None, panelId=None, tags=None)
    assert (found.labels, found.identity) == ({"rule_id": "41", "rule_name": "Replication lag"}, ("rule_id",))


def test_numbers_as_text_are_the_same() -> None:
    assert one(ruleId="41", orgId="2").labels == one().labels


def test_a_tag_never_takes_a_fields_place() -> None:
    found = one(tags={"rule_id": "7", "org_id": "8", "severity": "page", "depth": 5, "ratio": 5.0, "on": True, "odd": ["x"]})
    assert (found.labels["rule_id"], found.labels["org_id"], found.severity) == ("41", "2", "page")
    assert (found.labels["depth"], found.labels["ratio"], found.labels["on"]) == ("5", "5.0", "true")
    assert "odd" not in found.labels


@pytest.mark.parametrize("tags", [["a"], "a:b", 7])
def test_tags_of_another_kind_are_none(tags: object) -> None:
    assert one(tags=tags).status == "firing"


def test_a_long_tag_is_cut_and_a_long_name_dropped() -> None:
    found = one(tags={"note": "n" * 1025, "k" * 129: "x"})
    assert found.labels["note"].startswith("n" * 1007 + "~")
    assert "k" * 129 not in found.labels


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"ruleName": None}, "[Alerting] Replication lag"),
        ({"ruleName": None, "title": None}, "rule 41"),
        ({"ruleName": ["x"]}, "[Alerting] Replication lag"),
    ],
)
def test_what_people_call_it(changes: dict[str, Any], title: str) -> None:
    assert one(**changes).title == title


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        ({"alerts": [], "ruleId": 4}, "unknown_version", "alerts"),
        ({"alerts": "hush"}, "unknown_version", "alerts"),
        ({"state": "alerting", "title": "hush"}, "wrong_dialect", "ruleId"),
        ([{"ruleId": 4}], "wrong_dialect", "ruleId"),
        (None, "wrong_dialect", "ruleId"),
        ({"ruleId": None, "orgId": 1, "state": "alerting"}, "malformed", "ruleId"),
        ({"ruleId": "", "orgId": 1, "state": "alerting"}, "malformed", "ruleId"),
        ({"ruleId": {"hush": 1}, "orgId": 1, "state": "alerting"}, "malformed", "ruleId"),
        ({"ruleId": "hush" * 300, "state": "alerting"}, "malformed", "rule_id"),
    ],
)
def test_what_is_refused(document: object, reason: str, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(document, "g")
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert "hush" not in caught.value.message
