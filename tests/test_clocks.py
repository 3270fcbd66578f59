"""Instances whose clocks are wrong: CBR's is the one they all see, and by it a claim lasts as long as its holder may live."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers.service import Service
from handlers.wire.reply import Reply
from tests.scripted import CREATE, START, Clock, Passing, World, cuts, executes_and, only, passes, world_in

AHEAD = 3600.0
CLAIM = 57.0 + 3.0 + 120.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def at(world: World, seconds: float) -> Service:
    """An instance whose clock is this much off the others'."""
    made = Service(world.settings(world.password()), Clock(world.clock.now() + timedelta(seconds=seconds)), stream=world.stream)
    world._services.append(made)
    return made


@pytest.mark.parametrize("seconds", [AHEAD, 600.0, 200.0])
def test_an_instance_that_is_ahead_takes_no_living_claim(world: World, seconds: float) -> None:
    world.door.on(CREATE, cuts)  # not executed yet: what was sent may still arrive
    assert only(world.fire(at(world, 0))).reason == "unclear"
    later = only(world.fire(at(world, seconds)))
    assert (later.word, later.reason) == ("later", "clock_ahead")
    assert "By CBR's clock another run may still be at work" in later.message
    assert world.posts() == []


def test_it_takes_the_claim_once_it_has_ended_by_cbrs_clock(world: World) -> None:
    world.door.on(CREATE, cuts)
    world.fire(at(world, 0))
    world.clock.forward(CLAIM + 10)
    assert only(world.fire(at(world, AHEAD))).word == "created"
    assert len(world.sandbox.restore_points()) == 1


def test_and_joins_what_is_there_at_once(world: World) -> None:
    world.door.on(CREATE, executes_and(cuts))
    world.fire(at(world, 0))
    assert only(world.fire(at(world, AHEAD))).word == "joined"
    assert len(world.posts()) == 1


@pytest.mark.parametrize("how", ["no time", "no way to CBR"])
def test_one_that_is_ahead_and_does_not_ask_cbr_frees_no_living_claim(world: World, how: str) -> None:
    """Only CBR's clock says that a claim has ended; who did not hear it must not send the wish back."""
    living, other, right = world.service(), world.clock, world.service()
    world.clock = Clock(START + timedelta(minutes=20))
    nowhere = {name: "http://127.0.0.1:9" for name in world.environ() if "REGION_CBR" in name}
    ahead = world.service(world.environ() if how == "no time" else world.environ() | nowhere)
    world.clock = other

    def between(it: Passing) -> None:
        assert only(world.fire(ahead, seconds=3.5 if how == "no time" else 60.0)).word == "later"
        world.clock.forward(5)
        assert only(world.fire(right)).reason == "in_progress"
        passes(it)

    world.door.on(CREATE, between)
    assert only(world.fire(living)).word == "created"
    assert len(world.posts()) == 1


def test_one_that_is_behind_claims_for_as_long_as_it_lives(world: World) -> None:
    """By its own clock it would end an hour ago; whoever is right would take it at once."""
    world.door.on(CREATE, cuts)
    fired = START - timedelta(hours=2)
    assert only(world.fire(at(world, -AHEAD), fired)).reason == "unclear"
    world.clock.forward(CLAIM - 70)
    assert only(world.fire(at(world, 0), fired)).reason == "in_progress"
    world.clock.forward(80)
    assert only(world.fire(at(world, 0), fired)).word == "created"


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("Mon, 23 Nov 2026 02:00:00 GMT", datetime(2026, 11, 23, 2, tzinfo=UTC)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),  # RFC 9110, section 5.6.7
        ("Sunday, 06-Nov-94 08:49:37 GMT", None),
        ("Sun Nov  6 08:49:37 1994", None),
        ("Mon, 31 Feb 2026 02:00:00 GMT", None),
        ("Mon, 23 Mai 2026 02:00:00 GMT", None),
        ("Mon, 23 Nov 2026 25:00:00 GMT", None),
        ("Mon, 23 Nov 2026 02:00:00 +0100", None),
        ("", None),
    ],
)
def test_the_time_a_service_says(date: str, said: datetime | None) -> None:
    assert Reply(200, {"date": date}, b"").said_at == said
