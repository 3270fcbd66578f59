"""Uptime Kuma: what a heartbeat, a monitor and a message become."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.uptime_kuma import read
from handlers.errors import Refusal
from handlers.trigger import Alert


def document(**changes: Any) -> dict[str, Any]:
    return {
        "heartbeat": {"monitorID": 7, "status": 0, "time": "2026-03-02 02:00:05.250", "localDateTime": "2026-03-02 03:00:05"},
        "monitor": {
            "id": 7,
            "name": "Ledger",
            "type": "port",
            "url": "https://",
            "hostname": "ledger.example",
            "basic_auth_pass": "hush",
            "tags": [{"name": "team", "value": "books"}, {"name": "team", "value": "second"}, {"name": "bare", "value": ""}],
        },
        "msg": "[Ledger] [Down] connect ECONNREFUSED",
    } | changes


def one(**changes: Any) -> Alert:
    (found,) = read(document(**changes), "kuma")
    assert isinstance(found, Alert)
    return found


def beat(**changes: Any) -> dict[str, Any]:
    return {**document()["heartbeat"], **changes}


def monitor(**changes: Any) -> dict[str, Any]:
    return {**document()["monitor"], **changes}


def test_a_monitor_that_is_down() -> None:
    labels = {
        "monitor_id": "7",
        "monitor": "Ledger",
        "type": "port",
        "url": "https://",
        "hostname": "ledger.example",
        "team": "books",
    }
    began = datetime(2026, 3, 2, 2, 0, 5, 250000, tzinfo=UTC)
    assert one() == Alert("kuma", "firing", labels, ("monitor_id",), "Ledger", "", began)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, "firing"),
        ("0", "firing"),
        (1, "resolved"),
        (2, "other"),
        (3, "other"),
        (False, "other"),
        (None, "other"),
        (7, "other"),
    ],
)
def test_the_heartbeat_decides(status: object, expected: str) -> None:
    assert one(heartbeat=beat(status=status)).status == expected


@pytest.mark.parametrize("heartbeat", [{"heartbeat": None, "monitor": None}, {}])
def test_a_message_alone_is_a_test_or_a_certificate_and_not_an_outage(heartbeat: dict[str, Any]) -> None:
    assert read({"msg": "Ledger Testing", **heartbeat}, "kuma") == [Alert("kuma", "test", {}, (), "Ledger Testing", "", None)]


@pytest.mark.parametrize("other", [None, [], "Ledger", {"id": None}, {"id": {}}])
def test_the_heartbeat_names_the_monitor_where_the_monitor_does_not(other: object) -> None:
    assert one(monitor=other).labels["monitor_id"] == "7"


def test_no_tag_takes_the_place_of_the_monitor() -> None:
    tags = [{"name": "monitor_id", "value": "1"}, {"name": "monitor", "value": "Other"}, {"name": "severity", "value": "high"}]
    found = one(monitor=monitor(tags=tags))
    assert (found.labels["monitor_id"], found.labels["monitor"], found.severity) == ("7", "Ledger", "high")


@pytest.mark.parametrize("tags", [None, "team", {"name": "a"}, [None, 3, ["a"], {"name": None, "value": "x"}, {"value": {}}]])
def test_odd_tags_lose_no_alert(tags: object) -> None:
    found = one(monitor=monitor(tags=tags))
    assert found.status == "firing"
    assert set(found.labels) == {"monitor_id", "monitor", "type", "url", "hostname"}


def test_a_long_name_is_cut_and_a_long_id_is_refused() -> None:
    assert len(one(monitor=monitor(name="n" * 2000)).labels["monitor"]) == 1024
    with pytest.raises(Refusal, match="monitor_id: is longer") as caught:
        one(monitor=monitor(id="7" * 1025))
    assert caught.value.reason == "malformed"


def test_an_outage_of_no_monitor_is_refused() -> None:
    with pytest.raises(Refusal, match="monitor_id: is missing") as caught:
        one(heartbeat=beat(monitorID=None), monitor=None)
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize("heartbeat", ["down", [0], 0, False])
def test_a_heartbeat_that_is_none_is_malformed(heartbeat: object) -> None:
    with pytest.raises(Refusal, match="heartbeat: must be an object") as caught:
        one(heartbeat=heartbeat)
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize("foreign", [{}, [], None, "DOWN", {"alerts": []}, {"monitor": {"id": 7}}, {"heartbeat": None}])
def test_a_foreign_body(foreign: object) -> None:
    with pytest.raises(Refusal) as caught:
        read(foreign, "kuma")
    assert caught.value.reason == "wrong_dialect"
