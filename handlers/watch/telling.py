"""Telling what became of a wish, once: whoever moves its due time first tells, and what no topic took is told again later."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from handlers.errors import LedgerDown
from handlers.ledger import Record
from handlers.notices import KEPT, Notices, unheard
from handlers.outcome import Broken, Failed, Outcome, at_time
from handlers.report import Settled, Told
from handlers.restore_point.held import Taking, read_wish
from handlers.restore_point.turns import give_turn_back
from handlers.restore_point.wish import KIND as WISH
from handlers.restore_point.wish import Wish
from handlers.values import dataclass, replace
from handlers.watch.cooling import Others, heard_lately, is_of_the_vault, remember

SELDOM_SECONDS = 3600.0
"""Between two tries to tell what no topic takes, at most; and between two looks at a restore point that does not end."""
TELL_SECONDS = 300.0
"""How long one sweep may need to tell an end before another sweep tries to."""


@dataclass(frozen=True)
class Telling:
    """Tells by ``notices``, and by their way to tell."""

    tools: Taking
    notices: Notices

    def tell(self, wish: Wish, end: Outcome) -> Settled:
        """The end of a wish. Told before it is recorded as told: a run killed in between tells it again rather than never."""
        mine = self._begun(wish, end)
        if mine is None:
            return []
        end = self._dated(end, mine)
        told = self.notices.publish(end)
        if unheard(told):
            self.put(replace(mine, due=self._next_try(wish)))
        else:
            self.put(replace(mine, ended="" if isinstance(end, Failed) else end.word, untold="", due=None))
        return [(end, told)]

    def tell_and_go_on(self, wish: Wish, end: Outcome, then: Wish) -> Settled:
        """The end of a restore point whose wish goes on as ``then``, whether or not a topic is there to hear of it: the notice
        stands in the ledger until one is.
        """
        mine = self._begun(wish, end)
        if mine is None:
            return []
        settled = self.notices.open(f"end {wish.checkpoint_id}", self._dated(end, mine), again=KEPT)
        self.put(replace(then, version=mine.version))
        return settled

    def _begun(self, wish: Wish, end: Outcome) -> Wish | None:
        """The wish in the hands of the one sweep that tells its end."""
        mine = self.put(replace(wish, due=self.now() + TELL_SECONDS, settled_at=wish.settled_at or self.now()))
        if mine is not None and isinstance(end, Broken):
            give_turn_back(self.tools.ledger, wish.planned, self.now())
        return mine

    def _dated(self, end: Outcome, mine: Wish) -> Outcome:
        """Of when it was first seen, however long no topic takes it."""
        return self.notices.outbox.place(replace(end, at=at_time(mine.settled_at)))

    def once_late(self, wish: Wish, late: Outcome, seldom: Wish) -> Settled:
        """Something that is told while its restore point goes on being followed, as ``seldom`` says."""
        mine = self.put(replace(wish, due=self.now() + TELL_SECONDS))
        if mine is None:
            return []
        told = self.notices.publish(late)
        if not unheard(told):
            self.put(replace(seldom, version=mine.version))
        return [(late, told)]

    def said(self, outcome: Outcome) -> Told:
        """Tell what a run came to. A failure that was written down stands there as untold until somebody has heard of it."""
        outbox = self.notices.outbox
        if not isinstance(outcome, Failed):
            return outbox.tell(outcome, whole=True)
        if outcome.trigger == "alert" and is_of_the_vault(outcome):
            told = self._told_to_the_others(outcome)
        else:
            told = outbox.tell(outcome, whole=not outcome.durable and self.tools.ledger_lasts)
        if outcome.durable:
            with suppress(LedgerDown, ValueError):
                wish = read_wish(self.tools.ledger.get(WISH, outcome.cause))
                if wish is not None and wish.state == "failed" and wish.untold:
                    self._note(wish, told)
        return told

    def _told_to_the_others(self, failure: Failed) -> Told:
        """Those that have not heard the same within the hour. What is kept for a topic it will hear."""
        heard = heard_lately(self.tools.ledger, failure, self.now())
        whole = bool(heard) or (not failure.durable and self.tools.ledger_lasts)
        told = self.notices.outbox.tell(failure, whole=whole, only=Others(heard) if heard else None)
        remember(self.tools.ledger, failure, (*told.took, *(told.missed if told.kept else ())), self.now())
        return replace(told, before=bool(heard) and (told.sent > 0 or told.kept or not told.missed))

    def _note(self, wish: Wish, told: Told) -> None:
        """Where no topic wants to hear of it, nobody has: only the platform's dead letters are left, and it stays untold."""
        if unheard(told) and not told.before:
            self.put(replace(wish, due=self._next_try(wish)))
        else:
            self.put(replace(wish, untold="" if told.heard else wish.untold, due=None))

    def give_up(self, record: Record, reason: str, why: str) -> Settled:
        """A record nothing can be done with is told and left alone: it must not keep the sweeps from all the others."""
        ledger = self.tools.ledger
        try:
            standing = ledger.get(record.kind, record.key) or record  # it may have got as far as a claim
            mine = ledger.swap(replace(standing, due=self.now() + TELL_SECONDS))
            if mine is None:
                return []
            message = (
                f"The ledger holds a {record.kind} that {why}, {record.key[:64]}: nothing is done about it any "
                "more. See whether the ledger was written by another program or version; the vault's backups are at CBR."
            )
            outcome = Failed(reason=reason, message=message, trigger="watch")
            told = self.notices.publish(outcome)
            ledger.swap(replace(mine, due=self.now() + self.tools.follow_seconds if unheard(told) else None))
        except LedgerDown:
            return []
        return [(outcome, told)]

    def _next_try(self, wish: Wish) -> float:
        """The longer no topic has taken it the less often it is tried: what waits to be told must not crowd out what waits to be
        made.
        """
        waited = self.now() - max(wish.wanted_at, wish.made_at)
        return self.now() + min(max(waited / 10, self.tools.follow_seconds), SELDOM_SECONDS)

    def put(self, wish: Wish) -> Wish | None:
        """The wish as it now stands, or None where another sweep was first or the ledger is down."""
        try:
            stored = self.tools.ledger.swap(wish.to_record())
        except LedgerDown:
            return None
        return replace(wish, version=stored.version) if stored else None

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.tools.clock.now().timestamp()


def known(wish: Wish) -> dict[str, Any]:
    """What every word about its restore point repeats."""
    more = {"checkpoint_id": wish.checkpoint_id, "skipped_resources": wish.skipped, "request_id": wish.request_id}
    return wish.planned.about() | more


def that(wish: Wish) -> str:
    """Its restore point, in a sentence's words."""
    return f"Restore point {wish.checkpoint_id} of vault {wish.planned.whose}"
