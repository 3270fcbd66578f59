"""What one delivery leaves to the next, and what telling changes: nothing (I14, I16)."""

from __future__ import annotations

import io
import os
from itertools import chain
from typing import Any

import pytest

from handlers.envelope import Door
from handlers.sandbox import estate
from tests.simulation.baton import Choices
from tests.simulation.story import EVENTS
from tests.simulation.warm import Step, Warm, brief, steps_of

SEEDS = 40 if os.environ.get("RESTORE_POINT_STRICT") == "1" else 12
APART = (20.0, 75.0, 200.0, 400.0)
LASTING = ("busy:code=6125", "error:code=6134", "error:code=6114", "throttle", "forbidden", "status", "reset_before")
UNCLEAR = ("reset_after", "status:when=after", "no_id", "other_vault", "late_apply:answer=reset,after=45", "truncate")
SKIPS = ("skip", "skip:which=all", "skip:which=all,code=7001", "skip:which=all,code=6125", "foreign:seconds=90")
BREAKS = ("fail:after=60",)
FAULTS = ("", *LASTING, *UNCLEAR, *SKIPS)
WATCH: tuple[str, Door, Any] = ("watch", "watch", {})
Found = tuple[list[list[tuple[str, ...]]], set[tuple[str, ...]]]


def arrivals(seed: int, *more: str) -> list[Step]:
    """Nine or so, sweeps among them."""
    choices = Choices(seed=seed)
    return steps_of(choices, (*EVENTS, *[WATCH] * 4), 9 + choices.pick([1.0] * 4), APART, (*FAULTS, *more))


def told(world: Warm, steps: list[Step]) -> Found:
    """The outcomes of each delivery, and what sweeps came to; then everything is settled."""
    found = [[*map(brief, world.deliver(step).outcomes)] for step in steps]
    world.settle(7.0)  # longer than give_up_after
    at_doors = [outcomes for step, outcomes in zip(steps, found, strict=True) if step.door != "watch"]
    return at_doors, {*map(brief, world.swept)}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_warm_service_decides_as_a_cold_one_does(seed: int) -> None:
    """Of what a process keeps, only how often it has told of refusals, and of a ledger that was down, is allowed to show."""
    steps = arrivals(seed, *BREAKS)
    with Warm(seed=seed, password=seed % 2 == 1) as warm, Warm(seed=seed, password=seed % 2 == 1, cold=True) as cold:
        assert told(warm, steps) == told(cold, steps)
        assert warm.points() == cold.points()
        assert warm.posts() == cold.posts()
        assert [each["subject"] for each in warm.sandbox.published] == [each["subject"] for each in cold.sandbox.published]


def decided(found: Found) -> set[tuple[str, ...]]:
    """All that was decided about restore points, by whomever."""
    at_doors, swept = found
    return {each for each in chain(swept, *at_doors) if each[0] not in ("overdue", "missed", "warning", "healed")}


CLOSED = io.StringIO()
CLOSED.close()


@pytest.mark.parametrize("seed", range(SEEDS // 2))
def test_telling_changes_nothing(seed: int) -> None:
    """Topics that are down, an output that is closed, no metrics: the same ends and the same restore points.

    Sweeps tell again what nobody took, so of them only what they tell is compared, and not how often; and no notices: how long a
    vault is overdue depends on how long one looks.
    """
    steps = arrivals(seed, *BREAKS)
    topics = ("status", "refuse", "reset_after")[seed % 3]
    with Warm(seed=seed) as usual, Warm(seed=seed, metrics=False, stream=CLOSED) as mute:
        mute.faults["publish"] = topics
        expected, found = told(usual, steps), told(mute, steps)
        assert found[0] == expected[0]
        assert decided(found) == decided(expected)
        assert mute.points() == usual.points()
        assert mute.posts() == usual.posts()
        assert topics == "reset_after" or mute.sandbox.published == []


def test_these_arrivals_come_to_everything() -> None:
    """Else nothing would be compared."""
    words, vaults = set[str](), set[str]()
    for seed in range(24):
        with Warm(seed=seed) as world:
            at_doors, swept = told(world, arrivals(seed, *BREAKS))
            words |= {outcome[0] for outcomes in at_doors for outcome in outcomes} | {outcome[0] for outcome in swept}
            vaults |= {vault for vault, _ in world.points()}
    assert words >= {"created", "joined", "skipped", "later", "failed", "available", "partly", "broken", "overdue", "healed"}
    assert vaults == {estate.ERP_VAULT_ID, estate.FILES_VAULT_ID}
