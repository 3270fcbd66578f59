"""Alerts and exactly once: windows, the interval between two of a vault, several causes in one delivery, and storms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from handlers.envelope import Envelope
from handlers.ledger import Ledger
from handlers.outcome import Created, Joined, Later, Skipped
from handlers.restore_point.wish import Wish
from handlers.sandbox import estate
from handlers.service import Delivered, Service
from tests.scripted import BACKUPS, CREATE, Act, Passing, World, answers, cuts, executes_and, fails, only, passes, world_in

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


SERVERS = """\
[vaults.erp]
id = "{erp}"
min_interval = "15m"
[topics.ops]
kind = "log"
[senders.am]
dialect = "alertmanager"
proof = "platform"
[[rules]]
name = "one-server"
sender = "am"
match = {{ alertname = "DiskFailing" }}
vaults = ["erp"]
resource_from = "host"
[[rules]]
name = "all"
sender = "am"
match = {{ alertname = "Ransom" }}
vaults = ["erp"]
"""


@pytest.fixture
def servers(world: World) -> Service:
    (world.folder / "rules.toml").write_text(SERVERS.format(erp=estate.ERP_VAULT_ID), encoding="utf-8")
    return world.service()


def test_another_server_of_the_vault_has_a_turn_of_its_own(world: World, servers: Service) -> None:
    """What the first restore point does not hold is not backed up by it, so nothing may be skipped for it."""
    assert {each.word for each in send(servers, "erp-app", "erp-db").outcomes} == {"created"}
    assert len(world.posts()) == 2
    world.clock.forward(300)
    again = only(send(servers, "erp-db", instance="another"))
    assert (again.word, again.reason) == ("skipped", "min_interval")
    assert isinstance(only(send(servers, "x", alertname="Ransom")), Created)  # all of it was never taken
    assert len(world.posts()) == 3


def test_a_whole_vault_just_taken_is_its_servers_turn_too(world: World, servers: Service) -> None:
    assert isinstance(only(send(servers, "x", alertname="Ransom")), Created)
    for host in ("erp-app", "erp-db"):
        held_back = only(send(servers, host))
        assert (held_back.word, held_back.reason) == ("skipped", "min_interval")
    world.clock.forward(901)
    assert isinstance(only(send(servers, "erp-app")), Created)
    assert len(world.posts()) == 2


def test_a_whole_vault_that_may_be_in_the_making_is_waited_for(world: World, servers: Service) -> None:
    world.door.on(CREATE, executes_and(cuts))
    assert isinstance(only(send(servers, "x", alertname="Ransom")), Later)
    waits = only(send(servers, "erp-app"))
    assert (waits.word, waits.reason) == ("later", "waits_its_turn")
    assert len(world.posts()) == 1


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


# ── one storm, one name: what does not come at once ──────────────────────────────────────────────────────────────────

FULL = 'window = "1h"\nparameters = { incremental = false }'
"""With these CBR's own running backup is no substitute, so its refusal alone keeps nobody from a second one."""


def made(world: World) -> list[str]:
    return [point["name"] for point in world.sandbox.restore_points()]


def swept(world: World, service: Service, times: int, step: float = 65.0) -> list[str]:
    words = []
    for _ in range(times):
        world.clock.forward(step)
        words += [each.word for each in world.sweep(service).outcomes]
    return words


@pytest.mark.parametrize("more", ['window = "1h"', FULL], ids=["plain", "full"])
@pytest.mark.parametrize(
    "acts",
    [[fails("6125")], [fails("6125"), executes_and(cuts)], [answers(429)], [executes_and(cuts)]],
    ids=["busy", "busy, then unclear", "throttled", "unclear"],
)
def test_a_storm_that_has_to_wait_is_still_one_restore_point(world: World, acts: list[Act], more: str) -> None:
    """Lists lag by 100 s here, and backups are over long before: only the wishes know."""
    world.sandbox.habits.list_lag = 100.0
    write(world, more=more)
    service = world.service()
    world.door.on(CREATE, *acts)
    delivered = send(service, *(f"h{n}" for n in range(120)))
    assert only(delivered).word == "later"
    words = swept(world, service, 14)
    assert len(made(world)) == 1
    assert words.count("available") == 1
    assert {wish.state for wish in wishes(service)} == {"done"}
    assert len({wish.checkpoint_id for wish in wishes(service)}) == 1
    for host in ("h0", "h77", "h119"):
        assert isinstance(only(send(service, host)), Joined)
    assert len(made(world)) == 1


def test_a_second_watch_leaves_a_storms_other_causes_alone(world: World) -> None:
    """While the first one's POST is on its way for 25 seconds."""
    write(world, more=FULL)
    first, second = world.service(), world.service()
    world.door.on(CREATE, fails("6125"))
    send(first, "a", "b", "c")
    world.clock.forward(65)
    seen: list[str] = []

    def slow(it: Passing) -> None:
        seen.extend(each.word for each in world.sweep(second).outcomes)
        world.clock.forward(25)
        passes(it)

    world.door.on(CREATE, slow)
    assert [each.word for each in world.sweep(first).outcomes] == ["created"]
    assert seen == []
    swept(world, first, 5, 100.0)
    assert len(made(world)) == 1


@pytest.mark.parametrize("order", [1, -1], ids=["same order", "reversed"])
def test_the_same_group_twice_at_once_is_one_restore_point(world: World, order: int) -> None:
    """As a pair of Alertmanagers sends it (each its own way round)."""
    write(world, more=FULL)
    hosts = [f"h{n}" for n in range(12)]
    for round_ in range(6):
        group = [f"{host}-{round_}" for host in hosts]
        services = world.service(), world.service()
        before = len(world.posts())
        with ThreadPoolExecutor(2) as pool:
            found = [only(each) for each in pool.map(send_all, services, (group, group[::order]))]
        assert len(world.posts()) == before + 1
        assert "created" in {each.word for each in found}
        world.clock.forward(600)


def send_all(service: Service, hosts: list[str]) -> Delivered:
    return send(service, *hosts)


def test_one_of_a_storm_sent_alone_takes_the_whole_up(world: World, service: Service) -> None:
    world.door.on(CREATE, fails("6125"))
    assert only(send(service, "a", "b", "c")).word == "later"
    outcome = only(send(service, "c"))
    assert isinstance(outcome, Created)
    assert {wish.state for wish in wishes(service)} == {"done"}
    assert [only(send(service, host)).word for host in "abc"] == ["joined"] * 3
    assert len(world.posts()) == 1


def test_a_storms_broken_restore_point_frees_all_of_its_causes(world: World, service: Service) -> None:
    world.sandbox.faults.add("fail:after=30")
    assert isinstance(only(send(service, "a", "b")), Created)
    world.sandbox.faults.add("fail:after=30")
    assert swept(world, service, 2, 100.0) == ["broken", "created"]  # the watch takes it once more, for all of them
    for _ in range(2):
        found = only(send(service, "b"))
        assert isinstance(found, Joined)
        assert found.checkpoint_id == world.sandbox.restore_points()[1]["id"]
    assert swept(world, service, 2, 100.0) == ["broken"]
    found = only(send(service, "b"))
    assert isinstance(found, Created)
    assert found.checkpoint_id == world.sandbox.restore_points()[2]["id"]
    assert isinstance(only(send(service, "b")), Joined)


def test_what_follows_joins_even_if_its_end_could_not_be_written(world: World, service: Service) -> None:
    """The leader's wish is done, the ledger failed before the others were: they know whom they follow."""
    assert isinstance(only(send(service, "a", "b")), Created)
    done = next(wish for wish in wishes(service) if wish.leader)
    service.ledger.swap(replace(done, state="follows", checkpoint_id="").to_record())
    assert isinstance(only(send(service, "b")), Joined)
    assert isinstance(only(send(service, "a", "b")), Joined)
    assert len(world.posts()) == 1


def test_a_storm_too_large_to_be_written_down_is_taken_all_the_same(world: World, service: Service) -> None:
    """Every write takes a second: half of the time is for the restore point."""

    class Slow:
        def __getattr__(self, name: str) -> Any:
            def verb(*given: Any) -> Any:
                if name == "put_if_absent":
                    world.clock.forward(1.0)
                return getattr(service.ledger, name)(*given)

            return verb

    slow = Service(world.settings(), world.clock, stream=world.stream, ledger=cast("Ledger", Slow()))
    outcome = only(send(slow, *(f"h{n}" for n in range(200))))
    slow.wire.close()
    assert (outcome.word, outcome.causes) == ("created", 200)
    assert 20 < len(wishes(service)) < 40
    assert swept(world, service, 2, 100.0) == ["available"]
    assert len(wishes(service)) == 200
    assert {only(send(service, f"h{n}")).word for n in range(200)} == {"joined"}
    assert len(world.posts()) == 1


def test_a_window_begins_when_the_restore_point_was_made(world: World, service: Service) -> None:
    """CBR was busy for two hours; five minutes after it was made at last the alert comes again."""
    world.door.on(CREATE, *[fails("6125")] * 30)
    assert only(send(service, "a")).word == "later"
    for _ in range(30):
        world.clock.forward(245)
        world.sweep(service)
    assert len(world.posts()) == 1
    world.clock.forward(300)
    assert isinstance(only(send(service, "a")), Joined)
    assert len(world.posts()) == 1


def test_deliveries_without_time_do_not_put_off_the_watch(world: World, service: Service) -> None:
    assert only(send(service, "a", seconds=3.5)).reason == "no_time"
    for _ in range(4):
        world.clock.forward(20)
        assert only(send(service, "a", seconds=3.5)).reason == "no_time"
    assert [each.word for each in world.sweep(service).outcomes] == ["created"]


def test_a_storm_too_large_to_be_written_down_comes_again_and_joins(world: World, service: Service) -> None:
    """More causes than a wish can name, a store of 20 ms a write, and a watch that has not come yet."""
    hosts = [f"host-{number:04}" for number in range(2500)]
    slow = world.service(ledger=cast("Ledger", Slow(service.ledger, world, 0.02)))
    first = only(send(slow, *hosts, seconds=10))
    assert isinstance(first, Created)
    world.clock.forward(120)
    again = only(send(service, *hosts))
    assert (again.word, again.checkpoint_id) == ("joined", first.checkpoint_id)
    world.clock.forward(60)
    assert "available" in [each.word for each in world.sweep(service).outcomes]
    others = only(send(service, *hosts[1:]))  # a part of them, and now they are all written down
    assert (others.word, others.checkpoint_id) == ("joined", first.checkpoint_id)
    assert len(world.posts()) == 1


class Slow:
    """A ledger whose writes take time."""

    def __init__(self, ledger: Ledger, world: World, seconds: float) -> None:
        self.ledger, self.world, self.seconds = ledger, world, seconds

    def __getattr__(self, name: str) -> Any:
        def verb(*given: Any) -> Any:
            if name == "put_if_absent":
                self.world.clock.forward(self.seconds)
            return getattr(self.ledger, name)(*given)

        return verb


def test_the_end_of_a_restore_point_is_told_though_a_new_window_began_while_it_was_made(world: World, service: Service) -> None:
    first = only(send(service, "a"))
    world.clock.forward(3700)  # the window is over; nobody has looked yet how it ended
    second = only(send(service, "a"))
    assert isinstance(second, Created)
    world.clock.forward(100)
    ends = {each.checkpoint_id for each in world.sweep(service).outcomes if each.word == "available"}
    assert ends == {first.checkpoint_id, second.checkpoint_id}
    world.clock.forward(3600)
    assert [each.word for each in world.sweep(service).outcomes] == []
