"""Where one run is not enough: wishes are written down, each with its slot at CBR, then their causes go to a queue for workers.

A message says nothing but which wishes: what is asked for, and whether it still may be, a worker takes from the ledger and the
rules. So a forged one can at most hurry a wish that exists, by EARLY_SECONDS. What a queue loses, or cannot hold back long
enough, the watch finds due.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from handlers.dispatch.slots import Slots, waiting_until
from handlers.errors import CallFailed, LedgerDown, Misconfigured, Refusal
from handlers.lanes import LANES, in_lanes
from handlers.ledger import Record
from handlers.outcome import Later, Outcome
from handlers.plan.planned import Planned
from handlers.restore_point.held import Taking
from handlers.restore_point.putting_off import put_off
from handlers.restore_point.said import QUEUED
from handlers.restore_point.wish import Wish
from handlers.values import dataclass, replace
from handlers.wire import Deadline

ONE_RUN = LANES
"""Restore points that one delivery takes itself."""
EARLY_SECONDS = 60.0
"""How long before its slot a worker takes a wish: what queues that hold nothing back are given at once."""
LOST_SECONDS = 600.0
"""So long after its slot a wish that was sent to the queue is looked after by the watch: it was lost there, or nobody works."""
EVENT_TYPE = "restore-point.wishes"
"""The type of the CloudEvents that a broker is given; a Trigger filters by it."""
MESSAGE_CAP = 100
"""Wishes in one message."""
_TROUBLE = " (the queue "
"""Begins what an outcome's message says of a queue that did not take its wish."""
_CAUSE = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Waiting:
    """One wish on its way to a worker: its cause, and when CBR is to be asked, in seconds since the epoch."""

    cause: str
    slot: float


class Queue(Protocol):
    """What brings causes to workers. ``holds`` is for how many seconds it can hold a message back before it hands it out."""

    holds: float

    def send(self, waiting: Sequence[Waiting], now: float, deadline: Deadline) -> None:
        """All of them. Raises CallFailed where not all were taken; what had been taken before stays."""

    def close(self) -> None:
        """Its connections."""


@dataclass(frozen=True)
class Dispatch:
    """``rates`` are the requests a second of each project, by its name in the rules."""

    queue: Queue
    tools: Taking
    rates: Mapping[str, float]

    def hand_over(self, plans: Sequence[Planned], deadline: Deadline) -> list[Outcome]:
        """Later for each that was written down, and in its order; else what became of it. Raises LedgerDown: nothing was."""
        now = self._now()
        slots = {name: self._slots(name, now) for name in {each.project for each in plans}}
        ahead = now + max(self.queue.holds, EARLY_SECONDS)

        def wait(planned: Planned) -> Outcome:
            return put_off(planned, self.tools, deadline, lambda: self._due(slots[planned.project].take(), ahead))

        outcomes = in_lanes(wait, plans)
        for each in slots.values():
            each.give_back()
        queued = [each for each in outcomes if isinstance(each, Later) and each.reason == QUEUED and each.durable]
        waiting = [Waiting(each.cause, datetime.fromisoformat(each.slot).timestamp()) for each in queued]
        waiting = [each for each in waiting if each.slot <= ahead]
        if problem := self._sent(waiting, deadline):
            outcomes = [
                replace(each, message=f"{each.message} ({problem})") if each.reason == QUEUED else each for each in outcomes
            ]
        return outcomes

    def again(self, records: Sequence[Record], deadline: Deadline) -> list[Record]:
        """Of the watch's due records those that it should work on itself; the others are sent, again or at last.

        Those whose slot is still to come keep it; where many came back (CBR was busy) they get new ones. What the queue was
        given before and nobody took is the watch's own, however much that is: it was lost there, or nobody works. So is what has
        been wanted for too long, all that came back while the queue takes nothing, and what is of a project that the rules no
        longer name: it has no line. Raises LedgerDown.
        """
        now, (wanted, here) = self._now(), self._in_line(records)
        early = [wish for wish in wanted if wish.slot > now]
        back = [wish for wish in wanted if wish.slot <= now]
        own = [wish for wish in back if wish.reason == QUEUED or now > wish.gives_up_at]
        back = [wish for wish in back if wish not in own]
        if len(back) <= ONE_RUN:
            own, back = own + back, []
        here += [wish.to_record() for wish in own]
        slots = {name: self._slots(name, now) for name in {wish.planned.project for wish in back}}
        ahead, enough = now + max(self.queue.holds, EARLY_SECONDS), deadline.left() / 2  # the other half is for sending
        waiting, moved = list[Waiting](), list[Record]()
        for place, wish in enumerate([*early, *back]):
            if deadline.left() < enough:
                break
            is_back = place >= len(early)
            at = slots[wish.planned.project].take() if is_back else wish.slot
            stored = self.tools.ledger.swap(replace(wish, slot=at, reason=QUEUED, due=self._due(at, ahead)[1]).to_record())
            if stored is not None:
                moved += [stored] if is_back else []
                waiting += [Waiting(wish.planned.cause, at)] if at <= ahead else []
        for each in slots.values():
            each.give_back()
        return here + moved if self._sent(waiting, deadline) else here

    def _in_line(self, records: Sequence[Record]) -> tuple[list[Wish], list[Record]]:
        """What is wanted of projects that have a line; and the rest."""
        wanted, rest = list[Wish](), list[Record]()
        for record in records:
            wish = _readable(record)
            if wish is not None and wish.state == "wanted" and wish.planned.project in self.rates:
                wanted.append(wish)
            else:
                rest.append(record)
        return wanted, rest

    def has_backlog(self, project: str) -> bool:
        """Whether restore points of this project wait for their slots: then nothing else should use up its rate."""
        try:
            now = self._now()
            return waiting_until(self.tools.ledger, project, now) > now
        except LedgerDown:
            return False

    def _due(self, slot: float, ahead: float) -> tuple[float, float]:
        """A slot, and when the watch must look: to send what the queue cannot hold back so long, or to find what it lost."""
        return slot, slot + LOST_SECONDS if slot <= ahead else slot - max(self.queue.holds, EARLY_SECONDS)

    def _sent(self, waiting: Sequence[Waiting], deadline: Deadline) -> str:
        """What went wrong, if anything did: then the watch finds them due."""
        if not waiting:
            return ""
        try:
            self.queue.send(sorted(waiting, key=lambda each: each.slot), self._now(), deadline)
        except CallFailed as failure:
            return f"the queue did not take it: {failure.said}"
        except Misconfigured as problem:
            return f"the queue could not be asked: {problem}"
        return ""

    def _slots(self, project: str, now: float) -> Slots:
        return Slots(self.tools.ledger, project, self.rates[project], now)

    def _now(self) -> float:
        return self.tools.clock.now().timestamp()


def trouble_in(outcomes: Sequence[Outcome]) -> str:
    """What the queue said that did not take the wishes of a delivery; nothing where it took them."""
    for each in outcomes:
        if each.word == "later" and _TROUBLE in each.message:
            return f"The queue {each.message.rpartition(_TROUBLE)[2].removesuffix(')')}"
    return ""


def message(waiting: Sequence[Waiting]) -> dict[str, list[str]]:
    """What goes to the queue."""
    return {"wishes": [each.cause for each in waiting]}


def causes_in(document: object) -> list[str]:
    """The causes that a message of ours names. Raises Refusal."""
    causes = document.get("wishes") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or document.keys() != {"wishes"}:
        raise Refusal("wrong_dialect", 'a worker takes {"wishes": [CAUSE, …]} and nothing else', field="wishes")
    if not isinstance(causes, list) or not 0 < len(causes) <= MESSAGE_CAP:
        raise Refusal("malformed", f"wishes: must be a list of 1 to {MESSAGE_CAP} causes", field="wishes")
    if not all(isinstance(each, str) and _CAUSE.fullmatch(each) for each in causes):
        raise Refusal("malformed", "wishes: a cause is 64 hexadecimal digits", field="wishes")
    return list(dict.fromkeys(causes))


def _readable(record: Record) -> Wish | None:
    try:
        return Wish.from_record(record)
    except ValueError:
        return None
