"""Alerts and exactly once: windows, the interval between two of a vault, several causes in one delivery, and storms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handlers.envelope import Envelope
from handlers.outcome import Created, Joined, Later, Skipped
from handlers.restore_point.wish import Wish
from handlers.sandbox import estate
from handlers.service import Delivered, Service
from tests.scripted import BACKUPS, CREATE, Act, World, answers, cuts, executes_and, fails, only, world_in

CLAIM = 180.0
RULES = """\
[vaults.files]
id = "{files}"
{interval}
[vaults.erp]
id = "{erp}"
[topics.ops]
kind = "log"
[senders.am]
dialect = "alertmanager"
proof = "platform"
[[rules]]
name = "disks"
sender = "am"
vaults = {vaults}
by = ["alertname", "host"]
{more}
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        write(made)
        yield made


@pytest.fixture
def service(world: World) -> Service:
    return world.service()


def write(world: World, *vaults: str, interval: str = "", more: str = 'window = "1h"') -> None:
    text = RULES.format(
        files=estate.FILES_VAULT_ID,
        erp=estate.ERP_VAULT_ID,
        vaults=json.dumps(vaults or ("files",)),
        interval=f'min_interval = "{interval}"' if interval else "",
        more=more,
    )
    (world.folder / "rules.toml").write_text(text, encoding="utf-8")


def send(service: Service, *hosts: str, seconds: float = 60.0, **labels: str) -> Delivered:
    """One delivery with an alert of each host."""
    alerts = [{"status": "firing", "labels": {"alertname": "DiskFailing", "host": host, **labels}} for host in hosts]
    return service.handle(Envelope("alert", "lambda", f"delivery-{hosts[0]}", {"alerts": alerts}, seconds))


def wishes(service: Service) -> list[Wish]:
    return [Wish.from_record(record) for record in service.ledger.since("wish", 0)]


# ── window ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_within_its_window_a_cause_joins_and_after_it_there_is_a_new_one(world: World, service: Service) -> None:
    first = only(send(service, "a"))
    assert isinstance(first, Created)
    world.clock.forward(3599)
    again = only(send(service, "a"))
    assert isinstance(again, Joined)
    assert (again.reason, again.checkpoint_id) == ("already_taken", first.checkpoint_id)
    world.clock.forward(2)
    second = only(send(service, "a"))
    assert isinstance(second, Created)
    assert second.checkpoint_id != first.checkpoint_id
    world.clock.forward(3599)
    assert only(send(service, "a")).checkpoint_id == second.checkpoint_id
    assert len(world.posts()) == 2


@pytest.mark.parametrize("window", ["90s", "5m", "15m", "6h", "7d"])
def test_a_window_is_as_long_as_it_says(world: World, window: str) -> None:
    write(world, more=f'window = "{window}"')
    service = world.service()
    seconds = service.settings.rules.rules[0].window
    for number in range(3):
        assert isinstance(only(send(service, "a")), Created), number
        world.clock.forward(seconds - 1)
        assert isinstance(only(send(service, "a")), Joined)
        world.clock.forward(2)
    assert len(world.posts()) == 3


def test_within_the_window_a_lost_ledger_costs_no_second_one(world: World, service: Service) -> None:
    first = only(send(service, "a"))
    world.clock.forward(3000)
    found = only(send(world.service(world.environ(RESTORE_POINT_LEDGER="memory")), "a"))
    assert isinstance(found, Joined)
    assert (found.reason, found.checkpoint_id) == ("found", first.checkpoint_id)


# ── min_interval ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def spaced(world: World) -> Service:
    write(world, interval="15m")
    return world.service()


def test_another_cause_within_the_interval_is_skipped_and_after_it_served(world: World, spaced: Service) -> None:
    assert isinstance(only(send(spaced, "a")), Created)
    world.clock.forward(600)
    held_back = send(spaced, "b")
    assert isinstance(only(held_back), Skipped)
    assert (only(held_back).reason, only(held_back).vault, held_back.answer.status) == ("min_interval", "files", 200)
    assert isinstance(only(send(spaced, "a")), Joined)
    world.clock.forward(301)
    assert isinstance(only(send(spaced, "b")), Created)
    assert len(world.posts()) == 2


def test_the_interval_is_the_vaults_and_the_same_cause_waits_for_it_too(world: World) -> None:
    write(world, interval="1h", more='window = "20m"')
    service = world.service()
    assert isinstance(only(send(service, "a")), Created)
    world.clock.forward(1300)
    again = only(send(service, "a"))
    assert (again.word, again.reason) == ("skipped", "min_interval")
    assert len(world.posts()) == 1


def test_other_vaults_have_an_interval_of_their_own(world: World) -> None:
    write(world, "files", "erp", interval="15m")
    service = world.service()
    assert {each.word for each in send(service, "a").outcomes} == {"created"}
    found = {each.vault: each.word for each in send(service, "b").outcomes}
    assert found["files"] == "skipped"
    assert found["erp"] != "skipped"


@pytest.mark.parametrize("act", [fails("6125"), fails("6114"), answers(429)], ids=["busy", "refused", "throttled"])
def test_what_cbr_refused_gives_the_turn_back(world: World, spaced: Service, act: Act) -> None:
    world.door.on(CREATE, act)
    assert only(send(spaced, "a")).word in ("later", "failed")
    assert isinstance(only(send(spaced, "b")), Created)
    assert len(world.posts()) == 1


def test_what_may_exist_keeps_the_turn(world: World, spaced: Service) -> None:
    world.door.on(CREATE, executes_and(cuts))
    assert only(send(spaced, "a")).reason == "unclear"
    assert (only(send(spaced, "b")).word, only(send(spaced, "b")).reason) == ("later", "waits_its_turn")
    world.clock.forward(CLAIM)
    assert sorted((each.word, each.reason) for each in world.sweep(spaced).outcomes) == [
        ("joined", "found"),
        ("later", "waits_its_turn"),
    ]
    world.clock.forward(60)
    assert ("skipped", "min_interval") in [(each.word, each.reason) for each in world.sweep(spaced).outcomes]
    assert len(world.posts()) == 1


def test_a_restore_point_that_breaks_gives_the_turn_back(world: World, spaced: Service) -> None:
    """Nobody may be told that the vault was backed up just now when it was not."""
    world.sandbox.faults.add("fail:after=30")
    assert isinstance(only(send(spaced, "a")), Created)
    world.clock.forward(100)
    assert [each.word for each in world.sweep(spaced).outcomes] == ["broken"]
    assert isinstance(only(send(spaced, "b")), Created)
    world.clock.forward(1000)
    assert isinstance(only(send(spaced, "a")), Created)


def test_an_unclear_post_that_never_arrived_is_sent_again_in_its_own_turn(world: World, spaced: Service) -> None:
    world.door.on(CREATE, cuts)
    assert only(send(spaced, "a")).reason == "unclear"
    world.clock.forward(CLAIM)
    assert isinstance(only(world.sweep(spaced)), Created)
    assert len(world.posts()) == 1


def test_its_own_turn_is_its_own_whichever_cause_leads_next(world: World, spaced: Service) -> None:
    world.door.on(CREATE, cuts)
    assert only(send(spaced, "a", "b")).reason == "unclear"
    world.clock.forward(CLAIM)
    assert isinstance(only(send(spaced, "b", "a")), Created)
    assert len(world.posts()) == 1


# ── several causes in one delivery ───────────────────────────────────────────────────────────────────────────────────


def settled_by_one(world: World, service: Service, *hosts: str) -> None:
    """After all claims have ended each cause joins the one restore point there is."""
    world.door.calm()
    for _ in range(3):
        world.clock.forward(CLAIM)
        world.sweep(service)
    for host in hosts:
        outcome = only(send(service, host))
        assert isinstance(outcome, Joined), (host, outcome)
        assert outcome.checkpoint_id == world.sandbox.restore_points()[0]["id"]
    assert len(world.sandbox.restore_points()) == 1
    assert {wish.state for wish in wishes(service)} == {"done"}


def test_several_causes_are_one_post_and_each_of_them_joins_afterwards(world: World, service: Service) -> None:
    outcome = only(send(service, "a", "b", "c"))
    assert isinstance(outcome, Created)
    assert outcome.causes == 3
    for host in "cba":
        assert only(send(service, host)).checkpoint_id == outcome.checkpoint_id
    assert len(wishes(service)) == 3
    assert len(world.posts()) == 1


def test_a_new_cause_beside_known_ones_is_a_new_restore_point(world: World, service: Service) -> None:
    first = only(send(service, "a", "b"))
    world.clock.forward(100)  # it is not running any more
    second = only(send(service, "a", "b", "c"))
    assert isinstance(second, Created)
    assert only(send(service, "a")).checkpoint_id == first.checkpoint_id
    assert only(send(service, "c")).checkpoint_id == second.checkpoint_id
    assert len(world.posts()) == 2


@pytest.mark.parametrize("act", [executes_and(cuts), cuts, fails("6125")], ids=["unclear", "lost", "busy"])
@pytest.mark.parametrize("again", [("a", "b", "c"), ("c", "b", "a"), ("b",), ("c", "d")], ids="".join)
def test_whatever_happens_in_between_they_stay_one(world: World, service: Service, act: Act, again: tuple[str, ...]) -> None:
    world.door.on(CREATE, act)
    assert isinstance(only(send(service, "a", "b", "c")), Later)
    if "d" not in again:
        only(send(service, *again))
        settled_by_one(world, service, "a", "b", "c")
        return
    world.clock.forward(CLAIM)
    world.sweep(service)
    only(send(service, *again))
    assert only(send(service, "a")).checkpoint_id == only(send(service, "b")).checkpoint_id


def test_a_refusal_of_several_causes_is_told_once_and_each_may_ask_again(world: World, service: Service) -> None:
    world.door.on(CREATE, fails("6114"))
    assert only(send(service, "a", "b")).word == "failed"
    assert {wish.state for wish in wishes(service)} == {"failed"}
    assert isinstance(only(send(service, "b")), Created)


def test_who_cannot_look_for_several_causes_does_not_post(world: World, service: Service) -> None:
    world.door.on(BACKUPS, answers(503), always=True)
    assert only(send(service, "a", "b")).reason == "cbr_unreachable"
    assert world.posts() == []
    settled_by_one(world, service, "a", "b")
    assert len(world.posts()) == 1


class Killed(BaseException):
    """The platform took the run away."""


@pytest.mark.parametrize("after", [False, True], ids=["before the POST", "after the POST"])
def test_killed_in_between_they_are_still_one(
    world: World, service: Service, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cbr = service.cbrs["default"]
    real = type(cbr).create

    def create(*given: object) -> object:
        if after:
            real(*given)  # type: ignore[arg-type]
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(cbr), "create", create)
        with pytest.raises(Killed):
            send(service, "a", "b", "c")
    assert only(send(service, "b")).reason == "in_progress"
    settled_by_one(world, service, "a", "b", "c")
    assert len(world.posts()) == 1


def test_a_fallback_settles_every_cause(world: World) -> None:
    write(world, more='window = "1h"\nresource_from = "resource_id"\nelse = "whole vault"')
    service = world.service()
    nowhere = "00000000-1111-4222-8333-444444444444"
    outcome = only(send(service, "a", "b", "c", resource_id=nowhere))
    assert isinstance(outcome, Created)
    assert outcome.causes == 3
    for host in "abc":
        assert only(send(service, host, resource_id=nowhere)).checkpoint_id == outcome.checkpoint_id
    assert len(world.posts()) == 1


# ── storms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_threads_with_overlapping_causes_never_post_one_cause_twice(world: World, service: Service) -> None:
    hosts = [f"h{n}" for n in range(8)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda some: only(send(service, *some)), [hosts[:6], list(reversed(hosts[2:]))]))
    assert all(isinstance(each, Created | Joined | Later) for each in found)
    assert 1 <= len(world.posts()) <= 2
    for _ in range(3):
        world.clock.forward(CLAIM)
        world.sweep(service)
    posted = len(world.posts())
    for host in hosts:
        assert isinstance(only(send(service, host)), Joined)
    assert len(world.posts()) == posted <= 2


def test_a_thousand_deliveries_and_a_thousand_alerts_are_one_post(world: World, service: Service) -> None:
    send(service, "h0")
    first = [f"h{n % 50}" for n in range(1000)]
    assert len(world.posts()) == 1

    write(world, "erp")
    storm = world.service()
    assert only(send(storm, *first)).causes == 50
    with ThreadPoolExecutor(2) as pool:
        found = [only(each) for each in pool.map(lambda host: send(storm, host), first)]
    assert {each.word for each in found} == {"joined"}
    assert len([post for post in world.posts() if post.body["checkpoint"]["vault_id"] == estate.ERP_VAULT_ID]) == 1


def test_a_thousand_deliveries_of_one_cause_from_two_threads_post_once(world: World, service: Service) -> None:
    with ThreadPoolExecutor(2) as pool:
        found = [only(each) for each in pool.map(lambda _: send(service, "a"), range(1000))]
    assert sum(isinstance(each, Created) for each in found) == 1
    assert {each.word for each in found} <= {"created", "joined", "later"}
    assert len(world.posts()) == 1
