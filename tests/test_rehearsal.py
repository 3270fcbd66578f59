"""What a rehearsal says is what taking then does in the same state, and the rehearsal itself changes nothing anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handlers.outcome import Outcome
from tests import rehearsal_states as state
from tests.rehearsing import Stage
from tests.scripted import World, world_in

STATES: list[tuple[Callable[[World], Stage], tuple[str, str] | None, tuple[str, str]]] = [
    (state.nothing_there, None, ("created", "accepted")),
    (state.claimed_by_another_run, ("later", "in_progress"), ("later", "in_progress")),
    (state.claimed_by_one_that_died, None, ("created", "accepted")),
    (state.sent_and_not_answered, ("later", "in_progress"), ("later", "in_progress")),
    (state.sent_and_not_answered_but_found, ("joined", "found"), ("joined", "found")),
    (state.sent_and_lost, None, ("created", "accepted")),
    (state.done, ("joined", "already_taken"), ("joined", "already_taken")),
    (state.listed_at_cbr, ("joined", "found"), ("joined", "found")),
    (state.running_and_foreign, ("joined", "running_already"), ("joined", "running_already")),
    (state.busy_with_something_else, ("later", "busy"), ("later", "busy")),
    (state.wanted_since_it_was_busy, None, ("created", "accepted")),
    (state.wanted_for_too_long, ("failed", "still_busy"), ("failed", "still_busy")),
    (state.an_empty_vault, ("failed", "empty_vault"), ("failed", "empty_vault")),
    (state.failed_before, ("failed", "empty_vault"), ("failed", "empty_vault")),
    (state.the_budget_is_spent, ("skipped", "budget"), ("skipped", "budget")),
    (state.the_budget_has_room_again, None, ("created", "accepted")),
    (state.backed_up_a_moment_ago, ("skipped", "min_interval"), ("skipped", "min_interval")),
    (state.backed_up_long_ago, None, ("created", "accepted")),
    (state.another_has_the_turn, ("later", "waits_its_turn"), ("later", "waits_its_turn")),
    (state.superseded, ("skipped", "superseded"), ("skipped", "superseded")),
    (state.the_ledger_is_down, None, ("created", "accepted")),
    (state.the_ledger_is_down_and_it_is_there, ("joined", "found"), ("joined", "found")),
    (state.the_ledger_takes_nothing, None, ("created", "accepted")),
    (state.the_budget_is_counted_here_and_has_room, None, ("created", "accepted")),
    (state.the_budget_is_counted_here_and_spent, ("skipped", "budget"), ("skipped", "budget")),
    (state.this_clock_is_ahead, ("later", "clock_ahead"), ("later", "clock_ahead")),
    (state.cbr_is_down, ("later", "cbr_unreachable"), ("later", "cbr_unreachable")),
    (state.cbr_lets_nobody_look, ("failed", "not_authorized"), ("failed", "not_authorized")),
    (state.cbr_is_gone, ("later", "cbr_unreachable"), ("later", "cbr_unreachable")),
    (state.no_time, ("later", "no_time"), ("later", "no_time")),
]
BY_CBR = (("joined", "running_already"), ("later", "busy"), ("failed", "empty_vault"))
"""What comes of CBR's answer: it has to be asked for that."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def said(outcome: Outcome | None) -> tuple[str, str] | None:
    return (outcome.word, outcome.reason) if outcome else None


@pytest.mark.parametrize(("reached", "foretold", "done"), STATES, ids=[reached.__name__ for reached, _, _ in STATES])
def test_taking_does_what_the_rehearsal_said(
    world: World, reached: Callable[[World], Stage], foretold: tuple[str, str] | None, done: tuple[str, str]
) -> None:
    stage = reached(world)
    before, posts, points, told = stage.kept(), len(world.posts()), world.sandbox.restore_points(), world.sandbox.published
    sent = len(world.door.seen)
    assert [said(stage.rehearse()), said(stage.rehearse())] == [foretold, foretold]
    assert stage.kept() == before
    assert (len(world.posts()), world.sandbox.restore_points()) == (posts, points)
    assert {each.method for each in world.door.seen[sent:]} <= {"GET"}
    assert world.sandbox.published == told
    assert said(stage.take()) == done
    refused = foretold in BY_CBR
    assert (len(world.posts()) > posts) == (foretold is None or refused)
