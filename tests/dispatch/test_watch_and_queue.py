"""The watch and the queue: what a queue cannot hold is sent in time, what it lost comes again, and no line starves another."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from handlers.sandbox import estate
from handlers.service import Service
from tests.dispatch.stage import MORE, Stage, stage_in, wishes, words
from tests.scripted import CREATE, fails

URN = f"urn:fss:sandbox-1:{estate.PROJECT_ID}:function:default:worker:latest"
INVOKE = f"/v2/{estate.PROJECT_ID}/fgs/functions/{URN}/invocations-async"


def made_at(stage: Stage, service: Service) -> list[float]:
    """By how much each restore point came after its slot."""
    slots = {wish.planned.backup.vault_id: wish.slot for wish in wishes(service).values()}
    return [each["created_at"] - slots[each["vault_id"]] for each in stage.sandbox.restore_points()]


# ── slots that are still to come ──


def test_a_message_is_never_held_for_more_than_sqs_can_and_the_watch_sends_the_rest_in_time(tmp_path: Path) -> None:
    with stage_in(tmp_path, 100, per_second=0.2) as stage:  # 12.5 seconds apart: 1250 in all
        service = stage.service()
        stage.fire(service)
        slots = {cause: wish.slot for cause, wish in wishes(service).items()}
        near = {cause for cause, slot in slots.items() if slot <= stage.clock() + 900}
        assert set(stage.sent()) == near
        assert 70 <= len(near) < 80
        asked, at = len(stage.messages()), stage.clock()
        stage.clock.forward(300)
        stage.sweep(service)
        assert set(stage.sent()) > near, "well before their slots"
        for entry in stage.messages()[asked:]:
            (cause,) = json.loads(entry["MessageBody"])["wishes"]
            assert 0 <= entry["DelaySeconds"] <= min(900, slots[cause] - at)
        stage.night(service, 1500)
        assert {cause: wish.slot for cause, wish in wishes(service).items()} == slots
        stage.one_each()
        assert sorted(stage.sent()) == sorted(slots), "each was sent once"
        assert stage.queue.longest <= 900
        assert min(made_at(stage, service)) >= -1
        assert max(made_at(stage, service)) < 600, "none had to be found as lost"


# ── slots that are past ──


def lost(stage: Stage) -> Service:
    """Everything was sent, and the queue has lost it."""
    service = stage.service()
    stage.fire(service)
    while stage.queue.receive():
        pass
    stage.queue._held.clear()
    stage.clock.forward(700)
    return service


def test_many_that_were_lost_are_taken_by_the_sweep_and_not_sent_again(tmp_path: Path) -> None:
    """Where nobody works on the queue, sending once more would go on for ever."""
    with stage_in(tmp_path, MORE) as stage:
        service = lost(stage)
        assert len(stage.messages()) == MORE
        assert words(stage.sweep(service).outcomes) == {"created/accepted": MORE}
        assert len(stage.messages()) == MORE
        stage.one_each()


def test_a_fleet_whose_queue_nobody_works_on_is_made_by_the_watch_or_given_up_and_told(tmp_path: Path) -> None:
    with stage_in(tmp_path, 300, per_second=1.0) as stage:
        service = stage.service()
        stage.fire(service)
        for _ in range(12 * 14):
            stage.clock.forward(300)
            stage.sweep(service)
        assert {wish.state for wish in wishes(service).values()} <= {"done", "failed"}
        made = sum(wish.state == "done" for wish in wishes(service).values())
        told = [message["subject"] for message in stage.sandbox.published if "FAILED" in message["subject"]]
        assert (stage.sandbox.counts.applied, len(told)) == (made, 300 - made)
        assert made > 200


def test_few_that_were_lost_are_taken_by_the_sweep(tmp_path: Path) -> None:
    with stage_in(tmp_path, MORE) as stage:
        service = lost(stage)
        stage.work(service, next(iter(wishes(service))))
        assert len(stage.messages()) == MORE
        assert words(stage.sweep(service).outcomes)["created/accepted"] == MORE - 1
        assert len(stage.messages()) == MORE
        stage.one_each()


def test_what_cbr_was_too_busy_for_is_sent_again(stage: Stage) -> None:
    service = stage.service()
    stage.fire(service)
    stage.door.on(CREATE, *[fails("6125")] * 40)
    stage.clock.forward(30)
    while stage.bring(service):
        pass
    assert {(wish.state, wish.reason) for wish in wishes(service).values()} == {("wanted", "busy")}
    stage.clock.forward(120)
    stage.sweep(service)
    assert len(stage.messages()) == 80
    stage.night(service, 600)
    stage.one_each()


def test_a_sweep_without_a_queue_takes_what_one_with_a_queue_left(stage: Stage) -> None:
    """The variable is gone again from the functions' environment."""
    lost(stage)
    environ = stage.environ()
    del environ["RESTORE_POINT_QUEUE"]
    service = stage.service(environ)
    for _ in range(3):
        stage.sweep(service)
        stage.clock.forward(60)
    stage.one_each()


def test_wishes_of_a_project_that_was_renamed_or_removed_do_not_end_the_sweep(stage: Stage) -> None:
    service = stage.service()
    stage.fire(service)
    stage.door.on(CREATE, *[fails("6125")] * 40)
    stage.clock.forward(30)
    while stage.bring(service):
        pass
    assert {(wish.state, wish.reason) for wish in wishes(service).values()} == {("wanted", "busy")}
    stage.clock.forward(120)
    rules = (stage.folder / "rules.toml").read_text()
    stage.write(rules.replace("[projects.cloud]", "[projects.other]"))
    stage.sweep(stage.service())
    stage.clock.forward(300)
    stage.sweep(stage.service())
    stage.one_each()


def test_sweeps_at_once_send_no_wish_twice(tmp_path: Path) -> None:
    with stage_in(tmp_path, MORE) as stage:
        lost(stage)
        services = [stage.service() for _ in range(3)]
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(stage.sweep, services))
        assert len(stage.messages()) <= 2 * MORE
        stage.night(services[0], 700)
        stage.one_each()


# ── what rules hold back ──


def test_a_rules_budget_counts_what_waits_as_it_is_taken(tmp_path: Path) -> None:
    with stage_in(tmp_path, more="budget_per_hour = 10") as stage:
        service = stage.service()
        stage.storm(service, "a")
        stage.night(service, 300)
        assert (stage.sandbox.counts.posts, set(stage.by_vault().values())) == (10, {1})


# ── what only looks ──


def followed(stage: Stage, service: Service, count: int) -> float:
    """Seconds that a sweep lets pass between two requests while it follows restore points that are being made."""
    stage.clock.forward(70)
    before = len(stage.sandbox.exchanges)
    stage.sweep(service, seconds=300)
    looks = [each.at for each in stage.sandbox.exchanges[before:] if each.method == "GET"]
    assert len(looks) >= count, len(looks)
    spans = sorted(later - earlier for earlier, later in pairwise(looks))
    return spans[len(spans) // 2]


def test_while_a_line_waits_looking_uses_a_fifth_of_the_rate(tmp_path: Path) -> None:
    with stage_in(tmp_path, 40, per_second=5) as stage:
        service = stage.service()
        stage.fire(service)
        causes = list(wishes(service))[:10]
        stage.clock.forward(25)
        stage.work(service, *causes)
        assert followed(stage, service, 10) < 0.5, "nothing waits: the whole rate"
    other = tmp_path / "waiting"
    other.mkdir()
    with stage_in(other, 40, per_second=5) as stage:
        service = stage.service()
        stage.fire(service)
        causes = list(wishes(service))[:10]
        stage.clock.forward(25)
        stage.work(service, *causes)
        for host in "abcdefgh":
            stage.storm(service, host)  # lines of 20 seconds each
        assert followed(stage, service, 10) == pytest.approx(1.0, rel=0.1)
