"""Wazuh: the alert itself, and what a script makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.wazuh import read
from handlers.errors import Refusal
from handlers.trigger import Alert

RULE = {"id": "5763", "level": 10, "description": "sshd: brute force", "groups": ["syslog", "sshd"], "firedtimes": 3}
DESCRIPTION = "Rule ID 5763\nLevel 10\nAgent ID 004\nAgent Name db 1\nTitle sshd: brute force\nFull Log Mar 2 db sshd[9]: Failed"


def one(document: dict[str, Any]) -> Alert:
    (found,) = read(document, "wazuh")
    assert isinstance(found, Alert)
    return found


def seen(**changes: Any) -> Alert:
    return one(
        {
            "timestamp": "2026-03-02T03:00:05.250+0100",
            "rule": RULE,
            "agent": {"id": "004", "name": "db 1", "ip": "10.0.0.4"},
            "id": "1772416805.1",
            "location": "/var/log/auth.log",
            "full_log": "x",
        }
        | changes
    )


def told(**changes: Any) -> Alert:
    return one({"message": "sshd: brute force", "severity": "medium", "description": DESCRIPTION} | changes)


def test_an_alert() -> None:
    labels = {
        "rule_id": "5763",
        "rule": "sshd: brute force",
        "level": "10",
        "agent_id": "004",
        "agent": "db 1",
        "location": "/var/log/auth.log",
        "groups": "syslog,sshd",
        "severity": "warning",
    }
    began = datetime(2026, 3, 2, 2, 0, 5, 250000, tzinfo=UTC)
    assert seen() == Alert("wazuh", "firing", labels, ("rule_id", "agent_id"), "sshd: brute force", "warning", began)


def test_what_a_script_makes_of_it() -> None:
    labels = {
        "rule": "sshd: brute force",
        "rule_id": "5763",
        "level": "10",
        "agent_id": "004",
        "agent": "db 1",
        "severity": "warning",
    }
    expected = Alert("wazuh", "firing", labels, ("rule_id", "agent_id"), "sshd: brute force", "warning", None)
    assert told(created_at="just now") == expected


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (16, "critical"),
        (15, "critical"),
        (14, "high"),
        ("12", "high"),
        (11, "warning"),
        (7, "warning"),
        (6, "info"),
        (0, "info"),
        (None, ""),
        ("high", ""),
        (-1, ""),
        ("², ", ""),
        (10**400, ""),
    ],
)
def test_the_level_is_severity_on_our_scale(level: object, severity: str) -> None:
    assert seen(rule={**RULE, "level": level}).severity == severity


@pytest.mark.parametrize(
    ("said", "severity"),
    [("critical", "critical"), ("high", "high"), ("low", "info"), ("info", "info"), ("urgent", ""), (None, ""), ([], "")],
)
def test_a_scripts_severity(said: object, severity: str) -> None:
    assert told(severity=said).severity == severity


def test_a_log_line_cannot_name_the_rule_or_the_agent() -> None:
    found = told(description="Rule ID 5763\nFull Log sshd: x\nAgent ID 999\nAgent Name other\nRule ID 1\nLevel 16")
    assert found.labels == {"rule": "sshd: brute force", "rule_id": "5763", "severity": "warning"}
    assert told(description="Rule ID 5763\nRule ID 1").labels["rule_id"] == "5763"


def test_lines_of_another_system_and_words_that_only_begin_alike() -> None:
    labels = told(description="Rule ID 5763 \r\nAgent ID 004\r\nLevels 3\r\nAgent Names x\r\n").labels
    assert labels == {"rule": "sshd: brute force", "rule_id": "5763", "agent_id": "004", "severity": "warning"}


@pytest.mark.parametrize("agent", [None, {}, {"id": None, "name": "db 1"}])
def test_without_an_agents_id_the_rule_and_the_location_are_the_identity(agent: object) -> None:
    assert seen(agent=agent).identity == ("rule_id", "location")
    assert seen(agent=agent, location=None).identity == ("rule_id",)


def test_devices_behind_the_manager_are_told_apart_by_their_location() -> None:
    here, there = (seen(agent={"id": "000", "name": "manager"}, location=address) for address in ("10.0.0.1", "10.0.0.2"))
    assert here.identity == there.identity == ("rule_id", "agent_id", "location")
    assert (here.labels["location"], there.labels["location"]) == ("10.0.0.1", "10.0.0.2")


def test_a_host_without_an_agent() -> None:
    found = one({"rule": RULE, "agentless": {"host": "switch", "script": "ssh"}})
    assert (found.status, found.identity, found.labels["host"]) == ("firing", ("rule_id", "host"), "switch")


@pytest.mark.parametrize("agentless", [None, "switch", {}, {"host": None}, {"host": ["switch"]}])
def test_a_host_that_is_not_said(agentless: object) -> None:
    found = one({"rule": RULE, "agentless": agentless})
    assert (found.status, found.identity) == ("firing", ("rule_id",))


@pytest.mark.parametrize(
    ("groups", "expected"), [(["a", None, {}, 3], "a,3"), ("a", "a"), (None, None), ({"a": 1}, None), ([[]], None)]
)
def test_groups(groups: object, expected: str | None) -> None:
    assert seen(rule={**RULE, "groups": groups}).labels.get("groups") == expected


def test_an_alert_of_no_rule_and_no_agent_is_refused() -> None:
    documents: list[dict[str, Any]] = [{"rule": {}, "agent": {}}, {"message": "brute force", "description": "nothing of it"}]
    for document in documents:
        with pytest.raises(Refusal, match="rule_id: is missing") as caught:
            one(document)
        assert caught.value.reason == "malformed"


@pytest.mark.parametrize(("field", "odd"), [("rule", "5763"), ("rule", None), ("agent", "db 1"), ("agent", ["004"])])
def test_what_decides_is_an_object(field: str, odd: object) -> None:
    with pytest.raises(Refusal, match=f"^{field}: ") as caught:
        seen(**{field: odd})
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize(
    "foreign", [{}, [], None, "x", {"rule": "Shell", "priority": "Error"}, {"agent": {}}, {"message": "x"}, {"description": "x"}]
)
def test_a_foreign_body(foreign: object) -> None:
    with pytest.raises(Refusal) as caught:
        read(foreign, "wazuh")
    assert caught.value.reason == "wrong_dialect"
