"""``restore-point plan --resolve``: what would come of it now, by looking alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handlers.sandbox import estate
from tests import rehearsal_states as state
from tests.cli.terminal import Inside, Ran, Terminal, bare
from tests.rehearsing import Stage
from tests.scripted import World, answers, event, world_in

ALERT = {"status": "firing", "labels": {"host": "b"}}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def looked(inside: Inside, world: World, document: object, *arguments: str, **environ: str) -> Ran:
    """At the time of the sandbox, whose clock the command's own does not move."""
    terminal = Terminal(world.folder, bare(world.folder) | world.environ(**environ))
    now = world.clock.now().isoformat()
    return inside(terminal, "plan", terminal.write("event.json", document), "--resolve", "--now", now, *arguments)


STATES: list[tuple[Callable[[World], Stage], tuple[str, str]]] = [
    (state.nothing_there, ("created", "accepted")),
    (state.claimed_by_another_run, ("later", "in_progress")),
    (state.sent_and_not_answered, ("later", "in_progress")),
    (state.sent_and_not_answered_but_found, ("joined", "found")),
    (state.done, ("joined", "already_taken")),
    (state.listed_at_cbr, ("joined", "found")),
    (state.wanted_for_too_long, ("failed", "still_busy")),
    (state.cbr_is_down, ("later", "cbr_unreachable")),
    (state.cbr_lets_nobody_look, ("failed", "not_authorized")),
    (state.the_budget_is_spent, ("skipped", "budget")),
    (state.the_budget_has_room_again, ("created", "accepted")),
    (state.backed_up_a_moment_ago, ("skipped", "min_interval")),
    (state.backed_up_long_ago, ("created", "accepted")),
    (state.another_has_the_turn, ("later", "waits_its_turn")),
]


@pytest.mark.parametrize(("reached", "now"), STATES, ids=[reached.__name__ for reached, _ in STATES])
def test_what_would_come_of_it_is_said_and_nothing_is_done(
    world: World, inside: Inside, reached: Callable[[World], Stage], now: tuple[str, str]
) -> None:
    stage = reached(world)
    whose = ("--as", "timer") if stage.planned.trigger == "timer" else ("--as", "alert", "--sender", "am")
    document = event() if stage.planned.trigger == "timer" else ALERT
    before, posts, sent = stage.kept(), world.sandbox.restore_points(), len(world.door.seen)
    ran = looked(inside, world, document, *whose, "--json")
    (told,) = ran.json["explained"]["planned"]
    assert (told["now"]["outcome"], told["now"]["reason"]) == now
    assert told["now"]["message"].isprintable()
    people = looked(inside, world, document, *whose)
    reason = f" ({now[1]})" if now[1] else ""
    assert f"now: {now[0]}{reason}: " in " ".join(people.out.split())
    assert (ran.code, people.code) == (0, 0)
    assert stage.kept() == before
    assert world.sandbox.restore_points() == posts
    assert {each.method for each in world.door.seen[sent:]} == {"GET"}


def test_an_older_event_of_a_timer_that_came_again_is_superseded(world: World, inside: Inside) -> None:
    stage = state.superseded(world)
    before = stage.kept()
    ran = looked(inside, world, event(stage.planned.occurred), "--as", "timer", "--json")
    assert [each["now"]["reason"] for each in ran.json["explained"]["planned"]] == ["superseded"]
    assert stage.kept() == before


def test_what_the_vault_holds_is_named(world: World, inside: Inside) -> None:
    world.write_rules("erp", "empty", more=f'parameters = {{ resources = ["{estate.ERP_DB_ID}"] }}')
    told = looked(inside, world, event(), "--as", "timer", "--json").json["explained"]["planned"]
    assert [each["held"] for each in told] == [{estate.ERP_DB_ID: "erp-db"}, {estate.ERP_DB_ID: ""}]
    world.write_rules("erp")
    (told,) = looked(inside, world, event(), "--as", "timer", "--json").json["explained"]["planned"]
    assert told["held"] == {estate.ERP_APP_ID: "erp-app", estate.ERP_DB_ID: "erp-db"}
    assert f"of erp-app ({estate.ERP_APP_ID})" in " ".join(looked(inside, world, event(), "--as", "timer").out.split())


def test_where_nothing_is_wanted_nothing_is_looked_at(world: World, inside: Inside) -> None:
    for document, door in ((event() | {"schedule_arn": "another"}, "timer"), ({"status": "firing"}, "timer")):
        assert looked(inside, world, document, "--as", door, "--json").code == 1
    assert world.door.seen == []


def test_a_cloud_that_does_not_answer_is_an_answer(world: World, inside: Inside) -> None:
    world.door.on(("GET", "."), answers(503), always=True)
    ran = looked(inside, world, event(), "--as", "timer", "--json")
    (told,) = ran.json["explained"]["planned"]
    assert (told["held"], told["now"]["reason"]) == ({}, "cbr_unreachable")
    assert world.posts() == []


def test_a_ledger_that_is_damaged_is_left_as_it_is(world: World, inside: Inside) -> None:
    file = world.folder / "ledger.sqlite3"
    file.write_bytes(b"damaged")
    ran = looked(inside, world, event(), "--as", "timer", "--json")
    assert [each["now"]["outcome"] for each in ran.json["explained"]["planned"]] == ["created"]
    assert file.read_bytes() == b"damaged"
