"""A cloud, a ledger and the functions between them, of which one is killed at a point of its work and others finish that."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from handlers.sandbox import Exchange, Sandbox, estate
from tests.crash.gate import Gate, Http, Resp, Trap, Wanted, When
from tests.ledger.servers import Place, Redis, open_at
from tests.runtime_api import LambdaFunction
from tests.scripted import SCHEDULE, event

TIMEOUT = 7.0
"""Seconds the platform gives a timer or an alert."""
SETTLE = 2
"""What CBR is said to need; the sandbox's lists lag by up to as much, out of habit."""
PATIENCE = 10.0
"""Seconds until a test gives up on what should have happened."""
KILLED = "Error: Runtime exited with error: signal: SIGKILL"
TURNS = threading.Semaphore(2)
"""Stories run at the same time, their processes two at a time: the rest of a story is waiting for claims to end."""
RULES = f"""\
[vaults.erp]
id = "{estate.ERP_VAULT_ID}"
[timers.nightly]
source = "{SCHEDULE}"
[senders.am]
dialect = "alertmanager"
proof = "platform"
[topics.ops]
kind = "smn"
urn = "{estate.TOPIC_URN}"
[[rules]]
name = "nightly-erp"
timer = "nightly"
vaults = ["erp"]
[[rules]]
name = "disks"
sender = "am"
vaults = ["erp"]
"""
Door = Literal["timer", "alert"]


@dataclass(frozen=True)
class Point:
    """Where a run is killed. ``wanted`` meets the request at which; None: after all its work, instead of its answer.

    ``at`` says which gate that request passes, the numbers and ``state`` what is true there: how many restore points CBR was
    asked for, what the wish says, messages that reached the topic, outcomes that were logged. ``by`` is whose run it is.
    """

    name: str
    at: Literal["cloud", "ledger", "runtime"]
    wanted: Wanted | None
    when: When
    executed: int
    state: str
    told: int = 0
    lines: int = 0
    by: Literal["event", "watch"] = "event"


@dataclass(frozen=True)
class Delivery:
    """An invocation that was answered."""

    door: str
    status: int
    outcomes: list[dict[str, Any]]

    @property
    def ends(self) -> list[tuple[str, str]]:
        return [(each["outcome"], each["reason"]) for each in self.outcomes]


@dataclass
class Stage:
    """``with Stage(folder, place) as stage``: what belongs to one story, and ends with it."""

    folder: Path
    ledger: Place
    door: Door = "timer"
    faults: tuple[str, ...] = ()
    deliveries: list[Delivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.request_id = str(uuid.uuid4())
        self.event: Any = event(datetime.now(UTC) - timedelta(seconds=5))
        if self.door == "alert":
            self.event = {"alerts": [{"status": "firing", "labels": {"alertname": "DiskFailing", "host": "erp-db"}}]}
        self.sandbox = Sandbox(speed=200, faults=self.faults)
        self.open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opening:
            opening.enter_context(self.sandbox)
            self.gates = {"cloud": opening.enter_context(Gate(urlsplit(self.sandbox.endpoint).port or 0, Http()))}
            if (port := urlsplit(self.ledger["RESTORE_POINT_LEDGER"]).port) is not None:
                self.gates["ledger"] = opening.enter_context(Gate(port, Resp()))
            self.open = opening.pop_all()
        (self.folder / "rules.toml").write_text(RULES, encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self.open.close()

    def environ(self) -> dict[str, str]:
        """The cloud and the ledger, by way of the gates."""
        cloud = f"http://127.0.0.1:{self.gates['cloud'].port}"
        given = {name: value.replace(self.sandbox.endpoint, cloud) for name, value in self.sandbox.environment().items()}
        ledger = self.ledger["RESTORE_POINT_LEDGER"]
        if gate := self.gates.get("ledger"):
            ledger = ledger.replace(f":{gate.beyond[1]}", f":{gate.port}")
        return given | {
            "RESTORE_POINT_RULES": str(self.folder / "rules.toml"),
            "RESTORE_POINT_LEDGER": ledger,
            "RESTORE_POINT_SETTLE_SECONDS": str(SETTLE),
            "RESTORE_POINT_FOLLOW_SECONDS": "0",
        }

    def kill_at(self, point: Point) -> None:
        """A run is killed at the point; what is true then is what the point says."""
        module = "tests.crash.no_answer" if point.wanted is None else "handlers.aws_lambda"
        door, document = ("watch", {}) if point.by == "watch" else (self.door, self.event)
        with LambdaFunction(f"{module}.{door}", env=self.environ()) as victim:
            trap = None
            if point.wanted is not None:
                trap = self.gates[point.at].trap = Trap(point.wanted, point.when, victim.kill)
            answer = victim.invoke(document, timeout=TIMEOUT, request_id=self.request_id)
            ends = time.monotonic() + PATIENCE
            while point.by == "watch" and answer.error is None and time.monotonic() < ends:  # nothing to be told yet
                time.sleep(0.1)
                answer = victim.invoke(document, timeout=TIMEOUT, request_id=self.request_id)
            logged = [line for line in map(json.loads, victim.stdout) if line.get("restore_points")]
            assert answer.error is not None, answer.payload
            assert answer.error["errorMessage"] == f"RequestId: {self.request_id} {KILLED}", victim.stderr
        assert trap is None or trap.sprung.wait(PATIENCE)
        found = (self.sandbox.counts.applied, self.wish().get("state", ""), len(self.messages()), len(logged))
        assert found == (point.executed, point.state, point.told, point.lines), point.name

    def deliver(self) -> Delivery:
        """The same event once more, to a process of its own."""
        with LambdaFunction(f"handlers.aws_lambda.{self.door}", env=self.environ()) as function:
            return self._invoke(function, self.door, self.event, TIMEOUT, self.request_id)

    def watch(self, ahead: float = 0.0) -> None:
        """Sweeps, as a schedule starts them, until the restore point's end was told; in a process whose clock may be ahead."""
        environ = self.environ()
        if ahead:
            environ["RESTORE_POINT_NOW"] = (datetime.now(UTC) + timedelta(seconds=ahead)).isoformat()
        with LambdaFunction("handlers.aws_lambda.watch", env=environ) as function:
            ends = time.monotonic() + PATIENCE
            while time.monotonic() < ends:
                swept = self._invoke(function, "watch", {}, 60, str(uuid.uuid4()))
                if any(word == "available" for word, _ in swept.ends):
                    return
                time.sleep(0.2)

    def _invoke(self, function: LambdaFunction, door: str, document: Any, timeout: float, request_id: str) -> Delivery:
        answer = function.invoke(document, timeout=timeout, request_id=request_id)
        assert answer.error is None, (answer.error, function.stderr)
        self.deliveries.append(Delivery(door, answer.payload["status"], answer.payload["outcomes"]))
        return self.deliveries[-1]

    def wish(self) -> dict[str, Any]:
        """The only one, as it stands in the ledger, or nothing."""
        with contextlib.closing(open_at(self.ledger, time.time)) as ledger:
            found = [json.loads(record.body) for record in ledger.since("wish", 0)]
        assert len(found) <= 1
        return found[0] if found else {}

    def wait_for_the_claim(self) -> None:
        """Until whoever was killed is surely dead and CBR has settled; the clocks here are the machine's."""
        time.sleep(max(self.wish()["claim_ends"] - time.time(), 0) + 0.01)

    def posts(self) -> list[Exchange]:
        """Those CBR executed."""
        return [each for each in self.sandbox.posts() if each.applied]

    def messages(self) -> list[dict[str, Any]]:
        """The documents of what reached the topic."""
        taken = [each for each in self.sandbox.exchanges if each.path.endswith("/publish") and each.applied]
        return [json.loads(json.loads(each.body["message_structure"])["http"]) for each in taken]


def new_ledger(kind: str, folder: Path, redis: Redis) -> Place:
    """An empty one."""
    return redis.place() if kind == "valkey" else {"RESTORE_POINT_LEDGER": f"sqlite:{folder / 'ledger.sqlite3'}"}
