"""More vaults than one run can take, a queue that may be told to fail, a clock that moves when told to, and services between.

The queue is the fleet's, which speaks SQS, behind a scripted door: acts of that door are the faults of the queue.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from handlers.answers import batch_answer
from handlers.carriers.batches import sqs_records
from handlers.envelope import Envelope
from handlers.ledger import open_ledger
from handlers.outcome import Later, Outcome
from handlers.restore_point.wish import Wish
from handlers.sandbox import Sandbox
from handlers.service import Delivered, Service
from handlers.settings import load
from tests.fleet.queue import Queue
from tests.many.cloud import cloud, vault_id, vault_name
from tests.scripted import SCHEDULE, START, TOPIC, Clock, Door, Seen, Target, event

SEND: Target = ("POST", r"^/")
"""What the queue is sent."""
MORE = 33
"""The fewest that one run does not take itself."""


def rules_of(vaults: int, per_second: float, more: str = "") -> str:
    """The nightly timer wants every vault, and so may an alert of ``am``."""
    names = [vault_name(each) for each in range(vaults)]
    return "\n".join([
        f"[projects.cloud]\nrequests_per_second = {per_second}",
        TOPIC + 'outcomes = ["failed", "warning", "broken"]',
        f'[timers.nightly]\nsource = "{SCHEDULE}"\n[senders.am]\ndialect = "alertmanager"\nproof = "platform"',
        *(f'[vaults.{name}]\nid = "{vault_id(number)}"' for number, name in enumerate(names)),
        f'[[rules]]\nname = "nightly"\ntimer = "nightly"\nvaults = {json.dumps(names)}\n{more}',
        f'[[rules]]\nname = "storm"\nsender = "am"\nvaults = {json.dumps(names)}\nby = ["alertname", "host"]\n{more}',
    ])  # fmt: skip


class Stage:
    """``vaults`` of one project that may be asked ``per_second`` requests; ``more`` stands in each rule.

    The ledger is in memory, where no other process has to be asked: a busy disk is another story. ``on_disk`` for those that are.
    """

    def __init__(
        self,
        folder: Path,
        vaults: int = 40,
        per_second: float = 5.0,
        more: str = "",
        at: datetime = START,
        *,
        on_disk: bool = False,
    ) -> None:
        self.folder, self.vaults, self.clock = folder, vaults, Clock(at)
        self.open = contextlib.ExitStack()
        self.sandbox = Sandbox(clock=self.clock, estate=cloud(vaults), well_behaved=True, keep=100_000)
        self.open.enter_context(self.sandbox)
        self.queue = Queue(self.clock)
        self.open.enter_context(self.queue)
        self.door, self.mail = (self.opened(each) for each in (self.sandbox.endpoint, self.queue.endpoint))
        self.stream = io.StringIO()
        self.ledger = None if on_disk else open_ledger("memory", self.clock)
        self.write(rules_of(vaults, per_second, more))

    def opened(self, beyond: str) -> Door:
        door = Door(beyond)
        door.open()
        self.open.callback(door.shut)
        return door

    def write(self, rules: str) -> None:
        (self.folder / "rules.toml").write_text(rules, encoding="utf-8")

    def environ(self, **more: str) -> dict[str, str]:
        """The sandbox and the queue, each by way of its door."""
        given = {
            name: value.replace(self.sandbox.endpoint, self.door.endpoint) for name, value in self.sandbox.environment().items()
        }
        return given | self.queue.environ | {
            "RESTORE_POINT_SQS_ENDPOINT": self.mail.endpoint,
            "RESTORE_POINT_RULES": str(self.folder / "rules.toml"),
            "RESTORE_POINT_LEDGER": f"sqlite:{self.folder / 'ledger'}",
        } | more  # fmt: skip

    def service(self, environ: Mapping[str, str] | None = None, **more: Any) -> Service:
        """As a cold start."""
        more.setdefault("ledger", self.ledger)
        made = Service(load(self.environ() if environ is None else environ), self.clock, stream=self.stream, **more)
        self.open.callback(made.close)
        return made

    def fire(self, service: Service, at: datetime = START, seconds: float = 60.0) -> Delivered:
        return service.handle(Envelope("timer", "lambda", "delivery-1", event(at), seconds))

    def storm(self, service: Service, *hosts: str, seconds: float = 60.0) -> Delivered:
        """One delivery with an alert of each host, each of which is a cause of its own."""
        alerts = [{"status": "firing", "labels": {"alertname": "DiskFailing", "host": host}} for host in hosts]
        return service.handle(Envelope("alert", "lambda", f"delivery-{'-'.join(hosts)}", {"alerts": alerts}, seconds))

    def sweep(self, service: Service, seconds: float = 60.0) -> Delivered:
        return service.handle(Envelope("watch", "lambda", "sweep", {}, seconds))

    def work(self, service: Service, *causes: str, seconds: float = 60.0) -> Delivered:
        """A message that names these wishes, as an invocation brings it."""
        return service.handle(Envelope("worker", "lambda", "message", {"wishes": list(causes)}, seconds))

    def bring(self, service: Service) -> bool:
        """One batch of what the queue has ready, as Lambda's event source hands it over, and twice. False: it has nothing."""
        if not (records := self.queue.receive()):
            return False
        envelope = Envelope("worker", "lambda", "batch", {"Records": records}, 60.0)
        batch_answer(service, sqs_records(envelope), lambda: 60.0)
        answer = batch_answer(service, sqs_records(envelope), lambda: 60.0)
        self.queue.back(records, {each["itemIdentifier"] for each in answer["batchItemFailures"]})
        return True

    def night(self, service: Service, seconds: float, step: float = 20.0) -> None:
        """Time goes on, the queue brings what it has, and every 300 seconds the watch sweeps."""
        ends, swept = self.clock() + seconds, self.clock()
        while self.clock() < ends:
            if not self.bring(service):
                self.clock.forward(step)
            if self.clock() - swept >= 300:
                swept = self.clock()
                self.sweep(service)

    def messages(self) -> list[dict[str, Any]]:
        """All entries that were sent to the queue, whether it took them or not."""
        return [entry for seen in self.mail.came(SEND) for entry in json.loads(seen.body)["Entries"]]

    def sent(self) -> list[str]:
        """The causes these messages name."""
        return [cause for entry in self.messages() for cause in json.loads(entry["MessageBody"])["wishes"]]

    def asked(self) -> list[Seen]:
        """What CBR was asked, lists and shows included."""
        return list(self.door.seen)

    def by_vault(self) -> Counter[str]:
        """How many restore points each vault has, as CBR knows them."""
        return Counter(each["vault_id"] for each in self.sandbox.restore_points())

    def one_each(self, vaults: int | None = None) -> None:
        """The sandbox's own record: one attempt and one restore point of each vault."""
        wanted = self.vaults if vaults is None else vaults
        assert (len(self.by_vault()), set(self.by_vault().values())) == (wanted, {1})
        assert (self.sandbox.counts.posts, self.sandbox.counts.applied) == (wanted, wanted)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def close(self) -> None:
        self.open.close()


@contextlib.contextmanager
def stage_in(folder: Path, *args: Any, **more: Any) -> Iterator[Stage]:
    stage = Stage(folder, *args, **more)
    try:
        yield stage
    finally:
        stage.close()


def words(outcomes: Iterable[Outcome]) -> Counter[str]:
    return Counter(f"{each.word}/{each.reason}" for each in outcomes)


def slots_of(outcomes: Iterable[Outcome]) -> list[float]:
    """When CBR is to be asked, as the outcomes say, in seconds since the epoch."""
    return [datetime.fromisoformat(each.slot).timestamp() for each in outcomes if isinstance(each, Later) and each.slot]


def queued(stage: Stage, service: Service) -> list[str]:
    """The causes of a delivery that waits, soonest first."""
    outcomes = stage.fire(service).outcomes
    assert words(outcomes) == {"later/queued": stage.vaults}
    return [cause for _, cause in sorted(zip(slots_of(outcomes), (each.cause for each in outcomes), strict=True))]


def wishes(service: Service) -> dict[str, Wish]:
    return {record.key: Wish.from_record(record) for record in service.ledger.since("wish", 0)}


def gaps(slots: Iterable[float]) -> list[float]:
    ordered = sorted(slots)
    return [later - earlier for earlier, later in pairwise(ordered)]


def bare_environ() -> dict[str, str]:
    """What a process of a test needs to run at all, and nothing that speaks of a cloud."""
    return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
