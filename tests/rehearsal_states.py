"""Every state a restore point that is wanted can be found in."""

from __future__ import annotations

from datetime import timedelta

from handlers.restore_point.claiming import claim
from handlers.restore_point.held import Held
from handlers.sandbox import estate
from tests.rehearsing import VERBS, Stage, restrained
from tests.scripted import BACKUPS, CREATE, START, Act, Clock, Flaky, World, answers, cuts, executes_and, only
from tests.test_restore_point import forgetting, occupy


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


def sent_and_not_answered(world: World, act: Act | None = None) -> Stage:
    stage = Stage(world)
    world.door.on(CREATE, act or executes_and(cuts))
    assert stage.take().reason == "unclear"
    return stage


def sent_and_not_answered_but_found(world: World) -> Stage:
    stage = sent_and_not_answered(world)
    world.clock.forward(200)
    return stage


def sent_and_lost(world: World) -> Stage:
    stage = sent_and_not_answered(world, cuts)
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


def the_budget_is_counted_here_and_has_room(world: World) -> Stage:
    restrained(world)
    stage = Stage(world)
    stage.planned, stage.ledger = stage.alert("a"), Flaky(stage.ledger, *VERBS)
    return stage


def the_budget_is_counted_here_and_spent(world: World) -> Stage:
    stage = the_budget_is_counted_here_and_has_room(world)
    assert stage.take().word == "created"
    world.clock.forward(120)
    stage.planned = stage.alert("b")
    return stage


def this_clock_is_ahead(world: World) -> Stage:
    """By CBR's the other run may still be at work."""
    stage = sent_and_not_answered(world, cuts)
    stage.clock = Clock(world.clock.now() + timedelta(seconds=200))
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
