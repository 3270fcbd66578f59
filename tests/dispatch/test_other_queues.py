"""Queues that hold nothing back: a broker that takes CloudEvents, and functions that are invoked later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.sandbox import estate
from tests.dispatch.stage import Stage, stage_in, wishes, words
from tests.scripted import Door, answers

URN = f"urn:fss:sandbox-1:{estate.PROJECT_ID}:function:default:worker:latest"
INVOKE = f"/v2/{estate.PROJECT_ID}/fgs/functions/{URN}/invocations-async"


def receiver(stage: Stage, status: int = 202) -> Door:
    """Takes everything that is posted to it."""
    door = stage.opened("http://127.0.0.1:1")
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


@pytest.mark.parametrize(
    ("kind", "status"), [("sink", 200), ("sink", 404), ("sink", 500), ("functiongraph", 200), ("functiongraph", 429)]
)
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
