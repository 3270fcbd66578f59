"""The watch and the queue: what a queue cannot hold is sent in time, what it lost comes again, and no line starves another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.sandbox import estate
from handlers.service import Service
from tests.dispatch.stage import MORE, SEND, Stage, gaps, stage_in, wishes, words
from tests.scripted import CREATE, SHOW, Door, answers, fails

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


def receiver(stage: Stage, status: int = 202) -> Door:
    """Takes everything that is posted to it."""
    door = stage._door("http://127.0.0.1:1")
    door.on(("POST", ""), answers(status, {"request_id": "1"}), always=True)
    return door


def bodies(door: Door) -> list[dict[str, Any]]:
    return [json.loads(seen.body) for seen in door.seen]


def test_a_broker_is_given_what_has_its_slot_within_a_minute_and_the_watch_gives_the_rest(tmp_path: Path) -> None:
    with stage_in(tmp_path, per_second=1) as stage:  # 2.5 seconds apart: 100 in all
        broker = receiver(stage)
        service = stage.service(stage.environ(RESTORE_POINT_QUEUE=f"sink:{broker.endpoint}/default/wishes"))
        assert words(stage.fire(service).outcomes) == {"later/queued": 40}
        slots = {cause: wish.slot for cause, wish in wishes(service).items()}
        near = {cause for cause, slot in slots.items() if slot <= stage.clock() + 60}
        assert sorted(cause for body in bodies(broker) for cause in body["wishes"]) == sorted(near)
        assert 20 <= len(near) < 30
        stage.clock.forward(40)
        stage.sweep(service)
        assert sorted(cause for body in bodies(broker) for cause in body["wishes"]) == sorted(slots)
        assert {cause: wish.slot for cause, wish in wishes(service).items()} == slots
        assert stage.sandbox.counts.posts == 0
        assert all(1 <= len(body["wishes"]) <= 10 and set(body) == {"wishes"} for body in bodies(broker))


def test_a_broker_is_given_cloud_events_in_binary_form(stage: Stage) -> None:
    broker = receiver(stage)
    stage.fire(stage.service(stage.environ(RESTORE_POINT_QUEUE="sink", K_SINK=f"{broker.endpoint}/default")))
    assert len(broker.seen) == 4
    for seen in broker.seen:
        assert (seen.method, seen.target) == ("POST", "/default")
        assert (seen.headers["ce-specversion"], seen.headers["ce-type"]) == ("1.0", "restore-point.wishes")
        assert seen.headers["content-type"] == "application/json"
        assert seen.headers["ce-source"]
    assert len({seen.headers["ce-id"] for seen in broker.seen}) == 4
    assert stage.messages() == []


def test_a_function_is_invoked_asynchronously_with_signed_requests(stage: Stage) -> None:
    cloud = receiver(stage)
    more = {"HUAWEICLOUD_SDK_REGION_FUNCTIONGRAPH_SANDBOX_1": cloud.endpoint, "RESTORE_POINT_QUEUE": f"functiongraph:{URN}"}
    service = stage.service(stage.environ(**more))
    assert words(stage.fire(service).outcomes) == {"later/queued": 40}
    assert {seen.target for seen in cloud.seen} == {INVOKE}
    assert len(cloud.seen) == 4
    assert all(seen.headers["authorization"].startswith("SDK-HMAC-SHA256") for seen in cloud.seen)
    assert all(estate.SECRET_KEY not in f"{seen}" for seen in cloud.seen)
    assert sorted(cause for body in bodies(cloud) for cause in body["wishes"]) == sorted(wishes(service))


@pytest.mark.parametrize("kind", ["sink", "functiongraph"])
@pytest.mark.parametrize("status", [200, 404, 500, 429])
def test_other_answers_of_these_queues_lose_nothing(stage: Stage, kind: str, status: int) -> None:
    other = receiver(stage, status)
    more = {"HUAWEICLOUD_SDK_REGION_FUNCTIONGRAPH_SANDBOX_1": other.endpoint}
    named = f"sink:{other.endpoint}" if kind == "sink" else f"functiongraph:{URN}"
    service = stage.service(stage.environ(RESTORE_POINT_QUEUE=named, **more))
    delivered = stage.fire(service)
    assert words(delivered.outcomes) == {"later/queued": 40}
    taken = kind == "sink" and status == 200
    assert len(other.seen) == (4 if taken else 2)
    assert ("queue" in delivered.outcomes[0].message) is not taken
    stage.night(service, 1800, 60)
    stage.one_each()


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


def test_many_that_were_lost_get_new_slots_and_are_sent_again(tmp_path: Path) -> None:
    with stage_in(tmp_path, MORE) as stage:
        service = lost(stage)
        assert len(stage.messages()) == MORE
        swept_at = stage.clock()
        assert stage.sweep(service).outcomes == []
        assert stage.sandbox.counts.posts == 0
        assert len(stage.messages()) == 2 * MORE
        slots = [wish.slot for wish in wishes(service).values()]
        assert min(slots) >= swept_at
        assert all(gap == pytest.approx(0.5, abs=0.001) for gap in gaps(slots))
        stage.night(service, 60)
        stage.one_each()


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


# ── what only looks ──


def followed(stage: Stage, service: Service, count: int) -> float:
    """Seconds that a sweep lets pass between two requests while it follows restore points that are being made."""
    stage.clock.forward(70)
    before = len(stage.sandbox.exchanges)
    stage.sweep(service, seconds=300)
    looks = [each.at for each in stage.sandbox.exchanges[before:] if each.method == "GET"]
    assert len(looks) >= count, len(looks)
    spans = sorted(later - earlier for earlier, later in zip(looks, looks[1:], strict=False))
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


# ── patience ──


def test_patience_counts_from_the_slot(tmp_path: Path) -> None:
    """Whose turn comes after ten minutes has not waited in vain for ten minutes."""
    with stage_in(tmp_path, MORE, per_second=0.1, more='give_up_after = "5m"') as stage:  # 25 seconds apart: 13 minutes
        service = stage.service()
        stage.fire(service)
        slots = {cause: wish.slot for cause, wish in wishes(service).items()}
        last = max(slots, key=lambda cause: slots[cause])
        assert slots[last] - stage.clock() > 700
        stage.clock.forward(slots[last] - stage.clock())
        assert words(stage.work(service, last).outcomes) == {"created/accepted": 1}


def test_patience_ends_and_that_is_told(tmp_path: Path) -> None:
    """CBR never takes them: however often they are sent again, an end comes, and somebody hears of each."""
    with stage_in(tmp_path, MORE, per_second=20, more='give_up_after = "15m"') as stage:
        service = stage.service()
        stage.door.on(CREATE, fails("6125"), always=True)
        stage.fire(service)
        stage.night(service, 600, 150)
        assert stage.sandbox.published == []
        stage.night(service, 1000, 150)
        assert {wish.state for wish in wishes(service).values()} == {"failed"}
        assert len(stage.sandbox.published) == MORE
        assert all("FAILED" in each["subject"] for each in stage.sandbox.published)


def test_an_alert_that_repeats_itself_does_not_put_the_end_off(tmp_path: Path) -> None:
    with stage_in(tmp_path, MORE, per_second=20, more='give_up_after = "15m"') as stage:
        service = stage.service()
        stage.door.on(CREATE, fails("6125"), always=True)
        for _ in range(5):
            stage.storm(service, "a")
            stage.night(service, 300, 150)
        assert len(stage.sandbox.published) >= MORE


def test_a_message_that_came_too_early_everywhere_costs_nothing(tmp_path: Path) -> None:
    with stage_in(tmp_path, 40, per_second=0.5) as stage:
        service = stage.service()
        stage.fire(service)
        late = [cause for cause, wish in wishes(service).items() if wish.slot > stage.clock() + 61]
        for _ in range(5):
            stage.work(service, *late)
        assert stage.asked() == []
        assert len(stage.mail.came(SEND)) == 4
        assert not stage.door.came(SHOW)
