"""Rules are found as if each were held against the event, in their order, without holding each against it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.plan import plan
from handlers.plan.planned import Planned
from handlers.rules import Rules, Vault
from handlers.rules.rule import Rule
from handlers.trigger import Alert

NOW = datetime(2026, 11, 27, tzinfo=UTC)
SENDERS, LABELS, VALUES = ("am", "mon"), ("host", "severity", "a"), ("", "x", "y", "xy")
GLOBS = (*VALUES, "*", "x*", "*y", "x*y")


def entry(number: int, **more: Any) -> dict[str, Any]:
    return {"name": f"r{number}", "vaults": ["erp"], **more}


def rules(entries: list[dict[str, Any]]) -> Rules:
    known = {"dialect": "alertmanager", "proof": "bearer", "secret": "env:A"}
    timers = {"nightly": {"source": "cron"}, "hourly": {"source": "hour"}}
    vaults = {name: {"id": f"3b5816b5-f29c-4172-9d9a-76c719a659c{number}"} for number, name in enumerate(("erp", "files"))}
    document = {"vaults": vaults, "timers": timers, "senders": dict.fromkeys(SENDERS, known), "rules": entries}
    return Rules.model_validate(document)


matches = st.dictionaries(st.sampled_from(LABELS), st.sampled_from(GLOBS), max_size=3)
listeners = st.one_of(
    st.fixed_dictionaries({"sender": st.sampled_from(SENDERS), "match": matches}),
    st.fixed_dictionaries({"timer": st.sampled_from(["nightly", "hourly"])}),
)
labelled = st.dictionaries(st.sampled_from((*LABELS, "b")), st.sampled_from(VALUES), max_size=4)


@given(some=st.lists(listeners, max_size=12), labels=labelled, sender=st.sampled_from((*SENDERS, "nobody")))
def test_an_alert_finds_the_rules_it_would_find_one_by_one(
    some: list[dict[str, Any]], labels: dict[str, str], sender: str
) -> None:
    whole = rules([entry(number, **each) for number, each in enumerate(some)])
    own = [rule for rule in whole.rules if rule.sender == sender]
    assert whole.asked.meant(sender, labels) == [rule for rule in own if not rule.misses(labels)]
    assert whole.asked.of_sender(sender) == own
    assert sorted(whole.asked.about(sender).rank, key=whole.asked.about(sender).rank.__getitem__) == [rule.name for rule in own]
    for timer in ("nightly", "hourly", None):
        assert whole.asked.of_timer(timer) == [rule for rule in whole.rules if timer and rule.timer == timer]


def test_rules_stay_in_their_order_whatever_they_ask_for() -> None:
    asked = [{"host": "x"}, {}, {"a": "y"}, {"host": "*"}, {"host": "x", "a": "y"}, {"a": "y"}, {}, {"host": "x"}]
    whole = rules([entry(number, sender="am", match=match) for number, match in enumerate(asked)])
    assert whole.asked.meant("am", {"host": "x", "a": "y"}) == list(whole.rules)


@given(some=st.lists(listeners, min_size=1, max_size=6), labels=labelled, data=st.data())
def test_rules_that_were_given_vaults_are_found_as_they_are_then(
    some: list[dict[str, Any]], labels: dict[str, str], data: st.DataObject
) -> None:
    whole = rules([entry(number, **each) for number, each in enumerate(some)])
    changed = data.draw(st.sets(st.sampled_from([rule.name for rule in whole.rules])))
    new = Vault(id="94eba8b2-acc9-4d82-badc-127144cc5526")
    if data.draw(st.booleans()):
        whole.asked.meant("am", labels)
        assert whole.vault_named(new.id) is None
    copy = whole.with_vaults({name: {"new": new} for name in changed} | {"no such rule": {}}, {"new": "New"})
    assert [rule.vaults for rule in copy.rules] == [("new",) if rule.name in changed else ("erp",) for rule in whole.rules]
    for sender in SENDERS:
        assert copy.asked.meant(sender, labels) == [
            rule for rule in copy.rules if rule.sender == sender and not rule.misses(labels)
        ]
    assert copy.vault_named(new.id) == (("new", new) if changed else None)
    assert whole.vault_named(new.id) is None
    assert all(rule.vaults == ("erp",) for sender in SENDERS for rule in whole.asked.of_sender(sender))


def test_having_been_asked_makes_no_rules_differ() -> None:
    one, other = rules([entry(0, sender="am")]), rules([entry(0, sender="am")])
    assert one.asked is one.asked
    assert one == other
    assert one.model_dump() == other.model_dump()


def test_what_is_named_is_found_by_all_its_names() -> None:
    whole = rules([entry(0, timer="nightly"), entry(1, sender="am", vaults=["files"])])
    files = whole.vaults["files"]
    assert whole.vault_named("files") == whole.vault_named(files.id) == ("files", files)
    assert (whole.timer_of("cron"), whole.timer_of("cron", "am"), whole.timer_of("nightly")) == ("nightly", None, None)
    assert (whole.asked.named("r1"), whole.asked.named("r2")) == (whole.rules[1], None)


def calls(of: Callable[..., object], work: Callable[[], object]) -> int:
    count = 0

    def seen(frame: FrameType, event: str, _: Any) -> None:
        nonlocal count
        count += event == "call" and frame.f_code is of.__code__

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("where", [0, 499, 999])
def test_of_a_thousand_rules_only_those_of_the_alerts_host_are_looked_at(where: int) -> None:
    """All of them ask for the same severity first: the label that tells them apart is the one that counts."""
    entries = [entry(number, sender="am", match={"severity": "critical", "host": f"h{number}"}) for number in range(1000)]
    whole = rules(entries)
    alert = Alert("am", "firing", {"severity": "critical", "host": f"h{where}"}, ("host",), "", "", NOW)
    found: list[object] = []
    assert calls(Rule.misses, lambda: found.extend(plan([alert], whole, "delivery", NOW))) == 1
    (planned,) = found
    assert isinstance(planned, Planned)
    assert planned.rule == f"r{where}"
