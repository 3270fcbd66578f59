"""The promise in a model: which habits of a delivery are enough, and that leaving any one of them out is not."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import pytest

from tests.model.protocol import Protocol, explore
from tests.model.replay import Differs, World, walk

STRICT = os.environ.get("RESTORE_POINT_STRICT") == "1"
WALKS = 2000 if STRICT else 300

STRONG = Protocol(claim="long", posts=1, sweep=True)
"""Claim outliving kill and settling, look, one POST, a watch over what is recorded: what ``restore_point.take`` does."""
MORE = replace(STRONG, deliveries=3, crashes=2, losses=2)

HOLDS = {
    "settled before every look, one delivery at a time": Protocol(settle_retry=True, settle_start=True, serial=True),
    "... one at a time, with more of everything": Protocol(
        settle_retry=True, settle_start=True, serial=True, deliveries=3, crashes=2, losses=2
    ),
    "look, and CBR's running backup outlives every gap": Protocol(slow_backup=True),
    "... with one POST a delivery": Protocol(slow_backup=True, posts=1),
    "claim, look, one POST, watch": STRONG,
    "... with more of everything": MORE,
    "... where CBR refuses nobody": replace(STRONG, cbr_lock=False),
    "... while CBR's own policy backs up": replace(STRONG, foreign=2),
    "... throttled": replace(STRONG, throttled=2),
    "... not sent": replace(STRONG, not_sent=2),
    "... all of it": replace(MORE, foreign=1, throttled=1, not_sent=1),
}
TWO = {
    "POST and try again": Protocol(lists=False),
    "look before every POST": Protocol(),
    "... and settle before trying again": Protocol(settle_retry=True),
    "... one delivery at a time": Protocol(settle_retry=True, serial=True),
    "settled before every look, several at a time": Protocol(settle_retry=True, settle_start=True),
    "CBR's running backup without a look": Protocol(slow_backup=True, lists=False),
    "CBR's running backup where it refuses nobody": Protocol(slow_backup=True, cbr_lock=False),
    "claim without a look": Protocol(claim="long", lists=False, posts=1),
    "claim and look, two POSTs": Protocol(claim="long"),
    "a claim that ends with its holder": replace(STRONG, claim="short"),
    "a claim that may end under its holder": replace(STRONG, claim="lapses"),
    "the watch without a look": replace(STRONG, lists=False),
}
NONE = {
    "one try": Protocol(lists=False, posts=1, redeliveries=0, deliveries=1),
    "claim, look, settle, no watch": Protocol(claim="long", settle_retry=True),
    "claim, look, one POST, no watch": Protocol(claim="long", posts=1),
    "CBR's own policy backs up, and the wish is forgotten": replace(STRONG, foreign=2, memory=False),
    "throttled, and the wish is forgotten": replace(STRONG, throttled=2, memory=False),
    "not sent, and the wish is forgotten": replace(STRONG, not_sent=2, memory=False),
}


@pytest.mark.parametrize("rules", HOLDS.values(), ids=HOLDS)
def test_one_restore_point_and_never_none(rules: Protocol) -> None:
    found = explore(rules)
    assert (found.two, found.none) == (None, None)
    assert found.states > 200


@pytest.mark.parametrize("rules", TWO.values(), ids=TWO)
def test_without_one_of_them_two(rules: Protocol) -> None:
    assert explore(rules).two


@pytest.mark.parametrize("rules", NONE.values(), ids=NONE)
def test_without_one_of_them_none(rules: Protocol) -> None:
    found = explore(rules)
    assert found.two is None
    assert found.none


def test_production_walks_as_the_model_walks() -> None:
    """The strongest row with everything that may go wrong: same ends, same number made, move by move."""
    tried = Counter[str]()
    for seed in range(WALKS):
        moves, end = walk(HOLDS["... all of it"], seed)
        world = World()
        world.play(moves)
        assert len(world.made) == end.made, moves
        tried.update("".join(letter for letter in name if not letter.isdigit()) for name, _ in moves)
    assert len(tried) >= 20, tried
    assert min(tried.values()) > WALKS / 200, tried


def test_and_not_as_another_one_does() -> None:
    """A model whose deliveries do not look is told apart from production at once."""
    moves, _ = walk(TWO["the watch without a look"], 1)
    with pytest.raises(Differs, match="POSTs"):
        World().play(moves)
