"""FunctionGraph's entry functions under a fake of the documented runtime: there is no local one (its reference, its samples).

The fake calls ``handler(event, context)`` with the event parsed from JSON and the context's documented methods, and makes of a
result what the runtime does: None an empty body, a text itself, anything else JSON.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers import functiongraph
from handlers.errors import Misconfigured, Redeliver
from handlers.sandbox import estate
from tests.scripted import CREATE, World, fails, world_in
from tests.test_web import AM, EVENTS, SECRETS, firing

PROJECT = estate.PROJECT_ID
TOPIC = "urn:smn:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:alarms"
TEMPORARY = (estate.TEMPORARY_ACCESS_KEY, estate.TEMPORARY_SECRET_KEY, estate.SECURITY_TOKEN)
SIMPLE = {"status": "firing", "labels": {"service": "files", "share": "files-share"}}


class FakeContext:
    """The documented methods; ``user_data`` are the function's environment variables."""

    def __init__(
        self,
        user_data: Mapping[str, str],
        keys: tuple[str | None, ...] = (None, None, None),
        project: str = "",
        seconds: float = 60,
    ) -> None:
        self._user_data, self._keys, self._project = user_data, keys, project
        self._request, self._ends = os.urandom(16).hex(), time.monotonic() + seconds

    def getRequestID(self) -> str:  # noqa: N802
        return self._request

    def getRemainingTimeInMilliSeconds(self) -> int:  # noqa: N802
        return max(round((self._ends - time.monotonic()) * 1000), 0)

    def getUserData(self, key: str) -> str | None:  # noqa: N802
        return self._user_data.get(key)

    def getProjectID(self) -> str:  # noqa: N802
        return self._project

    def getSecurityAccessKey(self) -> str | None:  # noqa: N802
        return self._keys[0]

    def getSecuritySecretKey(self) -> str | None:  # noqa: N802
        return self._keys[1]

    def getSecurityToken(self) -> str | None:  # noqa: N802
        return self._keys[2]


def invoke(door: str, event: object, context: FakeContext) -> Any:
    """As the runtime: the event comes from JSON, the answer goes there."""
    answer = getattr(functiongraph, door)(json.loads(json.dumps(event)), context)
    return answer if answer is None or isinstance(answer, str) else json.loads(json.dumps(answer))


@pytest.fixture(autouse=True)
def _cold(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process whose environment says nothing of a cloud, and no warm instance before or after."""
    for name in os.environ:
        if name.startswith(("HUAWEICLOUD_", "HW_", "OS_", "RESTORE_POINT_")):
            monkeypatch.delenv(name)
    functiongraph.warm.clear()
    yield
    functiongraph.warm.clear()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path, datetime.now(UTC)) as made:
        yield made


def variables(given: Mapping[str, str]) -> dict[str, str]:
    """The region by name: user data cannot be listed, so the name of an endpoint's variable says nothing."""
    rules = {"RESTORE_POINT_RULES": str(EVENTS / "rules.toml"), "RESTORE_POINT_LEDGER": "memory"}
    return dict(given) | SECRETS | rules | {"HW_REGION_NAME": estate.REGION}


def without_keys(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables(given).items() if not name.endswith(("_AK", "_SK", "_PROJECT_ID"))}


def smn(*messages: str, topic: str = TOPIC) -> dict[str, Any]:
    return {"record": [{"event_source": "smn", "smn": {"topic_urn": topic, "message": each}} for each in messages]}


def fired() -> dict[str, Any]:
    at = (datetime.now(UTC) - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"version": "v1.0", "time": at, "trigger_type": "TIMER", "trigger_name": "restore_point_nightly", "user_event": ""}


# ── keys and settings ──


def test_the_agencys_keys_speak_where_the_environment_names_none(world: World) -> None:
    context = FakeContext(without_keys(world.environ()), TEMPORARY, PROJECT)
    answer = invoke("timer", fired(), context)
    assert [each["outcome"] for each in answer["outcomes"]] == ["created"]
    assert answer["outcomes"][0]["delivery_id"] == context.getRequestID()
    (post,) = world.posts()
    assert PROJECT in post.path
    sent = [seen.headers for seen in world.door.seen]
    assert all(f"Access={estate.TEMPORARY_ACCESS_KEY}" in each["authorization"] for each in sent)
    assert all(each["x-security-token"] == estate.SECURITY_TOKEN for each in sent)


def test_a_warm_instance_signs_with_the_newest_keys(world: World) -> None:
    user_data = without_keys(world.environ())
    with pytest.raises(Redeliver):  # refused, and there is no topic to tell
        invoke("timer", fired(), FakeContext(user_data, ("OLD-KEY", "old-secret", "old-token"), PROJECT))
    assert world.posts() == []
    event = fired() | {"time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    answer = invoke("timer", event, FakeContext(user_data, TEMPORARY, PROJECT))
    assert [each["outcome"] for each in answer["outcomes"]] == ["created"]
    first, last = world.door.seen[0].headers, world.door.seen[-1].headers
    assert (first["x-security-token"], last["x-security-token"]) == ("old-token", estate.SECURITY_TOKEN)
    # and a call that brings none does not take away those that are there
    assert invoke("timer", event, FakeContext(user_data)).get("status") == 200


def test_keys_of_the_environment_come_first(world: World) -> None:
    assert invoke("timer", fired(), FakeContext(variables(world.environ()), ("OTHER", "other", "other")))["status"] == 200
    assert all("OTHER" not in seen.headers["authorization"] for seen in world.door.seen)


def test_a_project_that_is_none_is_looked_up(world: World) -> None:
    """Some regions' runtimes are reported to say "sn" or "cn"."""
    answer = invoke("timer", fired(), FakeContext(without_keys(world.environ()), TEMPORARY, "sn"))
    assert [each["outcome"] for each in answer["outcomes"]] == ["created"]


@pytest.mark.parametrize(
    "keys", [(None, None, None), ("", "", ""), ("a", "b", None), ("a", "b", ""), ("null", "null", "null"), ("a", "b", "null")]
)
def test_without_an_agency_and_keys_every_event_fails_loudly(world: World, keys: tuple[str | None, ...]) -> None:
    for _ in range(2):
        with pytest.raises(Misconfigured, match="no credentials found"):
            invoke("timer", fired(), FakeContext(without_keys(world.environ()), keys, PROJECT))


def test_keys_are_in_no_answer_and_no_line(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    answer = invoke("timer", fired(), FakeContext(without_keys(world.environ()), TEMPORARY, PROJECT))
    printed = json.dumps(answer) + capsys.readouterr().out
    assert all(secret not in printed for secret in (estate.TEMPORARY_SECRET_KEY, estate.SECURITY_TOKEN, *SECRETS.values()))


# ── triggers ──


def test_every_message_is_a_delivery(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    other = SIMPLE | {"labels": {"service": "nothing"}}
    answer = invoke(
        "alert", smn(json.dumps(SIMPLE), json.dumps(other), "text", json.dumps(SIMPLE)), FakeContext(variables(world.environ()))
    )
    words = [(each["outcome"], each["reason"]) for each in answer["outcomes"]]
    assert words[:3] == [("created", "accepted"), ("skipped", "no_rule"), ("refused", "malformed")]
    assert words[3][0] == "joined"
    assert answer["status"] == 400
    assert len({json.loads(line)["delivery"]["id"] for line in capsys.readouterr().out.splitlines()}) == 4
    assert len(world.posts()) == 1


@pytest.mark.parametrize(
    "event",
    [
        smn(json.dumps(SIMPLE), topic=""),
        smn(json.dumps(SIMPLE), topic=TOPIC + "-2"),
        smn(json.dumps(SIMPLE), topic=TOPIC.upper()),
        {"record": []},
        {"record": [None]},
        {"record": [{"event_source": "smn", "smn": None}]},
        {"record": [{"event_source": "other", "smn": smn(json.dumps(SIMPLE))["record"][0]["smn"]}]},
        {"record": [{"event_source": "smn", "smn": {"topic_urn": TOPIC, "message": 7}}]},
    ],
)
@pytest.mark.parametrize("door", ["alert", "once"])
def test_a_topic_that_is_not_listed_or_no_topic_asks_for_nothing(world: World, door: str, event: Any) -> None:
    answer = invoke(door, event, FakeContext(variables(world.environ())))
    assert [each["outcome"] for each in answer["outcomes"]] == ["refused"]
    assert answer["status"] in (400, 403)
    assert world.sandbox.exchanges == []


def test_each_message_is_for_itself_and_may_be_an_object_already(world: World) -> None:
    record = {"event_source": "smn", "smn": {"topic_urn": TOPIC, "message": SIMPLE}}
    event = {"record": [{"event_source": "smn", "smn": {"message": "{}"}}, record]}
    answer = invoke("alert", event, FakeContext(variables(world.environ())))
    words = [(each["outcome"], each["reason"]) for each in answer["outcomes"]]
    assert words == [("refused", "malformed"), ("created", "accepted")]
    assert len(world.posts()) == 1


def test_what_is_not_settled_is_raised_so_that_it_comes_again(world: World) -> None:
    world.door.on(CREATE, fails("6125"))
    answer = invoke("alert", smn(json.dumps(SIMPLE)), FakeContext(variables(world.environ())))
    assert (answer["status"], answer["outcomes"][0]["outcome"]) == (202, "later")
    functiongraph.warm.clear()
    no_folder = world.folder / "rules.toml" / "ledger.sqlite3"
    closed = variables(world.environ()) | {"RESTORE_POINT_LEDGER": f"sqlite:{no_folder}"}
    world.door.on(CREATE, fails("6125"))
    with pytest.raises(Redeliver):
        invoke("alert", smn(json.dumps(SIMPLE)), FakeContext(closed))


def test_the_watch_by_its_trigger_and_by_a_gateway(world: World) -> None:
    context = FakeContext(variables(world.environ()))
    assert invoke("watch", fired(), context) == {"status": 200, "outcomes": [], "not_told": []}
    request = {"httpMethod": "POST", "path": "/watch/ci", "requestContext": {}, "body": "", "isBase64Encoded": True}
    json_type = {"content-type": "application/json"}
    assert invoke("watch", request | {"headers": json_type}, context)["statusCode"] == 401
    proof = {"authorization": f"Bearer {SECRETS['RESTORE_POINT_CI_TOKEN']}"}
    assert invoke("watch", request | {"headers": json_type | proof}, context)["statusCode"] == 200


def test_threads_of_one_instance_build_one_service(world: World) -> None:
    request = {
        "httpMethod": "POST",
        "path": "/alert/am",
        "requestContext": {},
        "body": json.dumps(firing()),
        "isBase64Encoded": False,
    }
    event = request | {"headers": {"content-type": "application/json", "authorization": f"Bearer {AM}"}}
    user_data = variables(world.environ())
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: invoke("alert", event, FakeContext(user_data)), range(32)))
    assert {each["statusCode"] for each in answers} <= {200, 202}
    words = [json.loads(each["body"])["outcomes"][0]["outcome"] for each in answers]
    assert words.count("created") == 1
    assert len(world.posts()) == 1
