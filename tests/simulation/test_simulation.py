"""Production code under every order of things the seeds come to. 10,000 of them: ``python -m tests.simulation``."""

from __future__ import annotations

import os

import pytest

from tests.simulation import story
from tests.simulation.baton import Choices
from tests.simulation.hunt import played, tell
from tests.simulation.ports import ANY, CREATED, LISTED
from tests.simulation.reach import executable, reached, source

STRICT = os.environ.get("RESTORE_POINT_STRICT") == "1"
SEEDS = 200 if STRICT else 60
SELDOM = 0.85
"""Of the protocol's lines, the part that so few stories reach at least; all of them are for the long run."""


def test_stories_break_nothing_and_try_nearly_everything() -> None:
    with reached() as lines:
        told = tell(range(SEEDS))
    assert told.breach == ""
    assert told.seeds == SEEDS
    assert told.fewest >= story.FEWEST
    words = {name.split()[0] for name in told.outcomes}
    assert words >= {"created", "joined", "skipped", "later", "failed", "available", *(["partly", "broken"] if STRICT else [])}
    struck = {fault for fault in (*ANY, *LISTED, *CREATED) if told.struck[fault]}
    assert len(struck) > 0.8 * len({*ANY, *LISTED, *CREATED})
    missed = executable() - set(lines)
    assert len(missed) < (1 - SELDOM) * len(executable()), [source(line) for line in sorted(missed)]


def test_the_same_choices_are_the_same_story() -> None:
    for seed in range(20):
        choices = Choices(seed=seed)
        first, _ = played(choices)
        again, _ = played(Choices(choices.made))
        assert again.trace == first.trace
        assert [point["name"] for point in again.sandbox.restore_points()] == [
            point["name"] for point in first.sandbox.restore_points()
        ]


def test_a_watch_that_never_comes_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkers can fail, and a failing story comes short enough to be read. The product's own guards: ``tests/guards``.

    A settling time of nothing is not noticed here any more: where something may have been sent the operation log is read, too,
    and that does not lag. That a claim outlives the kill by it is a guard of its own.
    """
    monkeypatch.setattr(story.Story, "_watch", lambda _: None)
    told = tell(range(500))
    assert told.breach
    seed, shortened, *trace = told.breach.splitlines()
    assert seed.startswith("seed ")
    assert shortened.startswith("shortened to ")
    assert 3 < len(trace) < 200
