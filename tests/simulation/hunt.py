"""Tells stories by their seeds, and makes a failing one short enough to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.simulation.baton import Choices, Killed
from tests.simulation.checks import Breach, check
from tests.simulation.story import Story


@dataclass
class Told:
    """What the stories reached, and the first breach."""

    seeds: int = 0
    choices: int = 0
    fewest: int = 1 << 30
    deliveries: int = 0
    restore_points: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    breach: str = ""

    def add(self, other: Told) -> None:
        """What another process told."""
        self.seeds += other.seeds
        self.choices += other.choices
        self.fewest = min(self.fewest, other.fewest)
        self.deliveries += other.deliveries
        self.restore_points += other.restore_points
        self.struck.update(other.struck)
        self.outcomes.update(other.outcomes)


def tell(seeds: Sequence[int], told: Told | None = None) -> Told:
    """Play them all; stops at the first breach, with its shortened trace."""
    told = told or Told()
    for seed in seeds:
        choices = Choices(seed=seed)
        story, breach = played(choices)
        told.seeds += 1
        told.choices += len(choices.made)
        told.fewest = min(told.fewest, len(choices.made))
        told.deliveries += len(story.deliveries)
        told.restore_points += len(story.sandbox.restore_points())
        told.struck.update(story.struck)
        told.outcomes.update(f"{each.word} ({each.reason})" for delivery in story.deliveries for each in delivery.outcomes)
        if breach:
            told.breach = explained(seed, choices.made, breach)
            return told
    return told


def played(choices: Choices) -> tuple[Story, str]:
    """The story, and which invariant it breaks."""
    story = Story(choices)
    story.play()
    for delivery in story.deliveries:
        error = delivery.actor.error if delivery.actor else None
        if error is not None and not isinstance(error, Killed):
            return story, f"I2: {delivery.id} ended in {error!r}"
    try:
        check(story)
    except Breach as breach:
        return story, str(breach)
    return story, ""


def explained(seed: int, made: Sequence[int], breach: str) -> str:
    """The seed, the breach and the shortest trace found that breaks the same invariant."""
    short = shrunk(list(made), breach.partition(":")[0])
    story, again = played(Choices(short))
    moves = "\n".join(story.trace)
    return f"seed {seed}: {breach}\nshortened to {sum(map(bool, short))} choices that are not the harmless one: {again}\n{moves}"


def shrunk(made: list[int], invariant: str) -> list[int]:
    """Fewer choices, and harmless ones in place of others, as long as the same invariant breaks."""

    def breaks(candidate: list[int]) -> bool:
        return played(Choices(candidate))[1].partition(":")[0] == invariant

    size = max(len(made) // 2, 1)
    while size:
        start = 0
        while start < len(made):
            end = start + size
            for candidate in (made[:start] + made[end:], made[:start] + [0] * len(made[start:end]) + made[end:]):
                if candidate != made and breaks(candidate):
                    made = candidate
                    break
            else:
                start = end
        size //= 2
    return made
