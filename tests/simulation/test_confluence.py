"""The same deliveries in any order, and any of them twice: the same causes have a restore point (I17).

Three things depend on the order by design, each with what must hold all the same: the newest event of a timer always counts and
an older one may be superseded; ``min_interval`` lets one cause of a vault through, whichever came first; a budget is used up by
whoever comes first. Nobody is skipped without one of these reasons.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handlers.envelope import Door
from handlers.sandbox import estate
from tests.simulation.baton import Choices
from tests.simulation.ports import START
from tests.simulation.story import EVENTS, RULES, alerts, fires
from tests.simulation.warm import Step, Warm

SEEDS = 40 if os.environ.get("RESTORE_POINT_STRICT") == "1" else 12
ORDERS = 4
FREE = RULES.replace('min_interval = "10m"', "").replace("budget_per_hour = 2", "").replace('window = "20m"', 'window = "7d"')
RESOLVED = {"alerts": [{"status": "resolved", "labels": {"where": "erp", "what": "a"}}]}
UNBOUND: tuple[tuple[str, Door, Any], ...] = (
    *(each for each in EVENTS if each[0] not in ("empty", "earlier timer", "once, full")),
    ("erp b, c", "alert", alerts("erp", "c", "b")),
    ("files c", "alert", alerts("files", "c")),
    ("resolved", "alert", RESOLVED),
)
Event = tuple[str, Door, Any]


def drawn(choices: Choices, events: Sequence[Event], least: int) -> list[Event]:
    """Some of them, each once."""
    left = list(events)
    return [left.pop(choices.pick([1.0] * len(left))) for _ in range(least + choices.pick([1.0] * (len(events) - least)))]


def shuffled(choices: Choices, events: Sequence[Event], apart: Sequence[float]) -> list[Step]:
    """All of them in some order, some of them twice or three times, under the same delivery's id or another."""
    times = [each for each in events for _ in range(1 + choices.pick([3.0, 2.0, 1.0]))]
    found, at = list[Step](), 0.0
    while times:
        name, door, document = times.pop(choices.pick([1.0] * len(times)))
        at += apart[choices.pick([1.0] * len(apart))]
        found.append(Step(at, name, door, document, f"{name}-{choices.pick([1.0] * 2)}"))
    return found


def played(world: Warm, steps: Sequence[Step]) -> dict[str, str]:
    """What became of every cause, in the end. Sweeps come in between, as they do."""
    for number, step in enumerate(steps):
        world.deliver(step)
        if number % 3 == 2:
            world.sweep(5.0)
    world.settle()
    assert [each for each in world.ledger.due(float("inf"), 100) if each.kind == "wish"] == []
    return {cause: world.became(cause) for cause in world.wanted(steps)}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_order_and_any_repetition_come_to_the_same_causes(seed: int) -> None:
    choices = Choices(seed=seed)
    events = drawn(choices, UNBOUND, 3)
    ends = list[dict[str, str]]()
    for _ in range(ORDERS):
        steps = shuffled(choices, events, (1.0, 20.0, 75.0, 200.0))
        with Warm(FREE, seed=choices.pick([1.0] * 4), lag=(2.0, 40.0, 100.0)[choices.pick([1.0] * 3)]) as world:
            ends.append(played(world, steps))
            named = {cause for _, cause in world.points()}
            assert max(world.points().values(), default=1) == 1, "one restore point of a cause"
            assert named <= {cause[:16] for cause in ends[-1]}
    assert all(end == ends[0] for end in ends)
    assert set(ends[0].values()) <= {"done"}


# ── what depends on the order, and what does not ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(SEEDS))
def test_of_a_timers_events_the_newest_counts_in_any_order(seed: int) -> None:
    choices = Choices(seed=seed)
    hours = range(1 + choices.pick([1.0] * 4), -1, -1)
    events: list[Event] = [(f"{each} h", "timer", fires(START - timedelta(hours=each))) for each in hours]
    steps = shuffled(choices, events, (1.0, 75.0, 200.0))
    with Warm(FREE, seed=seed % 4) as world:
        ends = played(world, steps)
        assert set(ends.values()) <= {"done", "failed superseded"}
        cause_of = {step.name: next(iter(world.wanted([step]))) for step in steps}
        came = [*dict.fromkeys(step.name for step in steps)]
        assert ends[cause_of["0 h"]] == ends[cause_of[came[0]]] == "done"
        overtaken = {name for place, name in enumerate(came) if any(int(each[0]) < int(name[0]) for each in came[:place])}
        own = {cause for vault, cause in world.points() if vault == estate.FILES_VAULT_ID}
        assert not own & {cause_of[name][:16] for name in overtaken}, "no POST for what a newer event had superseded"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_of_a_vaults_alerts_one_is_let_through_within_min_interval_whichever_comes_first(seed: int) -> None:
    choices = Choices(seed=seed)
    events: list[Event] = [(f"files {each}", "alert", alerts("files", *each)) for each in ("a", "b", "ca", "d", "eb")]
    steps = shuffled(choices, events, (1.0, 20.0, 40.0))
    steps = [replace(step, at=step.at % 590.0) for step in steps] if steps[-1].at >= 590.0 else steps
    with Warm(RULES, seed=seed % 4) as world:
        ends = played(world, sorted(steps, key=lambda each: each.at))
        made = {cause for vault, cause in world.points() if vault == estate.FILES_VAULT_ID}
        assert len(made) == 1
        assert set(ends.values()) <= {"done", "failed min_interval"}
        assert world.posts() == 1
        first = min(steps, key=lambda each: each.at)
        assert {ends[cause] for cause in world.wanted([first])} == {"done"}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_budget_is_used_up_and_no_more_in_any_order(seed: int) -> None:
    choices = Choices(seed=seed)
    events: list[Event] = [(f"erp {each}", "alert", alerts("erp", each)) for each in "abcde"[: 1 + choices.pick([1.0] * 5)]]
    steps = shuffled(choices, events, (1.0, 75.0, 120.0))
    with Warm(RULES, seed=seed % 4) as world:
        ends = played(world, steps)
        made = len({cause for vault, cause in world.points() if vault == estate.ERP_VAULT_ID})
        assert made == min(2, len(events)) == world.posts()
        assert set(ends.values()) <= {"done", "failed budget"}
        assert [*ends.values()].count("failed budget") == len(events) - [*ends.values()].count("done")
