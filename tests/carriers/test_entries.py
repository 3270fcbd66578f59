"""Timers, alerts and one-offs through carriers they did not come by before, under Lambda's runtime and FunctionGraph's."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers.sandbox import estate
from tests.runtime_api import Answer, LambdaFunction
from tests.scripted import SCHEDULE, World, world_in

ALARMS, DESK = (f"arn:aws:sns:eu-central-1:123456789012:{name}" for name in ("alarms", "desk"))
CRON, OTHER, AM, CI = (f"example-token-of-{name}-opens-nothing" for name in ("cron", "other", "am", "ci"))
TOKENS = {"CRON_TOKEN": CRON, "OTHER_TOKEN": OTHER, "AM_TOKEN": AM, "CI_TOKEN": CI}
RULES = f"""
[timers.weekly]
source = "weekly"
[timers.job]
source = "job"
sender = "cron"
[senders.cron]
dialect = "timer"
proof = "bearer"
secret = "env:CRON_TOKEN"
[senders.other]
dialect = "timer"
proof = "bearer"
secret = "env:OTHER_TOKEN"
[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:AM_TOKEN"
[senders.ci]
dialect = "once"
proof = "bearer"
secret = "env:CI_TOKEN"
[senders.topic]
dialect = "simple"
proof = "platform"
sources = ["{ALARMS}"]
[senders.desk]
dialect = "once"
proof = "platform"
sources = ["{DESK}"]
[[rules]]
name = "weekly-erp"
timer = "weekly"
vaults = ["erp"]
[[rules]]
name = "job-files"
timer = "job"
vaults = ["files"]
[[rules]]
name = "am-files"
sender = "am"
vaults = ["files"]
[[rules]]
name = "topic-files"
sender = "topic"
match = {{ share = "files-*" }}
vaults = ["files"]
[[rules]]
name = "topic-erp"
sender = "topic"
match = {{ host = "erp-*" }}
vaults = ["erp"]
[[rules]]
name = "ci-files"
sender = "ci"
vaults = ["files"]
[[rules]]
name = "desk-files"
sender = "desk"
vaults = ["files"]
"""
FILES, ERP = estate.FILES_VAULT_ID, estate.ERP_VAULT_ID


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path, datetime.now(UTC)) as made:
        made.write_rules(more=RULES)
        yield made


def on_lambda(world: World, door: str, *events: object) -> list[Answer]:
    with LambdaFunction(f"handlers.aws_lambda.{door}", env=world.environ(**TOKENS)) as function:
        return [function.invoke(each) for each in events]


def words(answer: Answer) -> list[tuple[str, str]]:
    assert answer.error is None, answer.error
    return [(each["outcome"], each["reason"]) for each in answer.payload["outcomes"]]


def sns(*messages: object, topic: str = ALARMS, first: str = "m") -> dict[str, Any]:
    """As SNS invokes a function: developer guide, "Using Lambda with Amazon SNS"."""
    found = []
    for number, message in enumerate(messages):
        text = message if isinstance(message, str) else json.dumps(message)
        told = {"Type": "Notification", "MessageId": f"{first}-{number}", "TopicArn": topic, "Subject": None, "Message": text}
        found.append({"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": f"{topic}:1", "Sns": told})
    return {"Records": found}


def at(minutes: int) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:00Z")


def asked(world: World) -> list[str]:
    return [post.body["checkpoint"]["vault_id"] for post in world.posts()]


def request(path: str, bearer: str, body: str, *, several: bool = False, method: str = "POST") -> dict[str, Any]:
    """A load balancer's, with headers as texts or as lists."""
    headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
    lists = {"multiValueHeaders": {name: [value] for name, value in headers.items()}}
    around = {"httpMethod": method, "path": path, "body": body, "isBase64Encoded": False}
    return around | {"requestContext": {"elb": {"targetGroupArn": "arn:aws:a"}}} | (lists if several else {"headers": headers})


def alerts(host: str = "erp-db") -> str:
    return json.dumps({"alerts": [{"status": "firing", "labels": {"host": host}}]})


# ── messages of an SNS topic that invoke Lambda ──

SHARE = {"status": "firing", "labels": {"share": "files-share"}}
HOST = {"status": "firing", "labels": {"host": "erp-db"}}


def test_each_message_of_a_topic_has_its_own_outcome_and_one_refused_stops_no_other(world: World) -> None:
    before, after = on_lambda(world, "alert", sns("{", SHARE), sns(HOST, "{", first="n"))
    assert words(before) == [("refused", "malformed"), ("created", "accepted")]
    assert words(after) == [("created", "accepted"), ("refused", "malformed")]
    assert before.payload["status"] == after.payload["status"] == 400
    ids = [each["delivery_id"] for each in (*before.payload["outcomes"], *after.payload["outcomes"])]
    assert ids == [before.request_id, f"{before.request_id}-1", after.request_id, f"{after.request_id}-1"]
    assert asked(world) == [FILES, ERP]


def test_a_topic_nobody_lists_stops_no_other_and_asks_for_nothing(world: World) -> None:
    event = sns(SHARE, HOST)
    event["Records"][0]["Sns"]["TopicArn"] += "-of-somebody"
    (answer,) = on_lambda(world, "alert", event)
    assert words(answer) == [("refused", "source_not_listed"), ("created", "accepted")]
    assert asked(world) == [ERP]


def test_timers_come_by_a_topic_and_fire_once(world: World) -> None:
    two = ({"schedule": SCHEDULE, "scheduled_time": at(2)}, {"schedule": "weekly", "scheduled_time": at(2)})
    first, again = on_lambda(world, "timer", sns(*two), sns(*two, first="n"))
    assert words(first) == [("created", "accepted"), ("created", "accepted")]
    assert words(again) == [("joined", "already_taken"), ("joined", "already_taken")]
    assert asked(world) == [FILES, ERP]


DESK_QUEUE = "arn:aws:sqs:eu-central-1:123456789012:desk"


def by_topic(message_id: str) -> dict[str, Any]:
    return sns({"checkpoint": {"vault_id": FILES}}, topic=DESK, first=message_id)


def by_topic_and_queue(message_id: str) -> dict[str, Any]:
    """The queue names a message anew where the topic sends it twice."""
    body = json.dumps(by_topic(message_id)["Records"][0]["Sns"])
    queue = {"eventSource": "aws:sqs", "eventSourceARN": DESK_QUEUE, "messageId": secrets.token_hex(8)}
    return {"Records": [queue | {"body": body}]}


@pytest.mark.parametrize("brought", [by_topic, by_topic_and_queue])
def test_a_one_off_without_a_key_is_the_same_wish_when_its_message_comes_again(world: World, brought: Any) -> None:
    world.write_rules(more=RULES.replace(f'["{DESK}"]', f'["{DESK}", "{DESK_QUEUE}"]'))
    service, wishes = world.service(world.environ(**TOKENS)), []
    for message_id in ("a", "a", "b"):
        on_lambda(world, "once", brought(message_id))
        wishes.append((len(world.posts()), len(service.ledger.since("wish", 0))))
    assert wishes == [(1, 1), (1, 1), (2, 2)]


# ── load balancers ──


def header_of(payload: Mapping[str, Any], name: str) -> str:
    return str(payload["headers"][name] if "headers" in payload else payload["multiValueHeaders"][name][0])


@pytest.mark.parametrize("several", [True, False], ids=["lists", "texts"])
def test_a_load_balancer_gets_its_headers_back_in_the_form_it_sends_them(world: World, several: bool) -> None:
    timer = json.dumps({"schedule": "job", "scheduled_time": at(2)})
    answers = [
        *on_lambda(
            world,
            "alert",
            request("/alert/am", AM, alerts(), several=several),
            request("/alert/am", AM + "x", alerts(), several=several),
            request("/alert/am", AM, "{", several=several),
            request("/alert/am", AM, alerts(), several=several, method="GET"),
        ),
        *on_lambda(world, "timer", request("/timer/cron", CRON, timer, several=several)),
        *on_lambda(world, "once", request("/once/ci", CI, json.dumps({"rule": "ci-files"}), several=several)),
        *on_lambda(world, "watch", request("/watch/am", AM, "", several=several)),
    ]
    payloads = [each.payload for each in answers]
    assert [each["statusCode"] for each in payloads] == [200, 401, 400, 405, 200, 202, 401]
    for each in payloads:
        mine, other = ("multiValueHeaders", "headers") if several else ("headers", "multiValueHeaders")
        assert each[mine]["Content-Type"] == (["application/json"] if several else "application/json")
        assert other not in each
        assert isinstance(json.loads(each["body"])["outcomes"], list)
    assert header_of(payloads[5], "Retry-After").isdigit()  # its vault is being backed up for the others


def test_an_api_gateway_that_sends_both_forms_gets_plain_headers(world: World) -> None:
    both = request("/alert/am", AM, alerts()) | request("/alert/am", AM, alerts(), several=True)
    (answer,) = on_lambda(world, "alert", both | {"resource": "/alert/{sender}", "requestContext": {"stage": "prod"}})
    assert (answer.payload["statusCode"], answer.payload["headers"]) == (200, {"Content-Type": "application/json"})
    assert "multiValueHeaders" not in answer.payload


# ── whose a timer is ──


def test_a_timer_with_a_sender_never_speaks_by_the_platform(world: World) -> None:
    own = {"schedule": "job", "scheduled_time": at(2)}
    queue = {
        "Records": [{"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:a:1:q", "messageId": "m", "body": json.dumps(own)}]
    }
    direct, by_topic, batch = on_lambda(world, "timer", own, sns(own), queue)
    assert words(direct) == words(by_topic) == [("refused", "unknown_timer")]
    assert (direct.payload["status"], by_topic.payload["status"]) == (403, 403)
    assert batch.payload == {"batchItemFailures": []}  # not by coming again either
    assert world.door.seen == [each for each in world.door.seen if "/publish" in each.target]


def test_a_timer_without_a_sender_never_speaks_over_http_and_none_is_anothers(world: World) -> None:
    for bearer, path, schedule in ((CRON, "cron", SCHEDULE), (OTHER, "other", SCHEDULE), (OTHER, "other", "job")):
        body = json.dumps({"schedule": schedule, "scheduled_time": at(2)})
        (answer,) = on_lambda(world, "timer", request(f"/timer/{path}", bearer, body))
        assert answer.payload["statusCode"] == 403
        (refused,) = json.loads(answer.payload["body"])["outcomes"]
        assert (refused["outcome"], refused["reason"]) == ("refused", "unknown_timer")
    assert world.posts() == []
