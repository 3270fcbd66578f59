"""A night of a fleet: one timer event for all vaults, a queue, workers and a watch, on one clock; and what came of it.

The clock stands still while anybody works and goes on to whatever comes next, so hours take seconds, on a busy machine too.
Sockets, ledger and sandbox are real. Every message is brought to two workers at the same moment.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from handlers.answers import batch_answer
from handlers.carriers.batches import sqs_records
from handlers.envelope import Envelope
from handlers.sandbox import Sandbox
from handlers.service import Service
from handlers.settings import load
from tests.fleet.hours import Hours
from tests.fleet.queue import Queue
from tests.many.cloud import cloud, vault_id, vault_name
from tests.scripted import SCHEDULE, START, event

WATCH_SECONDS = 300.0
RUN_SECONDS = 60.0


@dataclass
class Night:
    """What a night came to. Times are seconds after its beginning."""

    vaults: int
    posts: int
    by_vault: Counter[str]
    last_post: float
    predicted: float
    outcomes: Counter[str] = field(default_factory=Counter)
    throttled: int = 0
    sent: int = 0
    brought: int = 0


def rules_of(vaults: int, per_second: float) -> str:
    names = [vault_name(each) for each in range(vaults)]
    tables = [f'[vaults.{name}]\nid = "{vault_id(number)}"\n' for number, name in enumerate(names)]
    return "\n".join(
        [
            f"[projects.cloud]\nrequests_per_second = {per_second}\n",
            '[topics.ops]\nkind = "log"\noutcomes = ["failed", "warning"]\n',
            f'[timers.nightly]\nsource = "{SCHEDULE}"\n',
            *tables,
            f'[[rules]]\nname = "nightly"\ntimer = "nightly"\nvaults = {json.dumps(names)}\n',
        ]
    )


class Fleet:
    """All of one night. ``faults`` are the sandbox's."""

    def __init__(self, folder: Path, vaults: int, *, per_second: float, faults: tuple[str, ...] = ()) -> None:
        self.vaults, self.clock = vaults, Hours()
        self.sandbox = Sandbox(clock=self.clock, estate=cloud(vaults), faults=faults, keep=vaults * 20 + 1000).start()
        self.queue = Queue(self.clock)
        (folder / "rules.toml").write_text(rules_of(vaults, per_second), encoding="utf-8")
        self._environ = self.sandbox.environment() | self.queue.environ
        self._environ["RESTORE_POINT_RULES"] = str(folder / "rules.toml")
        self._environ["RESTORE_POINT_LEDGER"] = f"sqlite:{folder / 'ledger'}"
        self._logs: list[io.StringIO] = []

    def service(self) -> Service:
        """As a cold start of any of the functions."""
        self._logs.append(io.StringIO())
        return Service(load(self._environ), self.clock, stream=self._logs[-1])

    def run(self, patience: float) -> Night:
        """Until every vault has its restore point and the queue is empty; ``patience`` in seconds of the clock."""
        timer, watch, *workers = parts = [self.service() for _ in range(4)]
        try:
            with self.queue:
                for delivery in ("delivery-1", "delivery-2"):  # EventBridge Scheduler may bring one twice, too
                    timer.handle(Envelope("timer", "lambda", delivery, event(START), RUN_SECONDS))
                sweep = START.timestamp() + WATCH_SECONDS
                while self.clock() - START.timestamp() < patience and not self._done():
                    self.clock.idle()
                    if records := self.queue.receive():
                        for each in workers:
                            self.clock.start(partial(self._work, each, records))
                    elif self.clock() >= sweep:
                        self.clock.start(partial(watch.handle, Envelope("watch", "lambda", f"sweep-{sweep}", {}, RUN_SECONDS)))
                        sweep += WATCH_SECONDS
                    else:
                        self.clock.pass_to(min(self.queue.next_at, sweep))
                self.clock.finish()
            return self._night()
        finally:
            for each in parts:
                each.close()
            self.sandbox.stop()

    def _done(self) -> bool:
        return self.sandbox.counts.applied >= self.vaults and self.queue.empty

    def _work(self, service: Service, records: list[dict[str, Any]]) -> None:
        envelope = Envelope("worker", "lambda", "batch", {"Records": records}, RUN_SECONDS)
        answer = batch_answer(service, sqs_records(envelope), lambda: RUN_SECONDS)
        self.queue.back(records, {each["itemIdentifier"] for each in answer["batchItemFailures"]})

    def _night(self) -> Night:
        lines = [json.loads(line) for log in self._logs for line in log.getvalue().splitlines()]
        points = self.sandbox.restore_points()
        start = START.timestamp()
        return Night(
            vaults=self.vaults,
            posts=self.sandbox.counts.applied,
            by_vault=Counter(each["vault_id"] for each in points),
            last_post=max(each["created_at"] for each in points) - start,
            predicted=max(map(datetime.timestamp, _ends(lines))) - start,
            outcomes=Counter(point["outcome"] for line in lines for point in line.get("restore_points", ())),
            throttled=sum(seen.status == 429 for seen in self.sandbox.exchanges),
            sent=self.queue.sent,
            brought=self.queue.brought * 2,
        )


def _ends(lines: list[dict[str, Any]]) -> list[datetime]:
    """When what was queued will all have been asked for, as each delivery's line said."""
    return [datetime.fromisoformat(each["queued"]["until"]) for each in lines if "queued" in each]


def told(night: Night) -> dict[str, Any]:
    """For a person who runs it by hand."""
    return {name: dict(value) if name == "outcomes" else value for name, value in vars(night).items() if name != "by_vault"}
