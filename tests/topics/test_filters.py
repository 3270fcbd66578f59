"""Who hears what: filters by outcome, rule and vault, and a share of the time for each of several topics."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.errors import NotTold
from handlers.message import Message
from handlers.outcome import Available, Failed, Healed, Missed, Outcome, Overdue, Refused, Warned
from handlers.report import Report
from handlers.topics import Topic
from handlers.wire import Deadline
from tests.scripted import Clock
from tests.topics.stage import ERP, FILES, opened

ROOT = Path(__file__).parents[2]
ABOUT: dict[str, Any] = {"reason": "r", "message": "m"}
ASKED_FOR = Failed(**ABOUT, rule="nightly-erp", vault="erp", vault_id=ERP, trigger="timer", sender="nightly")
OVERDUE = Overdue(**ABOUT, vault="erp", vault_id=ERP, trigger="watch")
MISSED = Missed(**ABOUT, sender="nightly", trigger="timer")
HEALED = Healed(**ABOUT, sender="nightly", trigger="timer")
OF_A_RULE = Failed(**ABOUT, rule="nightly-erp")
BY_HAND = Available(**ABOUT, vault="", vault_id=ERP, trigger="once", sender="terminal")
STORM = Warned(**ABOUT, sender="am", trigger="alert")
DEGRADED = Warned(reason="degraded", message="m", trigger="alert", sender="am")
REFUSED = Refused(**ABOUT, trigger="alert", sender="am")
OTHER = Failed(**ABOUT, rule="weekly-files", vault="files", vault_id=FILES)
OTHERS_OVERDUE = Overdue(**ABOUT, vault="files", vault_id=FILES)
OTHERS_MISSED = Missed(**ABOUT, sender="weekly", trigger="timer")

MINE = [ASKED_FOR, OVERDUE, MISSED, HEALED, OF_A_RULE, BY_HAND]
NOBODYS = [STORM, DEGRADED, REFUSED]
THEIRS = [OTHER, OTHERS_OVERDUE, OTHERS_MISSED]


def wants(outcome: Outcome, **filters: list[str]) -> bool:
    with opened({"team": {"kind": "log", **filters}}, {}) as topics:
        return topics["team"].wants(outcome)


@pytest.mark.parametrize(
    "filters",
    [
        {"rules": ["nightly-erp"]},
        {"rules": ["*-erp"]},
        {"rules": ["weekly-f*s", "nightly-*"], "vaults": ["erp"]},
        {"vaults": ["erp"]},
        {"vaults": ["e*"]},
        {"vaults": [ERP]},
        {"vaults": ["erp"], "rules": ["nightly-erp"]},
    ],
    ids=json.dumps,
)
def test_a_filtered_topic_hears_of_its_own_and_of_nothing_else(filters: dict[str, list[str]]) -> None:
    for outcome in MINE:
        assert wants(outcome, **filters), outcome
    for outcome in [*THEIRS, *NOBODYS]:
        assert not wants(outcome, **filters), outcome


def test_a_topic_without_filters_hears_of_everything() -> None:
    for outcome in [*MINE, *THEIRS, *NOBODYS]:
        assert wants(outcome)


def test_with_both_filters_both_must_be_met() -> None:
    both = {"rules": ["nightly-erp"], "vaults": ["files"]}
    for outcome in [*MINE, *THEIRS]:
        assert not wants(outcome, **both), outcome
    assert wants(replace(ASKED_FOR, vault="files", vault_id=FILES), **both)


def test_outcomes_are_asked_beside_the_filters() -> None:
    assert wants(ASKED_FOR, vaults=["erp"], outcomes=["failed"])
    assert not wants(OVERDUE, vaults=["erp"], outcomes=["failed"])
    assert not wants(ASKED_FOR, vaults=["files"], outcomes=["failed"])


def test_a_vault_that_tags_found_is_known_by_its_own_name() -> None:
    found = Failed(**ABOUT, rule="nightly-erp", vault="erp of the south", vault_id=FILES.replace("a", "b"))
    assert wants(found, vaults=["erp*"])
    assert wants(found, rules=["nightly-*"])


# --- several at once ------------------------------------------------------------------------------------------------------


class Slow:
    """Takes all the time it is given, and so many seconds at most."""

    def __init__(self, clock: Clock, seconds: float = 1e9) -> None:
        self.clock, self.seconds, self.given = clock, seconds, list[float]()

    def __call__(self, message: Message, deadline: Deadline) -> None:
        self.given.append(round(deadline.left(), 6))
        self.clock.forward(min(self.seconds, deadline.left()))
        if deadline.passed:
            raise NotTold("no answer came in time")


def test_a_topic_that_never_answers_leaves_the_others_their_time() -> None:
    clock = Clock()
    never, quick, last = Slow(clock), Slow(clock, 0.1), Slow(clock, 0.1)
    topics = tuple(Topic(name, frozenset(["failed"]), send) for name, send in (("a", never), ("b", quick), ("c", last)))
    told = Report(topics, io.StringIO()).publish(ASKED_FOR, Deadline.after(clock, 3))
    assert (told.sent, told.problems) == (2, ("a: no answer came in time",))
    assert (never.given, quick.given, last.given) == ([1.0], [1.0], [1.9])


# --- what a start pays for ------------------------------------------------------------------------------------------------

KINDS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "log": ({"kind": "log"}, set()),
    "filtered": ({"kind": "log", "vaults": ["erp"]}, {"filters"}),
    "sns": ({"kind": "sns", "arn": "arn:aws:sns:eu-central-1:123456789012:ops"}, {"sns", "posting", "wording"}),
    "pubsub": ({"kind": "pubsub", "topic": "projects/backup-1/topics/ops"}, {"pubsub", "posting", "wording"}),
    "cloudevents": ({"kind": "cloudevents", "url": "https://sink.example/"}, {"cloudevents", "posting", "wording"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kinds_code_is_imported_only_where_there_is_such_a_topic(kind: str) -> None:
    topic, wanted = KINDS[kind]
    program = (
        "import json, sys\n"
        "from tests.topics.stage import AWS, opened\n"
        f"with opened({{'ops': {topic!r}}}, AWS):\n"
        "    names = sorted(name[16:] for name in sys.modules if name.startswith('handlers.topics.'))\n"
        "    print(json.dumps([names, 'httpx' in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    names, http = json.loads(done.stdout)
    assert set(names) == wanted
    assert http is False, "nothing is sent yet"
