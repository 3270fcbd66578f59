"""Pub/Sub: Google's own emulator where there is one, else a fake (servers.py)."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from handlers.carriers.unwrapping import unwrapped
from handlers.errors import NotTold
from handlers.message import Message, is_ours
from tests.sockets import Server, always, json_reply
from tests.topics.servers import PubSub, pubsub_server
from tests.topics.stage import TOPIC, created, failed, large, opened, pubsub, soon

if TYPE_CHECKING:
    from collections.abc import Iterator


PROJECT = "/v1/projects/backup-1"
TAKEN = json_reply({"messageIds": ["136969346945"]})


@pytest.fixture(scope="module")
def cloud() -> Iterator[PubSub]:
    made = pubsub_server()
    try:
        made.start()
        made.ask("PUT", f"{PROJECT}/topics/restore-points", {})
        yield made
    finally:
        made.stop()


def subscribed(cloud: PubSub, name: str) -> str:
    path = f"{PROJECT}/subscriptions/{name}"
    cloud.ask("PUT", path, {"topic": TOPIC})
    return path


def send(origin: str, *messages: Message) -> None:
    topic, environ = pubsub(origin)
    with opened({"ops": topic}, environ) as topics:
        for each in messages:
            topics["ops"].send(each, soon(20))


def pulled(cloud: PubSub, subscription: str) -> list[dict[str, Any]]:
    found = cloud.ask("POST", f"{subscription}:pull", {"maxMessages": 10, "returnImmediately": True})
    return [each["message"] for each in found.get("receivedMessages", ())]


def test_a_subscriber_gets_the_document_and_what_filters_go_by(cloud: PubSub) -> None:
    subscription, message = subscribed(cloud, "everything"), failed()
    send(cloud.origin, message)
    (got,) = pulled(cloud, subscription)
    assert json.loads(base64.b64decode(got["data"])) == message.document
    assert got["attributes"] == {
        "outcome": "failed", "rule": "nightly-erp", "vault": "erp", "trigger": "timer", "sender": "nightly",
        "subject": message.subject,
    }  # fmt: skip


def test_what_says_nothing_is_left_out_of_what_filters_go_by(cloud: PubSub) -> None:
    """So that `NOT attributes:sender` is what nobody sent. The filters themselves are Google's: its emulator has none."""
    subscription = subscribed(cloud, "by-nobody")
    send(cloud.origin, created())
    (got,) = pulled(cloud, subscription)
    assert {"outcome": "created", "rule": "weekly-files", "vault": "files", "trigger": "timer"}.items() <= got[
        "attributes"
    ].items()
    assert "sender" not in got["attributes"]


@pytest.mark.parametrize("name", ["server", "ü𝄞" * 100])
def test_a_message_about_256_resources_is_taken_whole(cloud: PubSub, name: str) -> None:
    subscription, message = subscribed(cloud, f"large-{len(name)}"), large(name)
    send(cloud.origin, message)
    (got,) = pulled(cloud, subscription)
    assert json.loads(base64.b64decode(got["data"])) == message.document


def test_a_topic_that_is_not_there_is_named_with_what_to_do(cloud: PubSub) -> None:
    topic, environ = pubsub(cloud.origin)
    with opened({"ops": topic | {"topic": f"{TOPIC}-gone"}}, environ) as topics, pytest.raises(NotTold) as caught:
        topics["ops"].send(failed(), soon(20))
    text = str(caught.value)
    assert f"{TOPIC}-gone) answered 404 NOT_FOUND Topic not found. See whether `topic` names the project" in text


def test_our_own_reader_knows_what_is_pushed_for_a_message_of_ours() -> None:
    """A subscription that pushes to these functions must not make them ask for anything."""
    with Server(always(TAKEN)) as server:
        send(server.origin, failed())
    (published,) = json.loads(server.asked[0].body)["messages"]
    pushed = {"message": published | {"messageId": "1"}, "subscription": "projects/backup-1/subscriptions/s-1"}
    (carried,) = unwrapped(pushed)
    assert isinstance(carried.document, dict)
    assert is_ours(carried.document["schema"])
    assert carried.attributes["outcome"] == "failed"
