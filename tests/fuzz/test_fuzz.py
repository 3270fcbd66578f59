"""A bounded hunt, the same every time; ``python -m tests.fuzz`` goes on for as long as it is told to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from handlers.errors import Refusal
from tests.fuzz import events, proofs, replies
from tests.fuzz.corpus import corpus
from tests.fuzz.hunting import TARGETS, hunt
from tests.fuzz.mutations import CANARY, VALUES, Change, changed, paths, spoiled, written

SHORT = pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # of keys whose bytes were changed


@SHORT
@pytest.mark.parametrize("name", list(TARGETS))
def test_nothing_comes_out_but_refusals_that_repeat_nothing(name: str) -> None:
    hunt(name, 600)


@SHORT
def test_the_seeds_themselves_are_read_and_proven() -> None:
    """Else the hunt would never come past the first check."""
    said = [events.web(number, [], []) for number in range(len(corpus()))]
    assert len(said) > 300
    accepted = Counter[str]()
    for place, (name, _) in enumerate(events.senders()):
        for number in range(len(corpus())):
            try:
                accepted[name] += not events.web(place * len(corpus()) + number, [], [])
            except Refusal:
                continue
    assert {name for name, _ in events.senders() if not accepted[name]} <= {""}
    for number, name in enumerate(proofs.NAMES):
        assert proofs.proven(number, [], []) in (["env:X"], [""]), name
    for number in range(1000):
        if number // 8 % 3 and number // 11 % 4:  # a right answer, and a token
            replies.replies(number, [], [])


# ── that it finds what is wrong ──

MOST = 0.02
"""Seconds, for the doubles."""


def crashes(_: int, changes: Sequence[Change], __: Sequence[Change]) -> list[str]:
    document = changed({"a": [1, 2], "b": "text"}, changes)
    return [] if isinstance(document, dict) and isinstance(document.get("b"), str) else [document["b"].upper()]


def repeats(_: int, changes: Sequence[Change], __: Sequence[Change]) -> list[str]:
    document = changed({"status": "firing"}, changes)
    raise Refusal("malformed", f"status: is {document.get('status') if isinstance(document, dict) else ''!r}")


def is_slow(_: int, __: Sequence[Change], bytewise: Sequence[Change]) -> list[str]:
    if len(bytewise) > 2:
        ends = time.process_time() + 2 * MOST
        while time.process_time() < ends:
            pass
    return []


def says_too_much(_: int, changes: Sequence[Change], __: Sequence[Change]) -> list[str]:
    raise Refusal("malformed", "x" * 20_000 if changes else "no")


DOUBLES: dict[str, tuple[Callable[..., list[str]], str]] = {
    "an exception of another kind": (crashes, "TypeError|AttributeError|KeyError"),
    "a value that is repeated": (repeats, "what was given is repeated"),
    "an input that takes long": (is_slow, "took"),
    "a flood of words": (says_too_much, "it says too much"),
}


@pytest.mark.parametrize("double", DOUBLES.values(), ids=list(DOUBLES))
def test_what_is_wrong_is_found(double: tuple[Callable[..., list[str]], str]) -> None:
    target, says = double
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - hypothesis groups what it finds
        hunt("web", 400, target=target, most=MOST)
    every = [caught.value, *getattr(caught.value, "exceptions", ())]
    words = " ".join(f"{type(each).__name__} {each}" for each in every)
    assert any(word in words for word in says.split("|")), words


def test_changes_are_the_same_every_time_and_leave_the_seed_alone() -> None:
    seed = {"a": [1, {"b": CANARY}], "c": '{"d": 1}'}
    for number in range(300):
        change = [(number, number * 7, number * 13)]
        assert written(changed(seed, change)) == written(changed(seed, change))
        assert spoiled(b'{"a": 1}', change) == spoiled(b'{"a": 1}', change)
    assert seed == {"a": [1, {"b": CANARY}], "c": '{"d": 1}'}
    assert len([*paths(seed)]) == 6
    assert any(CANARY in str(value) for value in VALUES)
