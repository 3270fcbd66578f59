"""What a rehearsal says is what taking then does in the same state, and the rehearsal itself changes nothing anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.outcome import Outcome
from handlers.restore_point.claiming import claim
from handlers.restore_point.held import Held
from handlers.sandbox import estate
from tests.rehearsing import VERBS, Stage, restrained
from tests.scripted import BACKUPS, CREATE, START, Flaky, World, answers, cuts, executes_and, only, world_in
from tests.test_restore_point import forgetting, occupy

# ── states, each with what is to be said in it; None: CBR would be asked ──


def nothing_there(world: World) -> Stage:
    return Stage(world)


def claimed_by_another_run(world: World) -> Stage:
    stage = Stage(world)
    assert isinstance(claim(stage.planned, stage.tools, stage.deadline), Held)
    return stage


def claimed_by_one_that_died(world: World) -> Stage:
    stage = claimed_by_another_run(world)
    world.clock.forward(200)
    return stage


def sent_and_not_answered(world: World) -> Stage:
    stage = Stage(world)
    world.door.on(CREATE, executes_and(cuts))
    assert stage.take().reason == "unclear"
    return stage


def sent_and_not_answered_but_found(world: World) -> Stage:
    stage = sent_and_not_answered(world)
    world.clock.forward(200)
    return stage


def done(world: World) -> Stage:
    stage = Stage(world)
    assert stage.take().word == "created"
    return stage


def listed_at_cbr(world: World) -> Stage:
    assert only(world.fire(forgetting(world))).word == "created"
    return Stage(world)


def running_and_foreign(world: World) -> Stage:
    stage = Stage(world)
    occupy(world, stage.service, estate.FILES_VAULT_ID)
    return stage


def busy_with_something_else(world: World) -> Stage:
    """With an incremental backup, and a full one is wanted."""
    world.write_rules(more="parameters = { incremental = false }")
    return running_and_foreign(world)


def wanted_since_it_was_busy(world: World) -> Stage:
    stage = busy_with_something_else(world)
    assert stage.take().reason == "busy"
    world.clock.forward(61)
    return stage


def wanted_for_too_long(world: World) -> Stage:
    stage = busy_with_something_else(world)
    assert stage.take().reason == "busy"
    world.clock.forward(7 * 3600)
    return stage


def an_empty_vault(world: World) -> Stage:
    world.write_rules("empty")
    return Stage(world)


def failed_before(world: World) -> Stage:
    stage = an_empty_vault(world)
    assert stage.take().word == "failed"
    return stage


def the_budget_is_spent(world: World) -> Stage:
    restrained(world)
    stage = Stage(world)
    assert stage.take(stage.alert("a")).word == "created"
    world.clock.forward(120)
    stage.planned = stage.alert("b")
    return stage


def the_budget_has_room_again(world: World) -> Stage:
    stage = the_budget_is_spent(world)
    world.clock.forward(3600)
    return stage


def backed_up_a_moment_ago(world: World) -> Stage:
    restrained(world, min_interval="15m", budget="")
    stage = Stage(world)
    assert stage.take(stage.alert("a")).word == "created"
    world.clock.forward(120)
    stage.planned = stage.alert("b")
    return stage


def backed_up_long_ago(world: World) -> Stage:
    stage = backed_up_a_moment_ago(world)
    world.clock.forward(900)
    return stage


def another_has_the_turn(world: World) -> Stage:
    restrained(world, min_interval="15m", budget="")
    stage = Stage(world)
    first = stage.alert("a")
    world.door.on(CREATE, cuts)
    assert stage.take(first).reason == "unclear"
    stage.planned = stage.alert("b")
    return stage


def superseded(world: World) -> Stage:
    stage = Stage(world)
    assert only(world.fire(stage.service)).word == "created"
    stage.planned = world.planned(stage.service, START - timedelta(hours=1))[0]
    return stage


def the_ledger_is_down(world: World) -> Stage:
    stage = Stage(world)
    stage.ledger = Flaky(stage.ledger, *VERBS)
    return stage


def the_ledger_is_down_and_it_is_there(world: World) -> Stage:
    stage = done(world)
    stage.ledger = Flaky(stage.ledger, *VERBS)
    return stage


def the_ledger_takes_nothing(world: World) -> Stage:
    stage = Stage(world)
    stage.ledger = Flaky(stage.ledger, "put_if_absent", "swap")
    return stage


def cbr_is_down(world: World) -> Stage:
    stage = Stage(world)
    world.door.on(BACKUPS, answers(503), always=True)
    return stage


def cbr_lets_nobody_look(world: World) -> Stage:
    stage = Stage(world)
    world.door.on(BACKUPS, answers(403, {"error_code": "APIGW.0302", "error_msg": "no"}), always=True)
    return stage


def cbr_is_gone(world: World) -> Stage:
    stage = Stage(world)
    world.door.on(BACKUPS, cuts, always=True)
    return stage


def no_time(world: World) -> Stage:
    stage = Stage(world)
    stage.seconds = 0.0
    return stage


STATES: list[tuple[Callable[[World], Stage], tuple[str, str] | None, tuple[str, str]]] = [
    (nothing_there, None, ("created", "accepted")),
    (claimed_by_another_run, ("later", "in_progress"), ("later", "in_progress")),
    (claimed_by_one_that_died, None, ("created", "accepted")),
    (sent_and_not_answered, ("later", "in_progress"), ("later", "in_progress")),
    (sent_and_not_answered_but_found, ("joined", "found"), ("joined", "found")),
    (done, ("joined", "already_taken"), ("joined", "already_taken")),
    (listed_at_cbr, ("joined", "found"), ("joined", "found")),
    (running_and_foreign, None, ("joined", "running_already")),
    (busy_with_something_else, None, ("later", "busy")),
    (wanted_since_it_was_busy, None, ("created", "accepted")),
    (wanted_for_too_long, ("failed", "still_busy"), ("failed", "still_busy")),
    (an_empty_vault, None, ("failed", "empty_vault")),
    (failed_before, None, ("failed", "empty_vault")),
    (the_budget_is_spent, ("skipped", "budget"), ("skipped", "budget")),
    (the_budget_has_room_again, None, ("created", "accepted")),
    (backed_up_a_moment_ago, ("skipped", "min_interval"), ("skipped", "min_interval")),
    (backed_up_long_ago, None, ("created", "accepted")),
    (another_has_the_turn, ("later", "waits_its_turn"), ("later", "waits_its_turn")),
    (superseded, ("skipped", "superseded"), ("skipped", "superseded")),
    (the_ledger_is_down, None, ("created", "accepted")),
    (the_ledger_is_down_and_it_is_there, ("joined", "found"), ("joined", "found")),
    (the_ledger_takes_nothing, None, ("created", "accepted")),
    (cbr_is_down, ("later", "cbr_unreachable"), ("later", "cbr_unreachable")),
    (cbr_lets_nobody_look, ("failed", "not_authorized"), ("failed", "not_authorized")),
    (cbr_is_gone, ("later", "cbr_unreachable"), ("later", "cbr_unreachable")),
    (no_time, ("later", "no_time"), ("later", "no_time")),
]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def said(outcome: Outcome | None) -> tuple[str, str] | None:
    return (outcome.word, outcome.reason) if outcome else None


@pytest.mark.parametrize(("state", "foretold", "done"), STATES, ids=[state.__name__ for state, _, _ in STATES])
def test_taking_does_what_the_rehearsal_said(
    world: World, state: Callable[[World], Stage], foretold: tuple[str, str] | None, done: tuple[str, str]
) -> None:
    stage = state(world)
    before, posts, points, told = stage.kept(), len(world.posts()), world.sandbox.restore_points(), world.sandbox.published
    sent = len(world.door.seen)
    assert [said(stage.rehearse()), said(stage.rehearse())] == [foretold, foretold]
    assert stage.kept() == before
    assert (len(world.posts()), world.sandbox.restore_points()) == (posts, points)
    assert {each.method for each in world.door.seen[sent:]} <= {"GET"}
    assert world.sandbox.published == told
    assert said(stage.take()) == done
    assert (len(world.posts()) > posts) == (foretold is None)
