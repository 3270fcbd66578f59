"""What production code calls the outside, in a simulation: its clock, its network, its ledger. Every call is a switch point."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeVar, cast
from urllib.parse import urlsplit

from handlers.errors import LedgerDown, NotSent, Unclear
from handlers.ledger import Ledger, Record
from handlers.sandbox import Sandbox
from handlers.sandbox.exchange import Wire
from handlers.wire import Deadline
from tests.simulation.baton import Baton, Choices

GARBAGE = ("[]", "{", '{"state": "wanted"}', '{"backup": {}, "project": 1}')
SLOW_SECONDS = 18.0
Given = TypeVar("Given")
START = datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC)


class Time:
    """The one true time, in seconds since the start; it passes when the story says so."""

    def __init__(self, baton: Baton) -> None:
        self.baton, self.passed = baton, 0.0

    def __call__(self) -> float:
        """The sandbox's clock."""
        return START.timestamp() + self.passed


@dataclass
class Clock:
    """One instance's clock: it may be off."""

    time: Time
    off: float = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time.passed + self.off)

    def monotonic(self) -> float:
        return 1000.0 + self.time.passed

    def sleep(self, seconds: float) -> None:
        self.time.baton.sleep(self.time.passed + seconds)


ANY = (
    "refuse", "reset_before", "reset_after", "truncate", "drip", "hang", "delay", "wrong_length", "html", "empty", "not_json",
    "array", "status", "status:when=after", "throttle", "throttle:retry_after=seconds", "unauthorized", "token_expired",
    "forbidden", "malformed_url", "huge_error", "chinese_error", "redirect",
)  # fmt: skip
"""What may become of any exchange, in the words of the sandbox; ``refuse`` is acted out here."""
LISTED = ("count_wrong", "unknown_enum", "new_fields", "error", "list_lag:times=1,seconds=30")
CREATED = (
    "no_id", "busy", "busy:code=0002", "error", "error:when=after", "error:code=6134", "error:code=6114", "late_apply",
    "late_apply:answer=reset,after=45", "foreign:seconds=90", "skip", "skip:which=all", "skip:which=all,code=7001",
    "skip:which=all,code=6125", "fail:after=60", "fail:which=one,after=30", "slow:seconds=900", "other_vault", "unknown_enum",
)  # fmt: skip
"""What CBR may do to a GET, and to a create."""
LEDGER = (
    "ledger down before put_if_absent", "ledger down after put_if_absent", "ledger down before get", "ledger down after get",
    "ledger down before swap", "ledger down after swap", "ledger down before due", "ledger down after due",
    "ledger gives garbage", "ledger slow",
)  # fmt: skip
FAULTS = (*ANY, *LISTED, *CREATED, *LEDGER)
CALM = 4.0
"""How much likelier than anything going wrong nothing is."""


CREATE_CALM = 1.0


def possible(method: str, path: str) -> tuple[str, ...]:
    """The faults one exchange may meet."""
    if path.endswith("/checkpoints") and method == "POST":
        return ANY + CREATED
    return ANY + LISTED if method == "GET" and path.startswith("/v3/") else ANY


@dataclass
class Call:
    """One exchange of a run: what was asked, and whether the service carried it out."""

    method: str
    path: str
    fault: str
    applied: bool = False
    answered: bool = False

    def __str__(self) -> str:
        steps = [step for step in self.path.split("/") if not re.search(r"[0-9a-f]{8}|:", step)]
        return f"{self.method} {steps[-1]}" + ("" if self.path.endswith(steps[-1]) else "/…")


@dataclass
class Network:
    """Carries one instance's requests to the sandbox. ``troubled`` says whether anything may go wrong now."""

    sandbox: Sandbox
    time: Time
    choices: Choices
    struck: Counter[str]
    troubled: Callable[[], bool]
    creating: Callable[[bytes], object]
    """Told of every create before it leaves."""
    calls: list[Call] = field(default_factory=list)
    origins: frozenset[str] = frozenset()
    refusing: int = 0
    users: int = 0
    retired: bool = False

    def close(self) -> None:
        """Nothing is open."""

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        call = Call(method, parts.path, self._drawn(method, parts.path))
        self.time.baton.point(f"before {call}")
        if deadline.passed:
            raise NotSent("no time was left to send the request")
        if call.fault == "refuse" and not self.refusing:
            self.refusing = 2  # nobody is back before the call has been tried once more
        if self.refusing:
            self.refusing -= 1
            self.struck["refuse"] += 1
            raise NotSent("nobody listens")
        if f"{parts.scheme}://{parts.netloc}" not in self.origins:
            raise AssertionError(f"a call to {parts.netloc}")
        self.calls.append(call)
        if call.path.endswith("/checkpoints") and method == "POST":
            self.creating(body)
        self._arranged(call)
        sent = {name.lower(): value for name, value in headers.items()} | {"host": parts.netloc}
        answer = self.sandbox.answer(method, target, sent, body)
        seen = self.sandbox.exchanges[-1]
        call.applied = seen.applied
        if seen.fault:
            self.struck[call.fault] += 1
        self.time.baton.point(f"after {call}")
        if answer.wire is not None:
            self._carried(answer.wire, len(answer.payload), deadline)
        call.answered = True
        return answer.status, [*answer.headers.items()], answer.payload

    def _drawn(self, method: str, path: str) -> str:
        faults = possible(method, path)
        if not self.troubled():
            return ""
        calm = CREATE_CALM if faults[-len(CREATED) :] == CREATED else CALM
        drawn = self.choices.pick([calm, *[1 / len(faults)] * len(faults)])
        return faults[drawn - 1] if drawn else ""

    def _arranged(self, call: Call) -> None:
        """The fault waits for this very call."""
        kind, _, rest = call.fault.partition(":")
        if kind:
            where = (f"method={call.method}", f"path={call.path}")
            self.sandbox.faults.add(f"{kind}:{','.join(filter(None, (rest, *where)))}")

    def _carried(self, wire: Wire, size: int, deadline: Deadline) -> None:
        """What becomes of an answer on its way; waiting is done in the simulation's time."""
        wait = {"delay": wire.seconds, "drip": wire.seconds * size, "hang": wire.seconds or float("inf")}.get(wire.kind, 0.0)
        if wait:
            self.time.baton.sleep(self.time.passed + min(wait, deadline.left()))
        if wire.kind in ("reset", "truncate", "length", "hang") or (wait and deadline.passed):
            raise Unclear("no whole answer came")


@dataclass
class Store:
    """One instance's way to the ledger that all share: down now and then, before or after its work."""

    ledger: Ledger
    time: Time
    baton: Baton
    choices: Choices
    struck: Counter[str]
    troubled: Callable[[], bool]
    stored: Callable[[Record | None, Record], object]
    """Told of every write that happened: what stood there, and what stands there now."""
    down: int = 0

    def put_if_absent(self, record: Record) -> Record | None:
        def work() -> Record | None:
            standing = self.ledger.put_if_absent(record)
            if standing is None:
                self.stored(None, record)
            return standing

        return self._call("put_if_absent", work)

    def get(self, kind: str, key: str) -> Record | None:
        return self._call("get", lambda: self.ledger.get(kind, key))

    def swap(self, record: Record) -> Record | None:
        def work() -> Record | None:
            before = self.ledger.get(record.kind, record.key)
            after = self.ledger.swap(record)
            if after is not None:
                self.stored(before, after)
            return after

        return self._call("swap", work)

    def due(self, now: float, limit: int) -> list[Record]:
        return self._call("due", lambda: self.ledger.due(now, limit))

    def since(self, kind: str, time: float) -> list[Record]:
        return self._call("since", lambda: self.ledger.since(kind, time))

    def close(self) -> None:
        """All share it."""

    def _call(self, verb: str, work: Callable[[], Given]) -> Given:
        self.baton.point(f"before ledger.{verb}")
        trouble = self.choices.pick([40.0, 1.0, 1.0, 0.5, 0.5]) if self.troubled() else 0
        if trouble == 1:
            self._fail(f"ledger down before {verb}")
        done = work()
        if trouble == 2:
            self._fail(f"ledger down after {verb}")
        if trouble == 3 and isinstance(done, Record) and verb in ("get", "put_if_absent"):
            self.struck["ledger gives garbage"] += 1
            self.down += 1
            done = cast("Given", replace(done, body=self._garbage(done.body)))
        if trouble == 4:
            self.struck["ledger slow"] += 1
            self.baton.sleep(self.time.passed + SLOW_SECONDS)
        self.baton.point(f"after ledger.{verb}")
        return done

    def _garbage(self, body: str) -> str:
        """What a damaged store may give back."""
        asleep = json.dumps(json.loads(body) | {"state": "asleep"})
        return (*GARBAGE, asleep)[self.choices.pick([1.0] * (len(GARBAGE) + 1))]

    def _fail(self, how: str) -> NoReturn:
        self.struck[how] += 1
        self.down += 1
        raise LedgerDown("ledger: the disk is gone")
