"""Opsgenie's webhook: an action on an alert."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.opsgenie import read
from handlers.errors import Refusal
from handlers.trigger import Alert


def one(action: object = "Create", **changes: Any) -> Alert:
    """None takes a key of the alert away."""
    alert = {
        "alertId": "6a1f-17",
        "alias": "db-7/disk",
        "tinyId": "88",
        "message": "a disk of db-7 fails",
        "entity": "db-7",
        "source": "probe@example.org",
        "username": "probe@example.org",
        "priority": "P2",
        "createdAt": 1795399200123,
        "updatedAt": "1795399200123000000",
        "tags": ["storage", "site:north"],
    } | changes
    document = {
        "action": action,
        "alert": {key: value for key, value in alert.items() if value is not None},
        "source": {"name": "web", "type": "API"},
        "integrationId": "1b-2c",
        "integrationName": "Restore",
    }
    (found,) = read(document, "o")
    assert isinstance(found, Alert)
    return found


def test_an_alert_is_created() -> None:
    assert one() == Alert(
        sender="o",
        status="firing",
        labels={
            "alias": "db-7/disk",
            "alert_id": "6a1f-17",
            "entity": "db-7",
            "source": "probe@example.org",
            "action": "Create",
            "integration": "Restore",
            "priority": "P2",
            "severity": "high",
            "tags": "storage,site:north",
            "site": "north",
        },
        identity=("alias",),
        title="a disk of db-7 fails",
        severity="high",
        starts_at=datetime(2026, 11, 23, 2, 0, 0, 123000, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("Create", "firing"),
        ("Close", "resolved"),
        ("Acknowledge", "acknowledged"),
        ("UnAcknowledge", "other"),
        ("AddNote", "other"),
        ("Escalate", "other"),
        ("Take a restore point", "other"),
        ("create", "other"),
        (["Create"], "other"),
        (None, "other"),
    ],
)
def test_the_action(action: object, state: str) -> None:
    assert one(action).status == state


@pytest.mark.parametrize(
    ("said", "label", "severity"),
    [
        ("P1", "P1", "critical"),
        ("P2", "P2", "high"),
        ("P3", "P3", "warning"),
        ("P4", "P4", "info"),
        ("P5", "P5", "info"),
        (1, "1", "critical"),
        ("3", "3", "warning"),
        (5, "5", "info"),
        ("P6", "P6", None),
        (None, None, None),
        ({"id": "P1"}, None, None),
    ],
)
def test_the_priority(said: object, label: str | None, severity: str | None) -> None:
    found = one(priority=said)
    assert (found.labels.get("priority"), found.labels.get("severity"), found.severity) == (label, severity, severity or "")


@pytest.mark.parametrize("alias", [None, "", ["x"]])
def test_without_an_alias_its_number_is_the_identity(alias: object) -> None:
    assert one(alias=alias).identity == ("alert_id",)


def test_the_sender_of_the_webhook_is_not_the_alerts_source() -> None:
    assert "source" not in one(source=None).labels
    assert "username" not in one().labels


@pytest.mark.parametrize(
    ("tags", "label", "site"),
    [
        (["a", "site:south", "site:north"], "a,site:south,site:north", "south"),
        (" a , site:a:b ", "a,site:a:b", "a:b"),
        (["a", 7, None, " "], "a", None),
        ([], None, None),
        ({"site": "north"}, None, None),
        (None, None, None),
    ],
)
def test_tags(tags: object, label: str | None, site: str | None) -> None:
    found = one(tags=tags)
    assert (found.labels.get("tags"), found.labels.get("site")) == (label, site)


def test_details_come_after_tags_and_neither_takes_a_fields_place() -> None:
    found = one(
        tags=["site:north", "alias:other", "action:Close"],
        details={"site": "south", "alert_id": "z", "severity": "info", "vm": "v-1", "depth": 3, "nothing": None, "odd": {}},
    )
    assert (found.labels["site"], found.labels["alias"], found.labels["alert_id"]) == ("north", "db-7/disk", "6a1f-17")
    assert (found.labels["action"], found.severity, found.labels["vm"], found.labels["depth"]) == ("Create", "high", "v-1", "3")
    assert found.labels.keys().isdisjoint({"nothing", "odd"})


@pytest.mark.parametrize("details", ["text", ["a"], None])
def test_details_of_another_kind_are_none(details: object) -> None:
    assert one(details=details).status == "firing"


@pytest.mark.parametrize("said", ["1795399200123", 0, True, 1e30, None, []])
def test_a_time_that_is_none(said: object) -> None:
    assert one(createdAt=said).starts_at is None


def test_a_long_entity_is_cut() -> None:
    assert one(entity="e" * 2000).labels["entity"].startswith("e" * 1007 + "~")


def test_without_any_name_only_a_new_alert_is_refused() -> None:
    assert one("Close", alias=None, alertId=None).identity == ()
    with pytest.raises(Refusal) as caught:
        one(alias=None, alertId=None)
    assert (caught.value.reason, caught.value.field) == ("malformed", "alert_id")


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        ({"action": "Create", "data": {"issue": {"id": "hush"}}}, "wrong_dialect", "alert"),
        ([], "wrong_dialect", "alert"),
        ("hush", "wrong_dialect", "alert"),
        ({"action": "Create", "alert": None}, "malformed", "alert"),
        ({"action": "Create", "alert": "hush"}, "malformed", "alert"),
        ({"action": "Create", "alert": {"alias": "hush" * 257}}, "malformed", "alias"),
    ],
)
def test_what_is_refused(document: object, reason: str, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(document, "o")
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert "hush" not in caught.value.message
