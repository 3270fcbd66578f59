"""A world, the service that looks and takes, and the restore point in question."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing

from handlers.envelope import Envelope
from handlers.ledger import Ledger
from handlers.outcome import Created, Outcome
from handlers.plan.planned import Planned
from handlers.reading import read
from handlers.restore_point import take
from handlers.restore_point.held import Taking
from handlers.restore_point.rehearsal import Rehearsal
from handlers.sandbox import estate
from handlers.wire import Deadline
from tests.scripted import World

VERBS = ("put_if_absent", "get", "swap", "due", "since")
ALERTS = """
[senders.am]
dialect = "simple"
proof = "platform"
[[rules]]
name = "disks"
sender = "am"
vaults = ["files"]
by = ["host"]
"""


class Stage:
    """A world, the service that looks and takes, and the restore point in question."""

    def __init__(self, world: World) -> None:
        self.world, self.service = world, world.service()
        self.planned = world.planned(self.service)[0]
        self.ledger: Ledger = self.service.ledger
        self.clock, self.spent = world.clock, dict[tuple[str, str], float]()
        self.seconds = 57.0

    @property
    def tools(self) -> Taking:
        return Taking(self.ledger, self.clock, lambda: secrets.token_hex(8), 120.0, 60.0, spent=self.spent)

    @property
    def deadline(self) -> Deadline:
        return Deadline.after(self.clock, self.seconds)

    def alert(self, host: str) -> Planned:
        document = {"status": "firing", "labels": {"host": host}}
        envelope = Envelope("alert", "lambda", "delivery-2", document, 60.0)
        triggers = read(envelope, "am", self.service.settings.rules.senders["am"], self.world.clock.now())
        (planned,) = self.service.planned(triggers, envelope, "am", self.deadline)
        assert isinstance(planned, Planned)
        return planned

    def take(self, planned: Planned | None = None) -> Outcome:
        planned = planned or self.planned
        return take(planned, self.service.cbrs[planned.project], self.tools, self.deadline)

    def rehearse(self) -> Outcome | None:
        """None where CBR would be asked and would make it."""
        outcome = Rehearsal(self.tools).take(self.planned, self.service.cbrs[self.planned.project], self.deadline)
        return None if isinstance(outcome, Created) else outcome

    def kept(self) -> list[str]:
        """Every record of the ledger's file, and all else in it."""
        file = self.world.folder / "ledger.sqlite3"
        if not file.exists():
            return []
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            return [*store.iterdump()]


def restrained(world: World, min_interval: str = "1s", budget: str = "budget_per_hour = 1") -> None:
    """Rules with alerts about one vault."""
    world.write_rules(more=ALERTS + budget)
    file, line = world.folder / "rules.toml", f'id = "{estate.FILES_VAULT_ID}"'
    file.write_text(file.read_text("utf-8").replace(line, f'{line}\nmin_interval = "{min_interval}"'), "utf-8")
