"""F31 to F34: what CBR's lists show, and what they do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from tests.faults.rows import Faults
from tests.faults.stage import POST, Stage
from tests.scripted import BACKUPS, START, Passing, passes

faults = Faults()
MADE = 61.0
"""Seconds a first backup takes the sandbox, and one more."""
IGNORED = "fuzzy_name:mode=ignored"


def lost_and_again(stage: Stage) -> None:
    stage.lose_ledger()
    stage.fire()


def others(stage: Stage, number: int = 4) -> None:
    """More backups in the vault than ours."""
    for _ in range(number):
        stage.world.clock.forward(MADE)
        stage.occupy()
    stage.world.clock.forward(MADE)


@faults("F31")
def suffixes(stage: Stage) -> None:
    stage.world.sandbox.habits.suffixes = True
    stage.world.write_rules("erp")
    stage.fire()
    lost_and_again(stage)


@faults("F32a", 5)
@faults("F32b", 60)
@faults("F32c", 120)
def list_lags(stage: Stage, seconds: int) -> None:
    stage.strike(f"list_lag:seconds={seconds}", f"reset_after:{POST}")
    stage.lasting = True
    stage.fire()


@faults("F33a", IGNORED)
@faults("F33b", "count_wrong:by=-5,times=0")
@faults("F34c", "hide_full")
def listed_strangely(stage: Stage, *strange: str) -> None:
    stage.world.sandbox.habits.unordered = True
    if "hide_full" in strange:
        stage.world.write_rules("files", more="parameters = { incremental = false }")
    stage.strike(*strange)
    stage.fire()
    others(stage)
    lost_and_again(stage)


class Pages:
    """Hands out pages of two, whatever was asked for; ``between`` happens before the second."""

    def __init__(self, between: Callable[[], object] = lambda: None) -> None:
        self.between = [between]

    def __call__(self, it: Passing) -> None:
        if not re.search(r"[?&]offset=0\b", it.seen.target) and "offset=" in it.seen.target and self.between:
            self.between.pop()()
        shorter = re.sub(r"([?&]limit=)\d+", r"\g<1>2", it.seen.target)
        it.seen = replace(it.seen, target=shorter)
        passes(it)


@faults("F33c", "short")
@faults("F33d", "shifting")
@faults("F33e", "count")
def pages(stage: Stage, how: str) -> None:
    stage.with_password()  # a signature would cover the query
    stage.strike("count_wrong:by=-5,times=0" if how == "count" else IGNORED)
    stage.door.calm()
    stage.fire()
    others(stage)

    stage.lose_ledger()
    stage.door.on(BACKUPS, Pages(stage.occupy if how == "shifting" else lambda: None), always=True)
    stage.fire()


@faults("F34a", "fuzzy")
@faults("F34b", "ignored")
def name_filter(stage: Stage, mode: str) -> None:
    stage.strike(f"fuzzy_name:mode={mode}")
    stage.fire()
    others(stage)
    lost_and_again(stage)
    stage.world.clock.forward(3600)
    stage.fire(START + timedelta(hours=1))


@faults("F34d")
def full_ones_hidden(stage: Stage) -> None:
    stage.world.write_rules("files", more="parameters = { incremental = false }")
    stage.strike("hide_full", f"reset_after:{POST}")
    stage.lasting = True
    stage.fire()
