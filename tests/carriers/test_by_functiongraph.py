"""What FunctionGraph's gateway and its topics bring: timers whose senders prove themselves, one-offs without a key."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers import functiongraph
from handlers.sandbox import estate
from tests.carriers.test_entries import AM, CRON, DESK, FILES, OTHER, RULES, TOKENS, at
from tests.scripted import SCHEDULE, World, world_in
from tests.test_functiongraph import FakeContext, invoke


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path, datetime.now(UTC)) as made:
        made.write_rules(more=RULES)
        yield made


@pytest.fixture
def context(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeContext]:
    """Of a process whose environment says nothing of a cloud, and no warm instance before or after."""
    for name in ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HW_ACCESS_KEY", "OS_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    functiongraph.warm.clear()
    yield FakeContext(world.environ(**TOKENS) | {"HW_REGION_NAME": estate.REGION})
    functiongraph.warm.clear()


def by_apig(headers: dict[str, str], body: bytes = b"", path: str = "/timer/cron", bearer: str = CRON) -> dict[str, Any]:
    """As the gateway hands it over: names in lower case, and base64 even where there is nothing."""
    known = {"authorization": f"Bearer {bearer}", "x-request-id": "r"}
    context = {"apiId": "a", "requestId": "r", "stage": "RELEASE"}
    coded = {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    around = {"httpMethod": "POST", "path": path, "queryStringParameters": {}, "pathParameters": {"": "cron"}}
    return around | coded | {"headers": known | headers, "requestContext": context}


def test_a_timer_fires_once_for_each_of_its_times(world: World, context: FakeContext) -> None:
    found = []
    for minutes, attempt in ((3, "a"), (3, "b"), (2, "c"), (2, "d")):
        scheduler = {"x-cloudscheduler": "true", "x-cloudscheduler-jobname": "job", "x-cloudscheduler-scheduletime": at(minutes)}
        sent = scheduler | {"content-type": "application/octet-stream", "x-cloud-trace-context": attempt}
        answer = invoke("timer", by_apig(sent, attempt.encode()), context)
        assert answer["statusCode"] == 200
        found += [each["outcome"] for each in json.loads(answer["body"])["outcomes"]]
        world.clock.forward(70 if attempt == "b" else 0)
    assert found == ["created", "joined", "created", "joined"]
    assert (len(world.posts()), len(world.sandbox.restore_points())) == (2, 2)


def test_a_timer_is_whose_it_is(world: World, context: FakeContext) -> None:
    json_type = {"content-type": "application/json"}
    own = json.dumps({"schedule": "job", "scheduled_time": at(2)}).encode()
    platforms = json.dumps({"schedule": SCHEDULE, "scheduled_time": at(2)}).encode()
    for event, status in (
        (by_apig(json_type, own, "/timer/other", OTHER), 403),
        (by_apig(json_type, platforms), 403),
        (by_apig(json_type, own, bearer=OTHER), 401),
        (by_apig(json_type, own) | {"httpMethod": "PUT"}, 405),
        (by_apig(json_type, own, "/timer/am", AM), 401),
    ):
        assert invoke("timer", event, context)["statusCode"] == status
    fired = {"version": "v2.0", "time": at(2), "trigger_type": "TIMER", "trigger_name": "job", "user_event": "{}"}
    assert invoke("timer", fired, context)["status"] == 403
    assert world.posts() == []


URN = "urn:smn:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:desk"


def test_a_one_off_without_a_key_is_its_topics_message(world: World, context: FakeContext) -> None:
    world.write_rules(more=RULES.replace(f'["{DESK}"]', f'["{URN}"]'))
    wanted = json.dumps({"checkpoint": {"vault_id": FILES}})

    def told(message_id: str) -> dict[str, Any]:
        smn = {"topic_urn": URN, "message": wanted, "message_id": message_id, "type": "notification", "subject": None}
        return {"record": [{"event_version": "1.0", "event_source": "smn", "smn": smn}]}

    posts = []
    for message_id in ("a", "a", "b"):
        assert invoke("once", told(message_id), context)["status"] in (200, 202)
        posts.append(len(world.posts()))
    assert posts == [1, 1, 2]
