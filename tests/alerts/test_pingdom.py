"""Pingdom: uptime checks and transaction checks, and what they were checked with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.pingdom import read
from handlers.errors import Refusal
from handlers.trigger import Alert


def document(**changes: Any) -> dict[str, Any]:
    return {
        "check_id": 4411,
        "check_name": "Shop front",
        "check_type": "HTTP",
        "check_params": {"full_url": "https://shop.example/cart", "hostname": "shop.example", "url": "/cart", "port": 443},
        "tags": ["shop", "team:web", "check_id:1"],
        "previous_state": "UP",
        "current_state": "DOWN",
        "importance_level": "HIGH",
        "state_changed_timestamp": 1772416805,
        "state_changed_utc_time": "2026-03-02T02:00:05",
        "version": 1,
    } | changes


def one(**changes: Any) -> Alert:
    (found,) = read(document(**changes), "pingdom")
    assert isinstance(found, Alert)
    return found


def test_a_check_that_is_down() -> None:
    labels = {
        "check_id": "4411",
        "check": "Shop front",
        "check_type": "HTTP",
        "hostname": "shop.example",
        "url": "https://shop.example/cart",
        "importance": "HIGH",
        "severity": "high",
        "tags": "shop,team:web,check_id:1",
        "team": "web",
    }
    began = datetime(2026, 3, 2, 2, 0, 5, tzinfo=UTC)
    assert one() == Alert("pingdom", "firing", labels, ("check_id",), "Shop front", "high", began)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("DOWN", "firing"),
        ("FAILING", "firing"),
        ("UP", "resolved"),
        ("SUCCESS", "resolved"),
        ("UNKNOWN", "other"),
        ("down", "other"),
    ],
)
def test_the_current_state_decides(state: object, expected: str) -> None:
    assert one(current_state=state).status == expected


@pytest.mark.parametrize("state", [None, ["DOWN"]])
def test_without_a_state_nobody_could_tell_down_from_up(state: object) -> None:
    with pytest.raises(Refusal, match="current_state: ") as caught:
        one(current_state=state)
    assert caught.value.reason == "malformed"


def test_without_the_full_url_the_path_is_the_url() -> None:
    assert one(check_params={"url": "/cart"}).labels["url"] == "/cart"
    assert one(check_params={"url": "/cart", "full_url": None}).labels["url"] == "/cart"


@pytest.mark.parametrize("params", [None, [], "shop.example", {"hostname": {}, "full_url": [], "url": None}])
def test_odd_parameters_lose_no_alert(params: object) -> None:
    found = one(check_params=params)
    assert found.status == "firing"
    assert not {"hostname", "url"} & found.labels.keys()


@pytest.mark.parametrize(("said", "expected"), [("LOW", "warning"), ("HIGH", "high"), ("MEDIUM", ""), (None, ""), (3, "")])
def test_importance_is_severity_on_our_scale(said: object, expected: str) -> None:
    found = one(importance_level=said)
    assert (found.severity, found.labels.get("severity", "")) == (expected, expected)


def test_a_tag_may_say_the_severity_where_pingdom_does_not() -> None:
    assert one(importance_level=None, tags=["severity:critical"]).severity == "critical"
    assert one(importance_level="LOW", tags=["severity:critical"]).severity == "warning"


@pytest.mark.parametrize(
    ("tags", "expected"), [(" a , b:c ", "a,b:c"), ([], None), (None, None), ({"a": "b"}, None), (["a", 3, None, {"b": 1}], "a")]
)
def test_tags_as_a_list_or_as_text(tags: object, expected: str | None) -> None:
    assert one(tags=tags).labels.get("tags") == expected


def test_a_state_of_no_check_is_refused() -> None:
    with pytest.raises(Refusal, match="check_id: is missing") as caught:
        one(check_id=None, tags=[])
    assert caught.value.reason == "malformed"
    assert one(check_id="4411").labels["check_id"] == "4411"


@pytest.mark.parametrize("when", [None, "", "yesterday", 10**400, "2026-13-02T02:00:05"])
def test_an_odd_time_is_left_unread(when: object) -> None:
    assert one(state_changed_utc_time=when).starts_at is None


def test_a_time_that_names_its_zone() -> None:
    assert one(state_changed_utc_time="2026-03-02T02:00:05Z").starts_at == datetime(2026, 3, 2, 2, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("foreign", [{}, [], None, "DOWN", {"alerts": []}, {"check_name": "Shop front"}])
def test_a_foreign_body(foreign: object) -> None:
    with pytest.raises(Refusal) as caught:
        read(foreign, "pingdom")
    assert caught.value.reason == "wrong_dialect"
