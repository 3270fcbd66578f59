"""Nothing hangs: poison comes to an end (L3), a storm makes as many restore points as there are vaults (L4), and whatever was
down, the same warm service goes on when it is back (L5).
"""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from handlers.answers import batch_answer
from handlers.carriers.batches import sqs_records
from handlers.envelope import Envelope
from handlers.outcome import Answer, Failed, Outcome
from handlers.sandbox import estate
from tests.simulation.baton import Choices
from tests.simulation.story import EVENTS, RULES, alerts
from tests.simulation.warm import MINUTE, Step, Warm, steps_of

SEEDS = 40 if os.environ.get("RESTORE_POINT_STRICT") == "1" else 12
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:alerts"
QUEUED = (
    RULES
    + f"""
[senders.queue]
dialect = "alertmanager"
proof = "platform"
sources = ["{QUEUE}"]
[[rules]]
name = "queued-erp"
sender = "queue"
match = {{ where = "erp" }}
by = ["what"]
vaults = ["erp"]
window = "7d"
[[rules]]
name = "queued-files"
sender = "queue"
match = {{ where = "files" }}
by = ["what"]
vaults = ["files"]
window = "7d"
"""
)

# ── poison ───────────────────────────────────────────────────────────────────────────────────────────────────────────

MOST = 3
"""How often the queue hands a message out before it puts it aside (maxReceiveCount)."""
POISON = ("{", '{"alerts": 1}', "[]", '{"alerts": [{"status": "firing", "labels": {"where": 1}}]}', "\x00", "null")


class Queue:
    """What SQS does with a batch's answer: what is named comes again, until it was handed out too often."""

    def __init__(self, bodies: Sequence[str]) -> None:
        self.waiting = {f"message-{number}": body for number, body in enumerate(bodies)}
        self.handed_out, self.aside = Counter[str](), list[str]()

    def batch(self) -> dict[str, Any]:
        for each in self.waiting:
            self.handed_out[each] += 1
        common = {"eventSource": "aws:sqs", "eventSourceARN": QUEUE}
        return {"Records": [{"messageId": name, "body": body, **common} for name, body in self.waiting.items()]}

    def answered(self, answer: dict[str, Any]) -> None:
        again = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        self.aside += [each for each in self.waiting if each in again and self.handed_out[each] >= MOST]
        self.waiting = {name: body for name, body in self.waiting.items() if name in again and name not in self.aside}


class Breaking(io.StringIO):
    """An output that fails in a way nobody expects, over one message."""

    def write(self, text: str) -> int:
        if '"id":"message-0"' in text.replace(" ", ""):
            raise RuntimeError("nobody expected this")
        return super().write(text)


def hand_out(world: Warm, queue: Queue) -> None:
    envelope = Envelope("alert", "lambda", "batch", queue.batch(), 5 * MINUTE)
    queue.answered(batch_answer(world.service, sqs_records(envelope), lambda: MINUTE))
    world.time.passed += MINUTE


@pytest.mark.parametrize("seed", range(SEEDS))
def test_poison_comes_to_an_end_and_blocks_nobody(seed: int) -> None:
    """What cannot be read comes once. What no ledger can hold and CBR does not take comes as often as the queue allows."""
    choices = Choices(seed=seed)
    good = [json.dumps(alerts(("erp", "files")[each % 2], f"good {each}")) for each in range(1 + choices.pick([1.0] * 4))]
    bad = [POISON[choices.pick([1.0] * len(POISON))] for _ in range(1 + choices.pick([1.0] * 4))]
    bodies = [*good]
    for each in bad:
        bodies.insert(choices.pick([1.0] * (len(bodies) + 1)), each)
    queue, down = Queue(bodies), choices.pick([1.0, 1.0]) == 1
    with Warm(QUEUED.replace('min_interval = "10m"', ""), seed=seed) as world:
        if down:
            world.ledger.down = {"put_if_absent", "get", "swap", "due", "since"}
            world.faults["create"] = "busy:code=6125"
        for _ in range(MOST + 2):
            if queue.waiting:
                hand_out(world, queue)
        assert queue.waiting == {}
        names = {f"message-{number}": body for number, body in enumerate(bodies)}
        assert all(queue.handed_out[name] == 1 for name, body in names.items() if body in bad)
        lost = {name for name, body in names.items() if body not in bad} if down else set[str]()
        assert {*queue.aside} == lost
        assert all(queue.handed_out[name] == (MOST if down else 1) for name, body in names.items() if body not in bad)
        world.ledger.down.clear()
        world.settle()
        wishes = [record.key for record in world.ledger.since("wish", 0)]
        assert [*map(world.became, wishes)] == ["done"] * (0 if down else len(good))
        assert down == (world.posts() == 0)


def test_a_message_that_breaks_the_program_blocks_nobody() -> None:
    queue = Queue([json.dumps(alerts("erp", "breaks")), json.dumps(alerts("files", "good"))])
    with Warm(QUEUED, stream=Breaking(), metrics=False) as world:
        while queue.waiting:
            hand_out(world, queue)
        assert queue.handed_out == {"message-0": MOST, "message-1": 1}
        assert queue.aside == ["message-0"]
        assert world.posts() == 2, "it broke when all was done but the log line"


# ── storms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_storm_in_one_delivery_is_one_restore_point_a_vault_and_one_message(seed: int) -> None:
    choices = Choices(seed=seed)
    vaults = ("erp", "files")[: 1 + choices.pick([1.0, 1.0])]
    count = 201 + choices.pick([1.0] * 400)
    document = {"alerts": [each for n in range(count) for each in alerts(vaults[n % len(vaults)], f"{n}")["alerts"]]}
    with Warm(RULES, seed=seed % 4) as world:
        for number in range(1 + choices.pick([1.0] * 3)):
            world.deliver(Step(number * 100.0, "storm", "alert", document, f"storm-{number}"))
        world.settle(1.0)
        assert world.posts() == len(world.points()) == len(vaults)
        assert sum("(storm" in each["subject"] for each in world.sandbox.published) == 1
        ends = {world.became(cause) for cause in world.wanted([Step(0.0, "storm", "alert", document, "storm")])}
        assert ends == {"done"}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_storm_of_deliveries_is_one_restore_point_a_vault_and_interval(seed: int) -> None:
    """Every alert another cause. ``min_interval`` bounds one vault, ``budget_per_hour`` all that a rule asks for."""
    choices = Choices(seed=seed)
    rules = RULES.replace("budget_per_hour = 2", "").replace('max_age = "2h"', 'min_interval = "10m"')
    with Warm(rules, seed=seed % 4) as world:
        at, causes = 0.0, Counter[str]()
        while at < 8 * MINUTE:
            where = ("erp", "files")[choices.pick([1.0, 1.0])]
            causes[where] += 1
            world.deliver(Step(at, "storm", "alert", alerts(where, f"{at}"), f"{where}-{at}"))
            if choices.pick([9.0, 1.0]):
                world.sweep(1.0)
            at = max(world.time.passed, at) + (0.5, 2.0, 10.0)[choices.pick([1.0] * 3)]
        world.settle(0.5)
        assert sum(causes.values()) > 40
        assert world.posts() == len(world.points()) == 2
        assert sum("(storm" in each["subject"] for each in world.sandbox.published) <= 1


# ── what was down is back ────────────────────────────────────────────────────────────────────────────────────────────

VERBS = ("put_if_absent", "get", "swap", "due", "since")
ONCE = {"checkpoint": {"vault_id": estate.FILES_VAULT_ID}, "idempotency_key": "fresh"}
FAILING = ("status", "refuse", "reset_before", "reset_after", "hang", "html", "empty", "truncate", "not_json", "drip", "redirect")
REFUSING = ("unauthorized", "forbidden", "token_expired", "throttle", "malformed_url", "huge_error")
DOWN = ("ledger", "iam", "cbr", "topic")
APART = (5.0, 30.0, 75.0)
REFUSED = ("", "error:code=6114", "forbidden")
"""What CBR says to some while no topic can be told: they have failed, and somebody must hear it."""


def take_down(world: Warm, what: str, choices: Choices) -> None:
    """In one of the ways it can be."""
    ways = (*FAILING, *REFUSING)
    if what == "ledger":
        after = "!" * choices.pick([1.0, 1.0])
        some = [verb for verb in VERBS if choices.pick([1.0, 3.0])]
        world.ledger.down = {verb + after for verb in some or VERBS}
    elif what == "iam":
        world.sandbox.answer("POST", "/_sandbox/tokens/expire", {}, b"")
        world.faults["token"] = ways[choices.pick([1.0] * len(ways))]
    elif what == "cbr":
        for kind in ("create", "list", "other"):
            if choices.pick([1.0, 3.0]):
                world.faults[kind] = ways[choices.pick([1.0] * len(ways))]
    else:
        world.faults["publish"] = ways[choices.pick([1.0] * len(ways))]


@pytest.mark.parametrize("seed", range(SEEDS * len(DOWN)))
def test_whatever_was_down_the_same_service_goes_on_when_it_is_back(seed: int) -> None:
    choices, what = Choices(seed=seed), DOWN[seed % len(DOWN)]
    events = [each for each in EVENTS if each[0] not in ("empty", "nobody's", "earlier timer", "once, full")]
    rules = RULES.replace('min_interval = "10m"', "").replace("budget_per_hour = 2", "").replace('"20m"', '"7d"')
    steps = steps_of(choices, events, 2 + choices.pick([1.0] * 4), APART, REFUSED if what == "topic" else ("",))
    with Warm(rules, seed=seed % 4, password=what == "iam" or seed % 8 > 3) as world:
        world.deliver(steps[0])
        take_down(world, what, choices)
        outcomes = [each for step in steps[1:] for each in world.deliver(step).outcomes]
        if choices.pick([1.0, 1.0]):
            world.sweep()
        world.faults.clear()
        world.ledger.down.clear()
        if what == "topic":
            assert_told(world, outcomes)
        fresh = Step(world.time.passed + 2 * MINUTE, "fresh", "once", ONCE, "fresh")
        (outcome,) = world.deliver(fresh).outcomes
        assert outcome.word == "created" or outcome.reason == "busy", outcome
        assert not outcome.degraded
        for step in steps:  # the senders' own next try, or the next alert
            delivered = world.deliver(replace(step, fault=""))
            assert not delivered.answer.again
            assert {each.word for each in delivered.outcomes} <= {"created", "joined", "later"}, delivered.outcomes
        world.settle()
        assert {world.became(cause) for cause in world.wanted([*steps, fresh])} == {"done"}
        assert world.ledger.due(float("inf"), 10) == [], "somebody still waits to be told"
        assert world.deliver(Step(0.0, "fresh", "once", ONCE, "fresh")).answer == Answer(200)


def assert_told(world: Warm, outcomes: Sequence[Outcome]) -> None:
    """What each cause has failed of last, as soon as the watch has come a few times: L2."""
    for _ in range(4):
        world.sweep(5 * MINUTE)
    texts = [message["message"] for message in world.sandbox.published]
    last = {each.cause: each for each in (*outcomes, *world.swept) if isinstance(each, Failed)}
    for cause, outcome in last.items():
        if world.became(cause).startswith("failed"):
            assert any(f"failed ({outcome.reason})" in text and outcome.vault in text for text in texts), outcome
