"""A topic that is away: what it missed stands in the ledger, and it hears each message once when it is back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers.outcome import Available, Created, Failed, Later, Outcome, Partly, Warned
from handlers.sandbox import estate
from handlers.service import Service
from handlers.vault_backup import CheckpointResource, SkippedResource
from handlers.wire import Deadline
from tests.scripted import CREATE, PUBLISH, START, TOPIC, World, fails, world_in

HOUR = 3600.0
ALL = '["created", "later", "failed", "available", "partly", "broken", "missed", "warning", "healed"]'
TOPICS = f"""
[topics.ops]
kind = "smn"
urn = "{estate.TOPIC_URN}"
outcomes = {ALL}
[topics.log]
kind = "log"
outcomes = {ALL}
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def heard(world: World) -> Counter[str]:
    return Counter(message["subject"] for message in world.sandbox.published)


def logged(world: World) -> Counter[str]:
    return Counter(line["message"] for line in world.lines() if "topic_message" in line)


def swept(world: World, service: Service, hours: float) -> None:
    for _ in range(round(hours * 12)):
        world.clock.forward(300)
        world.sweep(service)


def a_night(world: World, service: Service) -> None:
    """A restore point, one that no vault can have, and their ends; then the same half an hour later."""
    world.fire(service)
    swept(world, service, 0.5)
    world.fire(service, START + timedelta(minutes=30))
    swept(world, service, 0.5)


@pytest.mark.parametrize("topics", ["one", "two"])
def test_after_an_hour_away_a_topic_hears_every_message_once(world: World, topics: str) -> None:
    world.write_rules("files", "empty", topics=TOPICS if topics == "two" else TOPICS.partition("[topics.log]")[0])
    service = world.service()
    world.door.on(PUBLISH, fails("SMN.0018", 500), always=True)
    a_night(world, service)
    assert heard(world) == Counter()
    world.door.calm()
    swept(world, service, 3)
    expected = Counter(
        {
            "Restore point started: vault files": 2,
            "Restore point available: vault files": 2,
            "Restore point FAILED: vault empty (empty_vault BackupService.0001)": 2,
        }
    )
    assert heard(world) == expected
    assert logged(world) == (expected if topics == "two" else Counter())


def test_who_took_it_does_not_hear_it_again_while_another_is_away(world: World) -> None:
    world.write_rules("files", topics=TOPICS)
    service = world.service()
    world.door.on(PUBLISH, fails("SMN.0018", 500), always=True)
    a_night(world, service)
    swept(world, service, 6)
    assert set((logged(world) - Counter(["Restore point warning (topic_down)"])).values()) == {2}
    assert heard(world) == Counter()


def test_a_topic_that_is_taken_out_of_the_rules_is_waited_for_no_longer(world: World) -> None:
    world.write_rules("files", topics=TOPICS)
    world.door.on(PUBLISH, fails("SMN.0018", 500), always=True)
    world.fire(world.service())
    world.write_rules("files", topics="")
    service = world.service()
    swept(world, service, 1)
    assert [record.kind for record in service.ledger.due(world.clock.now().timestamp() + 10 * HOUR, 99)] == []


def test_what_waits_is_neither_counted_nor_logged_as_an_outcome_again(world: World) -> None:
    world.write_rules("files", topics=TOPICS)
    service = world.service()
    world.door.on(PUBLISH, fails("SMN.0018", 500), always=True)
    world.fire(service)
    swept(world, service, 1)
    words = Counter(point["outcome"] for line in world.deliveries() for point in line["restore_points"])
    assert words == {"created": 1, "available": 1}


def test_a_record_that_is_no_message_of_ours_is_left_alone(world: World) -> None:
    from handlers.ledger import Record

    world.write_rules("files", topics=TOPICS)
    service = world.service()
    now = world.clock.now().timestamp()
    for number, body in enumerate(("", "7", "{}", '{"outcome": {"outcome": "no such"}, "topics": ["ops"]}', '{"topics": 7}')):
        service.ledger.put_if_absent(Record("message", f"{number}", now, now, body, now + HOUR))
    world.clock.forward(1)
    assert world.sweep(service).outcomes == []
    assert service.ledger.due(now + HOUR / 2, 99) == []


WHOLE: dict[str, Any] = {
    "vault": "erp", "vault_id": estate.ERP_VAULT_ID, "rule": "nightly", "cause": "0" * 64, "causes": 3,
    "cause_names": ("a", "b"), "link": "https://example.com/x", "checkpoint_id": "c", "delivery_id": "d",
}  # fmt: skip
OUTCOMES = [
    Created(reason="accepted", message="m", resources=(CheckpointResource(id="i", name="n", type="OS::Nova::Server"),), **WHOLE),
    Partly(reason="resources_missing", message="m", skipped_resources=(SkippedResource(id="i", code="c", reason="r"),), **WHOLE),
    Later(reason="busy", message="m", retry_after=3.5, **WHOLE),
    Failed(reason="rejected", message="m", durable=True, **WHOLE),
    Warned(reason="storm", message="m", sender="am"),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda each: each.word)
def test_an_outcome_is_read_back_as_it_was(outcome: Outcome) -> None:
    assert Outcome.from_dict(json.loads(json.dumps(outcome.to_dict()))) == outcome


DEAD = f"""
[topics.dead]
kind = "smn"
urn = "{estate.TOPIC_URN}-that-does-not-exist"
"""


def test_a_field_of_another_version_keeps_no_message_back() -> None:
    """What a newer version kept for a topic, an older one tells, too: during a roll-back, or with one ledger for both."""
    failed = Failed(reason="rejected", message="No restore point.", vault="erp")
    assert Outcome.from_dict({**failed.to_dict(), "of_tomorrow": "x"}) == failed


def kept_for_the_dead(world: World, service: Service, number: int) -> None:
    """Ends that one topic took and another, which is not there, did not."""
    outbox = service.outbox(Deadline.after(world.clock, 1e9))
    for each in range(number):
        outbox.tell(Available(reason="complete", message=f"{each} is available", vault=f"v{each}", trigger="watch"), whole=True)


def test_what_a_sweep_leaves_out_for_a_topic_that_does_not_hear_no_longer_stands_before_what_is_due_later(world: World) -> None:
    world.write_rules("files", topics=TOPIC + DEAD)
    service = world.service()
    kept_for_the_dead(world, service, 20)
    world.clock.forward(300)
    tried = len(world.door.came(PUBLISH))
    world.sweep(service)
    assert len(world.door.came(PUBLISH)) - tried == 3
    assert service.ledger.due(world.clock(), 99) == []
    assert len(service.ledger.due(world.clock() + 600, 99)) == 20


def test_a_topic_that_does_not_hear_keeps_no_other_from_hearing(world: World) -> None:
    world.write_rules("files", topics=TOPIC + DEAD)
    service = world.service()
    kept_for_the_dead(world, service, 20)
    world.door.on(PUBLISH, fails("SMN.0018", 500), fails("SMN.0018", 500))
    world.door.on(CREATE, fails("6103"))
    world.clock.forward(300)
    world.fire(service)
    assert "Restore point FAILED: vault files (rejected BackupService.6103)" not in heard(world)
    world.clock.forward(300)
    world.sweep(service)
    assert heard(world)["Restore point FAILED: vault files (rejected BackupService.6103)"] == 1


def test_where_nobody_hears_failures_are_put_off_and_not_counted_again(world: World) -> None:
    world.write_rules("files", topics=DEAD)
    service = world.service()
    for number in range(6):
        world.door.on(CREATE, fails("6103"))
        world.fire(service, START + timedelta(seconds=number))
    world.clock.forward(600)
    assert len(world.sweep(service).outcomes) == 3
    assert service.ledger.due(world.clock(), 99) == []


def test_the_living_topics_are_told_once_a_day_that_another_is_down_and_when_it_is_back(world: World) -> None:
    world.write_rules("files", topics=TOPICS)
    service = world.service()
    world.door.on(PUBLISH, fails("SMN.0018", 500), always=True)
    world.fire(service)
    swept(world, service, 1.5)
    assert not [text for text in logged(world) if "topic_down" in text]
    swept(world, service, 25.5)
    assert logged(world)["Restore point warning (topic_down)"] == 2
    world.door.calm()
    swept(world, service, 3)
    assert (logged(world)["Restore point warning (topic_down)"], logged(world)["Restore point well again (topic_down)"]) == (2, 1)
    assert "Restore point warning (topic_down)" not in heard(world)
    texts = [line["topic_message"]["message"] for line in world.lines() if "(topic_down)" in line["message"]]
    assert texts[1].startswith("Topic ops has not taken messages since 20261123T020000Z.")
    assert texts[2].startswith("Topic ops takes messages again.")


def test_a_topic_that_is_back_after_three_weeks_has_what_it_missed(world: World) -> None:
    world.write_rules("files", topics=TOPICS)
    service = world.service()
    world.door.on(PUBLISH, fails("SMN.0018", 500), always=True)
    world.fire(service)
    world.clock.forward(21 * 24 * HOUR)
    world.door.calm()
    world.sweep(service)
    assert heard(world)["Restore point started: vault files"] == 1
