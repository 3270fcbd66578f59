"""The entry functions under the real runtime client of AWS Lambda: what it is given, what it answers, what it prints."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handlers.sandbox import estate
from tests.runtime_api import LambdaFunction
from tests.scripted import CREATE, SECRETS, Passing, World, event, fails, world_in

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., LambdaFunction]

PROBE = """
import importlib.util

def probe(event, context):
    found = [name for name in ("boto3", "botocore") if importlib.util.find_spec(name)]
    import handlers.aws_lambda
    return {"found": found, "functions": [callable(handlers.aws_lambda.timer), callable(handlers.aws_lambda.watch)]}
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The function's clock is the machine's, so the sandbox's begins there."""
    with world_in(tmp_path, datetime.now(UTC)) as made:
        yield made


@pytest.fixture
def function(world: World) -> Iterator[Make]:
    opened: list[LambdaFunction] = []

    def make(name: str = "timer", env: dict[str, str] | None = None) -> LambdaFunction:
        given = world.environ() if env is None else env
        opened.append(LambdaFunction(f"handlers.aws_lambda.{name}" if "." not in name else name, env=given).__enter__())
        return opened[-1]

    yield make
    for one in opened:
        one.__exit__()


def now() -> dict[str, str]:
    return event(datetime.now(UTC) - timedelta(seconds=5))


def printed(one: LambdaFunction) -> list[dict[str, Any]]:
    return [json.loads(line) for line in one.stdout]


KEYS = set(
    "outcome reason rule vault vault_id causes name checkpoint_id resources skipped_resources delivery_id trigger sender"
    " duration_ms request_id error_code message".split()
)


def test_a_timer_that_fires_twice_takes_one_restore_point(world: World, function: Make) -> None:
    timer, fired = function(), now()
    first, second = timer.invoke(fired), timer.invoke(fired)
    assert (first.error, second.error) == (None, None)
    assert [answer.payload["status"] for answer in (first, second)] == [200, 200]
    ((created,), (joined,)) = first.payload["outcomes"], second.payload["outcomes"]
    assert (created["outcome"], joined["outcome"]) == ("created", "joined")
    assert set(created) >= KEYS
    assert created["checkpoint_id"] == joined["checkpoint_id"] == world.sandbox.restore_points()[0]["id"]
    assert created["delivery_id"] == first.request_id
    assert len(world.posts()) == 1
    lines = printed(timer)
    logged, measured = [line for line in lines if "delivery" in line], [line for line in lines if "_aws" in line]
    assert len(lines) == 4
    assert [line["message"] for line in logged] == ["timer: 1 created", "timer: 1 joined"]
    assert [line["delivery"]["id"] for line in logged] == [first.request_id, second.request_id]
    assert measured[0]["Created"] == [1.0]
    assert measured[1]["Joined"] == [1.0]
    assert [message["subject"] for message in world.sandbox.published] == ["Restore point started: vault files"]
    assert timer.stderr == []


def test_the_same_after_a_cold_start(world: World, function: Make) -> None:
    fired = now()
    timer = function()
    timer.invoke(fired)
    timer.kill()
    assert timer.invoke(fired).payload["outcomes"][0]["outcome"] == "joined"
    assert function().invoke(fired).payload["outcomes"][0]["outcome"] == "joined"
    assert len(world.posts()) == 1


def test_the_watch_follows_to_the_end(world: World, function: Make) -> None:
    environ = world.environ(RESTORE_POINT_FOLLOW_SECONDS="0")
    function(env=environ).invoke(now())
    watch = function("watch", env=environ)
    early = watch.invoke({}).payload
    assert (early["status"], early["outcomes"]) == (200, [])
    world.clock.forward(61)
    swept = watch.invoke({"whatever": 1})
    assert [each["outcome"] for each in swept.payload["outcomes"]] == ["available"]
    assert world.sandbox.published[-1]["subject"] == "Restore point available: vault files"
    assert watch.invoke({}).payload["outcomes"] == []
    assert [line["Available"] for line in printed(watch) if "_aws" in line] == [[1.0]]


def test_what_is_later_and_durable_returns(world: World, function: Make) -> None:
    world.door.on(CREATE, fails("6125"))
    answer = function().invoke(now())
    assert answer.error is None
    assert answer.payload["status"] == 202
    assert answer.payload["outcomes"][0]["reason"] == "busy"


def test_what_is_neither_settled_nor_durable_is_raised(world: World, function: Make) -> None:
    (world.folder / "ledger.sqlite3").write_bytes(b"damaged")
    world.door.on(CREATE, fails("6125"))
    timer, fired = function(), now()
    answer = timer.invoke(fired)
    assert answer.error is not None
    assert answer.error["errorType"] == "Redeliver"
    assert timer.invoke(fired).payload["outcomes"][0]["outcome"] == "created"


def test_a_failure_nobody_was_told_of_is_raised(world: World, function: Make) -> None:
    world.write_rules(topics="")
    world.door.on(CREATE, fails("6114"))
    answer = function().invoke(now())
    assert answer.error is not None
    assert answer.error["errorType"] == "Redeliver"
    assert "BackupService.6114" in answer.error["errorMessage"]


@pytest.mark.parametrize("document", [None, [], {"checkpoint": {"vault_id": estate.FILES_VAULT_ID}}, "timer"])
def test_an_event_that_is_no_timer_is_refused_and_not_raised(world: World, function: Make, document: object) -> None:
    answer = function().invoke(document)
    assert answer.error is None
    assert answer.payload["status"] == 400
    assert answer.payload["outcomes"][0]["outcome"] == "refused"
    assert world.posts() == []


def test_a_cbr_that_never_answers_ends_before_the_platform_kills(world: World, function: Make) -> None:
    def silent(it: Passing) -> None:
        it.forward()
        it.wait()

    world.door.on(CREATE, silent)
    answer = function().invoke(now(), timeout=5.6)
    assert answer.error is None
    assert answer.payload["outcomes"][0]["reason"] == "unclear"
    assert len(world.posts()) == 1


def test_a_run_killed_after_its_post_is_found_by_the_delivery_after_its_claim(world: World, function: Make) -> None:
    timer, fired = function(env=world.environ(RESTORE_POINT_SETTLE_SECONDS="0")), now()

    def killed(it: Passing) -> None:
        it.forward()
        timer.kill()
        it.cut()

    world.door.on(CREATE, killed)
    victim = timer.invoke(fired, timeout=5.5, request_id="3f1c8a52-0000-4000-8000-000000000001")
    assert victim.error is not None
    assert victim.error["errorType"] == "Runtime.ExitError"
    assert len(world.posts()) == 1
    at_once = timer.invoke(fired, timeout=5.5, request_id=victim.request_id)
    assert at_once.payload["outcomes"][0]["reason"] == "in_progress"
    (record,) = world.service().ledger.since("wish", 0)
    time.sleep(max(json.loads(record.body)["claim_ends"] - time.time(), 0))  # the function's clock cannot be moved
    after = timer.invoke(fired, timeout=5.5, request_id=victim.request_id)
    assert after.payload["outcomes"][0]["outcome"] == "joined"
    assert after.payload["outcomes"][0]["checkpoint_id"] == world.sandbox.restore_points()[0]["id"]
    assert len(world.posts()) == 1


# ── misconfiguration ─────────────────────────────────────────────────────────────────────────────────────────────────

WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no keys": ({"HUAWEICLOUD_SDK_AK": "", "HUAWEICLOUD_SDK_SK": ""}, "HUAWEICLOUD_SDK_AK"),
    "half the keys": ({"HUAWEICLOUD_SDK_AK": ""}, "HUAWEICLOUD_SDK_AK"),
    "two identities": ({"HW_ACCESS_KEY": "AKOTHER", "HW_SECRET_KEY": "very-secret-other"}, "HW_ACCESS_KEY"),
    "no ledger": ({"RESTORE_POINT_LEDGER": ""}, "RESTORE_POINT_LEDGER"),
    "no rules": ({"RESTORE_POINT_RULES": "/nowhere/rules.toml"}, "RESTORE_POINT_RULES"),
    "no number": ({"RESTORE_POINT_SETTLE_SECONDS": "very-secret-number"}, "RESTORE_POINT_SETTLE_SECONDS"),
    "plain http": (
        {"HUAWEICLOUD_SDK_REGION_CBR_SANDBOX_1": "http://very-secret.example"},
        "HUAWEICLOUD_SDK_REGION_CBR_SANDBOX_1",
    ),
}


@pytest.mark.parametrize(("wrong", "named"), WRONG.values(), ids=WRONG.keys())
def test_a_misconfiguration_fails_every_event_and_names_what_to_change(
    world: World, function: Make, wrong: dict[str, str], named: str
) -> None:
    timer = function(env=world.environ(**wrong))
    errors = [timer.invoke(now()).error or {} for _ in range(2)]
    for error in errors:
        assert error["errorType"] == "Misconfigured"
        assert named in error["errorMessage"]
    said = json.dumps(errors) + "".join(timer.stdout + timer.stderr)
    assert "very-secret" not in said
    assert not any(secret in said for secret in SECRETS)
    assert world.door.seen == []


def test_a_mistake_in_the_rules_names_file_and_key(world: World, function: Make) -> None:
    world.write_rules(more='give_up_aftre = "6h"')
    answer = function().invoke(now())
    assert answer.error is not None
    for word in ("rules.toml", "give_up_aftre", "give_up_after"):
        assert word in answer.error["errorMessage"]


def test_it_runs_where_there_is_no_boto3(tmp_path: Path, function: Make) -> None:
    (tmp_path / "probing.py").write_text(PROBE)
    root = Path(__file__).parents[1]
    answer = function("probing.probe", env={"PYTHONPATH": f"{tmp_path}:{root}"}).invoke({})
    assert answer.payload == {"found": [], "functions": [True, True]}
