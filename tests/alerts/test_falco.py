"""Falco's alerts: a rule, and where it was broken."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.falco import read
from handlers.errors import Refusal
from handlers.trigger import Alert

FIELDS = {
    "container.id": "c0ffee",
    "k8s.ns.name": "shop",
    "k8s.pod.name": "till-0",
    "proc.cmdline": "dd if=/dev/zero",
    "evt.time": "1795399200000000001",
    "proc.tty": 0,
    "user.name": None,
}


def one(**changes: Any) -> Alert:
    """None takes a key away."""
    document = {
        "rule": "Write to a raw disk",
        "output": "02:00:00 Error a raw disk is written to",
        "priority": "Error",
        "hostname": "node-3",
        "source": "syscall",
        "time": "2026-11-23T02:00:00.000000001Z",
        "uuid": "b2f1",
        "tags": ["disk", "mitre:impact"],
        "output_fields": FIELDS,
    } | changes
    (found,) = read({key: value for key, value in document.items() if value is not None}, "f")
    assert isinstance(found, Alert)
    return found


def test_a_rule_is_broken() -> None:
    assert one() == Alert(
        sender="f",
        status="firing",
        labels={
            "rule": "Write to a raw disk",
            "priority": "Error",
            "hostname": "node-3",
            "source": "syscall",
            "severity": "high",
            "tags": "disk,mitre:impact",
            "mitre": "impact",
            "container.id": "c0ffee",
            "k8s.ns.name": "shop",
            "k8s.pod.name": "till-0",
            "proc.cmdline": "dd if=/dev/zero",
            "evt.time": "1795399200000000001",
            "proc.tty": "0",
        },
        identity=("rule", "hostname", "container.id"),
        title="Write to a raw disk",
        severity="high",
        starts_at=datetime(2026, 11, 23, 2, 0, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("Emergency", "critical"),
        ("Alert", "critical"),
        ("CRITICAL", "critical"),
        ("error", "high"),
        ("Warning", "warning"),
        ("Notice", "info"),
        ("Informational", "info"),
        ("Debug", "info"),
        ("Severe", None),
        (3, None),
        (["Error"], None),
        (None, None),
    ],
)
def test_the_priority(said: object, severity: str | None) -> None:
    found = one(priority=said)
    assert (found.status, found.labels.get("severity")) == ("firing", severity)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"rule": "Test rule", "output": "This is a test from falcosidekick"}, "test"),
        ({"rule": "Test rule"}, "firing"),
        ({"output": "This is a test from falcosidekick"}, "firing"),
    ],
)
def test_falcosidekicks_test(changes: dict[str, Any], state: str) -> None:
    assert one(**changes).status == state


def test_an_old_falco_says_less() -> None:
    found = one(hostname=None, source=None, tags=None, output_fields={"proc.name": "dd"})
    assert found.labels == {"rule": "Write to a raw disk", "priority": "Error", "severity": "high", "proc.name": "dd"}
    assert found.identity == ("rule",)


def test_no_two_places_are_one_cause() -> None:
    here, there = one(), one(output_fields=FIELDS | {"container.id": "decaf"})
    assert [here.labels[name] for name in here.identity] != [there.labels[name] for name in there.identity]


@pytest.mark.parametrize("late", [{"k8s.ns.name": None, "k8s.pod.name": None}, {"k8s.pod.name": "other"}])
def test_what_is_known_late_of_a_container_is_no_part_of_the_cause(late: dict[str, object]) -> None:
    assert one(output_fields=FIELDS | late).identity == ("rule", "hostname", "container.id")


@pytest.mark.parametrize(
    ("container", "identity"),
    [
        ("host", ("rule", "hostname", "container.id", "k8s.ns.name", "k8s.pod.name")),
        (None, ("rule", "hostname", "k8s.ns.name", "k8s.pod.name")),
        ("", ("rule", "hostname", "k8s.ns.name", "k8s.pod.name")),
    ],
)
def test_without_a_container_the_pod_is_part_of_it(container: object, identity: tuple[str, ...]) -> None:
    assert one(output_fields=FIELDS | {"container.id": container}).identity == identity


@pytest.mark.parametrize(("source", "verb"), [("k8s_audit", {}), (None, {"ka.verb": "delete"}), ("k8saudit", {"ka.verb": "get"})])
def test_an_audited_event_is_about_what_was_acted_on(source: object, verb: dict[str, str]) -> None:
    target = {"ka.target.namespace": "shop", "ka.target.name": "till"}
    found = one(source=source, output_fields=target | verb)
    assert found.identity == ("rule", "hostname", "ka.target.namespace", "ka.target.name")
    assert one(source=source, output_fields=target | verb | {"container.id": "c0ffee"}).identity == (
        "rule",
        "hostname",
        "container.id",
    )


def test_a_tag_stands_for_no_field() -> None:
    tags = ["k8s.pod.name:forged", "container.id:forged", "ka.target.name:forged", "proc.name:tag"]
    found = one(tags=tags, output_fields={"proc.name": "dd", "ka.verb": "get"})
    assert (found.identity, found.labels["proc.name"]) == (("rule", "hostname"), "dd")
    assert "forged" not in found.labels.values()


def test_what_falco_says_of_itself_asks_for_nothing() -> None:
    found = one(rule="Falco internal: metrics snapshot", source="internal", priority="Informational", output_fields={"evt.n": 1})
    assert found.status == "other"


def test_a_field_never_takes_the_rules_place() -> None:
    found = one(
        tags=["hostname:other", "k:tag"],
        output_fields={"rule": "x", "hostname": "y", "severity": "info", "k": "field", "odd": {"x": 1}, "list": [1]},
    )
    assert (found.labels["rule"], found.labels["hostname"], found.severity) == ("Write to a raw disk", "node-3", "high")
    assert found.labels["k"] == "field"
    assert found.labels.keys().isdisjoint({"odd", "list"})


@pytest.mark.parametrize("fields", [None, [], "text"])
def test_fields_of_another_kind_are_none(fields: object) -> None:
    assert one(output_fields=fields).identity == ("rule", "hostname")


def test_a_long_command_is_cut_and_a_long_pod_is_refused() -> None:
    assert one(output_fields={"proc.cmdline": "x" * 5000}).labels["proc.cmdline"].startswith("x" * 1007 + "~")
    with pytest.raises(Refusal) as caught:
        one(output_fields={"k8s.pod.name": "x" * 1025})
    assert one(output_fields=FIELDS | {"k8s.pod.name": "x" * 1025}).status == "firing"  # not its identity
    assert (caught.value.reason, caught.value.field) == ("malformed", "k8s.pod.name")


@pytest.mark.parametrize("said", ["yesterday", 7, None, "2026-11-23T02:00:00"])
def test_a_time_that_is_none(said: object) -> None:
    assert one(time=said).starts_at is None


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        ({"rule": {"id": "hush", "level": 12}, "agent": {"id": "1"}, "output": "x"}, "wrong_dialect", "rule"),
        ({"rule": "hush"}, "wrong_dialect", "priority"),
        ({"priority": "Error", "output": "hush"}, "wrong_dialect", "rule"),
        (["hush"], "wrong_dialect", "rule"),
        (None, "wrong_dialect", "rule"),
        ({"rule": None, "priority": "Error"}, "malformed", "rule"),
        ({"rule": "", "priority": "Error", "hostname": "hush"}, "malformed", "rule"),
        ({"rule": ["hush"], "priority": "Error"}, "malformed", "rule"),
        ({"rule": "r", "priority": "Error", "output_fields": {f"hush{n}": n for n in range(300)}}, "malformed", "document"),
    ],
)
def test_what_is_refused(document: object, reason: str, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(document, "f")
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert "hush" not in caught.value.message
