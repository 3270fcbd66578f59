"""Stories that have shown a missing guard, told again: few enough to be asked for whenever a guard is taken out."""

from __future__ import annotations

import pytest

from tests.simulation.baton import Choices
from tests.simulation.hunt import played

SEEDS = (14, 23, 51, 52)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_story_breaks_nothing(seed: int) -> None:
    _, breach = played(Choices(seed=seed))
    assert breach == ""
