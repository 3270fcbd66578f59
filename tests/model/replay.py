"""A walk through the model, move by move, by production ``take`` against the sandbox: both must come to the same end.

What the model calls a move is here a run's way to its next call to the outside, or something the sandbox or the clock does. CBR's
clock and ours are two: a backup ends by one, a claim by the other.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from handlers.envelope import Envelope
from handlers.errors import NotSent, Unclear
from handlers.ledger.memory import MemoryLedger
from handlers.outcome import Outcome
from handlers.plan.planned import Planned
from handlers.reading import read
from handlers.restore_point import take
from handlers.restore_point.held import Taking
from handlers.restore_point.wish import KIND, Wish
from handlers.sandbox import Sandbox, estate
from handlers.service import Service
from handlers.settings import Settings, load
from handlers.wire import Deadline
from tests.model.protocol import Protocol, State, begin, moves
from tests.simulation.baton import Actor, Baton

START = datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC)
LIVES, SETTLES = 60.0, 120.0
BACKUP_SECONDS = 20.0
FATES = {"is throttled": "throttled", "cannot send": "cannot send", "times out": "unclear", "hears nothing": "unclear"}
LONGEST = 60
"""Moves of a walk: the model may go on for ever."""


RULES = f"""
[vaults.files]
id = "{estate.FILES_VAULT_ID}"
[timers.nightly]
source = "nightly"
[[rules]]
name = "nightly"
timer = "nightly"
vaults = ["files"]
parameters = {{ incremental = false }}  # else CBR's own running backup would do as well
"""


def settings_for(sandbox: Sandbox) -> Settings:
    """With a password: a token does not mind that the two clocks part, a signature would."""
    account = estate.ACCOUNT
    given = {name: value for name, value in sandbox.environment().items() if not name.endswith(("_AK", "_SK"))}
    given |= {"OS_USERNAME": account.username, "OS_PASSWORD": account.password, "OS_USER_DOMAIN_NAME": account.domain_name}
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.toml"
        rules.write_text(RULES, encoding="utf-8")
        return load(given | {"RESTORE_POINT_RULES": str(rules), "RESTORE_POINT_LEDGER": "memory"})


class Differs(AssertionError):
    """Production did something else than the model."""


def walk(rules: Protocol, seed: int) -> tuple[list[tuple[str, State]], State]:
    """Moves, each with the state before it, and the state in the end."""
    chance, state, found = random.Random(seed), begin(rules), list[tuple[str, State]]()
    while (possible := list(moves(state, rules))) and len(found) < LONGEST:
        name, after = chance.choice(possible)
        found.append((name, state))
        state = after
    return found, state


@dataclass
class Ours:
    """Our clock; CBR's is ``cbr``, in seconds since the start."""

    passed: float = 0.0
    cbr: float = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds

    def __call__(self) -> float:
        return START.timestamp() + self.cbr


def _dateless(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The two clocks part on purpose, and the model knows of none: CBR does not say what time it is."""
    return [(name, value) for name, value in headers.items() if name != "Date"]


@dataclass
class Line:
    """One run's network: a create waits for what the walk says of it, and lists show what has caught up."""

    world: World
    users: int = 0
    retired: bool = False
    fate: str = ""
    create: Callable[[], Any] | None = None
    answer: Any = None

    def close(self) -> None:
        """Nothing is open."""

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        parts = urlsplit(url)
        sent = {name.lower(): value for name, value in headers.items()} | {"host": parts.netloc}
        target = parts.path + (f"?{parts.query}" if parts.query else "")

        def ask() -> Any:
            return self.world.sandbox.answer(method, target, sent, body)

        if method == "POST" and parts.path.endswith("/checkpoints"):
            return self._created(ask)
        looks = parts.path.endswith("/backups")
        if looks:
            self.world.baton.point("looks")
        answer = ask()
        payload = self.world.visible(answer.payload) if looks else answer.payload
        return answer.status, _dateless(answer.headers), payload

    def _created(self, ask: Callable[[], Any]) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        self.world.baton.point("posts")
        if self.fate == "cannot send":
            raise NotSent("nobody listens")
        if self.fate == "throttled":
            return 429, [("X-Request-Id", "0" * 32)], b'{"error_code": "APIGW.0308", "error_msg": "throttled"}'
        self.create = ask
        self.world.baton.point("waits")
        if self.fate == "unclear":
            raise Unclear("no whole answer came")
        return self.answer.status, _dateless(self.answer.headers), self.answer.payload


@dataclass
class Run:
    """One delivery, or the watch taking its wish up."""

    actor: Actor
    line: Line
    outcome: Outcome | None = None


@dataclass
class World:
    """What a walk is played in."""

    clock: Ours = field(default_factory=Ours)
    baton: Baton = field(default_factory=Baton)

    def __post_init__(self) -> None:
        self.sandbox = Sandbox(clock=self.clock, well_behaved=True, speed=60.0 / BACKUP_SECONDS)
        self.ledger = MemoryLedger(lambda: self.clock.now().timestamp())
        self.runs: dict[str, Run] = {}
        self.swept: dict[str, Planned] = {}
        self.orphans: list[Callable[[], Any]] = []
        self.shown = set[str]()

    def play(self, walked: Sequence[tuple[str, State]]) -> None:
        """Raises Differs naming the move."""
        with self.sandbox:
            self.settings = settings_for(self.sandbox)
            try:
                for place, (name, before) in enumerate(walked):
                    self._move(name, before, f"move {place}, {name}, of {[each for each, _ in walked[: place + 1]]}")
            finally:
                for run in self.runs.values():
                    if not run.actor.over:
                        run.actor.end()

    def visible(self, payload: bytes) -> bytes:
        """A list of backups as far as it has caught up."""
        document = json.loads(payload)
        document["backups"] = [each for each in document["backups"] if each["checkpoint_id"] in self.shown]
        return json.dumps(document | {"count": len(document["backups"])}).encode()

    @property
    def made(self) -> list[str]:
        """Restore points of ours, by CBR's own record."""
        return [each["id"] for each in self.sandbox.restore_points() if not each["name"].startswith("autobk_")]

    def _move(self, name: str, before: State, where: str) -> None:
        who, _, what = name.partition(" ")
        if who[0] == "d" and who[1:].isdigit():
            self._run(who, what, before, where)
        elif name.startswith("the watch takes it up as "):
            self.swept[name.rpartition(" ")[2]] = self._recorded()
        elif name.endswith(("'s POST", "an orphan")):
            self._flying(name, where)
        else:
            self._elsewhere(name, where)

    def _elsewhere(self, name: str, where: str) -> None:
        """What the clocks and CBR do by themselves."""
        if name == "the list catches up":
            self.shown.update(self.made)
        elif name == "the backup ends":
            self.clock.cbr += BACKUP_SECONDS + 1
        elif name == "the claim ends":
            self.clock.passed += LIVES + SETTLES
        elif name == "a foreign backup begins":
            asked = {"foreign": {"vault_id": estate.FILES_VAULT_ID, "seconds": BACKUP_SECONDS}}
            if self.sandbox.answer("POST", "/_sandbox/state", {"host": "127.0.0.1"}, json.dumps(asked).encode()).status != 200:
                raise Differs(f"no backup of CBR's own could begin: {where}")
        else:
            raise AssertionError(f"an unknown move: {name}")

    def _flying(self, name: str, where: str) -> None:
        """A create arrives at CBR or is lost; an orphan's sender no longer waits for it."""
        run = None if name.endswith("an orphan") else self.runs[name.removesuffix("'s POST").rpartition(" ")[2]]
        create = self.orphans.pop(0) if run is None else run.line.create
        assert create is not None
        if name.startswith("the network loses"):
            return
        answer = create()
        if run is not None:
            run.line.answer = answer
        self._applied(answer, refused=name.startswith("CBR refuses"), where=where)

    def _applied(self, answer: Any, *, refused: bool, where: str) -> None:
        if (answer.status != 200) != refused:
            raise Differs(f"CBR answered {answer.status} at {where}")

    def _run(self, who: str, what: str, before: State, where: str) -> None:
        if what == "crashes":
            if who in self.runs:
                self._crash(self.runs[who])
            return
        if who not in self.runs:
            self.runs[who] = self._begin(who)
        run = self.runs[who]
        if what == "times out" and run.line.answer is None and run.line.create is not None:
            self.orphans.append(run.line.create)
        run.line.fate = FATES.get(what, "")
        if what == "gives up":
            return  # production ends at once when it has heard nothing
        run.actor.resume()
        while (what.startswith("gets") or what == "cannot send") and not run.actor.over:
            run.actor.resume()  # after a refusal it looks again, and what was not sent is tried once more
        self._compare(run, what, before, where)

    def _crash(self, run: Run) -> None:
        if run.line.create is not None and run.line.answer is None and run.actor.at == "waits":
            self.orphans.append(run.line.create)
        run.actor.end()

    def _compare(self, run: Run, what: str, before: State, where: str) -> None:
        at = {"claims": "looks", "looks: none": "posts", "POSTs": "waits"}.get(what)
        if at is not None:
            if run.actor.over or run.actor.at != at:
                raise Differs(f"the run is at {run.outcome or run.actor.error or run.actor.at!r} and not at {at!r}: {where}")
            return
        ends = {"gets 200": "created", "looks: there": "joined", "gets busy": "joined" if before.seen else "later"}
        ends["finds a claim"] = "joined" if before.claim == "done" else "later"
        word = run.outcome.word if run.outcome else repr(run.actor.error)
        if word != ends.get(what, "later"):
            raise Differs(f"the run ended {word} ({run.outcome and run.outcome.message}): {where}")

    def _recorded(self) -> Planned:
        (record,) = self.ledger.since(KIND, 0)
        return Wish.from_record(record).planned

    def _begin(self, who: str) -> Run:
        line = Line(self)
        service = Service(self.settings, self.clock, ledger=self.ledger, network=lambda _: line)
        deadline = Deadline.after(self.clock, LIVES)
        planned = self.swept.get(who) or self._planned(service, who)

        def work() -> None:
            tools = Taking(self.ledger, self.clock, lambda: who, SETTLES, 60.0)
            run.outcome = take(planned, service.cbrs[planned.project], tools, deadline)

        run = Run(Actor(who, self.baton, work, float("inf")), line)
        return run

    def _planned(self, service: Service, who: str) -> Planned:
        event = {"trigger_type": "TIMER", "trigger_name": "nightly", "time": START.strftime("%Y-%m-%dT%H:%M:%SZ")}
        envelope = Envelope("timer", "lambda", who, event, LIVES)
        (planned,) = service.planned(read(envelope, "", None, START), envelope, "", Deadline.after(self.clock, LIVES))
        assert isinstance(planned, Planned)
        return planned
