"""Storms repeat themselves. What is read, sorted or worded once for all its alerts must come out as if each had been alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.alerts import alertmanager
from handlers.envelope import parse_json
from handlers.errors import Refusal
from handlers.plan import Plan, plan
from handlers.plan.planned import NAMED, Planned
from handlers.rules import Rules
from handlers.trigger import Alert

NOW = datetime(2026, 11, 23, 2, 0, 30, tzinfo=UTC)
VAULTS = {"erp": "3b5816b5-f29c-4172-9d9a-76c719a659ce", "files": "c93e6f18-0d27-4ab5-8f41-2b9a64d7e035"}


def rules(*entries: dict[str, Any]) -> Rules:
    base = {"sender": "am", "vaults": ["erp"], "max_event_age": "1h"}
    return Rules.model_validate(
        {
            "vaults": {name: {"id": vault} for name, vault in VAULTS.items()},
            "senders": {"am": {"dialect": "alertmanager", "proof": "bearer", "secret": "env:AM"}},
            "rules": [base | {"name": f"rule-{n}"} | each for n, each in enumerate(entries)],
        }
    )


def sent(labels: dict[str, str], *, age: float = 60.0, **more: object) -> dict[str, object]:
    return {"status": "firing", "labels": labels, "startsAt": (NOW - timedelta(seconds=age)).isoformat(), **more}


def asked(given: Rules, *alerts: object) -> Plan:
    return plan(alertmanager.read({"alerts": list(alerts)}, "am"), given, "delivery-1", NOW)


def test_only_what_is_the_same_to_the_letter_is_read_as_one() -> None:
    links = [1, True, 1.0, "1", "1", 1]
    found = alertmanager.read({"alerts": [sent({"a": "b"}, generatorURL=each) for each in links]}, "am")
    assert [each.link for each in found if isinstance(each, Alert)] == ["1", "true", "1.0", "1", "1", "1"]


def test_repeated_alerts_that_ask_for_nothing_are_all_counted_and_named() -> None:
    resolved, firing = sent({"host": "1"}, status="resolved"), sent({"host": "2"})
    first, second = asked(rules({"match": {"host": "x"}}), *[resolved, firing, firing] * 100)
    assert not isinstance(first, Planned)
    assert not isinstance(second, Planned)
    assert (first.causes, second.causes) == (100, 200)
    assert "(100 alerts)" in first.message
    assert "(200 alerts)" in second.message
    assert (first.cause_names, second.cause_names) == (("host=1",) * NAMED, ("host=2",) * NAMED)


@pytest.mark.parametrize("turned", [False, True])
def test_of_alerts_that_rules_cannot_tell_apart_each_has_its_own_age(turned: bool) -> None:
    alerts = [sent({"host": "1"}), sent({"host": "1"}), sent({"host": "1"}, age=7200), sent({"host": "1"}, age=7200)]
    found = asked(rules({"by": ["host"]}), *(reversed(alerts) if turned else alerts))
    stale = [each for each in found if not isinstance(each, Planned)]
    assert [(each.reason, each.causes) for each in stale] == [("stale", 2)]
    assert [each.causes for each in found if isinstance(each, Planned)] == [1]


def test_a_cause_of_the_second_rule_counts_although_another_alert_asked_for_it_by_the_first() -> None:
    """Where both rules mean an alert, only the first one's cause is settled; the second one's comes with an alert of its own."""
    given = rules({"match": {"site": "a"}, "by": ["site"]}, {"by": ["host"]})
    (first,) = asked(given, sent({"site": "a", "host": "1"}))
    (both,) = asked(given, *[sent({"site": "a", "host": "1"})] * 3, *[sent({"host": "1"})] * 3)
    assert isinstance(first, Planned)
    assert isinstance(both, Planned)
    assert (first.causes, both.causes) == (1, 2)


def test_alerts_that_go_by_their_identity_stay_apart_though_rules_look_at_none_of_their_labels() -> None:
    (found,) = asked(rules({}), *(sent({"host": str(n % 7)}) for n in range(70)))
    assert found.causes == 7


def test_alerts_of_which_only_some_are_refused_are_refused_each_time() -> None:
    given = rules({"by": ["host"], "vaults": ["erp", "files"]})
    other = sent({"host": "1", "vault_id": "94eba8b2-acc9-4d82-badc-127144cc5526"})
    found = asked(given, *[other, sent({"host": "1", "vault_id": VAULTS["files"]})] * 5)
    told = [each for each in found if not isinstance(each, Planned)]
    assert [(each.reason, each.causes) for each in told] == [("vault_not_listed", 5)]
    assert [each.vault for each in found if isinstance(each, Planned)] == ["files"]


def deep(levels: int, *strings: str) -> bytes:
    """So many lists, each with all the strings before the next."""
    inside = "".join(f"{each}," for each in strings)
    return (f"[{inside}" * levels + "1" + "]" * levels).encode()


@pytest.mark.parametrize(
    "strings", [['"]"', '"["'], ['"]["'], [r'"\"]"', r'"[\\"'], [r'"\\"'], [r'"\"]"'], [r'"\"["'], ['"]"']], ids=str
)
def test_brackets_in_strings_hide_no_depth_and_make_none(strings: list[str]) -> None:
    with pytest.raises(Refusal, match="deeper than 32"):
        parse_json(deep(33, *strings))
    assert parse_json(deep(32, *strings))
    flat = ",".join(strings * 50 + ['"[[["'] * 50)
    assert parse_json(f"[{flat}]".encode())
