"""Each trigger of FunctionGraph, under the fake of its documented runtime, against the sandbox: what comes of it there.

The functions have no environment but the platform's: their variables come by getUserData, their keys by the agency.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers.sandbox import estate
from tests.functiongraph.calls import Policy
from tests.functiongraph.stage import AM, CI, FILES, JSON_TYPE, SIMPLE, TOPIC, Stage, fired, told
from tests.scripted import CREATE, fails


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, datetime.now(UTC)) as made:
        yield made


def test_a_timer_trigger_makes_one_restore_point_however_often_it_comes(stage: Stage) -> None:
    function, event = stage.function("timer"), fired()
    for _ in range(3):
        function.invoke_async(event)
        function.settle()
    assert [each.outcomes[0][0] for each in function.attempts] == ["created", "joined", "joined"]
    assert (len(stage.world.posts()), len(stage.names())) == (1, 1)
    assert function.starts == 1
    ids = [each["delivery"]["id"] for each in function.lines if "restore_points" in each]
    assert ids == [each.request_id for each in function.attempts]


def test_a_trigger_nobody_named_makes_none(stage: Stage) -> None:
    assert stage.function("timer").invoke(fired(trigger="another")).outcomes == [("refused", "unknown_timer")]
    assert stage.world.posts() == []


def test_messages_of_a_topic_are_deliveries_of_their_own(stage: Stage) -> None:
    function = stage.function("alert")
    alert, other = json.dumps(SIMPLE), json.dumps(SIMPLE | {"labels": {"service": "mail"}})
    function.invoke_async(told(alert, other, alert))
    (result,) = function.settle()
    assert [each[0] for each in result.outcomes] == ["created", "skipped", "joined"]
    assert function.invoke(told(alert, topic=f"{TOPIC}-2")).json["status"] == 403
    assert len(stage.world.posts()) == 1


def test_the_gateway_asks_for_a_proof_and_gets_its_own_shape_back(stage: Stage) -> None:
    function, body = stage.function("alert"), json.dumps(SIMPLE).encode()
    for headers, expected, word in ((JSON_TYPE, 401, "refused"), (CI, 401, "refused"), (AM, 200, "created")):
        status, answered, text = function.gateway("/alert/am", headers, body)
        assert (status, answered["Content-Type"]) == (expected, "application/json")
        assert [each["outcome"] for each in json.loads(text)["outcomes"]] == [word]
    assert function.gateway("/alert/am", AM, b"not json")[0] == 400
    assert len(stage.world.posts()) == 1


def test_a_one_off_is_invoked_directly_or_by_the_gateway(stage: Stage) -> None:
    function = stage.function("once")
    wanted = FILES | {"idempotency_key": "release-7"}
    assert function.invoke(wanted).outcomes == [("created", "accepted")]
    assert function.invoke(wanted).outcomes == [("joined", "already_taken")]
    stage.world.clock.forward(120)  # what runs is done
    assert function.gateway("/once/ci", CI, json.dumps(FILES | {"idempotency_key": "release-8"}).encode())[0] == 200
    assert function.invoke("[]").json["status"] == 400
    assert (len(stage.world.posts()), len(set(stage.names()))) == (2, 2)


def test_the_watch_by_its_timer_takes_what_was_left_and_follows_it(stage: Stage) -> None:
    stage.world.door.on(CREATE, fails("6125"))
    assert stage.function("timer").invoke(fired()).outcomes == [("later", "busy")]
    assert stage.names() == []
    for expected in (["created accepted"], ["available complete"]):
        stage.world.clock.forward(600)
        watch = stage.function("watch", stage.variables(RESTORE_POINT_NOW=stage.world.clock.now().isoformat()))
        watch.invoke_async(fired(trigger="every-five-minutes"))
        (swept,) = watch.settle()
        assert [f"{each['outcome']} {each['reason']}" for each in swept.json["outcomes"]] == expected
    assert len(stage.names()) == 1


def test_variables_may_stand_in_the_environment_as_well(stage: Stage) -> None:
    """Documented for custom runtimes; of Python's the pages say getUserData."""
    assert stage.function("timer", visible=True).invoke(fired()).outcomes == [("created", "accepted")]


def test_a_ledger_has_to_be_chosen_by_name(stage: Stage) -> None:
    variables = {name: value for name, value in stage.variables().items() if name != "RESTORE_POINT_LEDGER"}
    function = stage.function("timer", variables)
    assert "on FunctionGraph every instance has its own disk" in function.invoke(fired()).error
    assert stage.world.sandbox.posts() == []


# ── failures, the policy and its destination ──


@pytest.mark.parametrize("retries", [0, 3])
def test_what_cannot_be_settled_fails_is_tried_again_and_is_told_to_the_destination(stage: Stage, retries: int) -> None:
    """Neither CBR nor the ledger takes it: then an error is the only way left to have it brought again."""
    records = list[dict[str, Any]]()
    down = stage.variables(RESTORE_POINT_LEDGER="valkey://127.0.0.1:1/0")
    stage.world.door.on(CREATE, fails("6125"), always=True)
    function = stage.function("timer", down, policy=Policy(retries, on_failure=records.append))
    event = fired()
    function.invoke_async(event)
    tried = function.settle()
    assert [each.error.partition(":")[0] for each in tried] == ["Redeliver"] * (retries + 1)
    (record,) = records
    assert record["request_context"]["approximate_invoke_count"] == retries + 1
    assert json.loads(record["request_payload"]) == event
    assert stage.names() == []


def test_it_succeeds_as_soon_as_it_can(stage: Stage) -> None:
    stage.world.door.on(CREATE, fails("6125"), fails("6125"))
    down = stage.variables(RESTORE_POINT_LEDGER="valkey://127.0.0.1:1/0")
    policy = Policy(3, on_failure=lambda _: pytest.fail("it succeeded"), new_ids=True)
    function = stage.function("timer", down, policy=policy)
    function.invoke_async(fired())
    assert [bool(each.error) for each in function.settle()] == [True, True, False]
    assert function.attempts[-1].outcomes == [("created", "accepted")]
    assert len(stage.names()) == 1


def test_the_record_of_a_failure_is_no_event(stage: Stage) -> None:
    """Where the destination is by mistake one of these functions."""
    records = list[dict[str, Any]]()
    broken = stage.function("timer", {}, policy=Policy(0, on_failure=records.append))
    broken.invoke_async(fired())
    broken.settle()
    for door, status in (("timer", 400), ("alert", 401), ("once", 400), ("worker", 400)):
        result = stage.function(door).invoke(records[0])
        assert [each[0] for each in result.outcomes] == ["refused"]
        assert (door, result.json["status"]) == (door, status)
    assert stage.world.posts() == []


# ── the agency's keys ──


def test_keys_are_the_agencys_newest(tmp_path: Path) -> None:
    """An instance that stays warm beyond the end of the keys it began with: 24 hours on FunctionGraph, 15 minutes here."""
    began = datetime.now(UTC).timestamp() - KEYS_ISSUED_AGO
    with Stage(tmp_path, datetime.fromtimestamp(began, UTC)) as stage:
        function = stage.function("once", keys=lambda: stage.agency() if not stage.handed else stage.handed[0])
        stage.agency()
        stage.world.clock.forward(KEYS_ISSUED_AGO)
        assert function.invoke(FILES | {"idempotency_key": "a"}).outcomes == [("created", "accepted")]
        stage.world.clock.forward(120)
        refused = function.invoke(FILES | {"idempotency_key": "b"})  # the platform hands out the same keys still
        assert "created" not in refused.body
        assert len(stage.world.posts()) == 1
        function.keys = stage.agency
        assert function.invoke(FILES | {"idempotency_key": "c"}).outcomes == [("created", "accepted")]
        assert function.starts == 1
        assert len(stage.names()) == 2
        used = [seen.headers["x-security-token"] for seen in stage.world.door.seen]
        assert used[-1] == stage.handed[-1][2] != used[0] == stage.handed[0][2]


KEYS_ISSUED_AGO = 800
"""Seconds. Signatures are good for 15 minutes, so only the end of the keys may be reached within them."""


def test_without_an_agency_it_says_so_every_time(stage: Stage) -> None:
    nothing = iter(["", "null", None, "null"])
    function = stage.function("timer", keys=lambda: (next(nothing),) * 4)
    for _ in range(4):
        assert "no credentials found" in function.invoke(fired()).error
    assert stage.world.sandbox.exchanges == []


@pytest.mark.says_secrets("the platform hands a function its variables")
def test_keys_of_its_own_do_without_an_agency(stage: Stage) -> None:
    own = {"HUAWEICLOUD_SDK_AK": estate.ACCESS_KEY, "HUAWEICLOUD_SDK_SK": estate.SECRET_KEY}
    function = stage.function("timer", stage.variables(**own), keys=lambda: ("null", "null", "null", "null"))
    assert function.invoke(fired()).outcomes == [("created", "accepted")]
