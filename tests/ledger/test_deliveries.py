"""Whole deliveries over a ledger on the network: exactly once while it answers, and what it costs when it does not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from handlers.envelope import Envelope
from handlers.outcome import Created, Joined, Later
from handlers.sandbox import estate
from handlers.service import Service
from tests.ledger.servers import WHERE, Emulator, Place, Redis
from tests.scripted import Clock, World, only, world_in

NETWORK = ("valkey", "dynamodb")
STORM = f"""\
[vaults.files]
id = "{estate.FILES_VAULT_ID}"
min_interval = "15m"
[topics.ops]
kind = "log"
[senders.am]
dialect = "alertmanager"
proof = "platform"
[[rules]]
name = "disks"
sender = "am"
vaults = ["files"]
by = ["alertname", "host"]
window = "1h"
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def service(world: World, place: Place) -> Service:
    return world.service(world.environ(**place))


@pytest.mark.parametrize("backend", NETWORK)
def test_deliveries_of_one_cause_to_two_instances_end_in_one_restore_point(world: World, backend: str, tmp_path: Path) -> None:
    place = WHERE[backend](tmp_path)
    instances = [service(world, place) for _ in range(2)]
    with ThreadPoolExecutor(8) as threads:
        outcomes = [only(each) for each in threads.map(lambda number: world.fire(instances[number % 2]), range(24))]
    assert len(world.posts()) == 1
    assert sum(isinstance(outcome, Created) for outcome in outcomes) == 1
    assert {type(outcome) for outcome in outcomes} <= {Created, Joined, Later}
    assert not any(outcome.degraded for outcome in outcomes)
    assert isinstance(only(world.fire(instances[1])), Joined)


@pytest.mark.parametrize("backend", NETWORK)
def test_the_watch_of_another_instance_follows_it_to_its_end(world: World, backend: str, tmp_path: Path) -> None:
    place = WHERE[backend](tmp_path)
    created = only(world.fire(service(world, place)))
    watch = service(world, place)
    world.clock.forward(4 * 3600)
    found = world.sweep(watch)
    assert [outcome.checkpoint_id for outcome in found.outcomes] == [created.checkpoint_id]
    assert world.sweep(watch).outcomes == []


class Running(Clock):
    """Says the world's time, and waits as long as it takes."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def storm(hosts: int) -> Envelope:
    alerts = [{"status": "firing", "labels": {"alertname": "DiskFailing", "host": f"h{number}"}} for number in range(hosts)]
    return Envelope("alert", "lambda", "delivery-1", {"alerts": alerts}, 60.0)


@pytest.mark.parametrize("kind", [Redis, Emulator])
@pytest.mark.parametrize("opened", [False, True], ids=["from the start", "while it is in use"])
def test_a_store_that_hangs_costs_a_storm_of_sixty_causes_two_seconds(
    world: World, kind: type[Redis | Emulator], opened: bool
) -> None:
    (world.folder / "rules.toml").write_text(STORM, encoding="utf-8")
    server = kind()
    try:
        server.start()
        settings = world.settings(world.environ(**server.place()))
        with closing(Service(settings, Running(), stream=world.stream)) as function:
            if opened:
                assert function.ledger.due(0.0, 1) == []
            begun = time.monotonic()
            with server.paused():
                outcome = only(function.handle(storm(60)))
            took = time.monotonic() - begun
    finally:
        server.stop()
    assert isinstance(outcome, Created)
    assert outcome.degraded
    assert len(world.posts()) == 1
    assert took < 2.5, "two seconds, and what the sandbox takes"
