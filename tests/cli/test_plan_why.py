"""``restore-point plan`` says why: what was read, which rules want it and why the others do not, what that comes to."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.sandbox import estate
from tests.cli.asking import CRITICAL, RULES, alerts, planned, why
from tests.cli.terminal import SCHEDULE, Inside, Terminal, event


@pytest.fixture
def asking(offline: Terminal) -> Terminal:
    """With rules, and without a cloud."""
    offline.write("rules.toml", RULES)
    return offline


# ── which rules want it, and why the others do not ──


def test_every_rule_of_the_sender_says_whether_it_wants_it(asking: Terminal, inside: Inside) -> None:
    ran = planned(inside, asking, alerts(CRITICAL), "--as", "alert", "--sender", "am", "--json")
    (trigger,) = why(ran)["triggers"]
    assert (trigger["kind"], trigger["status"], trigger["labels"]) == ("alert", "firing", CRITICAL)
    assert sorted(trigger["identity"]) == sorted(CRITICAL)
    assert [(each["rule"], each["wants_it"]) for each in trigger["rules"]] == [
        ("critical", True),
        ("any-host", True),
        ("other", False),
    ]
    assert trigger["rules"][0]["why_not"] == ""
    assert trigger["rules"][2]["why_not"] == (
        "severity is 'critical', and it asks for 'warning'; team is missing, and it asks for 'files'"
    )


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"status": "resolved"}, "the alert is resolved"),
        ({"labels": CRITICAL | {"namespace": "SYS.CBR"}}, "the alert is about backups"),
        ({"startsAt": "2020-01-01T00:00:00Z"}, "longer than its max_event_age"),
        ({"labels": CRITICAL | {"vault_id": estate.FILES_VAULT_ID}}, "does not list the vault"),
    ],
)
def test_what_speaks_against_an_alert_beside_its_labels(asking: Terminal, inside: Inside, more: Any, says: str) -> None:
    ran = planned(inside, asking, alerts(CRITICAL, **more), "--as", "alert", "--sender", "am", "--json")
    assert ran.json["planned"] == []
    beside = why(ran)["triggers"][0]["rules"]
    assert [each["wants_it"] for each in beside] == [False, False, False]
    assert says in beside[1]["why_not"]


def test_what_is_asked_for_without_which_disks_and_for_whom_else(asking: Terminal, inside: Inside) -> None:
    document = alerts(CRITICAL, CRITICAL | {"severity": "low"})
    told = why(planned(inside, asking, document, "--as", "alert", "--sender", "am", "--json"))["planned"]
    assert [(each["rule"], each["also_wanted_by"], each["vault"]) for each in told] == [("critical", ["any-host"], "erp")]
    assert told[0]["resources"] == [estate.ERP_DB_ID]
    assert told[0]["without_disks"] == {estate.ERP_DB_ID: [estate.ERP_DB_DATA_DISK_ID]}
    assert "now" not in told[0]  # nothing was looked at


def test_the_same_for_people(asking: Terminal, inside: Inside) -> None:
    ran = planned(inside, asking, alerts(CRITICAL), "--as", "alert", "--sender", "am")
    out = " ".join(ran.out.split())
    for words in (
        "alert 'Corrupt' (firing, critical)",
        "rule critical: wants it",
        "rule any-host: wants it",
        "rule other: no, severity is 'critical', and it asks for 'warning'",
        f"without disks {estate.ERP_DB_DATA_DISK_ID} of {estate.ERP_DB_ID}",
        "which serves rule any-host, too",
        "host=erp-db",
    ):
        assert words in out, words
    assert "now:" not in out


def test_of_ten_thousand_alerts_twenty_are_explained(asking: Terminal, inside: Inside) -> None:
    document = alerts(*({"host": f"erp-{number}"} for number in range(10_000)))
    ran = planned(inside, asking, document, "--as", "alert", "--sender", "am", "--json")
    told = why(ran)
    assert (len(told["triggers"]), told["left_out"]) == (20, 9_980)
    assert [each["causes"] for each in told["planned"]] == [10_000]
    assert len(told["planned"][0]["cause_names"]) == 20
    people = planned(inside, asking, document, "--as", "alert", "--sender", "am").out
    assert people.count("rule any-host: wants it") == 20
    assert "9980 more" in people


def test_a_timer_nobody_knows_has_no_rule(asking: Terminal, inside: Inside) -> None:
    ran = planned(inside, asking, event(schedule_arn=SCHEDULE + "2"), "--as", "timer")
    assert ran.code == 1
    assert "no rule is for its timer" in ran.out


# ── hostile text ──

NASTY = "erp-\x1b[31mFAKE\x07\r\nrule critical: wants it\u202e\u2028\x9b31m<b>"


def test_text_from_an_event_stays_on_its_line(asking: Terminal, inside: Inside) -> None:
    labels = {"host": NASTY, "alertname": NASTY, NASTY: "x", "severity": NASTY}
    more = {"annotations": {"summary": NASTY}, "generatorURL": f"https://x/{NASTY}", "fingerprint": NASTY}
    ran = planned(inside, asking, alerts(labels, **more), "--as", "alert", "--sender", "am")
    timer = planned(inside, asking, event(schedule_arn=NASTY), "--as", "timer")
    key = {"rule": NASTY, "idempotency_key": "k"}
    once = planned(inside, asking, key, "--as", "once", "--sender", "ops")
    kind = planned(inside, asking, {"alerts": [{"status": NASTY, "labels": {NASTY: 1}}]}, "--as", "alert", "--sender", "am")
    for told in (ran, timer, once, kind):
        text = told.out + told.err
        assert all(letter == "\n" or letter.isprintable() for letter in text), repr(text)
        assert not any(line.startswith("rule critical") for line in text.splitlines())
        assert "\u202e" not in text
        assert "<b>" not in text
