"""Cloud Eye: the JSON of an alarm, and the text that says the same to people."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.cloud_eye import read
from handlers.envelope import Text
from handlers.errors import Refusal
from handlers.trigger import Alert

CANARY = "hush-90ab"
UNREAD = Refusal("malformed", "the message is not JSON")
SUBJECT = "From Cloud Eye: disk of erp-1"


def message(**changes: Any) -> dict[str, Any]:
    return {
        "message_type": "alarm",
        "alarm_id": "al1700000000000abcdefgh",
        "alarm_name": "erp-disk",
        "alarm_status": "alarm",
        "time": 1772416807120,
        "namespace": "AGT.ECS",
        "metric_name": "disk_usedPercent",
        "dimension": "instance_id:5f0c-1,mount_point:/data",
        "template_variable": {
            "ResourceId": "5f0c-1",
            "ResourceName": "erp-1",
            "Region": "EU-DE",
            "Namespace": "Elastic Cloud Server",
            "AlarmLevel": "Major",
            "Link": "https://console.example.com/ces",
        },
    } | changes


def one(document: object) -> Alert:
    (found,) = read(document, "ces")
    assert isinstance(found, Alert)
    return found


def text(subject: str, body: str = "") -> Alert:
    return one(Text(body, subject, UNREAD))


def refused(document: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(document, "ces")
    assert CANARY not in caught.value.message
    return caught.value


def test_an_alarm() -> None:
    labels = {
        "alarm_id": "al1700000000000abcdefgh",
        "alarm_name": "erp-disk",
        "namespace": "AGT.ECS",
        "metric_name": "disk_usedPercent",
        "dimension": "instance_id:5f0c-1,mount_point:/data",
        "resource_id": "5f0c-1",
        "resource_name": "erp-1",
        "region": "EU-DE",
        "severity": "high",
        "instance_id": "5f0c-1",
        "mount_point": "/data",
    }
    since = datetime(2026, 3, 2, 2, 0, 7, 120000, UTC)
    identity = ("alarm_id", "metric_name", "dimension")
    assert one(message()) == Alert(
        "ces", "firing", labels, identity, "erp-disk", "high", since, "https://console.example.com/ces"
    )


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("ok", "resolved"),
        ("insufficient_data", "no_data"),
        ("invalid", "other"),
        ("ALARM", "other"),
        (None, "other"),
        (1, "other"),
    ],
)
def test_states(said: object, status: str) -> None:
    assert one(message(alarm_status=said)).status == status


@pytest.mark.parametrize(
    ("level", "number", "severity"),
    [
        ("Critical", None, "critical"),
        ("Minor", 1, "warning"),
        ("Informational", None, "info"),
        (None, 2, "high"),
        (None, "4", "info"),
        ("Fatal", 3, "warning"),
        (["Major"], None, ""),
        (None, 5, ""),
    ],
)
def test_levels(level: object, number: object, severity: str) -> None:
    found = one(message(template_variable={"AlarmLevel": level}, alarm_level=number))
    assert (found.severity, found.labels.get("severity", "")) == (severity, severity)


def test_one_rule_watches_many_resources() -> None:
    first, second = one(message()), one(message(dimension="instance_id:5f0c-2"))
    assert first.labels["alarm_id"] == second.labels["alarm_id"]
    assert [first.labels[key] for key in first.identity] != [second.labels[key] for key in second.identity]


@pytest.mark.parametrize("variables", [None, CANARY, [], {}, {"ResourceId": [], "Link": {}}])
def test_what_texts_are_made_of_may_be_missing(variables: object) -> None:
    found = one(message(template_variable=variables, time="1772416807120", alarm_name=None))
    assert (found.status, found.starts_at, found.link, found.title) == ("firing", None, "", found.labels["alarm_id"])
    assert not {"resource_id", "resource_name", "region"} & found.labels.keys()


def test_a_dimension_takes_no_own_labels_place() -> None:
    found = one(message(dimension="namespace:SYS.CBR, alarm_id:x,,plain,:y,z:,disk:a:b,disk:c")).labels
    assert (found["namespace"], found["alarm_id"], found["disk"]) == ("AGT.ECS", "al1700000000000abcdefgh", "a:b")
    assert not {"plain", "", "z"} & found.keys()


def test_identity_has_no_holes() -> None:
    assert one(message(alarm_id=None)).identity == ("metric_name", "dimension")
    nameless = message(alarm_id=None, metric_name="", dimension=[CANARY])
    assert refused(nameless).reason == "malformed"
    assert one(nameless | {"alarm_status": "ok"}).identity == ()
    assert refused(message(dimension="d" * 1025)).field == "dimension"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (None, "wrong_dialect"),
        ([], "wrong_dialect"),
        (CANARY, "wrong_dialect"),
        ({"alarm_id": CANARY, "alarm_status": "alarm"}, "wrong_dialect"),
        (message(message_type="event"), "unknown_version"),
        (message(message_type=[CANARY]), "unknown_version"),
    ],
)
def test_refusals(document: object, reason: str) -> None:
    refusal = refused(document)
    assert (refusal.reason, refusal.field) == (reason, "message_type")


# ── Text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_alarm_as_text() -> None:
    labels = {"subject": SUBJECT, "resource_id": "5f0c-1", "severity": "critical"}
    found = text(f"[Critical Alarm] {SUBJECT} ", 'The disk of ECS "erp-1" (used: 90%) (ID: 5f0c-1) is full.')
    assert found == Alert("ces", "firing", labels, ("subject", "resource_id"), SUBJECT, "critical", None)


@pytest.mark.parametrize("bracket", ["[Critical OK]", "[Critical Ok]", "[Critical ok]"])
def test_it_is_over_in_any_case(bracket: str) -> None:
    found = text(f"{bracket}{SUBJECT}", "(ID: 5f0c-1)")
    assert (found.status, [found.labels[key] for key in found.identity]) == ("resolved", [SUBJECT, "5f0c-1"])


@pytest.mark.parametrize(
    ("body", "resource_id"),
    [
        ("", ""),
        ("(ID: )", ""),
        ("(ID: never closed", ""),
        ("(Private ID: x)", ""),
        ("(ID:5f0c-1)", "5f0c-1"),
        ("(Private IP Address: 10.0.0.7, Public IP Address: 192.0.2.7, ID: 5f0c-1)", "5f0c-1"),
        ("((((ID: a) (ID: b)", "a"),
    ],
)
def test_the_resource_in_the_text(body: str, resource_id: str) -> None:
    found = text(f"[Minor Alarm]{SUBJECT}", body)
    assert (found.labels.get("resource_id", ""), found.status) == (resource_id, "firing")


def test_a_level_nobody_knows_is_no_reason_to_lose_an_alarm() -> None:
    found = text("[Notable Alarm]disk")
    assert (found.status, found.severity) == ("firing", "")


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "disk",
        "[Critical Alarm",
        "Critical Alarm]disk",
        "[Alarm]disk",
        "[eu][Critical Alarm]disk",
        "[Critical Event]disk",
        "[]x",
    ],
)
def test_other_subjects(subject: str) -> None:
    refusal = refused(Text(CANARY, subject + CANARY, UNREAD))
    assert (refusal.reason, refusal.field) == ("wrong_dialect", "subject")


def test_a_bracket_that_never_closes() -> None:
    assert refused(Text("(ID: 5f0c-1)", "[Critical Alarm", UNREAD)).reason == "wrong_dialect"


def test_a_subject_that_is_nothing_but_its_bracket() -> None:
    assert refused(Text("", "[Critical Alarm] ", UNREAD)).reason == "malformed"


@pytest.mark.parametrize("body", ["(" * 200_000, "(ID:" * 50_000, ",ID:" * 50_000, "(" + " " * 200_000, "(" + ", ID: " * 30_000])
def test_no_text_makes_it_slow(body: str) -> None:
    began = time.monotonic()
    assert text("[Critical Alarm]disk", body).status == "firing"
    assert time.monotonic() - began < 3
