"""A wish in our hands: how it is claimed, what is written down at each end, and the outcome said for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.errors import CallFailed, LedgerDown
from handlers.ledger import Ledger, Record
from handlers.outcome import Failed, Later, Outcome, Skipped
from handlers.plan.planned import Planned
from handlers.restore_point.rest import keep
from handlers.restore_point.said import QUEUED, joined, known, queued
from handlers.restore_point.wish import Wish
from handlers.values import dataclass, field, replace
from handlers.wire import Clock

SKEW = timedelta(minutes=15)
"""How far CBR's clock and the sender's may lie apart; the gateway's own tolerance."""
CLOCKS = 5.0
"""Seconds by which the clocks of instances and of CBR may differ before it matters."""
KEY_SPAN = timedelta(days=30)
"""How far back a one-off's key is looked for at CBR; the ledger remembers it for longer."""
UNKNOWN_SECONDS = 7200.0
"""By as much no clock is ahead: so long after its end by this clock a claim has surely ended, though CBR was not asked."""
RETRY_SECONDS = 60.0
"""How soon the watch looks again at a wish CBR could not take."""


@dataclass(frozen=True)
class Taking:
    """What taking needs: where wishes stand, the time, a source of owner tokens, and two spans in seconds.

    CBR settles within ``settle_seconds``; a restore point that is being made is looked at every ``follow_seconds``.
    """

    ledger: Ledger
    clock: Clock
    new_owner: Callable[[], str]
    settle_seconds: float
    follow_seconds: float
    ledger_lasts: bool = True
    """False for a ledger that ends with the instance: what stands in it may be seen by no watch."""
    spent: dict[tuple[str, str], float] = field(default_factory=dict)
    """What this process has asked for, by rule, while the ledger could not count it."""
    telling_seconds: float = 300.0
    """How long whoever finds a failure may need to tell it; then the watch does."""


@dataclass()
class Held:
    """``wish`` is None in degraded mode: the ledger could not be asked, and looking alone has to prevent a second one."""

    tools: Taking
    planned: Planned
    wish: Wish | None
    conflict: bool = False
    """It was wanted with other parameters before, by which it is taken now."""
    was_due: float | None = None
    """When somebody was to look at the wish, before this run took it in hand."""
    until: float = 0.0
    """When the claim ends that another run had before; 0 where there was none, or nothing was sent under it."""
    settled: bool = False
    """That it has ended by CBR's clock, too."""
    looked: bool = False
    """What CBR has was looked through: whatever an earlier run sent has been found, or there is nothing."""
    also: list[Wish] = field(default_factory=list)
    """The wishes that follow it."""
    unwritten: list[str] = field(default_factory=list)
    """Causes that follow it, too, and could not be written down: the wish keeps them until somebody has the time."""

    @property
    def gives_up(self) -> bool:
        """Whether it has been wanted for longer than its rule allows."""
        return self.wish is not None and self.now() > self.wish.gives_up_at

    @property
    def unsettled(self) -> bool:
        """Whether what an earlier run sent may still turn up, for all that is known.

        By this clock alone that is not known: it may be ahead of CBR's, by which claims end.
        """
        return bool(self.until) and not self.settled and self.now() < self.until + UNKNOWN_SECONDS

    @property
    def look_since(self) -> datetime:
        """From when on a restore point of this cause counts: since the cause happened, or within its window."""
        wanted = self.wish.wanted_at if self.wish else self.now()
        if self.planned.trigger == "once":  # its cause is its key, which may have been used before, and the ledger lost since
            return datetime.fromtimestamp(wanted, UTC) - KEY_SPAN
        if self.planned.window is None:
            return self.planned.occurred - SKEW
        since = min(self.now() - self.planned.window, wanted - SKEW.total_seconds())
        return datetime.fromtimestamp(since, UTC)

    def skipped(self, reason: str, message: str) -> Skipped:
        """It is not wanted after all; the next delivery of the cause is asked anew."""
        if self.wish is not None and self.wish.untold:  # of an earlier try: that nobody heard of it stays true
            self._put(state="failed", due=self.now() + self.tools.telling_seconds)
        else:
            self._put(state="failed", reason=reason, due=None)
        return Skipped(reason=reason, message=message, **self.about())

    def done(self, checkpoint_id: str, reason: str, **more: Any) -> None:
        """CBR has it; the watch follows it from now on."""
        due = self.now() + self.tools.follow_seconds
        if self.wish is not None:
            more["planned"] = replace(self.wish.planned, others=tuple(self.unwritten))
            with suppress(LedgerDown):
                keep(self.tools.ledger, self.wish.planned.cause, self.unwritten, self.now())
        self._put(state="done", checkpoint_id=checkpoint_id, reason=reason, due=due, made_at=self.now(), untold="", **more)

    def join(self, reason: str, checkpoint_id: str) -> Outcome:
        """It need not be made: it is there."""
        self.done(checkpoint_id, reason)
        return replace(joined(self.planned, reason, checkpoint_id), degraded=self.wish is None)

    def later(self, reason: str, message: str, failure: CallFailed | None = None) -> Outcome:
        """Nothing was executed: the wish goes back, and the watch takes it when it is due.

        Unless something of an earlier run may still be: it must not come free before that has surely ended.
        """
        wait = (failure.retry_after if failure else None) or RETRY_SECONDS
        if self.unsettled:
            return self._not_free(reason, message, failure, wait)
        due = self.now() + wait
        if reason == "no_time":  # nothing was tried: deliveries without time must not put off the watch, which has some
            due = min(due, self.now() if self.was_due is None else self.was_due)
        code = failure.code if failure else ""
        put = self._put(state="wanted", reason=reason, error_code=code, due=due)
        return self._later(reason, message, failure, wait, put)

    def put_off(self, slot: Callable[[], tuple[float, float]]) -> Outcome:
        """Nothing is asked now: ``slot`` says when, and when the watch must look. One that waits already keeps its slot."""
        if self.unsettled:
            why = f"An earlier run may still be at work on {self.planned.what}."
            return self._not_free("in_progress", why, None, RETRY_SECONDS)
        assert self.wish is not None  # noqa: S101 - who calls has seen that
        again = self.wish.reason == QUEUED and self.was_due is not None
        at, due = (self.wish.slot, self.was_due) if again else slot()
        durable = self._put(state="wanted", reason=QUEUED, slot=at, first_slot=self.wish.first_slot or at, due=due)
        return queued(self.planned, at, self.now(), again=again, durable=durable and self.tools.ledger_lasts)

    def _not_free(self, reason: str, message: str, failure: CallFailed | None, wait: float) -> Outcome:
        """The claim stands as it was before this run: until then, whoever comes looks, and sends nothing."""
        put = self._put(state="sent", reason=reason, claim_ends=self.until, due=self.now() + wait)
        return self._later(reason, message, failure, wait, put)

    def unclear(self, reason: str, message: str, failure: CallFailed | None = None) -> Outcome:
        """It may have been executed: the claim is kept to its end, and who comes then looks before anything is sent."""
        wait = self.wish.claim_ends - self.now() if self.wish else RETRY_SECONDS
        return self._later(reason, message, failure, wait, self._put(state="sent", reason=reason))

    def failed(self, reason: str, message: str, failure: CallFailed | None = None, **more: Any) -> Failed:
        """There will be none. The next delivery of the cause may try again; the watch only tells what nobody else did."""
        now = self.now()
        due, code = now + self.tools.telling_seconds, failure.code if failure else more.get("error_code", "")
        put = self._put(state="failed", reason=reason, error_code=code, untold=message, due=due, settled_at=now)
        durable = put and self.tools.ledger_lasts
        return Failed(reason=reason, message=message, durable=durable, **(known(failure) | more), **self.about())

    def doubted(self, said_at: datetime | None, *, looked: bool) -> Outcome | None:
        """Whether somebody else may be at work on this wish, or come to be while this run is. None: surely not.

        CBR's clock is the one all instances see: it says whether an earlier claim has ended, and how long this one must last.
        """
        if self.wish is None:
            return None
        at, now, what = said_at.timestamp() if said_at else None, self.now(), self.planned.what
        if looked and now > self.wish.claim_ends - self.tools.settle_seconds:
            return self.later("clock_moved", f"The clock was moved on while {what} was looked for.")
        if at is not None and at < self.until - CLOCKS:
            why = f"By CBR's clock another run may still be at work on {what}; this one's is ahead."
            return self._not_free("clock_ahead", why, None, self.until - at + CLOCKS)
        self.settled, self.looked = looked or at is not None, looked  # where no time is said this clock is all there is
        ends = self.wish.claim_ends + (at - now if at is not None else 0.0)
        if ends > self.wish.claim_ends + CLOCKS and not self._put(claim_ends=ends, due=ends):
            return self.later("clock_behind", f"This clock is behind CBR's, and another run has taken {what} in hand.")
        return None

    def gave_up(self, *, looked: bool) -> Failed:
        """It was wanted for too long. Only who has looked may say that there is none."""
        why = self.wish.reason if self.wish else ""
        known = "There is no restore point" if looked else "It is not known whether there is a restore point"
        take = f"restore-point take {self.planned.whose}"
        then = take if looked else f"look at the vault's backups, and if there is none: {take}"
        message = (
            f"{known} of vault {self.planned.whose}: it was wanted for {self.planned.give_up_after / 3600:g} hours and CBR could "
            f"not take it ({why or 'unknown'}). Nothing more is tried; {then}."
        )
        code = self.wish.error_code if self.wish else ""
        return self.failed("still_busy" if why == "busy" else why or "gave_up", message, error_code=code)

    def about(self) -> dict[str, Any]:
        """What every outcome repeats."""
        return self.planned.about() | {"degraded": self.wish is None, "conflict": self.conflict}

    def _later(self, reason: str, message: str, failure: CallFailed | None, wait: float, durable: bool) -> Outcome:
        durable = durable and self.tools.ledger_lasts
        then = "The watch takes it up." if durable else "It could not be recorded: it must be delivered again."
        wait = max(wait, 1.0)
        return Later(
            reason=reason, message=f"{message} {then}", durable=durable, retry_after=wait, **known(failure), **self.about()
        )

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.tools.clock.now().timestamp()

    def _put(self, **changes: Any) -> bool:
        """Write the wish's next state; False where the ledger is down or somebody else holds the wish by now."""
        if self.wish is None:
            return False
        changed = replace(self.wish, perhaps=self.wish.perhaps and not self.looked, **changes)
        try:
            stored = self.tools.ledger.swap(changed.to_record())
        except LedgerDown:
            stored = None
        if stored is None:
            return False
        self.wish = replace(changed, version=stored.version)
        self._put_also(changes)
        return True

    def _put_also(self, changes: Mapping[str, Any]) -> None:
        """The followers end where the first one ends; only the first is followed and told about."""
        if changes.get("state") not in ("done", "failed"):
            return
        for wish in self.also:
            ended = replace(wish, **{**changes, "due": None, "untold": "", "planned": wish.planned})
            with suppress(LedgerDown):  # they know whom they follow
                self.tools.ledger.swap(ended.to_record())


def read_wish(record: Record | None) -> Wish | None:
    """What stands there, if anything does. Raises ValueError where it was not written by us."""
    return Wish.from_record(record) if record else None
