"""The fake itself: each documented rule, with handlers that are nobody's product."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.functiongraph.calls import ASYNC_BYTES, RESULT_BYTES, SYNC_BYTES, Policy
from tests.functiongraph.runtime import Function

INDEX = """
import os, sys, time
began = []

def starts(context):
    began.append(context.getRequestID())

def handler(event, context):
    what = event["do"]
    if what == "tell":
        logger = context.getLogger()
        logger.info("hello")
        names = ("RequestID RunningTimeInSeconds ProjectID Package FunctionName Version Alias MemorySize CPUNumber "
                 "SecurityAccessKey SecuritySecretKey SecurityToken Token").split()
        told = {"get" + name: getattr(context, "get" + name)() for name in names}
        left = context.getRemainingTimeInMilliSeconds()
        told |= {"user": context.getUserData("NAME"), "no": context.getUserData("NO"), "env": os.environ.get("NAME")}
        return told | {"left": left, "pid": os.getpid(), "began": began, "handler": os.environ["RUNTIME_HANDLER"]}
    if what == "give":
        return event["what"]
    if what == "size":
        return "x" * event["bytes"]
    if what == "object":
        return object()
    if what == "raise":
        raise ValueError("as told")
    if what == "exit":
        sys.exit(3)
    if what == "die":
        os._exit(4)
    time.sleep(event["seconds"])
    return os.getpid()
"""
Make = Callable[..., Function]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    (tmp_path / "index.py").write_text(INDEX, encoding="utf-8")
    made = list[Function]()

    def new(handler: str = "index.handler", variables: dict[str, str] | None = None, **more: Any) -> Function:
        made.append(Function(tmp_path, handler, variables, **more))
        return made[-1]

    yield new
    for each in made:
        each.__exit__()


def test_the_context_tells_what_is_documented_and_variables_are_nowhere_else(make: Make) -> None:
    keys = ("a", "s", "t", "o")
    function = make(variables={"NAME": "value"}, keys=lambda: keys, project_id="p" * 32, initializer="index.starts")
    told = function.invoke({"do": "tell"}, request_id="r-1").json
    assert told["began"] == ["init"]
    assert 28_000 < told["left"] <= 30_000
    assert (told["user"], told["no"], told["env"], told["handler"]) == ("value", None, None, "index.handler")
    assert [told[f"get{each}"] for each in ("SecurityAccessKey", "SecuritySecretKey", "SecurityToken", "Token")] == list(keys)
    assert (told["getRequestID"], told["getProjectID"], told["getRunningTimeInSeconds"]) == ("r-1", "p" * 32, 30)
    assert (told["getMemorySize"], told["getCPUNumber"]) == (256, 400)
    assert "r-1 INFO hello" in function.log.read_text("utf-8")
    again = function.invoke({"do": "tell"}).json  # warm: the same process, the initializer not again
    assert (again["pid"], again["began"], function.starts) == (told["pid"], ["init"], 1)


@pytest.mark.parametrize(
    ("given", "body", "kind"),
    [
        (None, "", ""),
        ("as it is", "as it is", ""),
        ("", "", ""),
        ({"a": [1]}, '{"a": [1]}', "application/json"),
        (7, "7", "application/json"),
    ],
)
def test_a_result_is_empty_itself_or_json(make: Make, given: object, body: str, kind: str) -> None:
    result = make().invoke({"do": "give", "what": given})
    assert (result.body, result.content_type, result.error) == (body, kind, "")


def test_what_is_larger_than_six_megabytes_is_a_failure_either_way(make: Make) -> None:
    function = make()
    assert not function.invoke({"do": "size", "bytes": RESULT_BYTES}).error
    assert "larger" in function.invoke({"do": "size", "bytes": RESULT_BYTES + 1}).error
    assert "too large" in function.invoke("x" * (SYNC_BYTES + 1)).error


@pytest.mark.parametrize(
    ("what", "error"), [("raise", "ValueError: as told"), ("exit", "SystemExit: 3"), ("object", "TypeError")]
)
def test_errors_are_failures_and_the_instance_stays(make: Make, what: str, error: str) -> None:
    function = make()
    assert function.invoke({"do": what}).error.startswith(error)
    assert function.invoke({"do": "give", "what": 1}).json == 1
    assert function.starts == 1


def test_an_instance_that_dies_is_a_failure_and_then_a_cold_start(make: Make) -> None:
    function = make()
    began = time.monotonic()
    assert function.invoke({"do": "die"}).error == "the instance is gone"
    assert time.monotonic() - began < 10
    assert function.invoke({"do": "give", "what": 1}).json == 1
    assert function.starts == 2


def test_at_its_time_out_it_is_killed(make: Make) -> None:
    function = make(seconds=1.5)
    function.invoke({"do": "give", "what": 1})
    pid = function.pid
    assert "timed out after 1.5 seconds" in function.invoke({"do": "sleep", "seconds": 60}).error
    assert function.invoke({"do": "sleep", "seconds": 0}).json != pid


@pytest.mark.parametrize("handler", ["index", "no_such_file.handler", "index.no_such_function", "index.handler.deeper"])
def test_a_handler_that_is_no_function_of_a_root_file_fails(make: Make, handler: str) -> None:
    assert make(handler).invoke({}).error


def test_an_initializer_that_fails_fails_the_call(make: Make) -> None:
    assert make(initializer="index.no_such_function").invoke({"do": "give", "what": 1}).error.startswith("AttributeError")


def test_calls_overlap_in_one_instance(make: Make) -> None:
    function = make()
    function.invoke({"do": "give", "what": 1})
    began = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        pids = list(threads.map(lambda _: function.invoke({"do": "sleep", "seconds": 1}).json, range(4)))
    assert len(set(pids)) == 1
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(("retries", "new_ids"), [(0, False), (1, True), (3, False)])
def test_a_failed_asynchronous_call_is_tried_by_the_policy_and_then_told(make: Make, retries: int, new_ids: bool) -> None:
    told = list[dict[str, Any]]()
    policy = Policy(retries, on_failure=told.append, on_success=lambda _: pytest.fail("it did not succeed"), new_ids=new_ids)
    function = make(policy=policy)
    request_id = function.invoke_async({"do": "raise"})
    assert [each.error for each in function.settle()] == ["ValueError: as told"] * (retries + 1)
    assert len({each.request_id for each in function.attempts}) == (retries + 1 if new_ids else 1)
    (record,) = told
    assert record["request_context"]["approximate_invoke_count"] == retries + 1
    assert (record["request_context"]["request_id"], json.loads(record["request_payload"])) == (request_id, {"do": "raise"})
    assert record["response_context"]["function_error"] == "ValueError: as told"


def test_by_default_it_is_one_try_more(make: Make) -> None:
    function = make()
    function.invoke_async({"do": "raise"})
    assert len(function.settle()) == 2


def test_an_old_message_is_not_tried_again_and_a_large_result_is_told_as_nothing(make: Make) -> None:
    told = list[dict[str, Any]]()
    function = make(policy=Policy(3, age_seconds=0.3, on_failure=told.append, on_success=told.append), seconds=1)
    function.invoke_async({"do": "sleep", "seconds": 60})
    assert len(function.settle()) == 1
    function.invoke_async({"do": "size", "bytes": ASYNC_BYTES + 1})
    function.settle()
    assert told[-1]["response_payload"] == ""
    assert len(told) == 2


def test_a_frozen_instance_does_nothing_until_it_is_called(make: Make) -> None:
    function = make(freezes=True)
    function.invoke({"do": "give", "what": 1})
    until = time.monotonic() + 5
    while "State:\tT" not in Path(f"/proc/{function.pid}/status").read_text("utf-8"):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert function.invoke({"do": "give", "what": 2}).json == 2
    assert function.starts == 1


WHOLE = {"statusCode": 201, "headers": {"A": "b"}, "body": "aGVsbG8=", "isBase64Encoded": True}


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        (None, (500, {}, b"")),
        ("text", (500, {}, b"")),
        ({"statusCode": 200}, (500, {}, b"")),
        (WHOLE | {"statusCode": "200"}, (500, {}, b"")),
        (WHOLE | {"body": {}}, (500, {}, b"")),
        (WHOLE | {"isBase64Encoded": False}, (201, {"A": "b"}, b"aGVsbG8=")),
        (WHOLE, (201, {"A": "b"}, b"hello")),
    ],
)
def test_the_gateway_sends_base64_and_takes_one_shape(make: Make, tmp_path: Path, result: object, answer: object) -> None:
    function = make()
    code = f'def handler(event, context):\n    assert event["isBase64Encoded"]\n    return {result!r}\n'
    (tmp_path / "index.py").write_text(code, encoding="utf-8")
    assert function.gateway("/alert/am", {}, b"{}") == answer
