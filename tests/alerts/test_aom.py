"""AOM's events: one or a list of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.aom import read
from handlers.errors import Refusal
from handlers.trigger import Alert

CANARY = "hush-b21f"


def event(metadata: object = None, **changes: Any) -> dict[str, Any]:
    said = {
        "event_name": "DiskFull",
        "event_severity": "Major",
        "event_type": "alarm",
        "resource_provider": "ECS",
        "resource_type": "vm",
        "resource_id": "5f0c-1",
    }
    whole = said | metadata if isinstance(metadata, dict) else metadata or said
    return {
        "id": "4410",
        "starts_at": 1772416807000,
        "ends_at": 0,
        "metadata": whole,
        "annotations": {"message": "full"},
    } | changes


def one(document: object) -> Alert:
    (found,) = read(document, "aom")
    assert isinstance(found, Alert)
    return found


def refused(document: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(document, "aom")
    assert CANARY not in caught.value.message
    return caught.value


@pytest.mark.parametrize("document", [event(), {"events": [event()], "project_id": "p"}])
def test_an_event(document: object) -> None:
    labels = {
        "event_id": "4410",
        "event_name": "DiskFull",
        "event_type": "alarm",
        "resource_provider": "ECS",
        "resource_type": "vm",
        "resource_id": "5f0c-1",
        "severity": "high",
        "message": "full",
    }
    since = datetime(2026, 3, 2, 2, 0, 7, tzinfo=UTC)
    assert one(document) == Alert("aom", "firing", labels, ("event_id",), "DiskFull", "high", since)


def test_every_event_stands_for_itself() -> None:
    found = read({"events": [event(), event(id="4411", ends_at=1772416900000)]}, "aom")
    assert [each.status for each in found if isinstance(each, Alert)] == ["firing", "resolved"]
    assert read({"events": []}, "aom") == []


@pytest.mark.parametrize(
    ("ends_at", "status"),
    [(None, "firing"), ("", "firing"), ("0", "firing"), (0.0, "firing"), (1, "resolved"), ("1772416900000", "resolved")],
)
def test_an_end_is_the_end(ends_at: object, status: str) -> None:
    assert one(event(ends_at=ends_at)).status == status


@pytest.mark.parametrize("number", [None, "", [], {}])
def test_without_an_id_it_goes_by_resource_and_name(number: object) -> None:
    found = one(event(id=number, annotations={"event_id": CANARY}))
    assert (found.identity, found.title) == (("resource_id", "event_name"), "DiskFull")
    assert one(event({"resource_id": None}, id=number)).identity == ("event_name",)


def test_an_id_may_be_a_number() -> None:
    assert one(event(id=4410)).labels["event_id"] == "4410"


@pytest.mark.parametrize(
    ("said", "severity"),
    [("Critical", "critical"), ("Minor", "warning"), ("Info", "info"), ("Fatal", ""), (None, ""), (["Major"], ""), (2, "")],
)
def test_severities(said: object, severity: str) -> None:
    found = one(event({"event_severity": said}))
    assert (found.severity, "event_severity" in found.labels) == (severity, False)


def test_free_ones_stand_behind() -> None:
    metadata = {"team": "erp", "size": 0.5, "nested": {CANARY: 1}}
    annotations = {"team": "other", "resource_id": "spoofed", "event_id": "spoofed", "severity": "info", "note": True}
    found = one(event(metadata, annotations=annotations)).labels
    assert [found[key] for key in ("team", "size", "resource_id", "event_id", "severity", "note")] == [
        "erp",
        "0.5",
        "5f0c-1",
        "4410",
        "high",
        "true",
    ]
    assert "nested" not in found


@pytest.mark.parametrize("annotations", [None, CANARY, []])
def test_strange_annotations_and_times_lose_no_event(annotations: object) -> None:
    found = one(event({"event_name": [CANARY]}, annotations=annotations, starts_at=CANARY))
    assert (found.status, found.starts_at, found.title) == ("firing", None, "4410")


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        (None, "wrong_dialect", "metadata"),
        ([event()], "wrong_dialect", "metadata"),
        ({"id": CANARY, "alerts": []}, "wrong_dialect", "metadata"),
        ({"events": None}, "malformed", "events"),
        ({"events": {"0": event()}}, "malformed", "events"),
        ({"events": [CANARY]}, "malformed", "events[0]"),
        ({"events": [{"id": None}]}, "malformed", "resource_id"),
        (event(id="i" * 1025), "malformed", "event_id"),
        (event({f"k{n}": "v" for n in range(256)}), "malformed", "document"),
    ],
)
def test_refusals(document: object, reason: str, field: str) -> None:
    refusal = refused(document)
    assert (refusal.reason, refusal.field) == (reason, field)
