"""What alerts ask for: many causes, few restore points, and a reason for everything else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.outcome import Outcome, Refused, Skipped
from handlers.plan import plan
from handlers.plan.planned import NAMED, Planned
from handlers.rules import Rules, like
from handlers.trigger import Alert, Lost, Status

NOW = datetime(2026, 11, 23, 2, 0, 30, tzinfo=UTC)
ERP, FILES = "3b5816b5-f29c-4172-9d9a-76c719a659ce", "c93e6f18-0d27-4ab5-8f41-2b9a64d7e035"
SERVER, DISK = "94eba8b2-acc9-4d82-badc-127144cc5526", "43a320a5-3efd-4568-b1aa-8dd9183cc64b"
DISK_FAILING = {"alertname": "DiskFailing", "host": "erp-1", "severity": "critical"}


def rules(*entries: Mapping[str, Any]) -> Rules:
    """Each lists the vault erp for the sender am unless it says otherwise."""
    base = {"sender": "am", "vaults": ["erp"]}
    return Rules.model_validate(
        {
            "vaults": {"erp": {"id": ERP, "min_interval": "15m"}, "files": {"id": FILES}},
            "senders": {
                "am": {"dialect": "alertmanager", "proof": "bearer", "secret": "env:AM"},
                "mon": {"dialect": "simple", "proof": "bearer", "secret": "env:MON"},
            },
            "rules": [base | {"name": f"rule-{n}"} | dict(each) for n, each in enumerate(entries or [{}])],
        }
    )


def alert(labels: Mapping[str, str] = DISK_FAILING, /, status: Status = "firing", age: float = 60.0, **more: str) -> Alert:
    return Alert("am", status, {**labels, **more}, (*labels, *more), "", "", NOW - timedelta(seconds=age))


def planned(given: Rules, *triggers: Alert | Lost) -> list[Planned]:
    return [each for each in plan(triggers, given, "delivery-1", NOW) if isinstance(each, Planned)]


def one(given: Rules, *triggers: Alert | Lost) -> Planned:
    (found,) = planned(given, *triggers)
    return found


def told(given: Rules, *triggers: Alert | Lost) -> list[Outcome]:
    found = plan(triggers, given, "delivery-1", NOW)
    return [each for each in found if isinstance(each, Skipped | Refused)]


# ── collapse ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_alert_is_one_restore_point() -> None:
    found = one(rules(), alert())
    assert (found.vault, found.rule, found.trigger, found.sender) == ("erp", "rule-0", "alert", "am")
    assert (found.causes, found.others) == (1, ())
    assert (found.window, found.min_interval, found.occurred) == (3600.0, 900.0, NOW - timedelta(seconds=60))
    assert found.name == f"rp-alert-20261123T015930Z-{found.cause[:16]}"
    assert found.cause_names == ("alertname=DiskFailing, host=erp-1, severity=critical",)


def test_many_causes_of_one_vault_are_one_restore_point_and_the_first_are_named() -> None:
    found = one(rules(), *(alert(host=f"erp-{n:03}") for n in range(50)))
    assert found.causes == 50
    assert len({found.cause, *found.others}) == 50
    assert len(found.cause_names) == NAMED
    assert found.cause_names[0].startswith("alertname=DiskFailing, host=erp-000")


def test_the_same_alert_again_is_no_cause_more() -> None:
    assert one(rules(), alert(), alert(age=5), alert()).causes == 1


def test_every_vault_of_the_rule_is_asked_for_all_causes() -> None:
    found = planned(rules({"vaults": ["erp", "files"]}), alert(host="a"), alert(host="b"))
    assert [(each.vault, each.causes) for each in found] == [("erp", 2), ("files", 2)]
    assert len({cause for each in found for cause in (each.cause, *each.others)}) == 4


@pytest.mark.parametrize("by", [["alertname"], ["alertname", "host"], ["host", "alertname"]])
def test_by_says_which_labels_make_the_cause(by: list[str]) -> None:
    given = rules({"by": by})
    assert one(given, alert(), alert(severity="warning", extra="x")).causes == 1
    assert one(given, alert(), alert(host="erp-2")).causes == (2 if "host" in by else 1)
    assert one(given, alert()).cause == one(rules({"by": sorted(by)}), alert()).cause


def test_without_by_every_label_makes_the_cause() -> None:
    for changes in ({"severity": "warning"}, {"extra": ""}, {"host": ""}):
        assert one(rules(), alert(), alert({**DISK_FAILING, **changes})).causes == 2
    backwards = dict(reversed(DISK_FAILING.items()))
    assert one(rules(), alert(), alert(backwards)).causes == 1


def test_what_is_no_part_of_the_cause() -> None:
    cause = one(rules(), alert()).cause
    assert one(rules({"name": "renamed", "window": "7d", "parameters": {"incremental": False}}), alert(age=7)).cause == cause
    other = Alert("am", "firing", DISK_FAILING, (*DISK_FAILING,), "another title", "another severity", None)
    assert one(rules(), other).cause == cause


def test_another_sender_is_another_cause() -> None:
    given = rules({}, {"sender": "mon"})
    theirs = Alert("mon", "firing", DISK_FAILING, (*DISK_FAILING,), "", "", NOW)
    (mine,), (other,) = planned(given, alert()), planned(given, theirs)
    assert mine.cause != other.cause
    assert (mine.rule, other.rule) == ("rule-0", "rule-1")


def test_ten_thousand_alerts_of_fifty_causes_are_one_restore_point_in_no_time() -> None:
    given = rules({"match": {"alertname": "Disk*"}, "by": ["host"]}, *({"match": {"alertname": f"x{n}*"}} for n in range(20)))
    storm = [alert(host=f"erp-{n % 50}", instance=str(n)) for n in range(10_000)]
    started = time.perf_counter()
    found = one(given, *storm)
    assert time.perf_counter() - started < 5
    assert (found.causes, len(found.others), len(found.cause_names)) == (50, 49, NAMED)


def test_ten_thousand_alerts_nobody_wants_are_one_line() -> None:
    (skipped,) = told(rules({"match": {"alertname": "x"}}), *(alert(host=str(n)) for n in range(10_000)))
    assert (skipped.reason, skipped.causes, len(skipped.cause_names)) == ("no_rule", 10_000, NAMED)
    assert "(10000 alerts)" in skipped.message


# ── overlapping rules ────────────────────────────────────────────────────────────────────────────────────────────────

FIRST = {"match": {"alertname": "DiskFailing"}, "parameters": {"incremental": False}, "by": ["host"], "window": "2h"}
SECOND = {"match": {"severity": "critical"}, "parameters": {"incremental": True}, "by": ["alertname"]}


def test_the_earlier_rule_wins_whatever_the_order_of_the_alerts() -> None:
    alerts = [alert(), alert(alertname="Fire", host="erp-2"), alert(alertname="Flood", host="erp-3")]
    seen = set()
    for order in permutations(alerts):
        found = one(rules(FIRST, SECOND), *order)
        assert found.backup.parameters is not None
        assert (found.rule, found.window, found.backup.parameters.incremental, found.causes) == ("rule-0", 7200.0, False, 3)
        seen.add((found.name, found.cause, frozenset(found.others)))
    assert len(seen) == 1


def test_one_alert_of_two_rules_is_one_cause() -> None:
    assert one(rules(FIRST, SECOND), alert()).causes == 1
    assert one(rules(SECOND, FIRST), alert()).rule == "rule-0"


def test_later_rules_still_get_their_other_vaults() -> None:
    found = planned(rules(FIRST, SECOND | {"vaults": ["files", "erp"]}), alert())
    assert [(each.vault, each.rule) for each in found] == [("erp", "rule-0"), ("files", "rule-1")]


# ── globs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "anything\n", True),
        ("**", "", True),
        ("erp-*", "erp-", True),
        ("erp-*", "xerp-1", False),
        ("*-1", "erp-1", True),
        ("*-1", "erp-12", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "acb", False),
        ("*ab*ab*", "ab", False),
        ("*ab*ab*", "abab", True),
        ("ab*ba", "aba", False),
        ("a?c", "abc", False),
        ("[ab]", "a", False),
        (".*", ".x", True),
        (".*", "xx", False),
        ("A*", "a", False),
        ("a.c", "abc", False),
    ],
)
def test_only_a_star_is_special(glob: str, text: str, fits: bool) -> None:
    assert like(glob, text) is fits


def by_the_book(glob: str, text: str) -> bool:
    if not glob:
        return not text
    if glob[0] == "*":
        return any(by_the_book(glob[1:], text[n:]) for n in range(len(text) + 1))
    return bool(text) and text[0] == glob[0] and by_the_book(glob[1:], text[1:])


@given(st.text(alphabet="ab*", max_size=7), st.text(alphabet="ab", max_size=9))
def test_a_glob_is_what_the_book_says(glob: str, text: str) -> None:
    assert like(glob, text) is by_the_book(glob, text)


def test_many_stars_are_no_slower() -> None:
    started = time.perf_counter()
    for glob in ("*a" * 512, "*" * 1024, "a*" * 511 + "b", "*a" * 511 + "*b"):
        for _ in range(100):
            like(glob, "a" * 1024)
    assert time.perf_counter() - started < 2


def test_a_label_that_is_missing_matches_nothing() -> None:
    assert told(rules({"match": {"team": "*"}}), alert())[0].reason == "no_rule"
    assert one(rules({"match": {"team": "*"}}), alert(team="")).rule == "rule-0"


# ── what is not planned ──────────────────────────────────────────────────────────────────────────────────────────────


def test_resolved_other_and_truncated_ask_for_nothing() -> None:
    found = told(rules(), alert(status="resolved"), alert(status="resolved", host="b"), alert(status="other"), Lost("am", 7))
    assert [(each.word, each.reason, each.causes) for each in found] == [
        ("skipped", "resolved", 2),
        ("skipped", "other", 1),
        ("skipped", "truncated", 7),
    ]
    assert all((each.trigger, each.sender, each.delivery_id) == ("alert", "am", "delivery-1") for each in found)


def test_a_stale_alert_names_rule_and_vaults() -> None:
    given = rules({"max_event_age": "1h", "vaults": ["erp", "files"]}, {"max_event_age": "2h"})
    found = told(given, alert(age=5400), alert(age=5400, host="b"))
    assert [(each.reason, each.rule, each.vault, each.causes) for each in found] == [
        ("stale", "rule-0", "erp", 2),
        ("stale", "rule-0", "files", 2),
    ]
    assert one(given, alert(age=5400)).rule == "rule-1"


@pytest.mark.parametrize(("age", "fits"), [(86_400, True), (86_401, False), (0, True), (-3600, True)])
def test_how_old_an_alert_may_be(age: float, fits: bool) -> None:
    assert bool(planned(rules(), alert(age=age))) is fits
    if fits:
        assert one(rules(), alert(age=age)).occurred == NOW - timedelta(seconds=max(age, 0))


def test_an_alert_of_no_known_age_is_as_old_as_its_arrival() -> None:
    assert one(rules(), Alert("am", "firing", DISK_FAILING, (*DISK_FAILING,), "", "", None)).occurred == NOW


def test_the_nearest_rule_is_explained() -> None:
    given = rules({"match": {"alertname": "Fire", "host": "x*"}}, {"match": {"alertname": "Disk*", "host": "web-*"}})
    (skipped,) = told(given, alert())
    for word in ("rule-1", "host", "'web-*'", "'erp-1'"):
        assert word in skipped.message
    (missing,) = told(rules({"match": {"team": "erp"}}), alert())
    assert "is missing" in missing.message
    (nobody,) = told(rules({"sender": "mon"}), alert())
    assert 'sender = "am"' in nobody.message
    (hostile,) = told(rules({"match": {"host": "x"}}), alert(host="<b>\n\x1b[31m" + "h" * 1000))
    assert hostile.message.isprintable()
    assert "<b>" not in hostile.message
    assert len(hostile.message) < 400


# ── vault_id and resource_from ───────────────────────────────────────────────────────────────────────────────────────


def test_a_label_vault_id_chooses_among_the_rules_vaults() -> None:
    given = rules({"vaults": ["erp", "files"]})
    assert one(given, alert(vault_id=FILES)).vault == "files"
    assert [each.vault for each in planned(given, alert())] == ["erp", "files"]


@pytest.mark.parametrize("named", [FILES, "erp", "", ERP.upper(), "5e07b2d9-c6f4-4138-a8e3-d40f917b62ca"])
def test_a_vault_the_rule_does_not_list_is_never_meant(named: str) -> None:
    (refused,) = told(rules(), alert(vault_id=named))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.http, refused.rule) == ("vault_not_listed", 403, "rule-0")
    assert planned(rules(), alert(vault_id=named)) == []


def test_the_label_names_the_resource() -> None:
    found = one(rules({"resource_from": "resource_id"}), alert(resource_id=SERVER))
    assert (found.backup.resource_ids, found.narrowed_to, found.fallback) == (frozenset([SERVER]), SERVER, None)


def test_the_disks_a_rule_leaves_out_stay_left_out() -> None:
    details = [{"id": each, "type": "OS::Nova::Server", "extra_info": {"exclude_volumes": [DISK]}} for each in (SERVER, ERP)]
    found = one(rules({"resource_from": "resource_id", "parameters": {"resource_details": details}}), alert(resource_id=SERVER))
    asked = found.backup.to_dict()["parameters"]
    assert (asked["resources"], asked["resource_details"]) == ([SERVER], details[:1])


def test_else_whole_vault_has_a_fallback_that_settles_every_cause() -> None:
    given = rules({"resource_from": "resource_id", "else": "whole vault"})
    found = one(given, *(alert(resource_id=SERVER, host=f"erp-{n}") for n in range(3)))
    assert (found.narrowed_to, found.causes) == (SERVER, 3)
    assert found.fallback is not None
    assert (found.fallback.backup.resource_ids, found.fallback.causes) == (frozenset(), 3)
    alone = {
        fallback.cause
        for n in range(3)
        if (fallback := one(given, alert(resource_id=SERVER, host=f"erp-{n}")).fallback) is not None
    }
    assert {found.fallback.cause, *found.fallback.others} == alone


@pytest.mark.parametrize("labels", [{}, {"resource_id": ""}])
def test_a_label_that_names_no_resource(labels: dict[str, str]) -> None:
    (refused,) = told(rules({"resource_from": "resource_id"}), alert({**DISK_FAILING, **labels}))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.http, refused.rule, refused.vault) == ("resource_not_held", 403, "rule-0", "erp")
    found = one(rules({"resource_from": "resource_id", "else": "whole vault"}), alert({**DISK_FAILING, **labels}))
    assert (found.backup.resource_ids, found.narrowed_to) == (frozenset(), "")


def test_a_name_has_to_be_looked_up_and_an_id_may_be_in_capitals() -> None:
    found = one(rules({"resource_from": "host"}), alert(host="erp-1"))
    assert (found.by_name, found.narrowed_to, found.backup.resource_ids, found.fallback) == (True, "erp-1", frozenset(), None)
    assert one(rules({"resource_from": "resource_id"}), alert(resource_id=SERVER.upper())).narrowed_to == SERVER


def test_other_resources_are_other_restore_points() -> None:
    given = rules({"resource_from": "resource_id"})
    found = planned(given, alert(resource_id=SERVER), alert(resource_id=DISK), alert(resource_id=SERVER, host="b"))
    assert [(each.narrowed_to, each.causes) for each in found] == [(SERVER, 2), (DISK, 1)]
