"""What nobody redelivers, in sweeps: due wishes are taken, restore points followed to their end, what is missing told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from handlers.cbr import Cbr
from handlers.dispatch import EARLY_SECONDS, Dispatch
from handlers.dispatch.slots import SHARE
from handlers.errors import LedgerDown
from handlers.inventory import Inventory
from handlers.ledger import Record, body_of
from handlers.notices import KIND as NOTICE
from handlers.notices import Notices
from handlers.outbox import KIND as MESSAGE
from handlers.outcome import Failed, Later, Outcome, Skipped
from handlers.report import Settled, Told
from handlers.restore_point.held import Taking
from handlers.restore_point.said import QUEUED
from handlers.restore_point.wish import KIND as WISH
from handlers.restore_point.wish import Wish
from handlers.rules import Rules
from handlers.values import dataclass, field, replace
from handlers.watch.schedules import missed_timers
from handlers.watch.silence import silent_topics
from handlers.watch.telling import Telling
from handlers.watch.vaults import Vaults
from handlers.watch.wishes import Wishes
from handlers.wire import Deadline

BATCH = 1000
"""Due records one sweep reads; what it does not reach stays due for the next one."""
BACKLOG = 20_000
"""... where there are more than that."""
WAITING_SECONDS = 7 * 86400.0
"""... and where there are more than even that, wishes of so many seconds are read by themselves."""
MAKING, FOLLOWING, TELLING = range(3)
"""How urgent a due record is."""
PUT_OFF_SECONDS = 600.0
"""How soon what nobody was there to hear is tried again: it must not stand before what is due after it."""
STRANGE_SECONDS = 86400.0
"""How soon a record of a kind nobody knows is looked at again."""


@dataclass(frozen=True)
class Watch:
    """One sweep, which tells by ``notices`` and by their way to tell."""

    tools: Taking
    rules: Rules
    cbrs: Mapping[str, Cbr]
    inventory: Inventory
    notices: Notices
    dispatch: Dispatch | None = None
    """Where what one sweep cannot make is handed over; None: it is left for the next."""
    ages: dict[str, float] = field(default_factory=dict)
    """In seconds, of the vaults that were looked at."""

    def sweep(self, deadline: Deadline) -> Iterator[tuple[Outcome, Told]]:
        """What was settled, and who was told, one after the other.

        Timers that did not come; what is to be made, in half of the time if it takes that long; what is being made or to be
        told, in half of the rest; looks at vaults; and what else is due if there is time left. So none starves the others.

        A sweep cut short, by its deadline or by a ledger that fails it, loses nothing. Raises LedgerDown.
        """
        yield from self._guarded(missed_timers(self.rules, self.tools.ledger, self.notices, self._now(), deadline), "timers")
        due = sorted(self._due(), key=_urgency)
        making = [record for record in due if _urgency(record) == MAKING]
        to_make = iter(self.dispatch.again(making, _part(deadline, 1 / 2)) if self.dispatch else making)
        to_tell = iter([record for record in due if _urgency(record) != MAKING])
        make, tell = self._wishes(self.cbrs), self._wishes(self._calm())
        yield from self._work(to_make, make, _part(deadline, 1 / 2))
        yield from self._work(to_tell, tell, _part(deadline, 1 / 2))
        vaults = Vaults(self.rules, tell.cbrs, self.inventory, self.tools.ledger, self.notices, self.tools.clock, self.ages)
        yield from self._guarded(vaults.look(deadline), "vaults")
        yield from self._work(to_make, make, deadline)
        yield from self._work(to_tell, tell, deadline)
        yield from self._guarded(silent_topics(self.rules.topics, self.tools.ledger, self.notices, self._now()), "topics")

    def take_up(self, cause: str, deadline: Deadline) -> Settled:
        """What a queue asks to be taken: the wish of that cause, if there is one whose time has come.

        Its messages may come twice, too early or from anybody: none of that makes more than the watch would have made.
        """
        try:
            record = self.tools.ledger.get(WISH, cause)
            if record is None:
                return [(_nothing("unknown_wish", f"There is no wish of cause {cause}."), Told(0))]
            if failed := _untold(record):
                return [(failed, Told(0))]
            if not self._ripe(record):
                return [(_nothing("not_yet", f"The wish of cause {cause} is settled, or is for later."), Told(0))]
            if deadline.short():
                why = f"There was no time left for the wish of cause {cause}: the watch finds it."
                return [(Later(reason="no_time", message=why, cause=cause, trigger="worker"), Told(0))]
            return self._wishes(self.cbrs).look_after(record, deadline)
        except LedgerDown as problem:
            why = f"The ledger could not say what is wanted ({problem}); it must be delivered again."
            return [(Later(reason="ledger_down", message=why, durable=False, cause=cause, trigger="worker"), Told(0))]

    def _ripe(self, record: Record) -> bool:
        """Whether a worker may take it: one with a slot just before it, any other when it is due."""
        if _urgency(record) != MAKING:
            return False
        with suppress(ValueError):
            wish = Wish.from_record(record)
            if wish.state == "wanted" and wish.reason == QUEUED:
                return wish.slot <= self._now() + EARLY_SECONDS
        return record.due is not None and record.due <= self._now()

    def _calm(self) -> Mapping[str, Cbr]:
        """While restore points wait for their slots at CBR's rate, looking at others must not use it up."""
        waiting = {name for name in self.cbrs if self.dispatch and self.dispatch.has_backlog(name)}
        return {name: cbr.slower(1 - SHARE) if name in waiting else cbr for name, cbr in self.cbrs.items()}

    def _guarded(self, parts: Iterator[Settled], what: str) -> Iterator[tuple[Outcome, Told]]:
        """A fault of ours over one part of a sweep is told, and keeps it from no other part."""
        try:
            for settled in parts:
                yield from settled
        except LedgerDown:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            why = f"The watch could not look after the {what}: {type(error).__name__}, a fault of this program. Report it."
            yield from self.notices.open_here(f"unexpected {what}", Failed(reason="unexpected", message=why, trigger="watch"))

    def _due(self) -> list[Record]:
        """What is due; where that is much, enough of it for what matters most to be among it."""
        now, ledger = self._now(), self.tools.ledger
        found = ledger.due(now, BATCH)
        if len(found) >= BATCH:
            found = ledger.due(now, BACKLOG)
        if len(found) >= BACKLOG:
            among = {record.key for record in found if record.kind == WISH}
            wishes = ledger.since(WISH, now - WAITING_SECONDS)
            found += [each for each in wishes if each.key not in among and each.due is not None and each.due <= now]
        return found

    def _work(self, records: Iterator[Record], wishes: Wishes, deadline: Deadline) -> Iterator[tuple[Outcome, Told]]:
        """One after the other while there is time. Where nobody hears, what is to be told is put off."""
        outbox, ledger = self.notices.outbox, self.tools.ledger
        while not deadline.short() and (record := next(records, None)):
            if record.kind == MESSAGE:
                outbox.unsent(record)
            elif record.kind not in (WISH, NOTICE):  # of a newer version, perhaps: it must not stand in the way of the others
                ledger.swap(replace(record, due=self._now() + STRANGE_SECONDS))
            elif _urgency(record) == TELLING and outbox.hearing.all_deaf(self.rules.topics):
                ledger.swap(replace(record, due=self._now() + PUT_OFF_SECONDS))
            elif record.kind == WISH:
                yield from wishes.look_after(record, deadline)
            else:
                yield from self.notices.unsent(record)

    def follow(self, cause: str, deadline: Deadline) -> Outcome | None:
        """The end of this cause's restore point, told, or None while it is being made. Raises LedgerDown."""
        record = self.tools.ledger.get(WISH, cause)
        wish = Wish.from_record(record) if record else None
        if wish is None or wish.state != "done":
            return None
        ends = self._wishes(self.cbrs).follow(wish, self.cbrs[wish.planned.project], deadline)
        return ends[0][0] if ends else None

    def _wishes(self, cbrs: Mapping[str, Cbr]) -> Wishes:
        return Wishes(Telling(self.tools, self.notices), self.rules, cbrs, self.inventory)

    def _now(self) -> float:
        return self.tools.clock.now().timestamp()


def _untold(record: Record) -> Failed | None:
    """A failure of an earlier delivery that nobody heard of, and no topic wants to: the queue's dead letters must get it."""
    with suppress(ValueError):
        wish = Wish.from_record(record)
        if wish.state == "failed" and wish.untold and wish.due is None:
            return replace(wish.failure(), durable=False)
    return None


def _nothing(reason: str, message: str) -> Skipped:
    return Skipped(reason=reason, message=message, trigger="worker")


def _part(deadline: Deadline, share: float) -> Deadline:
    """As if only that share of the time were left."""
    return Deadline(deadline.clock, deadline.at - deadline.left() * (1 - share))


def _urgency(record: Record) -> int:
    """What is to be made comes before what is being made, and that before what is only to be told. Equals stay in their order."""
    if record.kind != WISH:
        return TELLING
    with suppress(ValueError):
        return {"wanted": MAKING, "claimed": MAKING, "sent": MAKING, "done": FOLLOWING}.get(
            str(body_of(record).get("state")), TELLING
        )
    return TELLING
