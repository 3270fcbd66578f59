"""Batches of an SQS queue under the real runtime client: each message for itself, and only what is not settled comes again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.runtime_api import LambdaFunction
from tests.scripted import BACKUPS, CREATE, World, event, fails, world_in

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:alerts"
RULES = f"""
[senders.queue]
dialect = "simple"
proof = "platform"
sources = ["{QUEUE}", "{QUEUE}.fifo"]
[[rules]]
name = "queued"
sender = "queue"
vaults = ["files"]
by = ["host"]
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path, datetime.now(UTC)) as made:
        made.write_rules(more=RULES)
        yield made


def alert(host: str = "a") -> str:
    return json.dumps({"status": "firing", "labels": {"host": host}})


def batch(*bodies: str, queue: str = QUEUE) -> dict[str, Any]:
    """As Lambda hands them over: developer guide, "Using Lambda with Amazon SQS"."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": "AQEB",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": queue,
                "awsRegion": "eu-central-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def again(world: World, given: dict[str, Any], name: str = "alert") -> list[str]:
    """The messages that must come again."""
    with LambdaFunction(f"handlers.aws_lambda.{name}", env=world.environ()) as function:
        answer = function.invoke(given)
    assert answer.error is None, answer.error
    assert set(answer.payload) == {"batchItemFailures"}
    return [each["itemIdentifier"] for each in answer.payload["batchItemFailures"]]


def deliveries(world: World) -> list[str]:
    """Of the wishes in the ledger."""
    return [json.loads(record.body)["delivery"] for record in world.service().ledger.since("wish", 0)]


def test_one_poison_of_ten_blocks_nobody_and_does_not_come_again(world: World) -> None:
    bodies = [alert(), alert(), "{ this is no JSON", *[alert()] * 7]
    assert again(world, batch(*bodies)) == []
    assert len(world.posts()) == 1
    assert len(world.sandbox.restore_points()) == 1
    assert [message["subject"] for message in world.sandbox.published if "REFUSED" in message["subject"]] == [
        "Restore point REFUSED (malformed, alert queue)"
    ]


def test_only_what_is_not_settled_comes_again(world: World) -> None:
    """The ledger is damaged, and CBR busy for one of them: that one stands nowhere."""
    (world.folder / "ledger.sqlite3").write_bytes(b"damaged")
    world.door.on(CREATE, fails("6125"))
    assert again(world, batch(alert("a"), alert("b"))) == ["message-0"]
    assert len(world.sandbox.restore_points()) == 1


def test_a_queue_that_keeps_the_order_is_not_overtaken(world: World) -> None:
    (world.folder / "ledger.sqlite3").write_bytes(b"damaged")
    world.door.on(CREATE, fails("6125"))
    assert again(world, batch(alert("a"), alert("b"), alert("c"), queue=f"{QUEUE}.fifo")) == [
        "message-0",
        "message-1",
        "message-2",
    ]
    assert world.sandbox.restore_points() == []


def test_a_message_of_a_queue_nobody_lists_asks_for_nothing(world: World) -> None:
    assert again(world, batch(alert(), queue=QUEUE + "-of-somebody")) == []
    assert world.posts() == []
    assert world.door.came(BACKUPS) == []


def test_a_message_is_one_delivery_however_often_it_is_handed_out(world: World) -> None:
    for _ in range(2):
        assert again(world, batch(alert("a"))) == []
    assert len(world.posts()) == 1
    assert deliveries(world) == ["message-0"]


def test_a_timers_event_may_wait_in_a_queue(world: World) -> None:
    assert again(world, batch(json.dumps(event(datetime.now(UTC)))), "timer") == []
    assert len(world.sandbox.restore_points()) == 1
