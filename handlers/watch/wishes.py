"""A wish that is due: taken, if today's rules still allow it; followed, if CBR has it; told, if it failed."""

from __future__ import annotations

from collections.abc import Mapping

from handlers.cbr import Cbr
from handlers.errors import CallFailed, LedgerDown
from handlers.inventory import Inventory
from handlers.ledger import Record
from handlers.outcome import Broken, Failed
from handlers.plan.planned import Planned
from handlers.report import Settled
from handlers.restore_point import take
from handlers.restore_point.wish import Wish
from handlers.rules import TERMINAL, Rule, Rules
from handlers.values import dataclass, replace
from handlers.watch.following import Following
from handlers.watch.telling import Telling, known, that
from handlers.wire import Deadline


@dataclass(frozen=True)
class Wishes:
    """What the watch does with a record of kind ``wish``."""

    telling: Telling
    rules: Rules
    cbrs: Mapping[str, Cbr]
    inventory: Inventory

    def look_after(self, record: Record, deadline: Deadline) -> Settled:
        """Raises LedgerDown, and nothing else: a fault of ours over one wish must not keep the sweep from all the others."""
        try:
            return self._settle(record, deadline)
        except LedgerDown:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            why = f"broke the watch ({type(error).__name__}: a fault of this program)"
            return self.telling.give_up(record, "unexpected", why)

    def follow(self, wish: Wish, cbr: Cbr, deadline: Deadline) -> Settled:
        """The end of its restore point. One that broke is taken once more, unless a person at a terminal asked for it."""
        return Following(self.telling, self._may_try_again).follow(wish, cbr, deadline)

    def _settle(self, record: Record, deadline: Deadline) -> Settled:
        try:
            wish = Wish.from_record(record)
        except ValueError:
            return self.telling.give_up(record, "unreadable_wish", "cannot be read")
        cbr = self._cbr(wish)
        if wish.state == "failed":
            return self.telling.tell(wish, wish.failure())
        if wish.state == "done":
            return self.follow(wish, cbr, deadline) if cbr else self._lost(wish)
        if cbr is None or not self._allowed(wish, deadline):
            return self._forbidden(wish)
        outcome = take(wish.planned, cbr, self.telling.tools, deadline)
        return [(outcome, self.telling.said(outcome))]

    def _cbr(self, wish: Wish) -> Cbr | None:
        """Today's project of its vault: the names in the rules may have changed since."""
        known_as = self.rules.vault_named(wish.planned.backup.vault_id)
        return self.cbrs.get(self.rules.project_of(known_as[1]) if known_as else wish.planned.project)

    def _may_try_again(self, wish: Wish, deadline: Deadline) -> bool:
        return wish.planned.sender != TERMINAL and self._allowed(wish, deadline)

    def _allowed(self, wish: Wish, deadline: Deadline) -> bool:
        """Today's rules decide: what a rule wanted yesterday is not taken once no rule lists the vault."""
        planned = wish.planned
        if planned.sender == TERMINAL:
            return True
        known_as = self.rules.vault_named(planned.backup.vault_id)
        if known_as is not None and any(known_as[0] in rule.vaults for rule in self.rules.rules):
            return True
        return any(self._tagged(rule, planned, deadline) for rule in self.rules.rules if rule.vault_tags)

    def _tagged(self, rule: Rule, planned: Planned, deadline: Deadline) -> bool:
        """Whether the vault carries the rule's tags; where that cannot be asked, it did when the wish was recorded."""
        try:
            vaults = self.inventory.tagged(rule, self.rules, deadline)
        except CallFailed:
            return rule.name == planned.rule
        return planned.backup.vault_id in vaults

    def _forbidden(self, wish: Wish) -> Settled:
        planned = wish.planned
        message = (
            f"A restore point of vault {planned.whose} was still wanted, but today's rules no longer "
            "list that vault or its project: nothing was asked of CBR."
        )
        failed = replace(wish, state="failed", reason="no_longer_allowed", untold=message)
        return self.telling.tell(failed, Failed(reason="no_longer_allowed", message=message, **planned.about()))

    def _lost(self, wish: Wish) -> Settled:
        message = f"{that(wish)} can no longer be followed: its project is gone from the rules. Look at it in the console."
        return self.telling.tell(wish, Broken(reason="cannot_follow", message=message, **known(wish)))
