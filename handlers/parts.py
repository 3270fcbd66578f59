"""What one process needs, built from its settings once per cold start, and the slow parts of it at first use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING

from handlers.cbr import Cbr
from handlers.clock import SystemClock
from handlers.dispatch import Dispatch, Queue
from handlers.errors import LedgerDown
from handlers.hearing import DEAF, Hearing
from handlers.iam import Session, find_project, open_session
from handlers.inventory import Inventory
from handlers.ledger import Closed, Ledger, open_ledger
from handlers.notices import Notices, ToldHere
from handlers.outbox import Outbox
from handlers.placing import Places
from handlers.report import Report
from handlers.restore_point.held import Taking
from handlers.settings import Access, Settings
from handlers.topics import Reach, open_topics
from handlers.trust.places import hosts, open_trust
from handlers.wire import Clock, Deadline, Network, Pace, Wire

if TYPE_CHECKING:
    from handlers.watch import Watch

TELLING_SECONDS = 3.0
"""Kept back from a run's time, so that what was decided can still be logged and published."""


class Parts:
    """``stream`` takes what is logged (standard output by default).

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
        self.wire = Wire(settings.hosts | hosts(settings), self.clock, ca_file=settings.ca_file, network=network)
        self.sessions = {name: open_session(access, self.wire, self.clock) for name, access in settings.projects.items()}
        self.cbrs = {name: self._cbr(access, self.sessions[name]) for name, access in settings.projects.items()}
        self.inventory = Inventory(self.cbrs, self.clock)
        self.trust = open_trust(settings, self.clock, self.wire)
        self._reach = Reach(self.clock, settings.ca_file, network)
        self._told_here = ToldHere()
        self._spent: dict[tuple[str, str], float] = {}
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
        return Taking(ledger, self.clock, lambda: os.urandom(8).hex(), settle, follow, lasts, self._spent)

    @property
    def dispatch(self) -> Dispatch | None:
        """Where this run hands over what it cannot take itself; None without a queue."""
        if self._queue is None:
            return None
        rates = {name: access.requests_per_second for name, access in self.settings.projects.items()}
        return Dispatch(self._queue, self.tools, rates)

    @cached_property
    def _queue(self) -> Queue | None:
        if self.settings.queue is None:
            return None
        from handlers.dispatch.queues import open_queue

        return open_queue(self.settings.queue, self.sessions, self.clock, self.settings.ca_file)

    @cached_property
    def report(self) -> Report:
        """Log, metrics and the topics of the rules."""
        bare = Report((), self._stream, self._metrics)
        topics = open_topics(self.settings, self.sessions, self._reach, bare.write)
        return Report(topics, self._stream, self._metrics, clock=self.clock)

    def watching(self, deadline: Deadline) -> Watch:
        """The watch over this service's ledger; what it finds is told within the deadline."""
        from handlers.watch import Watch

        notices, dispatch = self.notices(deadline, Hearing(DEAF)), self.dispatch
        return Watch(self.tools, self.settings.rules, self.cbrs, self.inventory, notices, dispatch)

    def notices(self, deadline: Deadline, hearing: Hearing | None = None) -> Notices:
        """What is told once while it lasts, within the deadline."""
        return Notices(lambda: self.tools.ledger, self.clock, self.outbox(deadline, hearing), self._told_here)

    def outbox(self, deadline: Deadline, hearing: Hearing | None = None) -> Outbox:
        """Messages, and those that topics have missed."""
        heard = hearing or Hearing()
        publish = partial(self.report.publish, deadline=deadline, deaf=heard.deaf)
        place = Places(self.settings.rules, self.settings.projects, self.cbrs).place
        return Outbox(lambda: self.tools.ledger, self.clock, lambda outcome, only: publish(outcome, only=only), heard, place)

    def close(self) -> None:
        """Connections and the ledger."""
        self.wire.close()
        if self._queue is not None:
            self._queue.close()
        self._reach.close()
        if self._ledger is not None:
            self._ledger.close()

    def _cbr(self, access: Access, session: Session) -> Cbr:
        return Cbr(
            session=session,
            origin=access.cbr,
            project_id=access.project_id,
            find_project=lambda deadline: find_project(session, access, deadline, self.clock.now()),
            pace=Pace(access.requests_per_second, self.clock),
            clock=self.clock,
        )
