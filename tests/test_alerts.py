"""The alert dialects: what is read out of a body, what is refused, and what is left unread."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.alerts import Reader
from handlers.alerts import alertmanager as am
from handlers.alerts import simple as own
from handlers.alerts.labels import KEY, MOST, VALUE, flat, moment
from handlers.errors import Refusal
from handlers.trigger import Alert, Lost, Unread

DIALECTS: dict[str, Reader] = {"alertmanager": am.read, "simple": own.read}
CANARY = "hush-7f3a"
BEGAN = datetime(2026, 11, 23, 1, 59, 30, tzinfo=UTC)


def firing(**changes: Any) -> dict[str, Any]:
    """One alert of a group; None takes a key away."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "DiskFailing", "severity": "critical"},
        "annotations": {"summary": "a disk fails"},
        "startsAt": "2026-11-23T01:59:30Z",
        "fingerprint": "c0ffee",
    } | changes
    return {key: value for key, value in alert.items() if value is not None}


def alertmanager(*alerts: object, **group: Any) -> list[Alert | Lost | Unread]:
    return am.read({"version": "4", "status": "firing", "alerts": list(alerts)} | group, "am")


def simple(**changes: Any) -> Alert:
    document = {"status": "firing", "labels": {"service": "erp"}} | changes
    (alert,) = own.read({key: value for key, value in document.items() if value is not None}, "mon")
    assert isinstance(alert, Alert)
    return alert


def one(alert: object, **group: Any) -> Alert:
    (found,) = alertmanager(alert, **group)
    assert isinstance(found, Alert)
    return found


def refusal_of(dialect: str, document: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        DIALECTS[dialect](document, "somebody")
    assert CANARY not in caught.value.message
    assert caught.value.http == 400
    return caught.value


# ── Alertmanager ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_alert_of_a_group() -> None:
    labels = {"alertname": "DiskFailing", "severity": "critical"}
    assert one(firing()) == Alert("am", "firing", labels, (*labels,), "a disk fails", "critical", BEGAN)


def test_every_alert_of_a_group_stands_for_itself() -> None:
    found = alertmanager(firing(), firing(status="resolved"), firing(status="suppressed"), status="firing")
    assert [each.status for each in found if isinstance(each, Alert)] == ["firing", "resolved", "other"]


@pytest.mark.parametrize("status", [None, 7, ["firing"], "FIRING", "firing ", ""])
def test_only_the_word_firing_fires(status: object) -> None:
    assert one(firing(status=status), status=None).status == "other"


def test_an_alert_without_a_status_has_its_groups() -> None:
    assert one(firing(status=None), status="resolved").status == "resolved"
    assert one(firing(status=None)).status == "firing"


@pytest.mark.parametrize("annotations", [None, {}, [], "x", {"summary": 7}, {"summary": ""}])
def test_without_a_summary_it_goes_by_its_name(annotations: object) -> None:
    assert one(firing(annotations=annotations)).title == "DiskFailing"


@pytest.mark.parametrize("key", ["fingerprint", "startsAt", "annotations", "generatorURL"])
def test_real_ones_lack_this_and_that(key: str) -> None:
    assert one(firing(**{key: None})).labels["alertname"] == "DiskFailing"


def test_no_alerts_are_no_triggers() -> None:
    assert alertmanager() == []


def test_what_max_alerts_cut_off_is_counted() -> None:
    assert alertmanager(firing(), truncatedAlerts=7)[1:] == [Lost("am", 7)]


@pytest.mark.parametrize("count", [0, -1, None, "7", 7.0, [7]])
def test_no_count_is_nothing_lost(count: object) -> None:
    assert len(alertmanager(firing(), truncatedAlerts=count)) == 1


@pytest.mark.parametrize("document", [None, [], "alerts", 7, {}, {"alert": []}, {"labels": {}, "status": "firing"}])
def test_what_is_no_webhook_body(document: object) -> None:
    assert refusal_of("alertmanager", document).reason == "wrong_dialect"


def test_one_that_cannot_be_read_does_not_silence_the_others() -> None:
    """Whoever names a pod must not be able to have the whole group refused: Alertmanager drops what is answered by 400."""
    bad: list[object] = [CANARY, firing(labels={"cmd": "x" * (VALUE + 1)}), firing(labels=None)]
    first, second, unread = alertmanager(bad[0], firing(), bad[1], firing(status="resolved"), bad[2])
    assert [each.status for each in (first, second) if isinstance(each, Alert)] == ["firing", "resolved"]
    assert isinstance(unread, Unread)
    assert (unread.sender, unread.count, unread.refusal.field) == ("am", 3, "alerts[0]")


@pytest.mark.parametrize(
    ("alerts", "field"),
    [
        (None, "alerts"),
        ({}, "alerts"),
        (CANARY, "alerts"),
        ([firing(labels=None)], "alerts[0].labels"),
        ([firing(labels=[CANARY])], "alerts[0].labels"),
        ([firing(labels={"a": 7})], "alerts[0].labels"),
        ([firing(labels={"a": None})], "alerts[0].labels"),
        ([firing(labels={"a": {CANARY: CANARY}})], "alerts[0].labels"),
    ],
)
def test_a_webhook_body_badly_filled_in(alerts: object, field: str) -> None:
    refusal = refusal_of("alertmanager", {"alerts": alerts})
    assert (refusal.reason, refusal.field) == ("malformed", field)


# ── simple ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_simple_alert() -> None:
    alert = simple(id="7", title="a disk fails", severity="high", starts_at="2026-11-23T02:59:30+01:00", link="https://x.example")
    assert alert == Alert("mon", "firing", {"service": "erp"}, ("service",), "a disk fails", "high", BEGAN, "https://x.example")


def test_the_least_of_a_simple_alert() -> None:
    assert simple() == Alert("mon", "firing", {"service": "erp"}, ("service",), "", "", None)
    assert simple(labels={}).labels == {}
    assert simple(labels={"alertname": "A", "severity": "S"}).title == "A"
    assert simple(labels={"alertname": "A", "severity": "S"}).severity == "S"
    assert simple(status="resolved").status == "resolved"


@pytest.mark.parametrize("document", [None, [], [{"labels": {}}], "x", {}, {"status": "firing"}, {"alerts": []}])
def test_what_is_no_simple_alert(document: object) -> None:
    assert refusal_of("simple", document).reason == "wrong_dialect"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": CANARY}, "status"),
        ({"status": "FIRING"}, "status"),
        ({"labels": CANARY}, "labels"),
        ({"labels": {"a": 7}}, "labels.a"),
        ({"labels": {"a": True}}, "labels.a"),
        ({"title": 7}, "title"),
        ({"title": "t" * 1025}, "title"),
        ({"id": 7}, "id"),
        ({"starts_at": 1764000000}, "starts_at"),
        ({"severity": ["high"]}, "severity"),
        ({"link": "x" * 2049}, "link"),
        ({"colour": CANARY}, "colour"),
        ({"vault_id": CANARY}, "vault_id"),
        ({"checkpoint": {"vault_id": CANARY}}, "checkpoint"),
    ],
)
def test_a_simple_alert_badly_filled_in(changes: dict[str, Any], field: str) -> None:
    refusal = refusal_of("simple", {"status": "firing", "labels": {"service": "erp"}} | changes)
    assert (refusal.reason, refusal.field) == ("malformed", field)


# ── labels and times ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "labels",
    [{f"l{n}": "" for n in range(MOST + 1)}, {"k" * (KEY + 1): ""}, {"k": "v" * (VALUE + 1)}],
    ids=["too many", "name too long", "value too long"],
)
def test_labels_have_an_end(dialect: str, labels: dict[str, str]) -> None:
    body = {"status": "firing", "labels": labels}
    assert refusal_of(dialect, {"alerts": [body]} if dialect == "alertmanager" else body).reason == "malformed"


def test_as_many_and_as_long_as_they_may_be() -> None:
    labels = {f"{n:0{KEY}}": "v" * VALUE for n in range(MOST)}
    assert flat(labels, "labels") == labels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T01:59:30Z", BEGAN),
        ("2026-11-23T02:59:30+01:00", BEGAN),
        ("2026-11-23T01:59:30.000000+00:00", BEGAN),
        ("2026-11-23T01:59:30", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("2201-01-01T00:00:00Z", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-11-23", None),
        ("yesterday", None),
        ("", None),
        ("2" * 100_000, None),
        (None, None),
        (1764000000, None),
        ([], None),
    ],
)
def test_a_time_is_one_or_is_left_unread(text: object, expected: datetime | None) -> None:
    assert moment(text) == expected


KEYS = st.sampled_from(["alerts", "labels", "status", "title", "startsAt", "truncatedAlerts", "a"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["firing", "resolved", "", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["alerts", "labels", "status", "title", "startsAt", "truncatedAlerts", "a"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@given(st.sampled_from(sorted(DIALECTS)), JSON)
def test_any_document_is_read_or_refused(dialect: str, document: object) -> None:
    try:
        found = [*DIALECTS[dialect](document, "somebody")]
    except Refusal as refusal:
        assert refusal.reason in ("wrong_dialect", "malformed")  # noqa: PT017
    else:
        assert {each.sender for each in found} <= {"somebody"}
