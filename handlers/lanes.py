"""Several things at the same time, each for itself and all in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

LANES = 32
"""Threads of one delivery: as many restore points are taken at once."""

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_lanes(make: Callable[[Given], Made], each_of: Sequence[Given]) -> list[Made]:
    """What ``make`` makes of each, in their order; without threads where there is only one."""
    if len(each_of) < 2:
        return [make(each) for each in each_of]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(LANES, len(each_of))) as lanes:
        return list(lanes.map(make, each_of))
