"""Builds everything once per cold start; ``handle`` is the pipeline."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from handlers.dispatch import ONE_RUN, causes_in
from handlers.envelope import Envelope
from handlers.errors import LedgerDown, Refusal
from handlers.lanes import in_lanes
from handlers.outcome import Answer, Failed, Outcome, answer
from handlers.parts import TELLING_SECONDS, Parts
from handlers.plan import plan, refused
from handlers.plan.planned import Planned
from handlers.reading import read, read_message
from handlers.report import Settled
from handlers.restore_point import take
from handlers.timetable import arrived
from handlers.trigger import Timer, Trigger
from handlers.trust.replays import is_replayed, remember, replayed
from handlers.values import dataclass, replace
from handlers.wire import Deadline

ANSWER_SECONDS = 0.5
"""Kept back from telling, so that the log line and the answer come before the kill."""
WEBHOOK_TELLING_SECONDS = 1.0
"""... of a webhook's, which has less of it."""


@dataclass(frozen=True)
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


class Service(Parts):
    """One process's handlers. Their parts are built once per cold start, from settings."""

    def handle(self, envelope: Envelope) -> Delivered:
        """One delivery: verify, read, plan, take, tell. At the watch's door: verify, sweep."""
        deadline, rules, sender = self._telling(envelope), self.settings.rules, ""
        try:
            proven = self.trust.verify(envelope, self._working(envelope))
            sender = proven.sender
            envelope = replace(envelope, http=proven.covered, proof_id=proven.replay, proven_by=proven.key)
            if is_replayed(proven, lambda: self.tools.ledger):
                return self._delivered(envelope, self.told([replayed(envelope, sender)], deadline))
            if envelope.door == "watch":
                remember(proven, lambda: self.tools.ledger, self.clock.now().timestamp())
                return self.watch(envelope)
            if envelope.door == "worker":
                return self.work(envelope)
            triggers = read(envelope, sender, rules.senders.get(sender), self.clock.now())
            planned = self.planned(triggers, envelope, sender, self._working(envelope))
            outcomes = self.take_all(planned, self._working(envelope))
        except Refusal as refusal:
            return self.refuse(envelope, refusal, sender or self.trust.named(envelope))
        settled = self.told(outcomes, deadline)
        noticed = self.notices(deadline).of_delivery(envelope, sender, triggers, outcomes)
        delivered = self._delivered(envelope, settled, noticed)
        self._came(triggers, delivered)
        if not delivered.answer.again:
            remember(proven, lambda: self.tools.ledger, self.clock.now().timestamp())
        return delivered

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

    def refuse(self, envelope: Envelope, refusal: Refusal, sender: str = "") -> Delivered:
        """A delivery that asks for nothing that may be done, or could not even be read.

        ``sender`` is who sent it or, where nobody is proven, whom its address names: one of the configured, or nobody.
        """
        deadline = self._telling(envelope)
        outcome = self.outbox(deadline).dated(refused(refusal, envelope.delivery_id, envelope.door, sender))
        return self._delivered(envelope, [(outcome, self.report.publish(outcome, deadline))])

    def watch(self, envelope: Envelope) -> Delivered:
        """One sweep: due wishes, restore points followed to their end."""
        deadline, settled = self._telling(envelope), Settled()
        notices, watch = self.notices(deadline), self.watching(deadline)
        try:
            for each in watch.sweep(self._working(envelope)):
                settled.append(each)
            settled += notices.of_delivery(envelope, "", (), [outcome for outcome, _ in settled])
            settled += notices.ledger_works(envelope)
        except LedgerDown as problem:
            settled += notices.ledger_fails(envelope, problem)
        return self._delivered(envelope, settled, ages=watch.ages)

    def work(self, envelope: Envelope) -> Delivered:
        """What a queue brings: the wishes it names, as the ledger has them. Raises Refusal."""
        if self.settings.queue is None:
            raise Refusal("no_queue", "no queue is configured here, so nothing is brought to a worker", http=404)
        causes, watch = causes_in(read_message(envelope)), self.watching(self._telling(envelope))
        settled, deadline = Settled(), self._working(envelope)
        for cause in causes:
            settled += watch.take_up(cause, deadline)
        noticed = self.notices(self._telling(envelope)).of_delivery(envelope, "", (), [outcome for outcome, _ in settled])
        return self._delivered(envelope, settled, noticed)

    def take(self, planned: Planned, deadline: Deadline) -> Outcome:
        """One restore point, told like any other; for one-offs at a terminal."""
        outcome = take(planned, self.cbrs[planned.project], self.tools, deadline)
        settled = self.told([outcome], deadline)
        self.report.log(Envelope("once", "terminal", planned.delivery_id, None, deadline.left()), settled)
        return settled[0][0]

    def take_all(self, plans: Sequence[Planned | Outcome], deadline: Deadline) -> list[Outcome]:
        """An outcome for each, in their order; several at a time where there are several."""
        wanted = [each for each in plans if isinstance(each, Planned)]
        if not wanted:
            return [each for each in plans if not isinstance(each, Planned)]
        tools = self.tools  # before the lanes: two of them must not open two ledgers
        if self.dispatch is not None and len(wanted) > ONE_RUN:
            with suppress(LedgerDown):  # then this run takes what it can, degraded
                queued = iter(self.dispatch.hand_over(wanted, deadline))
                return [next(queued) if isinstance(each, Planned) else each for each in plans]

        def settle(each: Planned | Outcome) -> Outcome:
            return take(each, self.cbrs[each.project], tools, deadline) if isinstance(each, Planned) else each

        return in_lanes(settle, plans) if len(wanted) > 1 else [settle(each) for each in plans]

    def told(self, outcomes: Sequence[Outcome], deadline: Deadline) -> Settled:
        """Publish each, and note of the failures among them that somebody heard."""
        notices = self.notices(deadline)
        outcomes = [notices.outbox.dated(each) for each in outcomes]
        if any(isinstance(each, Failed) for each in outcomes):
            from handlers.watch.telling import Telling

            return [(outcome, Telling(self.tools, notices).said(outcome)) for outcome in outcomes]
        return [(outcome, notices.outbox.tell(outcome, whole=True)) for outcome in outcomes]

    def _came(self, triggers: Sequence[Trigger], delivered: Delivered) -> None:
        """A timer's event that will not come again is written down: older ones are superseded, the next one is awaited."""
        if delivered.answer.again or any(each.word == "refused" for each in delivered.outcomes):
            return
        planned = any(each.word != "skipped" for each in delivered.outcomes)
        for each in triggers:
            if isinstance(each, Timer) and (name := self.settings.rules.timer_of(each.schedule, each.sender)):
                with suppress(LedgerDown):
                    arrived(self.tools.ledger, name, each.at, self.clock.now().timestamp(), planned=planned)

    def _delivered(
        self, envelope: Envelope, settled: Settled, noticed: Settled | None = None, ages: Mapping[str, float] | None = None
    ) -> Delivered:
        outcomes = [outcome for outcome, _ in settled]
        reached = self.report.log(envelope, settled, noticed, ages or {})
        problems = tuple(problem for _, told in settled for problem in told.problems)
        spoken = answer(outcomes, told=reached, one_off=envelope.door == "once")
        return Delivered(outcomes, spoken, problems, envelope.delivery_id)

    def _telling(self, envelope: Envelope) -> Deadline:
        return Deadline.after(self.clock, max(envelope.may_take - ANSWER_SECONDS, 0.0))

    def _working(self, envelope: Envelope) -> Deadline:
        kept = WEBHOOK_TELLING_SECONDS if envelope.webhook else TELLING_SECONDS
        return Deadline.after(self.clock, max(envelope.may_take - kept, 0.0))
