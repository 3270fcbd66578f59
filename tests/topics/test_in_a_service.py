"""Topics of every kind in a service: what becomes of them changes no outcome, and a failure reaches them all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handlers.outcome import Created, Failed
from tests.scripted import CREATE, World, fails, only, world_in
from tests.sockets import Peer, Server, always, reply
from tests.topics.stage import KINDS, NAMED, SECRETS, echoes, resets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sockets import Script

FAULTS: dict[str, Script] = {
    "403": always(reply(403, b"", reason="Forbidden")),
    "500": always(reply(500, b"", reason="Trouble")),
    "reset": resets,
    "echo": echoes(403),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def table(topics: Mapping[str, Mapping[str, Any]]) -> str:
    lines = []
    for name, topic in topics.items():
        lines += [f"[topics.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in topic.items())]
    return "\n".join(lines)


def beside(make: Callable[[str], tuple[dict[str, Any], dict[str, str]]], endpoint: str, world: World) -> Any:
    """A service with such a topic and one that is the log."""
    topic, environ = make(endpoint)
    world.write_rules(topics=table({"there": topic, "here": {"kind": "log"}}))
    return world.service(world.environ(**environ))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_topic_that_is_down_changes_no_outcome_and_keeps_nobody_else_from_hearing(world: World, kind: str, fault: str) -> None:
    with Server(FAULTS[fault]) as server:
        delivered = world.fire(beside(KINDS[kind], server.origin, world))
    assert isinstance(only(delivered), Created)
    assert (delivered.answer.status, delivered.answer.again) == (200, False)
    assert len(world.posts()) == 1
    (line,) = world.deliveries()
    assert line["told"] == 1
    assert line["not_told"][0].startswith(f"there: {NAMED[kind]}")
    (heard,) = (each for each in world.lines() if "topic_message" in each)
    assert heard["topic_message"]["outcome"] == "created"
    assert not [secret for secret in SECRETS if secret in world.stream.getvalue()]


TAKING = b'{"messageIds": ["1"]}<PublishResponse><MessageId>94f20ce6-13c5</MessageId></PublishResponse>'
TAKES: dict[str, bytes] = {"sns": TAKING, "pubsub": b'{"messageIds": ["1"]}', "cloudevents": b""}


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_reaches_every_kind_of_topic(world: World, kind: str) -> None:
    with Server(always(reply(200, TAKES[kind]))) as server:
        service = beside(KINDS[kind], server.origin, world)
        world.door.on(CREATE, fails("6114"))
        delivered = world.fire(service)
    assert isinstance(only(delivered), Failed)
    assert len(server.asked) == 1
    assert world.deliveries()[0]["told"] == 2
    assert delivered.not_told == ()


def test_what_a_sink_got_although_its_answer_was_lost_comes_again_under_the_same_id(world: World) -> None:
    """Nobody here can know that it was taken, so it is told again: whoever receives it twice can tell."""

    def loses_the_first_answer(peer: Peer) -> None:
        while peer.request():
            if len(server.asked) == 1:
                peer.reset()
                return
            peer.send(reply(202, b"", reason="Accepted"))

    with Server(loses_the_first_answer) as server:
        topic, environ = KINDS["cloudevents"](server.origin)
        world.write_rules(topics=table({"there": topic}))
        service = world.service(world.environ(**environ))
        world.door.on(CREATE, fails("6114"))
        delivered = world.fire(service)
        assert delivered.not_told
        for _ in range(3):
            world.clock.forward(300)
            world.sweep(service)
    about = [(each.headers["webhook-id"], json.loads(each.body)["type"]) for each in server.asked]
    failures = [event_id for event_id, kind in about if kind == "restore-point.failed"]
    assert len(failures) == 2, about
    assert len(set(failures)) == 1
