"""A wish in our hands: how it is claimed, what is written down at each end, and the outcome said for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.errors import CallFailed, LedgerDown
from handlers.ledger import Ledger, Record
from handlers.outcome import Failed, Joined, Later, Outcome, Skipped
from handlers.plan.planned import Planned
from handlers.restore_point.wish import KIND, Wish
from handlers.wire import Clock

SKEW = timedelta(minutes=15)
"""How far CBR's clock and the sender's may lie apart; the gateway's own tolerance."""
TURN = "interval"
"""The kind of the record that says whose turn a vault's ``min_interval`` is."""
RETRY_SECONDS = 60.0
"""How soon the watch looks again at a wish CBR could not take."""


@dataclass(frozen=True, slots=True)
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
    telling_seconds: float | None = None
    """Set by the watch, which nobody redelivers: a failure stays due this long until it was told."""


@dataclass(slots=True)
class Held:
    """``wish`` is None in degraded mode: the ledger could not be asked, and looking alone has to prevent a second one."""

    tools: Taking
    planned: Planned
    wish: Wish | None
    also: list[Wish] = field(default_factory=list)
    """The wishes that follow it."""
    unwritten: list[str] = field(default_factory=list)
    """Causes that follow it, too, and could not be written down: the wish keeps them until somebody has the time."""

    @property
    def gives_up(self) -> bool:
        """Whether it has been wanted for longer than its rule allows."""
        return self.wish is not None and self._now() > self.wish.gives_up_at

    @property
    def look_since(self) -> datetime | None:
        """From when on a restore point of this cause counts: since the cause happened, or within its window."""
        if self.planned.trigger == "once":
            return None  # its cause is its key, which says nothing about when it was first used
        if self.planned.window is None:
            return self.planned.occurred - SKEW
        wanted = self.wish.wanted_at if self.wish else self._now()
        since = min(self._now() - self.planned.window, wanted - SKEW.total_seconds())
        return datetime.fromtimestamp(since, UTC)

    def blocked(self) -> Outcome | None:
        """What the vault's ``min_interval`` says: None lets this one through, and no other alert's until it is over.

        Whoever had the last turn must have got something for it. What may still become a restore point is waited for.
        """
        if not self.planned.min_interval:
            return None
        now, wanted = self._now(), self.wish.wanted_at if self.wish else 0.0
        ends = now + self.planned.min_interval
        mine = Record(TURN, self.planned.backup.vault_id, now, None, json.dumps({"cause": self.planned.cause}), ends)
        try:
            standing = self.tools.ledger.put_if_absent(mine)
            if standing is None:
                return None
            if standing.body == mine.body:  # its own: of an earlier try still, of an earlier window not any more
                return None if standing.at >= wanted else self._held_back()
            holder = read_wish(self.tools.ledger.get(KIND, str(json.loads(standing.body)["cause"])))
            if holder is not None and holder.state == "done" and holder.ended != "broken":
                return self._held_back()
            at_work = holder is not None and holder.may_have_been_sent
            if at_work or self.tools.ledger.swap(replace(mine, version=standing.version)) is None:
                what = f"Another alert's restore point of vault {self.planned.whose} may be in the making (min_interval)."
                return self.later("waits_its_turn", what)
        except (LedgerDown, ValueError, KeyError, TypeError):
            return None
        return None

    def give_turn_back(self) -> None:
        """No restore point came of it: the next alert need not wait."""
        give_turn_back(self.tools.ledger, self.planned, self._now())

    def _held_back(self) -> Skipped:
        """Another alert had the vault backed up just now."""
        self._put(state="failed", reason="min_interval", due=None)
        message = (
            f"Vault {self.planned.whose} was backed up for another alert less than {self.planned.min_interval / 60:g} minutes "
            "ago (min_interval), so nothing was asked of CBR."
        )
        return Skipped(reason="min_interval", message=message, **self.about())

    def done(self, checkpoint_id: str, reason: str, **more: Any) -> None:
        """CBR has it; the watch follows it from now on."""
        due = self._now() + self.tools.follow_seconds
        if self.wish is not None:
            more["planned"] = replace(self.wish.planned, others=tuple(self.unwritten))
        self._put(state="done", checkpoint_id=checkpoint_id, reason=reason, due=due, **more)

    def join(self, reason: str, checkpoint_id: str) -> Outcome:
        """It need not be made: it is there."""
        self.done(checkpoint_id, reason)
        return replace(joined(self.planned, reason, checkpoint_id), degraded=self.wish is None)

    def later(self, reason: str, message: str, failure: CallFailed | None = None) -> Outcome:
        """Nothing was executed: the wish goes back, and the watch takes it when it is due."""
        wait = (failure.retry_after if failure else None) or RETRY_SECONDS
        return self._later(reason, message, failure, wait, self._put(state="wanted", reason=reason, due=self._now() + wait))

    def unclear(self, reason: str, message: str, failure: CallFailed | None = None) -> Outcome:
        """It may have been executed: the claim is kept to its end, and who comes then looks before anything is sent."""
        wait = self.wish.claim_ends - self._now() if self.wish else RETRY_SECONDS
        return self._later(reason, message, failure, wait, self._put(state="sent", reason=reason))

    def failed(self, reason: str, message: str, failure: CallFailed | None = None, **more: Any) -> Failed:
        """There will be none. The next delivery of the cause may try again; the watch does not."""
        telling = self.tools.telling_seconds
        if telling is None:
            self._put(state="failed", reason=reason, due=None)
        else:
            self._put(state="failed", reason=reason, untold=message, due=self._now() + telling)
        return Failed(reason=reason, message=message, **known(failure), **more, **self.about())

    @property
    def overtaken(self) -> bool:
        """Whether the clock was moved on under this run, so that its claim may seem to have ended to others."""
        return self.wish is not None and self._now() > self.wish.claim_ends - self.tools.settle_seconds

    def gave_up(self, *, looked: bool) -> Failed:
        """It was wanted for too long. Only who has looked may say that there is none."""
        why = self.wish.reason if self.wish else ""
        known = "There is no restore point" if looked else "It is not known whether there is a restore point"
        then = "take one by hand" if looked else "look at the vault's backups, and take one by hand if there is none"
        message = (
            f"{known} of vault {self.planned.whose}: it was wanted for {self.planned.give_up_after / 3600:g} hours and CBR could "
            f"not take it ({why or 'unknown'}). Nothing more is tried; {then}."
        )
        return self.failed("still_busy" if why == "busy" else why or "gave_up", message)

    def about(self) -> dict[str, Any]:
        """What every outcome repeats."""
        return self.planned.about() | {"degraded": self.wish is None}

    def _later(self, reason: str, message: str, failure: CallFailed | None, wait: float, durable: bool) -> Outcome:
        durable = durable and self.tools.ledger_lasts
        then = "The watch takes it up." if durable else "It could not be recorded: it must be delivered again."
        wait = max(wait, 1.0)
        return Later(
            reason=reason, message=f"{message} {then}", durable=durable, retry_after=wait, **known(failure), **self.about()
        )

    def _now(self) -> float:
        return self.tools.clock.now().timestamp()

    def _put(self, **changes: Any) -> bool:
        """Write the wish's next state; False where the ledger is down or somebody else holds the wish by now."""
        if self.wish is None:
            return False
        changed = replace(self.wish, **changes)
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
            with suppress(LedgerDown):  # they know whom they follow
                self.tools.ledger.swap(replace(wish, **{**changes, "due": None, "planned": wish.planned}).to_record())


def read_wish(record: Record | None) -> Wish | None:
    """What stands there, if anything does. Raises ValueError where it was not written by us."""
    return Wish.from_record(record) if record else None


def give_turn_back(ledger: Ledger, planned: Planned, now: float) -> None:
    """The vault's next alert need not wait for ``min_interval``, if it was this cause that had the turn."""
    if not planned.min_interval:
        return
    with suppress(LedgerDown, ValueError):
        standing = ledger.get(TURN, planned.backup.vault_id)
        if standing is not None and json.loads(standing.body) == {"cause": planned.cause}:
            ledger.swap(replace(standing, expires=now))


def joined(taken: Planned, reason: str, checkpoint_id: str, asked: Planned | None = None) -> Joined:
    """A restore point of this cause is there already, as ``taken``, which another delivery may have asked for."""
    planned = asked or taken
    how = {
        "already_taken": "was taken for this cause before",
        "found": "of this cause was found at CBR",
        "running_already": "began after the cause and covers it",
    }[reason]
    message = f"Nothing was asked of CBR: restore point {checkpoint_id} of vault {planned.whose} {how}."
    if planned.backup.parameters != taken.backup.parameters and _asks(planned) != _asks(taken):
        message += " It was asked for with other parameters than now: give this wish a key of its own if they matter."
    return Joined(reason=reason, message=message, checkpoint_id=checkpoint_id, **(planned.about() | {"name": taken.name}))


def _asks(planned: Planned) -> dict[str, Any]:
    """What is asked for, apart from the words that differ from delivery to delivery."""
    asked = planned.backup.to_dict().get("parameters", {})
    return {key: value for key, value in asked.items() if key not in ("name", "description")}


def known(failure: CallFailed | None) -> dict[str, Any]:
    """What a failed call adds to an outcome."""
    return {"error_code": failure.code, "request_id": failure.request_id} if failure else {}


def in_progress(planned: Planned, wait: float, tools: Taking) -> Later:
    """Somebody else has it in hand; ``wait`` is seconds until that ends."""
    message = f"Another run is at work on {planned.what}; the watch looks after it when that run's claim ends."
    durable = tools.ledger_lasts
    return Later(reason="in_progress", message=message, durable=durable, retry_after=max(wait, 1.0), **planned.about())
