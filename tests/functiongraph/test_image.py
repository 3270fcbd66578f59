"""The custom-image form: event functions by /invoke, HTTP functions by their paths, who is believed; keys stay unsaid."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers.envelope import BODY_CAP
from handlers.errors import Misconfigured
from handlers.sandbox import estate
from handlers.settings.image import find_image
from tests.functiongraph.calls import Keys, apig
from tests.functiongraph.image import NULLS, ImageServer, refused_start
from tests.functiongraph.stage import AM, CI, FILES, SIMPLE, TOKENS, Stage, fired, told
from tests.leaks.canaries import Search
from tests.scripted import CREATE, fails

OWN_KEYS = {
    "HUAWEICLOUD_SDK_AK": estate.ACCESS_KEY,
    "HUAWEICLOUD_SDK_SK": estate.SECRET_KEY,
    "HUAWEICLOUD_SDK_PROJECT_ID": estate.PROJECT_ID,
}
Start = Callable[..., ImageServer]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, datetime.now(UTC)) as made:
        yield made


@pytest.fixture
def start(stage: Stage) -> Iterator[Start]:
    """A server that is told which event function it is, or, with no door, that it is an HTTP function."""
    with ExitStack() as leaving:

        def started(door: str = "", **more: str) -> ImageServer:
            named = {"RESTORE_POINT_DOOR": door, "RUNTIME_PROJECT_ID": estate.PROJECT_ID} if door else {}
            return leaving.enter_context(ImageServer(stage.variables(**named, **more), stage.folder))

        yield started


def secrets(stage: Stage) -> dict[str, str]:
    return {f"key {number}": key for number, key in enumerate(key for keys in stage.handed for key in keys[1:] if key)}


# ── event functions ──


def test_a_timer_makes_one_restore_point_with_the_keys_of_each_call(stage: Stage, start: Start) -> None:
    server, event = start("timer"), fired()
    assert server.call("/init", b"", stage.agency()).status == 200
    assert stage.world.sandbox.posts() == []
    found = [server.invoke(event, stage.agency()).outcomes[0][0] for _ in range(3)]
    assert found == ["created", "joined", "joined"]
    (post,) = stage.world.posts()
    assert estate.PROJECT_ID in post.path  # and not "sn", which the header says
    assert stage.world.door.came(CREATE)[0].headers["x-security-token"] == stage.handed[1][2]


def test_keys_that_have_ended_are_refused_and_new_ones_are_used(tmp_path: Path) -> None:
    issued_ago = 800  # of the 900 seconds that both keys and signatures are good for
    with Stage(tmp_path, datetime.fromtimestamp(datetime.now(UTC).timestamp() - issued_ago, UTC)) as stage:
        old = stage.agency()
        stage.world.clock.forward(issued_ago)
        named = {"RESTORE_POINT_DOOR": "once", "RUNTIME_PROJECT_ID": estate.PROJECT_ID}
        with ImageServer(stage.variables(**named), tmp_path) as server:
            assert server.invoke(FILES | {"idempotency_key": "a"}, old).outcomes == [("created", "accepted")]
            stage.world.clock.forward(120)
            assert "created" not in server.invoke(FILES | {"idempotency_key": "b"}, old).body
            assert server.invoke(FILES | {"idempotency_key": "c"}, stage.agency()).outcomes == [("created", "accepted")]
        assert len(stage.world.posts()) == 2


def test_the_gateways_request_is_in_the_event_and_gets_its_shape_back(stage: Stage, start: Start) -> None:
    server, body = start("alert"), json.dumps(SIMPLE).encode()
    assert server.gateway("/alert/am", CI, body, stage.agency())[0] == 401
    status, headers, text = server.gateway("/alert/am", AM, body, stage.agency())
    assert (status, headers["Content-Type"], json.loads(text)["outcomes"][0]["outcome"]) == (200, "application/json", "created")
    assert server.invoke(told(json.dumps(SIMPLE)), stage.agency()).outcomes[0][0] in ("created", "later")


def test_the_door_is_the_configurations_whatever_an_event_looks_like(stage: Stage, start: Start) -> None:
    server = start("timer")
    for event in (FILES | {"idempotency_key": "a"}, told(json.dumps(SIMPLE)), SIMPLE):
        result = server.invoke(event, stage.agency(), handler="index.once")
        assert [word for word, _ in result.outcomes] == ["refused"]
    assert stage.world.posts() == []


def test_what_is_no_event_is_refused_and_not_tried_again(stage: Stage, start: Start) -> None:
    server = start("once")
    for body, status in ((b"not json", 400), (b'{"a": 1, "a": 2}', 400), (b"", 400), (b"x" * (BODY_CAP + 1), 413)):
        assert server.invoke(body, stage.agency()).json["status"] == status
    assert stage.world.posts() == []


def test_what_is_not_settled_is_a_failure_of_the_call(stage: Stage, start: Start) -> None:
    server = start("timer", RESTORE_POINT_LEDGER="valkey://127.0.0.1:1/0")
    stage.world.door.on(CREATE, fails("6125"))
    event = fired()
    assert json.loads(server.invoke(event, stage.agency()).error)["errorType"] == "Redeliver"
    assert server.invoke(event, stage.agency()).outcomes == [("created", "accepted")]
    assert len(stage.names()) == 1


def test_its_time_is_what_the_header_says(stage: Stage, start: Start) -> None:
    """With a second left nothing is sent that could not be told of; a header that says nothing is no reason to do nothing."""
    server, found = start("once"), list[str]()
    for number, seconds in enumerate(("1", "30", "", "soon", "-5")):
        event = FILES | {"idempotency_key": f"{number}"}
        found += [each for each, _ in server.invoke(event, stage.agency(), timeout=seconds).outcomes]
        stage.world.clock.forward(120)
    assert found == ["later", "created", "created", "created", "created"]


def test_the_watch_is_an_event_function_too(stage: Stage, start: Start) -> None:
    assert start("watch").invoke(fired(trigger="every-five-minutes"), stage.agency()).json["status"] == 200


# ── who is believed ──


def test_without_an_agency_every_call_fails_and_says_why_in_the_log(stage: Stage, start: Start) -> None:
    server, nothing = start("timer"), list[Keys]([NULLS, ("", "", "", ""), (None, None, None, None)])
    for keys in nothing:
        assert server.invoke(fired(), keys).error
    assert server.stderr.count("no credentials found") == len(nothing)
    assert stage.world.sandbox.exchanges == []


def test_without_the_setting_there_is_no_invoke_and_no_header_is_believed(stage: Stage, start: Start) -> None:
    server, keys = start(**OWN_KEYS), stage.agency()
    for path in ("/invoke", "/init", "/invoke/", "/invoke/ops"):
        assert server.call(path, json.dumps(fired()).encode(), keys).status == 404
    answered = server.ask("POST", "/alert/am", AM | {"X-Cff-Security-Token": "theirs"}, json.dumps(SIMPLE).encode())
    assert answered.outcomes == [("created", "accepted")]
    assert "x-security-token" not in stage.world.door.came(CREATE)[0].headers
    assert server.call("/alert/am", json.dumps(SIMPLE).encode(), keys).status == 401
    assert len(stage.world.posts()) == 1


def test_with_the_setting_nothing_else_is_served(stage: Stage, start: Start) -> None:
    server, body = start("alert"), json.dumps(SIMPLE).encode()
    for path in ("/alert/am", "/once/ci", "/watch/ci", "/", "/invoke/alert", "/INVOKE"):
        assert server.call(path, body, stage.agency()).status == 404
    assert server.ask("GET", "/invoke").status == 405
    assert server.ask("GET", "/healthz").status == 200
    unnamed = server.ask("POST", "/invoke", {"Content-Type": "application/json"}, body)
    assert unnamed.status == 400  # FunctionGraph names every call
    assert stage.world.sandbox.posts() == []


def test_an_http_function_with_the_setting_lets_no_stranger_invoke_it(stage: Stage, start: Start) -> None:
    """Its gateway forwards any path and any header, and says that it did."""
    server, keys = start("once"), stage.agency()
    forwarded = {"X-Apig-Api-Id": "0f1e", "X-Cff-Request-Id": "r", "X-Cff-Security-Access-Key": keys[0] or ""}
    forwarded |= {"X-Cff-Security-Secret-Key": keys[1] or "", "X-Cff-Security-Token": keys[2] or ""}
    direct, by_gateway = FILES | {"idempotency_key": "a"}, apig("/once/ci", AM, json.dumps(FILES).encode())
    assert server.ask("POST", "/invoke", forwarded, direct).json["status"] == 403
    assert json.loads(server.ask("POST", "/invoke", forwarded, by_gateway).body)["statusCode"] == 401
    assert stage.world.sandbox.posts() == []
    assert server.ask("POST", "/invoke", forwarded | {"X-Apig-Api-Id": ""}, direct).json["status"] == 200  # no gateway


@pytest.mark.parametrize(
    ("door", "event"), [("alert", told(json.dumps(SIMPLE))), ("timer", fired()), ("timer", {"record": [{"smn": fired()}]})]
)
def test_what_a_gateway_forwards_is_an_http_request_whatever_else_it_holds(
    stage: Stage, start: Start, door: str, event: dict[str, Any]
) -> None:
    """A stranger writes one body that is a topic's message, or a timer's event, and a gateway's request as well."""
    server = start(door)
    both = event | {
        "httpMethod": "POST",
        "requestContext": {},
        "path": f"/{door}/am",
        "headers": {"content-type": "application/json"},
    }
    keys = dict(zip(("access-key", "secret-key", "token"), stage.agency(), strict=False))
    forwarded = {"X-Apig-Api-Id": "0f1e", "X-Cff-Request-Id": "r"}
    forwarded |= {f"X-Cff-Security-{name}": value or "" for name, value in keys.items()}
    answered = server.ask("POST", "/invoke", forwarded, both).json
    assert answered["statusCode"] in (401, 403)
    assert [each["outcome"] for each in json.loads(answered["body"])["outcomes"]] == ["refused"]
    assert stage.world.sandbox.posts() == []


def test_no_key_is_in_any_byte_of_log_or_answer(stage: Stage, start: Start) -> None:
    """Whatever becomes of the call: done, refused, failed, of another path or method."""
    server, answers = start("once", LOG_LEVEL="DEBUG", POWERTOOLS_LOG_LEVEL="DEBUG"), list[str]()
    for body in (json.dumps(FILES).encode(), b"not json", b"[]", b"x" * (BODY_CAP + 1)):
        for path in ("/invoke", "/init", "/elsewhere", "/once/ci"):
            answered = server.call(path, body, stage.agency())
            answers += [answered.body.decode("latin-1"), repr(dict(answered.headers))]
    for keys in ((stage.agency()[0], "null", *stage.agency()[2:]), ("\x7f", *stage.agency()[1:])):  # half, and ones that are none
        answered = server.call("/invoke", json.dumps(FILES | {"idempotency_key": "b"}).encode(), keys)
        answers += [answered.body.decode("latin-1"), repr(dict(answered.headers))]
    server.process.terminate()
    server.process.wait(40)
    assert Search(secrets(stage) | TOKENS).everywhere({"log": server.logs, "answer": answers}) == []


# ── the start ──


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"RESTORE_POINT_DOOR": "Timer"}, "RESTORE_POINT_DOOR: must be one of timer, alert, once, watch, worker"),
        ({"RESTORE_POINT_DOOR": "timer", "RESTORE_POINT_LEDGER": ""}, "on FunctionGraph every instance has its own disk"),
        ({"RESTORE_POINT_DOOR": "timer", "AM_TOKEN": "short"}, "AM_TOKEN"),
        ({"RESTORE_POINT_DOOR": "timer", "DEBUG": "1"}, "DEBUG"),
        ({}, "no credentials found"),
    ],
)
def test_a_wrong_configuration_ends_it_at_the_start(stage: Stage, more: dict[str, str], says: str) -> None:
    assert says in refused_start(stage.variables(**more), stage.folder)


@pytest.mark.parametrize("door", ["", "timer", "watch"])
def test_which_function_it_is(door: str) -> None:
    found = find_image({"RESTORE_POINT_DOOR": door, "RUNTIME_PROJECT_ID": "p"})
    assert (found.door, found.project_id) == (door, "p") if found else not door


@pytest.mark.parametrize(
    ("variable", "platform"), [("AWS_LAMBDA_FUNCTION_NAME", "AWS Lambda"), ("K_SERVICE", "Knative or Cloud Run")]
)
def test_it_is_refused_where_another_platform_shows_itself(variable: str, platform: str) -> None:
    with pytest.raises(Misconfigured, match=f"is for FunctionGraph, and {variable} says that this is {platform}"):
        find_image({"RESTORE_POINT_DOOR": "once", variable: "f"})
