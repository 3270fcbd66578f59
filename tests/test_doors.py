"""Each door under Lambda's runtime client and behind both HTTP servers, where no other test has it (tests/platforms.toml).

The clocks are the machine's. Where a door is asked at a later time, what answers there is a new process: RESTORE_POINT_NOW is
read at its start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers.dispatch import EVENT_TYPE
from handlers.sandbox import estate
from tests.dispatch.stage import stage_in, wishes
from tests.runtime_api import LambdaFunction
from tests.scripted import CREATE, World, event, fails, world_in
from tests.server.stage import AM, CI, CRON, PING, RULES, TOKENS, firing
from tests.web_server import FRAMEWORK, OURS, WebServer

OPS = """
[senders.ops]
dialect = "once"
proof = "platform"
sources = []
[[rules]]
name = "ops-files"
sender = "ops"
vaults = ["files"]
"""
WANTED = {"checkpoint": {"vault_id": estate.FILES_VAULT_ID}, "idempotency_key": "before-the-upgrade"}
LATER = 600.0
"""Seconds: beyond the wait after CBR's "busy", and what a first backup takes."""
SERVERS = pytest.mark.parametrize("command", [FRAMEWORK, OURS], ids=["functions-framework's", "ours"])
Sweep = Callable[[Mapping[str, str]], list[str]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path, datetime.now(UTC)) as made:
        made.write_rules(more=RULES + OPS)
        yield made


def environ(world: World) -> dict[str, str]:
    """At the world's time."""
    return world.environ(**TOKENS, RESTORE_POINT_NOW=world.clock.now().isoformat())


def one_of_two(world: World, words: Sequence[str]) -> None:
    """What came twice was made once, by the sandbox's own record."""
    assert words == ["created", "joined"]
    assert (len(world.posts()), len(world.sandbox.restore_points())) == (1, 1)


def swept(world: World, sweep: Sweep) -> None:
    """What was left is taken up by one sweep and followed to its end by the next."""
    assert world.posts() == []
    for expected in (["created"], ["available"]):
        world.clock.forward(LATER)
        assert sweep(environ(world)) == expected
    assert (len(world.posts()), len(world.sandbox.restore_points())) == (1, 1)


# ── AWS Lambda's runtime client ──


def by_url() -> dict[str, Any]:
    """An alert as a Function URL hands it over."""
    return {
        "version": "2.0",
        "rawPath": "/alert/am",
        "headers": {"content-type": "application/json", "authorization": f"Bearer {AM}"},
        "requestContext": {"http": {"method": "POST", "path": "/alert/am"}},
        "body": json.dumps(firing()),
        "isBase64Encoded": False,
    }


def words(outcomes: Sequence[Mapping[str, str]]) -> list[str]:
    return [each["outcome"] for each in outcomes]


def test_an_alert_by_its_url_under_the_runtime_client(world: World) -> None:
    with LambdaFunction("handlers.aws_lambda.alert", env=environ(world)) as function:
        answers = [function.invoke(by_url()).payload for _ in range(2)]
    assert [each["statusCode"] for each in answers] == [200, 200]
    one_of_two(world, [word for each in answers for word in words(json.loads(each["body"])["outcomes"])])


def test_a_one_off_that_is_invoked_under_the_runtime_client(world: World) -> None:
    with LambdaFunction("handlers.aws_lambda.once", env=environ(world)) as function:
        one_of_two(world, [word for _ in range(2) for word in words(function.invoke(WANTED).payload["outcomes"])])


def test_the_watch_takes_up_and_follows_under_the_runtime_client(world: World) -> None:
    world.door.on(CREATE, fails("6125"))
    with LambdaFunction("handlers.aws_lambda.timer", env=environ(world)) as timer:
        assert words(timer.invoke(event(world.clock.now())).payload["outcomes"]) == ["later"]

    def sweep(at: Mapping[str, str]) -> list[str]:
        with LambdaFunction("handlers.aws_lambda.watch", env=at) as watch:
            return words(watch.invoke({}).payload["outcomes"])

    swept(world, sweep)


# ── HTTP ──


def test_a_timer_behind_functions_frameworks_own_server(world: World) -> None:
    ping = {"ce-specversion": "1.0", "ce-type": "dev.knative.sources.ping", "ce-source": PING}
    ping |= {"ce-time": world.clock.now().isoformat()}
    with WebServer(environ(world), world.folder, command=FRAMEWORK) as server:
        answers = [server.post("/timer/cron", b"", CRON, **ping, **{"ce-id": f"{number}"}) for number in range(2)]
    one_of_two(world, [word for each in answers for word, _ in each.outcomes])


@SERVERS
def test_a_one_off_over_http(world: World, command: Sequence[str]) -> None:
    with WebServer(environ(world), world.folder, command=command) as server:
        assert server.post("/once/ci", WANTED, AM).status == 401
        one_of_two(world, [server.post("/once/ci", WANTED, CI).outcomes[0][0] for _ in range(2)])


@SERVERS
def test_the_watch_over_http_takes_up_and_follows(world: World, command: Sequence[str]) -> None:
    world.door.on(CREATE, fails("6125"))
    with WebServer(environ(world), world.folder, command=command) as server:
        assert server.post("/alert/am", firing(), AM).outcomes == [("later", "busy")]

    def sweep(at: Mapping[str, str]) -> list[str]:
        with WebServer(at, world.folder, command=command) as server:
            return [word for word, _ in server.post("/watch/ci", b"", CI).outcomes]

    swept(world, sweep)


def test_the_worker_behind_functions_frameworks_own_server(tmp_path: Path) -> None:
    """Every message comes twice."""
    with stage_in(tmp_path, per_second=200, at=datetime.now(UTC), on_disk=True) as stage:
        service = stage.service()
        stage.fire(service, stage.clock.now())
        head = {"ce-specversion": "1.0", "ce-type": EVENT_TYPE, "ce-source": "restore-point", "ce-id": "1"}
        with WebServer(stage.environ(), tmp_path, command=FRAMEWORK) as server:
            causes = sorted(wishes(service))
            for cause in causes * 2:
                assert server.post("/worker", {"wishes": [cause]}, **head).status == 200
        stage.one_each()
