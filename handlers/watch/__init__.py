"""What nobody redelivers, in sweeps: due wishes are taken, restore points followed to their end, what is missing told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handlers.cbr import Cbr
from handlers.inventory import Inventory
from handlers.notices import KIND as NOTICE
from handlers.notices import Notices
from handlers.outcome import Outcome
from handlers.report import Told
from handlers.restore_point import LEAST_SECONDS
from handlers.restore_point.held import Taking
from handlers.restore_point.wish import KIND as WISH
from handlers.restore_point.wish import Wish
from handlers.rules import Rules
from handlers.watch.schedules import missed_timers
from handlers.watch.telling import Telling
from handlers.watch.vaults import Vaults
from handlers.watch.wishes import Wishes
from handlers.wire import Deadline

BATCH = 100
"""Due records one sweep looks at; what it does not reach stays due for the next one."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One sweep, which tells by ``notices`` and by their way to tell."""

    tools: Taking
    rules: Rules
    cbrs: Mapping[str, Cbr]
    inventory: Inventory
    notices: Notices

    def sweep(self, deadline: Deadline) -> Iterator[tuple[Outcome, Told]]:
        """What was settled, and who was told, one after the other: wishes first, looks at vaults in what time is left.

        A sweep cut short, by its deadline or by a ledger that fails it, loses nothing. Raises LedgerDown.
        """
        wishes = self._wishes()
        for record in self.tools.ledger.due(self._now(), BATCH):
            if deadline.left() < LEAST_SECONDS:
                return
            if record.kind == WISH:
                yield from wishes.look_after(record, deadline)
            elif record.kind == NOTICE:
                yield from self.notices.unsent(record)
        for settled in missed_timers(self.rules, self.tools.ledger, self.notices, self._now()):
            yield from settled
        vaults = Vaults(self.rules, self.cbrs, self.inventory, self.tools.ledger, self.notices, self.tools.clock)
        for settled in vaults.look(deadline):
            yield from settled

    def follow(self, cause: str, deadline: Deadline) -> Outcome | None:
        """The end of this cause's restore point, told, or None while it is being made. Raises LedgerDown."""
        record = self.tools.ledger.get(WISH, cause)
        wish = Wish.from_record(record) if record else None
        if wish is None or wish.state != "done":
            return None
        ends = self._wishes().follow(wish, self.cbrs[wish.planned.project], deadline)
        return ends[0][0] if ends else None

    def _wishes(self) -> Wishes:
        return Wishes(Telling(self.tools, self.notices), self.rules, self.cbrs, self.inventory)

    def _now(self) -> float:
        return self.tools.clock.now().timestamp()
