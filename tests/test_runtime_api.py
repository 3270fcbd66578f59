"""The emulated Lambda against handlers as small as a test needs."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runtime_api import LambdaFunction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Make = Callable[..., LambdaFunction]

HANDLERS = """
import os, sys, time
print("cold start")
calls = 0

def answer(event, context):
    global calls
    calls += 1
    print("call", calls, "ü"); print("to stderr", calls, file=sys.stderr)
    left = context.get_remaining_time_in_millis()
    return {"event": event, "calls": calls, "left": left, "id": context.aws_request_id, "arn": context.invoked_function_arn,
            "variables": sorted(os.environ), "trace": os.environ["_X_AMZN_TRACE_ID"], "pid": os.getpid(), "cwd": os.getcwd()}

def nothing(event, context):
    pass

def error(event, context):
    raise ValueError("not today")

def sleep(event, context):
    time.sleep(event)
    return "slept"

def leave(event, context):
    os._exit(event)

def long_answer(event, context):
    return "x" * event

def chatter(event, context):
    for _ in range(event):
        print("." * 99)
"""


@pytest.fixture
def function(tmp_path: Path) -> Iterator[Make]:
    (tmp_path / "tiny.py").write_text(HANDLERS)
    (tmp_path / "broken.py").write_text("print('loading')\nraise RuntimeError('no rules')\n")
    opened: list[LambdaFunction] = []

    def make(name: str, env: dict[str, str] | None = None) -> LambdaFunction:
        opened.append(LambdaFunction(name, env=env, cwd=tmp_path).__enter__())
        return opened[-1]

    yield make
    for one in opened:
        one.__exit__()


def test_an_event_goes_in_and_the_decoded_answer_comes_out(function: Make, tmp_path: Path) -> None:
    answer = function("tiny.answer", env={"RESTORE_POINT_RULES": "rules.toml"}).invoke({"ü": [1, None]}, timeout=7)
    assert answer.error is None
    assert answer.payload["event"] == {"ü": [1, None]}
    assert answer.payload["id"] == answer.request_id
    assert answer.payload["arn"].endswith(":function:restore-point")
    assert answer.payload["trace"].startswith("Root=1-")
    assert 6000 < answer.payload["left"] <= 7000
    assert answer.payload["cwd"] == str(tmp_path)


def test_the_function_sees_lambdas_variables_and_its_own_and_none_of_ours(
    function: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", "of the machine")
    variables = function("tiny.answer", env={"RESTORE_POINT_RULES": "x"}).invoke({}).payload["variables"]
    assert {"RESTORE_POINT_RULES", "AWS_LAMBDA_FUNCTION_NAME", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT", "TZ"} <= set(variables)
    assert "HUAWEICLOUD_SDK_AK" not in variables


def test_nothing_returned_is_null(function: Make) -> None:
    answer = function("tiny.nothing").invoke({})
    assert (answer.payload, answer.error) == (None, None)


def test_an_exception_is_an_error_and_leaves_the_process_warm(function: Make) -> None:
    failing = function("tiny.error")
    for _ in range(2):
        answer = failing.invoke({})
        assert answer.payload is None
        assert answer.error is not None
        assert (answer.error["errorType"], answer.error["errorMessage"]) == ("ValueError", "not today")
    assert failing.stdout.count("cold start") == 1


def test_a_module_that_cannot_be_loaded_is_told_at_every_invocation(function: Make) -> None:
    broken = function("broken.handler")
    for _ in range(2):
        answer = broken.invoke({})
        assert answer.error is not None
        assert answer.error["errorMessage"] == "no rules"
    assert broken.stdout.count("loading") == 2


def test_a_warm_process_keeps_its_state_and_its_lines_are_there_with_the_answer(function: Make) -> None:
    warm = function("tiny.answer")
    assert [warm.invoke({}).payload["calls"] for _ in range(3)] == [1, 2, 3]
    assert warm.stdout == ["cold start", "call 1 ü", "call 2 ü", "call 3 ü"]
    assert warm.stderr == ["to stderr 1", "to stderr 2", "to stderr 3"]


def test_a_retry_carries_the_request_id_of_the_first_try(function: Make) -> None:
    retried = function("tiny.answer")
    first = retried.invoke({})
    assert retried.invoke({}, request_id=first.request_id).payload["id"] == first.request_id
    assert retried.invoke({}).request_id != first.request_id


def test_a_frozen_function_answers_once_thawed_with_its_state(function: Make) -> None:
    frozen = function("tiny.answer")
    frozen.invoke({})
    frozen.freeze()
    waker = threading.Timer(0.3, frozen.thaw)
    waker.start()
    start = time.monotonic()
    answer = frozen.invoke({})
    assert time.monotonic() - start > 0.25
    assert answer.payload["calls"] == 2
    waker.join()


def test_a_function_that_stays_frozen_is_killed_at_its_deadline_and_then_starts_cold(function: Make) -> None:
    frozen = function("tiny.answer")
    frozen.invoke({})
    frozen.freeze()
    answer = frozen.invoke({}, timeout=0.3)
    assert answer.error is not None
    assert answer.error["errorType"] == "Sandbox.Timedout"
    assert frozen.invoke({}).payload["calls"] == 1


def test_a_function_that_sleeps_past_its_deadline_is_killed(function: Make) -> None:
    slow = function("tiny.sleep")
    assert slow.invoke(0).payload == "slept"
    start = time.monotonic()
    answer = slow.invoke(60, timeout=0.3)
    assert time.monotonic() - start < 5
    assert answer.error is not None
    assert answer.error["errorMessage"].endswith("Task timed out after 0.30 seconds")


def test_a_process_that_leaves_is_reported_at_once_and_replaced(function: Make) -> None:
    leaving = function("tiny.leave")
    start = time.monotonic()
    for _ in range(2):
        answer = leaving.invoke(7, timeout=60)
        assert answer.error is not None
        assert answer.error["errorType"] == "Runtime.ExitError"
        assert answer.error["errorMessage"].endswith("exit status 7")
    assert time.monotonic() - start < 10
    assert leaving.stdout.count("cold start") == 2


def test_a_process_killed_in_the_middle_of_an_invocation_is_reported_at_once(function: Make) -> None:
    victim = function("tiny.sleep")
    victim.invoke(0)
    killer = threading.Timer(0.2, victim.kill)
    killer.start()
    start = time.monotonic()
    answer = victim.invoke(60, timeout=60)
    assert time.monotonic() - start < 10
    assert answer.error is not None
    assert answer.error["errorMessage"].endswith("signal: SIGKILL")
    killer.join()
    assert victim.invoke(0).payload == "slept"


def test_an_answer_above_six_megabytes_is_refused_and_the_next_invocation_works(function: Make) -> None:
    long = function("tiny.long_answer")
    assert len(long.invoke(6_000_000).payload) == 6_000_000
    answer = long.invoke(7_000_000)
    assert answer.error is not None
    assert answer.error["errorType"] == "Function.ResponseSizeTooLarge"
    assert long.invoke(2).payload == "xx"


def test_two_megabytes_of_output_block_nobody(function: Make) -> None:
    chatting = function("tiny.chatter")
    assert chatting.invoke(20_000).error is None
    assert len(chatting.stdout) == 20_001


def test_nothing_is_left_behind(function: Make) -> None:
    with function("tiny.answer") as leaving:
        pid = leaving.invoke({}).payload["pid"]
        leaving.freeze()
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(RuntimeError, match="first invocation"):
        leaving.kill()


def test_a_warm_trip_costs_no_delayed_acknowledgement(function: Make) -> None:
    quick = function("tiny.nothing")
    quick.invoke({})
    start = time.monotonic()
    for _ in range(20):
        quick.invoke({})
    assert (time.monotonic() - start) / 20 < 0.04
