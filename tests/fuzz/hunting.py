"""Inputs for the targets, by hypothesis, which makes small what it finds; and what must hold of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from handlers.errors import CallFailed, NotTold, Refusal
from tests.fuzz import events, proofs, replies
from tests.fuzz.mutations import CANARY, Change

Target = Callable[[int, Sequence[Change], Sequence[Change]], list[str]]
"""Makes an input of a number and the changes, puts it in, and gives back what was said.

Refusal, CallFailed and NotTold may come out.
"""
TARGETS: dict[str, Target] = {
    "web": events.web,
    "binary CloudEvents": events.binary,
    "lambda": events.aws,
    "functiongraph": events.functiongraph,
    "proofs": proofs.proven,
    "replies": replies.replies,
    "errors": replies.errors,
}
SECONDS = 1.0
"""Of processor time, for one input of at most some hundred kilobytes."""
REPEATS_THE_SERVICE = ("replies",)
"""Whose failures say in the service's words what it said: those are clipped and printable, and no event's."""
_NUMBER = st.integers(0, 2**24 - 1)
_CHANGES = st.lists(st.tuples(_NUMBER, _NUMBER, _NUMBER), max_size=4)


def tried(
    target: Target,
    choice: int,
    changes: Sequence[Change],
    bytewise: Sequence[Change],
    *,
    own_words: bool = True,
    most: float = SECONDS,
) -> None:
    """One input. Raises what should not have come out, or AssertionError."""
    began = time.process_time()
    try:
        said = target(choice, changes, bytewise)
    except Refusal as refusal:
        said = [events.words(refusal)]
    except (CallFailed, NotTold) as failure:
        said = [f"{failure} {failure!r} {vars(failure)}"] if own_words else []
    took = time.process_time() - began
    assert took < most, f"took {took:.1f} s"
    assert not [text[:300] for text in said if CANARY in text], "what was given is repeated"
    assert all(len(text) < 10_000 for text in said), "it says too much"


def hunt(name: str, examples: int, start: int | None = None, target: Target | None = None, most: float = SECONDS) -> None:
    """So many inputs to one target, always the same ones unless ``start`` says where chance begins. Raises at the first fault."""
    found = target or TARGETS[name]

    @settings(
        max_examples=examples, derandomize=start is None, database=None, deadline=None, print_blob=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(_NUMBER, _CHANGES, _CHANGES)
    def each(choice: int, changes: list[Change], bytewise: list[Change]) -> None:
        tried(found, choice, changes, bytewise, own_words=name not in REPEATS_THE_SERVICE, most=most)

    (each if start is None else seed(start)(each))()
