"""What many deliveries show together, told once an hour: storms, alerts left out, budgets, a ledger that is down. And loops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.envelope import Envelope
from handlers.errors import Misconfigured
from handlers.message import SCHEMA, compose
from handlers.outcome import Created, Outcome, Skipped, Warned
from handlers.report import Told
from handlers.sandbox import estate
from handlers.service import Delivered, Service
from handlers.wire import Deadline
from tests.scripted import CREATE, PUBLISH, Flaky, World, fails, only, world_in

HOUR = 3600.0
ALERTS = """
[senders.am]
dialect = "alertmanager"
proof = "platform"
[[rules]]
name = "disks"
sender = "am"
vaults = ["files"]
by = ["host"]
window = "2h"
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        made.write_rules(more=ALERTS)
        yield made


@pytest.fixture
def service(world: World) -> Service:
    return world.service()


def alerts(*hosts: str, **labels: str) -> list[dict[str, Any]]:
    return [{"status": "firing", "labels": {"alertname": "Disk", "host": host, **labels}} for host in hosts]


def send(service: Service, *hosts: str, truncated: int = 0, **labels: str) -> Delivered:
    document = {"alerts": alerts(*hosts, **labels), "truncatedAlerts": truncated}
    return service.handle(Envelope("alert", "lambda", "-".join(hosts)[:40], document, 60.0))


def told(world: World, word: str = "warning") -> list[str]:
    """The texts of the messages of a kind."""
    return [message["message"] for message in world.sandbox.published if word in message["subject"]]


def done(world: World, service: Service) -> None:
    """What is being made ends, and CBR is free."""
    for _ in range(3):
        world.clock.forward(70)
        world.sweep(service)


# ── storms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_storm_in_one_delivery_is_told_once_and_makes_one_restore_point(world: World, service: Service) -> None:
    hosts = [f"host-{number}" for number in range(201)]
    for _ in range(3):
        delivered = send(service, *hosts)
        assert len(delivered.outcomes) == 1
    assert len(world.posts()) == 1
    (text,) = told(world)
    assert "201 firing alerts came in one delivery from am" in text
    (line, *_) = world.deliveries()
    assert [each["reason"] for each in line["noticed"]] == ["storm"]
    assert "noticed" not in world.deliveries()[-1]


def test_two_hundred_alerts_are_no_storm(world: World, service: Service) -> None:
    send(service, *[f"host-{number}" for number in range(200)])
    assert told(world) == []


def test_a_storm_an_hour_later_is_another(world: World, service: Service) -> None:
    hosts = [f"host-{number}" for number in range(201)]
    send(service, *hosts)
    world.clock.forward(HOUR + 1)
    send(service, *hosts)
    assert len(told(world)) == 2


def test_alerts_that_were_left_out_are_counted_and_told(world: World, service: Service) -> None:
    delivered = send(service, "a", truncated=17)
    assert [each.word for each in delivered.outcomes] == ["created", "skipped"]
    assert delivered.outcomes[1].causes == 17
    send(service, "a", truncated=3)
    (text,) = told(world)
    assert "left 17 alerts out" in text
    assert "max_alerts" in text


def test_a_warning_no_topic_took_is_told_by_the_watch(world: World, service: Service) -> None:
    world.door.on(PUBLISH, fails("0000", 503), always=True)
    send(service, "a", truncated=1)
    world.door.calm()
    assert told(world) == []
    world.clock.forward(70)
    assert "warning" in [each.word for each in world.sweep(service).outcomes]
    done(world, service)
    assert len(told(world)) == 1


def test_a_run_killed_while_it_tells_a_warning_leaves_it_to_the_watch(world: World, service: Service) -> None:
    def killed(_: Outcome, __: object) -> Told:
        raise KeyboardInterrupt

    whole = service.notices(Deadline.after(world.clock, 30))
    dying = replace(whole, outbox=replace(whole.outbox, publish=killed))
    with pytest.raises(KeyboardInterrupt):
        dying.open("storm am", Warned(reason="storm", message="Alerts came.", sender="am"))
    assert world.sweep(service).outcomes == []
    world.clock.forward(70)
    assert [(each.word, each.message) for each in world.sweep(service).outcomes] == [("warning", "Alerts came.")]
    assert len(told(world)) == 1


# ── budgets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sparing(world: World) -> Service:
    world.write_rules(more=ALERTS + "budget_per_hour = 2")
    return world.service()


def test_beyond_its_budget_a_rule_asks_for_nothing_and_that_is_told_once(world: World, sparing: Service) -> None:
    for host in ("a", "b"):
        assert isinstance(only(send(sparing, host)), Created)
        done(world, sparing)
    for host in ("c", "d", "c"):
        skipped = only(send(sparing, host))
        assert isinstance(skipped, Skipped)
        assert skipped.reason == "budget"
    assert only(send(sparing, "a")).word == "joined"
    assert len(world.posts()) == 2
    (text,) = told(world)
    assert "Rule disks has used up its budget_per_hour" in text


def test_an_hour_later_there_is_room_again(world: World, sparing: Service) -> None:
    for host in ("a", "b", "c"):
        send(sparing, host)
        done(world, sparing)
    world.clock.forward(HOUR)
    assert isinstance(only(send(sparing, "c")), Created)


def test_what_cbr_did_not_take_costs_nothing(world: World, sparing: Service) -> None:
    for host in ("a", "b", "c", "d"):
        world.door.on(CREATE, fails("6114"))
        assert only(send(sparing, host)).word == "failed"
    assert isinstance(only(send(sparing, "a")), Created)


def test_a_storm_of_deliveries_takes_no_more_than_the_budget(world: World) -> None:
    """Over three vaults, each for itself free: nothing but the budget holds the third one back."""
    world.write_rules("files", more=ALERTS.replace('["files"]', '["files", "erp", "empty"]') + "budget_per_hour = 2")
    services = [world.service() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda number: send(services[number % 4], f"h{number % 3}").outcomes, range(12))
        outcomes = [each for one in found for each in one]
    assert len([each for each in outcomes if each.word == "created"]) == len(world.sandbox.restore_points()) <= 2
    assert {each.reason for each in outcomes if each.word == "skipped"} <= {"budget"}
    for _ in range(5):
        world.clock.forward(70)
        world.sweep(services[0])
    assert len(world.sandbox.restore_points()) == 2
    assert len(told(world)) <= 1


def test_without_the_ledger_each_process_keeps_to_the_budget_by_itself(world: World, sparing: Service) -> None:
    blind = world.service(ledger=Flaky(sparing.ledger, "put_if_absent", "get"))
    words = []
    for host in ("a", "b", "c"):
        words.append(only(send(blind, host)).word)
        world.clock.forward(70)
    assert words == ["created", "created", "skipped"]


# ── the ledger ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_ledger_that_is_down_is_told_once_an_hour_and_when_it_works_again(world: World, service: Service) -> None:
    store = Flaky(service.ledger, "put_if_absent", "get", "swap", "due", "since")
    blind = world.service(ledger=store)
    for host in ("a", "a", "a"):
        assert only(send(blind, host)).degraded
        assert [each.reason for each in blind.watch(world.envelope(door="watch")).outcomes] == ["ledger_down"]
    assert len(told(world)) == 1
    assert "degraded" in told(world)[0]
    world.clock.forward(HOUR + 1)
    send(blind, "a")
    assert len(told(world)) == 2
    store.down.clear()
    world.clock.forward(HOUR)
    send(blind, "b")
    assert len(told(world, "well again")) == 1
    send(blind, "b")
    assert len(told(world, "well again")) == 1


# ── loops ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("label", ["SYS.CBR", "RestorePoint"])
def test_an_alert_about_backups_asks_for_none(world: World, service: Service, label: str) -> None:
    skipped = only(send(service, "a", namespace=label))
    assert (skipped.word, skipped.reason) == ("skipped", "loop")
    assert world.posts() == []


@pytest.mark.parametrize("label", ["SYS.CBR", "RestorePoint"])
def test_a_rule_that_asks_for_such_alerts_is_refused_at_start(world: World, label: str) -> None:
    world.write_rules(more=ALERTS + f'match = {{ namespace = "{label}" }}')
    with pytest.raises(Misconfigured, match=r"match.namespace.*about backups"):
        world.service()


@pytest.mark.parametrize("door", ["alert", "once", "timer"])
def test_a_message_of_our_own_asks_for_nothing_and_is_told_to_nobody(world: World, door: Any) -> None:
    once = '[senders.o]\ndialect = "once"\nproof = "platform"\n[[rules]]\nname = "o"\nsender = "o"\nvaults = ["files"]'
    world.write_rules(more=ALERTS + once)
    service = world.service()
    document = compose(Warned(reason="storm", message="x")).document | {"alerts": alerts("a")}
    assert document["schema"] == SCHEMA
    for given in (document, json.loads(json.dumps(document)) | {"schema": "restore-point/9"}):
        delivered = service.handle(Envelope(door, "lambda", "d", given, 60.0))
        assert [(each.word, each.reason) for each in delivered.outcomes] == [("skipped", "loop")]
        assert delivered.answer.status == 200
    assert world.posts() == []
    assert world.sandbox.published == []


def test_who_writes_annotations_cannot_make_an_alert_pass_for_ours(service: Service) -> None:
    document = {"alerts": [each | {"annotations": {"schema": SCHEMA, "summary": SCHEMA}} for each in alerts("a")]}
    assert isinstance(only(service.handle(Envelope("alert", "lambda", "d", document, 60.0))), Created)


# ── topics of their own ──────────────────────────────────────────────────────────────────────────────────────────────

TEAMS = f"""
[senders.am]
dialect = "alertmanager"
proof = "platform"
[topics.team-a]
kind = "smn"
urn = "{estate.TOPIC_URN}"
rules = ["a"]
[topics.team-b]
kind = "log"
rules = ["b"]
[[rules]]
name = "a"
sender = "am"
match = {{ host = "a*" }}
vaults = ["files"]
[[rules]]
name = "b"
sender = "am"
match = {{ host = "b*" }}
vaults = ["files"]
"""


def test_each_topic_hears_of_the_failure_of_its_own_rule_once_an_hour(world: World) -> None:
    world.write_rules("files", topics="", more=TEAMS)
    service = world.service()
    for host in ("a1", "a2", "b1", "b2"):
        world.door.on(CREATE, fails("6103"))
        assert [each.rule for each in send(service, host).outcomes] == [host[0]]
    assert [message["subject"][:20] for message in world.sandbox.published] == ["Restore point FAILED"]
    assert [line["topic_message"]["rule"] for line in world.lines() if "topic_message" in line] == ["b"]


def test_a_topic_that_missed_what_another_had_heard_hears_it_once_it_is_back(world: World) -> None:
    world.write_rules("files", topics="", more=TEAMS)
    service = world.service()
    world.door.on(PUBLISH, fails("SMN.0018", 500), always=True)
    for host in ("b1", "a1", "a2"):
        world.door.on(CREATE, fails("6103"))
        send(service, host)
    world.door.calm()
    for _ in range(12):
        world.clock.forward(300)
        world.sweep(service)
    assert len(told(world, "FAILED")) == 1
    assert [line["topic_message"]["rule"] for line in world.lines() if "topic_message" in line] == ["b"]
