"""Messages that a topic did not take stand in the ledger until it does: each topic hears each of them once.

What has a record of its own that says so (a failure, an end, a notice) is kept there while no topic at all takes it; here are
the others, and what one topic took and another did not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Container
from contextlib import suppress

from handlers.errors import LedgerDown
from handlers.hearing import Hearing
from handlers.ledger import Ledger, Record, body_of
from handlers.outcome import Outcome, at_time
from handlers.report import Told
from handlers.values import dataclass, field, replace
from handlers.wire import Clock

KIND = "message"
TOPIC_DOWN = "topic_down"
"""The reason of what says that a topic is away: told anew every day, so nobody waits for it."""
KEPT = 30 * 86400.0
"""Seconds after which a message that no topic took is of no use to anybody."""
RETRY_SECONDS = 60.0
SELDOM_SECONDS = 600.0
"""Between two tries, at least and at most: a topic that was away for hours has all of it soon after it is back."""
UNTRIED_SECONDS = 3600.0
"""... at most, where the topic took none of the last messages: thousands that wait for it must not fill every sweep."""
TELL_SECONDS = 60.0
"""How long telling may take before another sweep thinks that whoever wanted to tell is dead."""

Publish = Callable[[Outcome, Container[str] | None], Told]
"""To the topics of these names; None: to all that want it."""


def _anywhere(outcome: Outcome) -> Outcome:
    return outcome


@dataclass(frozen=True)
class Outbox:
    """``opened`` gives the ledger, where one is needed. ``place`` says in which project an outcome's vault is."""

    opened: Callable[[], Ledger]
    clock: Clock
    publish: Publish
    hearing: Hearing = field(default_factory=Hearing)
    place: Callable[[Outcome], Outcome] = _anywhere

    def dated(self, outcome: Outcome) -> Outcome:
        """With the time it was decided, which is now where it has none yet, and with its project: as it is told and kept."""
        return outcome if outcome.at else self.place(replace(outcome, at=at_time(self._now())))

    def tell(self, outcome: Outcome, *, whole: bool = False, only: Container[str] | None = None) -> Told:
        """Tell it, ``only`` to these; what a topic missed is kept for it. ``whole``: also what every topic missed, where nobody
        else keeps that.
        """
        outcome = self.dated(outcome)
        told = self._publish(outcome, only)
        if told.missed and (told.sent or whole) and outcome.reason != TOPIC_DOWN:
            return replace(told, kept=self._keep(outcome, told.missed))
        return told

    def unsent(self, record: Record) -> Told:
        """A message that is due: told to those that have missed it. It was logged and counted before. Raises LedgerDown."""
        try:
            found = body_of(record)
            outcome, missed = Outcome.from_dict(found["outcome"]), [str(each) for each in found["topics"]]
        except (ValueError, KeyError, TypeError, AttributeError):  # not written by us
            self.opened().swap(replace(record, due=None))
            return Told(0)
        if self.hearing.all_deaf(missed):
            self.hearing.waits(missed, record.at)
            self.opened().swap(replace(record, due=self._next_try(record, UNTRIED_SECONDS)))
            return Told(0, missed=tuple(missed))
        mine = self.opened().swap(replace(record, due=self._now() + TELL_SECONDS))
        if mine is None:
            return Told(0)
        told = self._publish(outcome, missed)
        self.hearing.waits(told.missed, record.at)
        body = json.dumps({"outcome": found["outcome"], "topics": told.missed})
        with suppress(LedgerDown):
            self.opened().swap(replace(mine, body=body, due=self._next_try(mine) if told.missed else None))
        return told

    def _publish(self, outcome: Outcome, only: Container[str] | None) -> Told:
        told = self.publish(outcome, only)
        self.hearing.note(told.took, told.missed)
        return told

    def _keep(self, outcome: Outcome, missed: Collection[str]) -> bool:
        now = self._now()
        body = json.dumps({"outcome": outcome.to_dict(), "topics": list(missed)})
        key = hashlib.sha256(f"{now} {body}".encode()).hexdigest()
        with suppress(LedgerDown):
            self.opened().put_if_absent(Record(KIND, key, now, now + RETRY_SECONDS, body, now + KEPT))
            return True
        return False

    def _next_try(self, record: Record, most: float = SELDOM_SECONDS) -> float:
        return self._now() + min(max((self._now() - record.at) / 10, RETRY_SECONDS), most)

    def _now(self) -> float:
        return self.clock.now().timestamp()
