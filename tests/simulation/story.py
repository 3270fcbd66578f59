"""One seed's story: deliveries of a few causes, whatever may go wrong, then calm; and what production code made of it."""

from __future__ import annotations

import io
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from handlers.answers import function_answer
from handlers.envelope import Door, Envelope
from handlers.errors import Redeliver
from handlers.ledger import Record
from handlers.ledger.memory import MemoryLedger
from handlers.outcome import Outcome
from handlers.sandbox import Sandbox, estate
from handlers.service import Delivered, Service
from handlers.settings import Settings, load
from handlers.vault_backup import is_named_for
from tests.simulation.baton import Actor, Baton, Choices, Killed
from tests.simulation.ports import START, Clock, Network, Store, Time

KILL_SECONDS = 60.0
LIVES = (KILL_SECONDS, 8.0, 4.0)
"""Seconds a run has: some come to a platform that leaves them hardly any."""
SETTLE_SECONDS = 120.0
"""Longer than any lag or late apply of the faults."""
LAGS = (2.0, 40.0, 100.0)
"""How late lists may be; all within the settling time."""
WATCHES = 6
"""Sweeps of the troubled part, at most."""
FEWEST = 40
"""Choices of a story: one that ends sooner gets more deliveries."""
CLOCKS_OFF = (0.0, 3.0, -3.0, 200.0, -200.0)
"""Seconds by which the clocks of instances may be wrong: more than the settling time, too."""
STEPS = 400
"""Of the troubled part, at most; then calm comes."""
PASSING = ((1.0, 0.5), (15.0, 0.4), (70.0, 0.15), (200.0, 0.15), (1300.0, 0.02))
"""How much time may pass at once, and how likely."""
HOURS = 12.0
"""Of calm, within which everything must be settled: longer than give_up_after."""
OUTAGE_HOURS = 4.0
OUTAGES = ("", "error:method=GET,path=/backups", "busy:code=6125", "status:method=POST,path=/checkpoints")
"""What may go on for hours before it is really calm: longer than give_up_after of one rule."""
RULES = f"""
[vaults.erp]
id = "{estate.ERP_VAULT_ID}"
max_age = "2h"
[vaults.files]
id = "{estate.FILES_VAULT_ID}"
min_interval = "10m"
[vaults.empty]
id = "{estate.EMPTY_VAULT_ID}"
[timers.nightly]
source = "nightly"
every = "3h"
[senders.am]
dialect = "alertmanager"
proof = "platform"
[senders.ops]
dialect = "once"
proof = "platform"
may = ["incremental"]
[topics.ops]
kind = "smn"
urn = "{estate.TOPIC_URN}"
outcomes = [
    "created", "joined", "later", "refused", "failed", "available", "partly", "broken",
    "overdue", "missed", "duplicate", "warning",
]
[[rules]]
name = "timer-files"
timer = "nightly"
vaults = ["files"]
[[rules]]
name = "alert-erp"
sender = "am"
match = {{ where = "erp" }}
by = ["what"]
vaults = ["erp"]
budget_per_hour = 2
window = "7d"
max_event_age = "7d"
give_up_after = "3h"
[[rules]]
name = "alert-files"
sender = "am"
match = {{ where = "files" }}
by = ["what"]
vaults = ["files"]
window = "20m"
max_event_age = "7d"
[[rules]]
name = "alert-share"
sender = "am"
match = {{ where = "share" }}
by = ["what"]
vaults = ["files"]
parameters = {{ resources = ["{estate.FILES_SHARE_ID}"] }}
window = "20m"
max_event_age = "7d"
[[rules]]
name = "alert-empty"
sender = "am"
match = {{ where = "empty" }}
vaults = ["empty"]
window = "7d"
max_event_age = "7d"
[[rules]]
name = "once-erp"
sender = "ops"
vaults = ["erp", "files"]
"""


Move = tuple[float, str, Callable[[], object]]
"""How likely it is, what it is, and how it is done."""


def alerts(where: str, *whats: str) -> dict[str, Any]:
    return {"alerts": [{"status": "firing", "labels": {"where": where, "what": what}} for what in whats]}


def fires(at: datetime) -> dict[str, str]:
    return {"trigger_type": "TIMER", "trigger_name": "nightly", "time": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


FULL = {"incremental": False}
EVENTS: tuple[tuple[str, Door, Any], ...] = (
    ("timer", "timer", fires(START)),
    ("erp a", "alert", alerts("erp", "a")),
    ("erp b", "alert", alerts("erp", "b")),
    ("erp a, b, c, d", "alert", alerts("erp", "a", "b", "c", "d")),
    ("files a", "alert", alerts("files", "a")),
    ("files a and b", "alert", alerts("files", "b", "a")),
    ("once", "once", {"checkpoint": {"vault_id": estate.ERP_VAULT_ID}, "idempotency_key": "k"}),
    ("nobody's", "alert", alerts("elsewhere", "a")),
    ("empty", "alert", alerts("empty", "a")),
    ("earlier timer", "timer", fires(START - timedelta(hours=3))),
    ("the share", "alert", alerts("share", "a")),
    ("once, full", "once", {"checkpoint": {"vault_id": estate.ERP_VAULT_ID, "parameters": FULL}, "idempotency_key": "k"}),
)
SETS = ((1, 2, 3), (0, 4, 5), (0, 1, 6), (1, 4, 7), (6, 8, 11), (0, 9, 4), (4, 10, 5))
"""Which events one story may have: causes that meet on a vault, and some that do not."""


@dataclass
class Delivery:
    """One arrival, or a platform's next try of it."""

    name: str
    door: Door
    document: Any
    id: str
    tries: int = 0
    actor: Actor | None = None
    service: Service | None = None
    clock: Clock | None = None
    network: Network | None = None
    store: Store | None = None
    delivered: Delivered | None = None
    again: bool = False
    stream: io.StringIO = field(default_factory=io.StringIO)
    ended: str = ""
    over_at: float = 0.0
    """By its own clock, seconds since 1970."""
    left: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Its causes in the ledger when it ended: state, and when the claim ends."""

    @property
    def down(self) -> bool:
        """Whether the ledger was, for this run."""
        return self.store is not None and self.store.down > 0

    @property
    def outcomes(self) -> list[Outcome]:
        return self.delivered.outcomes if self.delivered else []


class Story:
    """Builds the world, plays the troubled part, then the calm one. ``deliveries`` holds everything that ran, in order."""

    def __init__(self, choices: Choices) -> None:
        self.choices, self.baton = choices, Baton()
        self.time = Time(self.baton)
        self.struck, self.trace = Counter[str](), list[str]()
        self.sandbox = Sandbox(clock=self.time, seed=choices.pick([1.0] * 4))
        self.sandbox.habits.list_lag = LAGS[choices.pick([1.0] * len(LAGS))]
        self.ledger = MemoryLedger(self.time)
        self.deliveries: list[Delivery] = []
        self.troubled = True
        self.watched: list[str] = []
        """Creates sent by two, one of which took the claim of the other, which could still act."""
        self._owners: dict[str, Delivery] = {}
        self._taken: list[tuple[Delivery, str, Delivery]] = []
        """Who took whose claim on which cause, while that one lived."""
        self._created: list[tuple[Delivery, str]] = []

    def play(self) -> None:
        """The whole story. Every thread is gone when this returns."""
        with self.sandbox:
            self.settings = settings_for(self.sandbox, password=self.choices.pick([2.0, 1.0]) == 1)
            try:
                self._trouble()
                self.troubled = False
                self.sandbox.faults.clear()
                self._calm()
            finally:
                for actor in self._acting():
                    actor.end()

    @property
    def degraded(self) -> bool:
        """Whether any run had to do without the ledger: then looking alone keeps two from being made."""
        return any(each.down for each in self.deliveries)

    # ── trouble ──

    def _trouble(self) -> None:
        events = [EVENTS[each] for each in SETS[self.choices.pick([1.0] * len(SETS))]]
        waiting = [
            self._delivery(*events[self.choices.pick([1.0] * len(events))]) for _ in range(2 + self.choices.pick([1.0] * 5))
        ]
        for _ in range(STEPS):
            moves = self._moves(waiting)
            if not moves and len(self.choices.made) < FEWEST:
                waiting.append(self._delivery(*events[self.choices.pick([1.0] * len(events))]))
                continue
            if not moves:
                return
            weights, names, plays = zip(*moves, strict=True)
            chosen = self.choices.pick(weights)
            self._note(names[chosen])
            plays[chosen]()

    def _moves(self, waiting: list[Delivery]) -> list[Move]:
        """What may happen next: somebody goes on, begins, is killed or brought again; time passes; the watch comes."""
        acting = self._acting()
        moves: list[Move] = [
            (8.0, f"{actor.name} goes on from {actor.at}", actor.resume) for actor in acting if actor.wakes <= self.time.passed
        ]
        if waiting:
            moves.append((3.0, f"{waiting[0].id} ({waiting[0].name}) arrives", lambda: self._begin(waiting.pop(0))))
        again = [each for each in self.deliveries if each.again]
        moves += [(1.5, f"{each.id} is brought again", partial(self._bring_again, each)) for each in again]
        if not moves and not acting:
            return []
        moves += [(0.15, f"{actor.name} is killed at {actor.at}", partial(self._kill, actor)) for actor in acting]
        moves += [(weight, f"{seconds:g} s pass", partial(self._pass, seconds)) for seconds, weight in PASSING]
        moves += [
            (0.1, f"the clock of {actor.name} is set on", partial(self._set_on, actor))
            for actor in acting
            if actor.name[0] == "d" and "GET" in actor.at
        ]
        if sum(each.door == "watch" for each in self.deliveries) < WATCHES:
            moves.append((0.7, "the watch comes", self._watch))
        return moves

    def _set_on(self, actor: Actor) -> None:
        """While it looks, so under a claim."""
        (delivery,) = (each for each in self.deliveries if each.actor is actor)
        assert delivery.clock is not None
        delivery.clock.off += 300.0

    def _delivery(self, name: str, door: Door, document: Any) -> Delivery:
        return Delivery(name, door, document, f"d{len(self.deliveries)}-{self.choices.pick([1.0] * 1000)}")

    def _begin(self, delivery: Delivery) -> None:
        """A cold instance of its own, whose clock may be off."""
        off = CLOCKS_OFF[self.choices.pick([6.0, *[1.0] * (len(CLOCKS_OFF) - 1)])] if self.troubled else 0.0
        creating = partial(self._creating, delivery)
        delivery.network = Network(self.sandbox, self.time, self.choices, self.struck, lambda: self.troubled, creating)
        stored = partial(self._stored, delivery)
        delivery.store = Store(self.ledger, self.time, self.baton, self.choices, self.struck, lambda: self.troubled, stored)

        def network(origins: frozenset[str]) -> Network:
            assert delivery.network is not None
            delivery.network.origins = origins
            return delivery.network

        delivery.clock = Clock(self.time, off)
        delivery.service = Service(
            self.settings, delivery.clock, stream=delivery.stream, metrics=True, ledger=delivery.store, network=network
        )
        delivery.tries += 1
        delivery.again = False
        self.deliveries.append(delivery)
        dies = self.time.passed + (LIVES[self.choices.pick([12.0, 1.0, 1.0])] if self.troubled else KILL_SECONDS)
        name = f"{delivery.id}.{delivery.tries}"
        delivery.actor = Actor(name, self.baton, lambda: self._handled(delivery, dies), dies)

    def _handled(self, delivery: Delivery, dies: float) -> None:
        assert delivery.service is not None
        left = dies - self.time.passed
        try:
            delivery.delivered = delivery.service.handle(Envelope(delivery.door, "lambda", delivery.id, delivery.document, left))
            delivery.over_at = delivery.service.clock.now().timestamp()
            delivery.left = self._standing()
            function_answer(delivery.delivered)
            delivery.ended = "returned"
        except Redeliver:
            delivery.ended = "raised"
            delivery.again = delivery.door != "watch" and delivery.tries < 3
        except Killed:
            delivery.ended = "killed"
            delivery.again = delivery.door != "watch" and delivery.tries < 3
            raise

    def _standing(self) -> dict[str, tuple[str, float]]:
        bodies = {record.key: json.loads(record.body) for record in self.ledger.since("wish", 0)}
        led = {cause: bodies.get(body["leader"], body) if body["state"] == "follows" else body for cause, body in bodies.items()}
        return {cause: (body["state"], float(body["claim_ends"])) for cause, body in led.items()}

    def _stored(self, delivery: Delivery, before: Record | None, after: Record) -> None:
        """With clocks that differ a claim may be taken while its holder lives; then only one of the two may act on it: I12."""
        if after.kind != "wish":
            return
        owner = json.loads(after.body)["owner"]
        if before is not None:
            was = json.loads(before.body)
            holder = self._owners.get(was["owner"])
            if was["state"] in ("claimed", "sent") and was["owner"] != owner and holder is not None and not holder.ended:
                self._taken.append((delivery, after.key, holder))
        self._owners[owner] = delivery

    def _creating(self, delivery: Delivery, body: bytes) -> None:
        name = json.loads(body)["checkpoint"]["parameters"]["name"]
        self._created.append((delivery, name))
        for taker, cause, holder in self._taken:
            creators = [each for each, sent in self._created if is_named_for(sent, cause)]
            both = any(each is taker for each in creators) and any(each is holder for each in creators)
            if both and not (holder.ended or holder.down or taker.down):
                self.watched.append(f"I12: {taker.id} and {holder.id} both sent a create, and the one took the other's claim")

    def _bring_again(self, delivery: Delivery) -> None:
        delivery.again = False
        again = Delivery(delivery.name, delivery.door, delivery.document, delivery.id, delivery.tries)
        self._begin(again)

    def _watch(self) -> None:
        self._begin(Delivery("watch", "watch", {}, f"w{len(self.deliveries)}"))

    def _kill(self, actor: Actor) -> None:
        self.struck[f"killed at {actor.at}"] += 1
        actor.end()
        (delivery,) = (each for each in self.deliveries if each.actor is actor)
        if not delivery.ended:  # it had not even begun
            delivery.ended, delivery.again = "killed", delivery.door != "watch" and delivery.tries < 3

    def _pass(self, seconds: float) -> None:
        """Nobody lives longer than the platform lets it."""
        until = self.time.passed + seconds
        for actor in sorted(self._acting(), key=lambda each: each.dies):
            if actor.dies <= until:
                self.time.passed = max(self.time.passed, actor.dies)
                self._kill(actor)
        self.time.passed = until

    def _acting(self) -> list[Actor]:
        return [each.actor for each in self.deliveries if each.actor is not None and not each.actor.over]

    # ── calm ──

    def _calm(self) -> None:
        """Nothing goes wrong any more: what runs ends, what must be brought again is, and the watch comes every five minutes."""
        self._note("calm")
        self._finish()
        outage = OUTAGES[self.choices.pick([8.0, *[1.0] * (len(OUTAGES) - 1)])]
        if outage:
            self.struck[f"for {OUTAGE_HOURS:g} hours {outage}"] += 1
            self.sandbox.faults.add(f"{outage},times=0")
        for _ in range(3):
            for each in [each for each in self.deliveries if each.again]:
                self._bring_again(each)
                self._finish()
        end = self.time.passed + HOURS * 3600
        for sweep in range(10_000):
            if self.time.passed > end - (HOURS - OUTAGE_HOURS) * 3600:
                self.sandbox.faults.clear()
            if self.time.passed > end or not self.ledger.due(float("inf"), 1):
                break
            self._pass(60.0 if sweep < 15 else 300.0)
            self._watch()
            self._finish()

    def _finish(self) -> None:
        """Everybody to the end, one after the other; who sleeps, sleeps."""
        while acting := self._acting():
            ready = [actor for actor in acting if actor.wakes <= self.time.passed]
            if ready:
                ready[0].resume()
            else:
                self._pass(min(actor.wakes for actor in acting) - self.time.passed)

    def _note(self, what: str) -> None:
        self.trace.append(f"{self.time.passed:8.1f}  {what}")


def settings_for(sandbox: Sandbox, *, password: bool, rules: str = RULES) -> Settings:
    """By access key, or with a user and a password, which need a token."""
    given = sandbox.environment()
    if password:
        account = estate.ACCOUNT
        given = {name: value for name, value in given.items() if not name.endswith(("_AK", "_SK"))}
        given |= {"OS_USERNAME": account.username, "OS_PASSWORD": account.password, "OS_USER_DOMAIN_NAME": account.domain_name}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.toml"
        file.write_text(rules, encoding="utf-8")
        own = {"RESTORE_POINT_RULES": str(file), "RESTORE_POINT_LEDGER": "memory"}
        return load(given | own | {"RESTORE_POINT_SETTLE_SECONDS": str(int(SETTLE_SECONDS))})
