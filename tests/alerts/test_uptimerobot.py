"""UptimeRobot: two spellings, numbers as text, and what makes a cause where there is no id."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.uptimerobot import read
from handlers.errors import Refusal
from handlers.trigger import Alert

CAMEL = {
    "monitorID": "778",
    "monitorURL": "https://shop.example/",
    "monitorFriendlyName": "Shop",
    "alertType": "1",
    "alertTypeFriendlyName": "Down",
    "alertDateTime": "1772416805",
}
SNAKE = {
    "monitor_id": 778,
    "monitor_url": "https://shop.example/",
    "monitor_friendly_name": "Shop",
    "alert_type": 1,
    "alert_date_time": 1772416805,
}


def one(document: dict[str, Any]) -> Alert:
    (found,) = read(document, "robot")
    assert isinstance(found, Alert)
    return found


@pytest.mark.parametrize("document", [CAMEL, SNAKE])
def test_a_monitor_that_is_down_in_either_spelling(document: dict[str, Any]) -> None:
    labels = {"monitor_id": "778", "monitor": "Shop", "url": "https://shop.example/", "alert_type": "1"}
    began = datetime(2026, 3, 2, 2, 0, 5, tzinfo=UTC)
    assert one(document) == Alert("robot", "firing", labels, ("monitor_id",), "Shop", "", began)


@pytest.mark.parametrize(
    ("said", "expected"),
    [(1, "firing"), ("1", "firing"), (2, "resolved"), ("3", "other"), ("*alertType*", "other"), (True, "other")],
)
def test_the_alert_type_decides(said: object, expected: str) -> None:
    assert one({**CAMEL, "alertType": said}).status == expected


def test_without_a_type_nobody_could_tell_down_from_up() -> None:
    with pytest.raises(Refusal, match="alertType: is missing") as caught:
        one({"monitorID": "778"})
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize("missing", [None, "", {}, []])
def test_without_an_id_the_url_is_the_identity(missing: object) -> None:
    found = one({**CAMEL, "monitorID": missing})
    assert found.identity == ("url",)
    assert "monitor_id" not in found.labels


def test_the_spelling_that_says_something_counts() -> None:
    assert one({**SNAKE, "monitorID": ""}).labels["monitor_id"] == "778"
    assert one({**SNAKE, "monitorID": "9"}).labels["monitor_id"] == "9"


def test_an_outage_of_nothing_is_refused() -> None:
    with pytest.raises(Refusal, match="monitor_id: is missing") as caught:
        one({"alertType": 1, "monitorFriendlyName": "Shop"})
    assert caught.value.reason == "malformed"


def test_a_long_url_is_cut_unless_it_is_the_identity() -> None:
    long = "https://shop.example/" + "a" * 2000
    assert len(one({**CAMEL, "monitorURL": long}).labels["url"]) == 1024
    with pytest.raises(Refusal, match="url: is longer"):
        one({**CAMEL, "monitorURL": long, "monitorID": None})


@pytest.mark.parametrize("when", ["soon", "", None, "9" * 40, -1, 1.5, "٣", [], True])
def test_an_odd_time_is_left_unread(when: object) -> None:
    found = one({**CAMEL, "alertDateTime": when})
    assert (found.starts_at, found.status) == (None, "firing")


@pytest.mark.parametrize("foreign", [{}, [], None, "1", {"alerts": []}, {"monitor": {}}, {"check_id": 5}])
def test_a_foreign_body(foreign: object) -> None:
    with pytest.raises(Refusal) as caught:
        read(foreign, "robot")
    assert caught.value.reason == "wrong_dialect"
