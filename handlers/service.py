"""Builds everything once per cold start; ``handle`` is the pipeline."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import IO, Any

from handlers.cbr import Cbr
from handlers.envelope import Envelope
from handlers.errors import LedgerDown, Refusal
from handlers.iam import Session, find_project, open_session
from handlers.inventory import Inventory
from handlers.ledger import Closed, Ledger, open_ledger
from handlers.outcome import Answer, Failed, Outcome, answer
from handlers.plan import plan, refused
from handlers.plan.planned import Planned
from handlers.reading import read
from handlers.report import Report, Told
from handlers.restore_point import take
from handlers.restore_point.held import Taking
from handlers.settings import Access, Settings
from handlers.topics import Topic, log_topic
from handlers.trigger import Trigger
from handlers.trust import verify
from handlers.watch import Watch
from handlers.wire import Clock, Deadline, Network, Pace, Wire

ANSWER_SECONDS = 0.5
"""Kept back from telling, so that the log line and the answer come before the kill."""
TELLING_SECONDS = 3.0
"""Kept back from a run's time, so that what was decided can still be logged and published."""
LANES = 32
"""Restore points taken at the same time by one delivery."""


class SystemClock:
    """The machine's clocks; ``starts_at`` is what the wall's says now, for a replay against the sandbox."""

    def __init__(self, starts_at: datetime | None = None) -> None:
        self._ahead = starts_at - datetime.now(UTC) if starts_at else timedelta()

    def now(self) -> datetime:
        """Wall time, UTC."""
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        """Seconds on a clock that is never set back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a delivery: an outcome per planned restore point, and the answer its sender gets."""

    outcomes: list[Outcome]
    answer: Answer
    not_told: tuple[str, ...]
    """Topics that did not take a message, and what they said."""
    delivery_id: str = ""


def delivery_id() -> str:
    """For platforms that name no delivery."""
    return os.urandom(16).hex()


class Service:
    """One process's handlers, built from settings. ``stream`` takes what it logs (standard output by default).

    ``ledger`` and ``network`` take the place of what the settings name: a simulation has a store and a network of its own.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        *,
        stream: IO[str] | None = None,
        metrics: bool = False,
        ledger: Ledger | None = None,
        network: Callable[[frozenset[str]], Network] | None = None,
    ) -> None:
        self.settings, self.clock = settings, clock or SystemClock(settings.starts_at)
        self._stream, self._metrics = stream, metrics
        origins = {origin for access in settings.projects.values() for origin in (access.cbr, access.iam, access.smn)}
        self.wire = Wire(origins, self.clock, ca_file=settings.ca_file, network=network)
        self.sessions = {name: open_session(access, self.wire, self.clock) for name, access in settings.projects.items()}
        self.cbrs = {name: self._cbr(access, self.sessions[name]) for name, access in settings.projects.items()}
        self.inventory = Inventory(self.cbrs, self.clock)
        self._opening = threading.Lock()
        self._ledger = ledger

    @property
    def ledger(self) -> Ledger:
        """Opened at the first wish, by one thread: two of them must not keep two ledgers."""
        with self._opening:
            if self._ledger is None:
                where, access = self.settings.ledger, self.settings.ledger_access
                self._ledger = open_ledger(where, lambda: self.clock.now().timestamp(), self.clock, access)
            return self._ledger

    @property
    def tools(self) -> Taking:
        """What taking a restore point needs. A ledger that cannot be opened is one that is down, until the next delivery."""
        try:
            ledger = self.ledger
        except LedgerDown as problem:
            ledger = Closed(problem)
        settle = self.settings.settle_seconds + TELLING_SECONDS  # the kill comes after the telling
        lasts, follow = self.settings.ledger_lasts, self.settings.follow_seconds
        return Taking(ledger, self.clock, lambda: os.urandom(8).hex(), settle, follow, lasts)

    @cached_property
    def report(self) -> Report:
        """Log, metrics and the topics of the rules."""
        bare = Report((), self._stream, self._metrics)
        return Report(tuple(self._topics(bare)), self._stream, self._metrics)

    def handle(self, envelope: Envelope) -> Delivered:
        """One delivery: verify, read, plan, take, tell. At the watch's door: verify, sweep."""
        deadline, rules, sender = self._telling(envelope), self.settings.rules, ""
        try:
            sender = verify(envelope, rules.senders, self.settings.secrets)
            if envelope.door == "watch":
                return self.watch(envelope)
            triggers = read(envelope, sender, rules.senders.get(sender), self.clock.now())
            planned = self.planned(triggers, envelope, sender, self._working(envelope))
            outcomes = self.take_all(planned, self._working(envelope))
        except Refusal as refusal:
            outcomes = [refused(refusal, envelope.delivery_id, envelope.door, sender)]
        return self._delivered(envelope, [(outcome, self.report.publish(outcome, deadline)) for outcome in outcomes])

    def planned(
        self, triggers: Sequence[Trigger], envelope: Envelope, sender: str, deadline: Deadline
    ) -> list[Planned | Outcome]:
        """What these triggers ask for, after a look at the cloud where the rules need one. Raises Refusal."""
        rules, unknown = self.inventory.listed(triggers, self.settings.rules, deadline)
        about: dict[str, Any] = {"delivery_id": envelope.delivery_id, "trigger": envelope.door, "sender": sender}
        problems = [replace(each, **about) for each in unknown]
        try:
            wanted = plan(triggers, rules, envelope.delivery_id, self.clock.now())
        except Refusal as refusal:
            if problems and refusal.reason == "vault_not_listed":  # by a rule whose vaults nobody could look up, perhaps
                return [*problems]
            raise
        return [*self.inventory.narrow(wanted, deadline), *problems]

    def refuse(self, envelope: Envelope, refusal: Refusal) -> Delivered:
        """A delivery that could not even be read."""
        deadline = self._telling(envelope)
        outcome = refused(refusal, envelope.delivery_id, envelope.door)
        return self._delivered(envelope, [(outcome, self.report.publish(outcome, deadline))])

    def watch(self, envelope: Envelope) -> Delivered:
        """One sweep: due wishes, restore points followed to their end."""
        deadline = self._telling(envelope)
        try:
            settled = self.watching(deadline).sweep(self._working(envelope))
        except LedgerDown as problem:
            message = f"The watch could not read the ledger, so nothing was looked after: {problem}"
            down = Failed(reason="ledger_down", message=message, delivery_id=envelope.delivery_id, trigger="watch")
            settled = [(down, self.report.publish(down, deadline))]
        return self._delivered(envelope, settled)

    def watching(self, deadline: Deadline) -> Watch:
        """The watch over this service's ledger; what it finds is told within the deadline."""
        rules, publish = self.settings.rules, lambda outcome: self.report.publish(outcome, deadline)
        return Watch(self.tools, rules, self.cbrs, self.inventory, publish)

    def take(self, planned: Planned, deadline: Deadline) -> Outcome:
        """One restore point, told like any other; for one-offs at a terminal."""
        outcome = take(planned, self.cbrs[planned.project], self.tools, deadline)
        self.report.tell(Envelope("once", "terminal", planned.delivery_id, None, deadline.left()), [outcome], deadline)
        return outcome

    def take_all(self, plans: Sequence[Planned | Outcome], deadline: Deadline) -> list[Outcome]:
        """An outcome for each, in their order; several at a time where there are several."""
        wanted = sum(isinstance(each, Planned) for each in plans)
        if not wanted:
            return [each for each in plans if not isinstance(each, Planned)]
        tools = self.tools  # before the lanes: two of them must not open two ledgers

        def settle(each: Planned | Outcome) -> Outcome:
            return take(each, self.cbrs[each.project], tools, deadline) if isinstance(each, Planned) else each

        if wanted == 1:
            return [settle(each) for each in plans]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(LANES, len(plans))) as lanes:
            return list(lanes.map(settle, plans))

    def close(self) -> None:
        """Connections and the ledger."""
        self.wire.close()
        if self._ledger is not None:
            self._ledger.close()

    def _delivered(self, envelope: Envelope, settled: Sequence[tuple[Outcome, Told]]) -> Delivered:
        outcomes, told = [outcome for outcome, _ in settled], [each for _, each in settled]
        reached = self.report.log(envelope, outcomes, told)
        problems = tuple(problem for each in told for problem in each.problems)
        spoken = answer(outcomes, told=reached, one_off=envelope.door == "once")
        return Delivered(outcomes, spoken, problems, envelope.delivery_id)

    def _telling(self, envelope: Envelope) -> Deadline:
        return Deadline.after(self.clock, max(envelope.seconds_left - ANSWER_SECONDS, 0.0))

    def _working(self, envelope: Envelope) -> Deadline:
        return Deadline.after(self.clock, max(envelope.seconds_left - TELLING_SECONDS, 0.0))

    def _cbr(self, access: Access, session: Session) -> Cbr:
        return Cbr(
            session=session,
            origin=access.cbr,
            project_id=access.project_id,
            find_project=lambda deadline: find_project(session, access, deadline, self.clock.now()),
            pace=Pace(access.requests_per_second, self.clock),
            clock=self.clock,
        )

    def _topics(self, bare: Report) -> list[Topic]:
        rules, found = self.settings.rules, []
        for name, topic in rules.topics.items():
            if topic.kind == "log":
                send = log_topic(bare.write)
            else:
                from handlers.topics.smn import smn_topic

                project = rules.project_of(topic)
                send = smn_topic(self.sessions[project], self.settings.projects[project].smn, topic.urn or "", self.clock.now)
            found.append(Topic(name, frozenset(topic.outcomes), send))
        return found
