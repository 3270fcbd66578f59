"""Any JSON, by the paths of the rules file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts import reader
from handlers.alerts.generic import read
from handlers.envelope import Text
from handlers.errors import Refusal
from handlers.rules import Sender
from handlers.rules.tables import Paths
from handlers.trigger import Alert

CANARY = "hush-2f5e"
BEGAN = datetime(2026, 3, 2, 2, 0, 7, tzinfo=UTC)


def incident(**changes: Any) -> dict[str, Any]:
    return {
        "id": 17,
        "state": "Open",
        "host": "erp-1",
        "grade": "SEV0",
        "text": "disk is full",
        "since": "2026-03-02T02:00:07Z",
        "url": "https://example.com/17",
    } | changes


def paths(**changes: Any) -> Paths:
    given = {
        "identity": ["incident.id"],
        "status": "incident.state",
        "firing": ["open", "ESCALATED"],
        "resolved": ["Closed"],
        "labels": {"host": "incident.host"},
        "title": "incident.text",
        "severity": "incident.grade",
        "starts_at": "incident.since",
        "link": "incident.url",
    } | changes
    return Paths.model_validate({key: value for key, value in given.items() if value is not None})


def one(document: object, **changes: Any) -> Alert:
    (found,) = read(document, "own", paths=paths(**changes))
    assert isinstance(found, Alert)
    return found


def refused(document: object, **changes: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(document, "own", paths=paths(**changes))
    assert CANARY not in caught.value.message
    return caught.value


def test_everything_the_paths_name() -> None:
    labels = {"incident.id": "17", "host": "erp-1", "severity": "critical"}
    expected = Alert("own", "firing", labels, ("incident.id",), "disk is full", "critical", BEGAN, "https://example.com/17")
    assert one({"incident": incident()}) == replace(expected, said="Open")


def test_identity_is_enough_and_then_everything_fires() -> None:
    bare = Paths(identity=("incident.id",))
    sender = Sender(dialect="generic", proof="platform", paths=bare)
    assert reader(sender)({"incident": incident()}, "own") == [
        Alert("own", "firing", {"incident.id": "17"}, ("incident.id",), "17", "", None)
    ]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("OPEN", "firing"),
        ("escalated", "firing"),
        ("CLOSED", "resolved"),
        ("open ", "other"),
        ("acknowledged", "other"),
        ("", "other"),
        (None, "other"),
        (["open"], "other"),
        ({"open": 1}, "other"),
    ],
)
def test_words_of_the_status(state: object, status: str) -> None:
    assert one({"incident": incident(state=state)}).status == status


@pytest.mark.parametrize(("state", "firing"), [(True, "true"), (1, "1"), (0.5, "0.5"), (0, "0")])
def test_a_status_that_is_no_text(state: object, firing: str) -> None:
    assert one({"incident": incident(state=state)}, firing=[firing], resolved=[]).status == "firing"


@pytest.mark.parametrize(
    ("value", "text"),
    [(17, "17"), ("17", "17"), (0, "0"), (0.5, "0.5"), (5.0, "5.0"), (False, "false"), ("x" * 1024, "x" * 1024)],
)
def test_identity_is_text_or_a_number(value: object, text: str) -> None:
    assert one({"incident": incident(id=value)}).labels["incident.id"] == text


@pytest.mark.parametrize("value", [None, "", [], {}, [17], {"id": 17}])
def test_an_identity_that_leads_nowhere_is_somebody_elses(value: object) -> None:
    refusal = refused({"incident": incident(id=value, state="closed")})
    assert (refusal.reason, refusal.field) == ("wrong_dialect", "incident.id")


@pytest.mark.parametrize(
    "document", [None, [], CANARY, 7, {}, {"incident": CANARY}, {"incident": None}, {"incident": [{"id": 1}]}]
)
def test_foreign_bodies(document: object) -> None:
    assert refused(document).reason == "wrong_dialect"


def test_text_is_no_document() -> None:
    assert refused(Text(CANARY, CANARY, Refusal("malformed", CANARY))).reason == "wrong_dialect"


def test_all_of_an_identity_is_needed_and_kept_in_order() -> None:
    found = one({"incident": incident()}, identity=["incident.host", "incident.id"])
    assert (found.identity, found.labels["incident.host"]) == (("incident.host", "incident.id"), "erp-1")
    assert refused({"incident": incident(host=None)}, identity=["incident.id", "incident.host"]).field == "incident.host"


def test_a_long_path_of_identity_is_not_dropped() -> None:
    key = "k" * 300
    assert one({key: "x"} | {"incident": incident()}, identity=[key, "incident.id"]).identity == (key, "incident.id")


def test_long_values() -> None:
    assert len(one({"incident": incident(host="h" * 2000)}).labels["host"]) == 1024
    assert refused({"incident": incident(id="i" * 1025)}).reason == "malformed"


def test_numbers_are_places_in_lists_and_keys_of_objects() -> None:
    document = {"hits": [{"id": "a"}, {"id": "b"}], "7": {"id": "c"}}
    assert one(document, identity=["hits.1.id", "7.id"]).labels["hits.1.id"] == "b"
    assert one([{"id": "a"}], identity=["0.id"]).labels["0.id"] == "a"


@pytest.mark.parametrize(
    "path", ["hits.2.id", "hits.-1.id", "hits.x.id", "hits.².id", "hits.\u0661.id", "hits.0.id.0", f"hits.{'9' * 400}.id"]
)
def test_places_that_are_not_there(path: str) -> None:
    assert refused({"hits": [{"id": "a"}, {"id": "b"}]}, identity=[path]).reason == "wrong_dialect"


def test_a_list_of_alerts() -> None:
    document = {"items": [incident(), incident(id=18, state="closed")], "id": "outside"}
    found = read(document, "own", paths=paths(alerts="items", identity=["id"], status="state", labels=None, severity="grade"))
    assert [(each.status, each.labels) for each in found if isinstance(each, Alert)] == [
        ("firing", {"id": "17", "severity": "critical"}),
        ("resolved", {"id": "18", "severity": "critical"}),
    ]
    assert read({"items": []}, "own", paths=paths(alerts="items")) == []


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        ({}, "wrong_dialect", "items"),
        ({"items": None}, "wrong_dialect", "items"),
        ({"items": {"0": incident()}}, "malformed", "items"),
        ({"items": CANARY}, "malformed", "items"),
        ({"items": [CANARY]}, "wrong_dialect", "items.0.id"),
        ({"items": [incident(id="i" * 1025), CANARY]}, "malformed", "items.0.id"),
    ],
)
def test_lists_that_are_none(document: object, reason: str, field: str) -> None:
    refusal = refused(document, alerts="items", identity=["id"])
    assert (refusal.reason, refusal.field) == (reason, field)


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("FATAL", "critical"),
        ("p2", "high"),
        ("Error", "high"),
        ("minor", "warning"),
        ("sev2", "warning"),
        ("P5", "info"),
        ("Disaster", "Disaster"),
        (3, "3"),
        (None, ""),
        ([], ""),
    ],
)
def test_severities(said: object, severity: str) -> None:
    found = one({"incident": incident(grade=said)})
    assert (found.severity, found.labels.get("severity", "")) == (severity, severity)


def test_a_label_takes_no_identitys_place() -> None:
    assert one({"incident": incident()}, labels={"incident.id": "incident.host"}).labels["incident.id"] == "17"


@pytest.mark.parametrize("odd", [None, "", [], {}, {"a": CANARY}])
def test_what_does_not_decide_refuses_nothing(odd: object) -> None:
    found = one({"incident": incident(host=odd, text=odd, since=odd, url=odd)})
    assert (found.status, found.title, found.starts_at, found.link, "host" in found.labels) == ("firing", "17", None, "", False)


@pytest.mark.parametrize(
    ("since", "began"),
    [
        (1772416807, BEGAN),
        (1772416807000, BEGAN),
        ("2026-03-02T03:00:07+01:00", BEGAN),
        ("2026-03-02", None),
        (0, None),
        (True, None),
        (-1, None),
        (9e15, None),
    ],
)
def test_times(since: object, began: datetime | None) -> None:
    assert one({"incident": incident(since=since)}).starts_at == began
