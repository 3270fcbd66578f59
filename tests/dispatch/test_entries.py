"""The worker's three entry functions: real runtime client, real functions-framework server, fake FunctionGraph runtime.

Nobody proves who brings a message, over HTTP either. What is counted is what CBR did.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers import functiongraph
from handlers.errors import Redeliver
from handlers.sandbox import estate
from tests.dispatch.stage import Stage, stage_in, wishes
from tests.dispatch.test_other_queues import INVOKE, URN, bodies, receiver
from tests.fleet.queue import ARN
from tests.runtime_api import LambdaFunction
from tests.scripted import SCHEDULE
from tests.test_functiongraph import TEMPORARY, FakeContext
from tests.web_server import WebServer

UNKNOWN = "cd" * 32
HEADS = {"ce-specversion": "1.0", "ce-type": "restore-point.wishes", "ce-source": "restore-point", "ce-id": "1"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """At the machine's time, as the processes', with slots that come within a second."""
    with stage_in(tmp_path, per_second=200, at=datetime.now(UTC), on_disk=True) as made:
        yield made


@pytest.fixture
def causes(stage: Stage) -> list[str]:
    """Forty that wait, and whose slots are near."""
    service = stage.service()
    stage.fire(service, stage.clock.now())
    found = list(wishes(service))
    assert len(found) == 40
    return found


def record(number: int, body: object) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": f"message-{number}", "body": text, "eventSource": "aws:sqs", "eventSourceARN": ARN}


def no_ledger(stage: Stage) -> dict[str, str]:
    """One that cannot be opened: its folder is a file."""
    return stage.environ(RESTORE_POINT_LEDGER=f"sqlite:{stage.folder / 'rules.toml' / 'ledger'}")


# ── AWS Lambda ──


def test_a_batch_under_the_real_runtime_client(stage: Stage, causes: list[str]) -> None:
    with LambdaFunction("handlers.aws_lambda.worker", env=stage.environ()) as function:
        messages = [record(number, {"wishes": [cause]}) for number, cause in enumerate(causes[:3])]
        messages += [record(3, "no JSON"), record(4, {"wishes": [UNKNOWN]}), record(5, {"wishes": [causes[0]]})]
        messages += [record(6, {"wishes": [causes[3]], "vault_id": "x"})]
        answer = function.invoke({"Records": messages}, timeout=20)
        assert (answer.payload, answer.error) == ({"batchItemFailures": []}, None)
        assert stage.sandbox.counts.posts == 3
        again = function.invoke({"Records": messages}, timeout=20)
        assert again.payload == {"batchItemFailures": []}
        assert stage.sandbox.counts.posts == 3
        direct = function.invoke({"wishes": causes[2:4]}, timeout=20)
        assert [(each["outcome"], each["reason"]) for each in direct.payload["outcomes"]] == [
            ("skipped", "not_yet"),
            ("created", "accepted"),
        ]
        said = [json.loads(line) for line in function.stdout if '"restore_points"' in line]
        assert {line["delivery"]["door"] for line in said} == {"worker"}
    assert (stage.sandbox.counts.posts, set(stage.by_vault().values())) == (4, {1})


def test_without_a_ledger_lambda_brings_messages_again(stage: Stage, causes: list[str]) -> None:
    with LambdaFunction("handlers.aws_lambda.worker", env=no_ledger(stage)) as function:
        messages = [record(0, {"wishes": [causes[0]]}), record(1, "no JSON"), record(2, {"wishes": [causes[1]]})]
        answer = function.invoke({"Records": messages}, timeout=20)
        assert answer.payload == {"batchItemFailures": [{"itemIdentifier": "message-0"}, {"itemIdentifier": "message-2"}]}
        direct = function.invoke({"wishes": [causes[0]]}, timeout=20)
        assert direct.error is not None
        assert direct.error["errorType"] == "Redeliver"
    assert stage.sandbox.counts.posts == 0


# ── functions-framework ──


@pytest.fixture
def server(stage: Stage) -> Iterator[WebServer]:
    with WebServer(stage.environ(), stage.folder) as running:
        yield running


def test_a_message_over_http_in_each_of_its_forms(stage: Stage, causes: list[str], server: WebServer) -> None:
    bare = server.post("/worker", {"wishes": [causes[0]]})
    binary = server.post("/worker", {"wishes": [causes[1]]}, **HEADS)
    event = {name.removeprefix("ce-"): value for name, value in HEADS.items()}
    structured = server.ask(
        "POST",
        "/worker",
        {"Content-Type": "application/cloudevents+json; charset=utf-8"},
        event | {"datacontenttype": "application/json", "data": {"wishes": [causes[2]]}},
    )
    for answer in (bare, binary, structured):
        assert (answer.status, answer.outcomes) == (200, [("created", "accepted")])
    twice = server.post("/worker", {"wishes": [causes[0], UNKNOWN]})
    assert (twice.status, twice.outcomes) == (200, [("skipped", "not_yet"), ("skipped", "unknown_wish")])
    assert stage.sandbox.counts.posts == 3


def test_over_http_nothing_but_causes_is_understood(stage: Stage, causes: list[str], server: WebServer) -> None:
    event = {name.removeprefix("ce-"): value for name, value in HEADS.items()}
    json_type, structured = {"Content-Type": "application/json"}, {"Content-Type": "application/cloudevents+json"}
    asked: list[tuple[dict[str, str], object]] = [
        (json_type, b""),
        (json_type, b"{"),
        (json_type, {}),
        (json_type, {"wishes": []}),
        (json_type, {"wishes": causes[:1], "vault_id": "x"}),
        (json_type, [{"wishes": causes[:1]}]),
        (json_type, {"alerts": [{"status": "firing", "labels": {"alertname": "DiskFailing", "host": "a"}}]}),
        (json_type, {"schedule_arn": SCHEDULE, "scheduled_time": "2026-11-23T02:00:00Z"}),
        (json_type | HEADS, {"checkpoint": {"vault_id": "x"}}),
        (structured, event),
        (structured, event | {"data": {"wishes": causes[:1], "project": "cloud"}}),
        (structured, event | {"data": "text"}),
    ]
    for headers, body in asked:
        answer = server.ask("POST", "/worker", headers, body)
        assert 400 <= answer.status < 500, (headers, body, answer.body)
    for method in ("GET", "PUT", "DELETE"):
        assert server.ask(method, "/worker", json_type).status == 405
    for path in ("/worker/am", "/worker/", "/x/worker"):
        assert server.post(path, {"wishes": causes[:1]}).status == 404
    assert server.post("/worker", {"wishes": causes[:1] * 20_000}).status == 413
    assert stage.asked() == []


def test_the_same_message_from_many_at_once_is_one_restore_point(stage: Stage, causes: list[str], server: WebServer) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: server.post("/worker", {"wishes": causes[:5]}), range(16)))
    assert {each.status for each in answers} <= {200, 202}
    assert (stage.sandbox.counts.posts, set(stage.by_vault().values())) == (5, {1})


def test_without_a_ledger_a_broker_hears_503(stage: Stage, causes: list[str]) -> None:
    own = stage.folder / "own"
    own.mkdir()
    with WebServer(no_ledger(stage), own) as server:
        answer = server.post("/worker", {"wishes": causes[:1]}, **HEADS)
        assert (answer.status, answer.outcomes) == (503, [("later", "ledger_down")])
        assert int(answer.headers["retry-after"]) > 0
    assert stage.sandbox.counts.posts == 0


# ── FunctionGraph, as documented ──


@pytest.fixture
def _cold(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process whose environment says nothing of a cloud, and no warm instance before or after."""
    for name in os.environ:
        if name.startswith(("HUAWEICLOUD_", "HW_", "OS_", "RESTORE_POINT_")):
            monkeypatch.delenv(name)
    functiongraph.warm.clear()
    yield
    functiongraph.warm.clear()


def invoke(door: str, event: object, context: FakeContext) -> Any:
    """As the runtime: the event comes from JSON, the answer goes there."""
    return json.loads(json.dumps(getattr(functiongraph, door)(json.loads(json.dumps(event)), context)))


@pytest.mark.usefixtures("_cold")
def test_a_function_hands_over_and_another_works(stage: Stage) -> None:
    """The agency's keys of the function sign the invocation, and what was invoked needs no more than the message."""
    stage.write((stage.folder / "rules.toml").read_text().replace(SCHEDULE, "every_night"))
    cloud = receiver(stage)
    given = {name: value for name, value in stage.environ().items() if not name.endswith(("_AK", "_SK"))}
    given |= {"HW_REGION_NAME": estate.REGION, "RESTORE_POINT_QUEUE": f"functiongraph:{URN}"}
    given |= {"HUAWEICLOUD_SDK_REGION_FUNCTIONGRAPH_SANDBOX_1": cloud.endpoint}
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {"version": "v1.0", "time": at, "trigger_type": "TIMER", "trigger_name": "every_night", "user_event": ""}
    answer = invoke("timer", event, FakeContext(given, TEMPORARY, estate.PROJECT_ID))
    assert answer["status"] == 202
    assert [each["reason"] for each in answer["outcomes"]] == ["queued"] * 40
    assert stage.asked() == []
    assert {seen.target for seen in cloud.seen} == {INVOKE}
    assert all(seen.headers["x-security-token"] == estate.SECURITY_TOKEN for seen in cloud.seen)
    assert all(f"Access={estate.TEMPORARY_ACCESS_KEY}" in seen.headers["authorization"] for seen in cloud.seen)
    for body in bodies(cloud):
        for _ in range(2):  # delivered twice
            assert invoke("worker", body, FakeContext(given, TEMPORARY, estate.PROJECT_ID))["status"] == 200
    stage.one_each()


@pytest.mark.usefixtures("_cold")
def test_a_function_without_a_ledger_raises_so_that_it_is_invoked_again(stage: Stage, causes: list[str]) -> None:
    given = no_ledger(stage) | {"HW_REGION_NAME": estate.REGION}
    with pytest.raises(Redeliver):
        invoke("worker", {"wishes": causes[:1]}, FakeContext(given, TEMPORARY, estate.PROJECT_ID))
    refused = invoke("worker", {"wishes": causes[:1], "x": 1}, FakeContext(given, TEMPORARY, estate.PROJECT_ID))
    assert (refused["status"], refused["outcomes"][0]["outcome"]) == (400, "refused")
    assert stage.sandbox.counts.posts == 0
