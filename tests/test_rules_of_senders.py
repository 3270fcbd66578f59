"""Who may bring what, by the rules file: where the generic dialect looks, and which sender brings which timer."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.rules import Rules
from tests.test_rules import CANARY, SCHEDULE, fault_of, least

BEARER = {"proof": "bearer", "secret": "env:TOKEN"}
AM = {"dialect": "alertmanager", **BEARER}
CRON = {"dialect": "timer", **BEARER}
PATHS = {"identity": ["incident.id"], "status": "incident.state", "firing": ["open"]}
GENERIC = {"dialect": "generic", "paths": PATHS, **BEARER}


def generic(**changes: Any) -> dict[str, Any]:
    """Rules with a sender of the generic dialect, its paths changed; None takes one away."""
    paths = {key: value for key, value in (PATHS | changes).items() if value is not None}
    return least(senders__tickets=GENERIC | {"paths": paths})


def brought(**timers: tuple[str, str | None]) -> dict[str, Any]:
    """Rules with these timers beside the platform's: source and sender."""
    made = {f"timers__{name}": {"source": source, "sender": sender} for name, (source, sender) in timers.items()}
    made = {name: {key: value for key, value in timer.items() if value is not None} for name, timer in made.items()}
    return least(senders={"cron": CRON, "knative": CRON | {"secret": "env:OTHER"}, "am": AM}, **made)


# ── where the generic dialect looks ──


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"status": None, "firing": None},
        {"resolved": ["closed", "done"]},
        {"alerts": "items", "labels": {"host": "host.name", "second": "tags.1"}},
        {"title": "t", "severity": "s", "starts_at": "a.b.c", "link": "l"},
        {"identity": [f"a.{number}" for number in range(16)]},
    ],
)
def test_paths_that_are_whole(changes: dict[str, Any]) -> None:
    paths = Rules.model_validate(generic(**changes)).senders["tickets"].paths
    assert paths is not None
    assert paths.identity == tuple(changes.get("identity", PATHS["identity"]))
    assert paths.resolved == tuple(changes.get("resolved", ()))


WHERE = "senders.tickets.paths"
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "generic without paths": (least(senders__tickets={"dialect": "generic", **BEARER}), WHERE, 'dialect = "generic"'),
    "paths of another dialect": (least(senders__tickets=AM | {"paths": PATHS}), WHERE, 'dialect = "generic"'),
    "paths of a sender of one-offs": (least(senders__tickets=AM | {"dialect": "once", "paths": PATHS}), WHERE, "generic"),
    "paths of a sender of timers": (least(senders__tickets=CRON | {"paths": PATHS}), WHERE, "generic"),
    "paths that are null": (least(senders__tickets=GENERIC | {"paths": {"identity": None}}), f"{WHERE}.identity", "null"),
    "no identity": (generic(identity=None), f"{WHERE}.identity", "is required"),
    "an empty identity": (generic(identity=[]), f"{WHERE}.identity", ""),
    "too many identities": (generic(identity=["a"] * 17), f"{WHERE}.identity", "16"),
    "one path as text": (generic(identity="incident.id"), f"{WHERE}.identity", "must be a list"),
    "firing without status": (generic(status=None), f"{WHERE}.firing", "goes with status"),
    "status without firing": (generic(firing=None), f"{WHERE}.firing", "goes with status"),
    "nothing that fires": (generic(firing=[]), f"{WHERE}.firing", "goes with status"),
    "resolved without status": (
        generic(status=None, firing=None, resolved=["closed"]),
        f"{WHERE}.resolved",
        "goes with status only",
    ),
    "an empty path": (generic(status=""), f"{WHERE}.status", "keys with dots between them"),
    "an empty step": (generic(identity=["a..b"]), f"{WHERE}.identity[0]", "keys with dots between them"),
    "a dot before": (generic(labels={"host": ".host"}), f"{WHERE}.labels.host", "keys with dots between them"),
    "a dot behind": (generic(alerts="items."), f"{WHERE}.alerts", "keys with dots between them"),
    "a path without end": (generic(title="a." * 300 + "a"), f"{WHERE}.title", "512"),
    "a number": (generic(link=5), f"{WHERE}.link", "must be a string"),
    "a label without a name": (generic(labels={"": "a"}), f"{WHERE}.labels.", "empty"),
    "a slip of the finger": (generic(resloved=["closed"]), f"{WHERE}.resloved", "did you mean 'resolved'"),
    "a word that is none": (generic(firing=[CANARY, 1]), f"{WHERE}.firing[1]", "must be a string"),
    # ── and who brings timers
    "unknown sender of a timer": (brought(web=("job", "corn")), "timers.web.sender", "did you mean 'cron'"),
    "unknown and far": (brought(web=("job", "zzz")), "timers.web.sender", "there is no [senders.zzz]"),
    "a sender of alerts": (brought(web=("job", "am")), "timers.web.sender", 'dialect = "timer"'),
    "a sender that is no word": (brought(web=("job", CANARY.upper())), "timers.web.sender", "a-z 0-9 _ and -"),
    "twice by one sender": (
        brought(web=("job", "cron"), again=("job", "cron")),
        "timers.again.source",
        "of timers.web already",
    ),
    "twice by the platform": (brought(web=(SCHEDULE, None)), "timers.web.source", "of timers.nightly already"),
    "a rule that names a sender of timers": (
        least(senders__cron=CRON, rules=[{"name": "nightly-erp", "sender": "cron", "vaults": ["erp"]}]),
        "rules[0].sender",
        "brings timers: name one of them",
    ),
    "may of a sender of timers": (least(senders__cron=CRON | {"may": ["name"]}), "senders.cron.may", 'dialect = "once" only'),
    "two callers of one source": (
        least(
            senders__a={"dialect": "timer", "proof": "platform", "sources": ["arn:aws:iam::1:user/a"]},
            senders__b={"dialect": "timer", "proof": "platform", "sources": ["arn:aws:iam::1:user/a"]},
        ),
        "senders.b.sources",
        "lists a source of [senders.a]",
    ),
    "two senders of one signed topic": (
        least(
            senders__a={"dialect": "simple", "proof": "sns", "sources": ["arn:aws:sns:eu-central-1:123456789012:t"]},
            senders__b={"dialect": "once", "proof": "sns", "sources": ["arn:aws:sns:eu-central-1:123456789012:t"]},
        ),
        "senders.b.sources",
        "lists a source of [senders.a]",
    ),
}


@pytest.mark.parametrize(("document", "field", "way_out"), REFUSED.values(), ids=REFUSED.keys())
def test_a_mistake_is_named_with_the_way_out(document: dict[str, Any], field: str, way_out: str) -> None:
    found, sentence = fault_of(document)
    assert found == field
    assert way_out in sentence
    assert CANARY not in sentence


# ── who brings which timer ──


def test_one_source_once_by_the_platform_and_once_by_each_sender() -> None:
    rules = Rules.model_validate(brought(web=(SCHEDULE, "cron"), other=(SCHEDULE, "knative")))
    assert rules.timer_of(SCHEDULE) == "nightly"
    assert rules.timer_of(SCHEDULE, "cron") == "web"
    assert rules.timer_of(SCHEDULE, "knative") == "other"
    assert rules.timer_of(SCHEDULE, "am") is None


def test_a_timer_of_a_sender_is_nobody_elses() -> None:
    rules = Rules.model_validate(brought(web=("job", "cron")))
    assert rules.timer_of("job", "cron") == "web"
    assert [rules.timer_of("job", sender) for sender in ("", "knative", "am")] == [None, None, None]
    assert rules.timer_of(SCHEDULE, "cron") is None  # and the platform's is no sender's


def test_a_sender_of_timers_comes_to_their_door_alone() -> None:
    rules = Rules.model_validate(brought(web=("job", "cron")))
    assert {name: sender.door for name, sender in rules.senders.items()} == {"cron": "timer", "knative": "timer", "am": "alert"}
