"""One service after the other, or the same one all the time: deliveries in a row on the simulation's ports, without threads.

What is tried here is not who goes first, but what is left of one delivery for the next, and what its telling changes.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from handlers.envelope import Door, Envelope
from handlers.errors import NotSent
from handlers.ledger.memory import MemoryLedger
from handlers.outcome import Outcome
from handlers.plan.planned import Planned
from handlers.sandbox import Sandbox
from handlers.service import Delivered, Service
from handlers.wire import Deadline
from tests.scripted import Flaky
from tests.simulation.baton import Baton, Choices
from tests.simulation.checks import asked
from tests.simulation.ports import Clock, Network, Time
from tests.simulation.story import RULES, settings_for

MINUTE, HOUR = 60.0, 3600.0
KINDS = (
    ("create", "POST", r"/v3/[0-9a-f]{32}/checkpoints"),
    ("list", "GET", r"/v3/[0-9a-f]{32}/backups"),
    ("other", "GET", r"/v3/[0-9a-f]{32}/.*"),
    ("token", "POST", r"/v3/auth/tokens"),
    ("publish", "POST", r".*/publish"),
)
"""What a request asks for, the first that fits."""


class Alone(Baton):
    """Nobody to give the turn to; who sleeps lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.time: Time | None = None

    def point(self, where: str) -> None:
        """Goes on."""

    def sleep(self, until: float) -> None:
        assert self.time is not None
        self.time.passed = max(self.time.passed, until)


@dataclass
class Port(Network):
    """Faults are told beforehand, by the kind of the request, and last until they are taken back."""

    faults: Mapping[str, str] = field(default_factory=dict)

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        if self._drawn(method, re.sub(r"^https?://[^/]*|\?.*", "", url)) == "refuse":
            raise NotSent("nobody listens")
        return super().exchange(method, url, headers, body, deadline)

    def _drawn(self, method: str, path: str) -> str:
        kind = next(name for name, verb, pattern in KINDS if verb == method and re.fullmatch(pattern, path))
        return self.faults.get(kind, "")


@dataclass(frozen=True)
class Step:
    """Something arrives: ``at`` seconds after the start; ``fault`` is what its create meets."""

    at: float
    name: str
    door: Door
    document: Any
    id: str
    fault: str = ""


class Warm:
    """A cloud, a ledger and a service; with ``cold`` a new service for every delivery."""

    def __init__(
        self,
        rules: str = RULES,
        *,
        seed: int = 0,
        lag: float = 2.0,
        password: bool = False,
        cold: bool = False,
        metrics: bool = True,
        stream: io.StringIO | None = None,
    ) -> None:
        baton = Alone()
        self.time = baton.time = Time(baton)
        self.sandbox = Sandbox(clock=self.time, seed=seed).start()
        self.sandbox.habits.list_lag = lag
        self.settings = settings_for(self.sandbox, password=password, rules=rules)
        self.ledger = Flaky(MemoryLedger(self.time))
        self.faults: dict[str, str] = {}
        self.swept: list[Outcome] = []
        self.stream = stream or io.StringIO()
        self._metrics, self._cold, self._networks = metrics, cold, list[Port]()
        self._service: Service | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()

    @property
    def service(self) -> Service:
        if self._service is None or self._cold:
            clock = Clock(self.time)
            self._service = Service(
                self.settings, clock, stream=self.stream, metrics=self._metrics, ledger=self.ledger, network=self._network
            )
        return self._service

    def deliver(self, step: Step) -> Delivered:
        """Not before its time. The fault of its create is gone when it is over."""
        self.time.passed = max(self.time.passed, step.at)
        before = dict(self.faults)
        self.faults |= {"create": step.fault} if step.fault else {}
        try:
            delivered = self.service.handle(Envelope(step.door, "lambda", step.id, step.document, MINUTE))
        finally:
            self.faults.clear()
            self.faults |= before
        if step.door == "watch":
            self.swept += delivered.outcomes
        return delivered

    def sweep(self, seconds: float = MINUTE) -> Delivered:
        """The watch comes after so long."""
        return self.deliver(Step(self.time.passed + seconds, "watch", "watch", {}, "watch"))

    def settle(self, hours: float = 12.0) -> None:
        """The watch comes every minute, then every five, until nothing is due any more or so long has passed."""
        for number in range(round(hours * 12)):
            if not self.ledger.due(float("inf"), 1):
                return
            self.sweep(MINUTE if number < 15 else 5 * MINUTE)

    # ── what came of it ──

    def posts(self) -> int:
        """Creates that CBR carried out."""
        return sum(each.applied for each in self.sandbox.posts())

    def points(self) -> Counter[tuple[str, str]]:
        """Good restore points by vault and the cause in their names; CBR's own are no business of ours."""
        good = [each for each in self.sandbox.restore_points() if each["resources"] and each["status"] != "error"]
        named = [(each["vault_id"], re.fullmatch(r".*-([0-9a-f]{16})(-[0-9]{4})?", each["name"])) for each in good]
        return Counter((vault, name[1]) for vault, name in named if name)

    def wanted(self, steps: Iterable[Step]) -> dict[str, Planned]:
        """Every cause of these deliveries, by the pure files."""
        plans = [each for step in steps for each in asked(self.settings, step.door, step.id, step.document)]
        return {cause: each.led_by(cause) for each in plans for cause in (each.cause, *each.others)}

    def became(self, cause: str) -> str:
        """What stands in the ledger for a cause: ``done`` where it has a good restore point, else its state and reason."""
        record = self.ledger.get("wish", cause)
        body = json.loads(record.body) if record else {"state": "never wanted", "reason": ""}
        if body["state"] == "follows":
            return self.became(body["leader"])
        ids = {each["id"] for each in self.sandbox.restore_points() if each["status"] != "error"}
        if body["state"] == "done" and body["checkpoint_id"] in ids:
            return "done"
        return f"{body['state']} {body['reason']}".strip()

    def _network(self, origins: frozenset[str]) -> Port:
        made = Port(
            self.sandbox, self.time, Choices(), Counter(), lambda: True, lambda _: None, origins=origins, faults=self.faults
        )
        self._networks.append(made)
        return made


def brief(outcome: Outcome) -> tuple[str, ...]:
    """An outcome without what differs from run to run: ids of the cloud, and times in names."""
    return outcome.word, outcome.reason, outcome.rule, outcome.vault, outcome.name[-16:], str(outcome.causes)


def steps_of(
    choices: Choices, events: Sequence[tuple[str, Door, Any]], count: int, apart: Sequence[float], faults: Sequence[str] = ("",)
) -> list[Step]:
    """So many arrivals, one after the other; the choices say which, when, and what their creates meet."""
    found, at = list[Step](), 0.0
    for number in range(count):
        name, door, document = events[choices.pick([1.0] * len(events))]
        at += apart[choices.pick([1.0] * len(apart))]
        fault = faults[choices.pick([float(len(faults)), *[1.0] * (len(faults) - 1)])]
        found.append(Step(at, name, door, document, f"{name}-{number}", fault))
    return found
