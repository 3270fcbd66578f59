"""What nobody redelivers: wishes that are due are taken, restore points are followed to their end, and both are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from handlers.cbr import Cbr, Operation
from handlers.errors import CallFailed, LedgerDown, Rejected
from handlers.inventory import Inventory
from handlers.ledger import Record
from handlers.outcome import Available, Broken, Failed, Outcome, Partly
from handlers.plan.planned import Planned
from handlers.report import Told
from handlers.restore_point import LEAST_SECONDS, take
from handlers.restore_point.held import SKEW, Taking, give_turn_back
from handlers.restore_point.wish import KIND, Wish
from handlers.rules import TERMINAL, Rule, Rules
from handlers.vault_backup import Checkpoint
from handlers.wire import Deadline

BATCH = 100
"""Records one sweep looks at; what it does not reach stays due for the next one."""
NO_CHECKPOINT = "BackupService.6217"
"""The one refusal that says a restore point is gone (CBR API reference); any other says something about us."""
LATE_SECONDS = 86400.0
"""A first full backup may take hours; one without an end after a day is told."""
LATE = "not_finished"
SELDOM_SECONDS = 3600.0
"""How soon such a one is looked at again."""
TELL_SECONDS = 300.0
"""How long one sweep may need to tell an end before another sweep tries to."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One sweep over what is due. ``publish`` tells an outcome at once and says who got it."""

    tools: Taking
    rules: Rules
    cbrs: Mapping[str, Cbr]
    inventory: Inventory
    publish: Callable[[Outcome], Told]

    def sweep(self, deadline: Deadline) -> list[tuple[Outcome, Told]]:
        """What was settled, and who was told. Bounded by ``deadline``; a sweep cut short loses nothing. Raises LedgerDown."""
        settled = []
        for record in self.tools.ledger.due(self.tools.clock.now().timestamp(), BATCH):
            if deadline.left() < LEAST_SECONDS:
                break
            if record.kind == KIND:
                settled += self._looked_after(record, deadline)
        return settled

    def follow(self, cause: str, deadline: Deadline) -> Outcome | None:
        """The end of this cause's restore point, told, or None while it is being made. Raises LedgerDown."""
        record = self.tools.ledger.get(KIND, cause)
        wish = Wish.from_record(record) if record else None
        if wish is None or wish.state != "done":
            return None
        ends = self._follow(wish, self.cbrs[wish.planned.project], deadline)
        return ends[0][0] if ends else None

    def _looked_after(self, record: Record, deadline: Deadline) -> list[tuple[Outcome, Told]]:
        try:
            return self._settle(record, deadline)
        except LedgerDown:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours over one wish must not keep the sweep from all the others
            return self._given_up(record, "unexpected", f"broke the watch ({type(error).__name__}: a fault of this program)")

    def _settle(self, record: Record, deadline: Deadline) -> list[tuple[Outcome, Told]]:
        try:
            wish = Wish.from_record(record)
        except ValueError:
            return self._given_up(record, "unreadable_wish", "cannot be read")
        cbr = self._cbr(wish)
        if wish.state == "failed":
            return self._tell(wish, Failed(reason=wish.reason, message=wish.untold, **wish.planned.about()))
        if wish.state == "done":
            return self._follow(wish, cbr, deadline) if cbr else self._lost(wish)
        if cbr is None or not self._allowed(wish, deadline):
            return self._forbidden(wish)
        outcome = take(wish.planned, cbr, replace(self.tools, telling_seconds=TELL_SECONDS), deadline)
        told = self.publish(outcome)
        if isinstance(outcome, Failed):
            self._told(wish.planned.cause, told)
        return [(outcome, told)]

    def _cbr(self, wish: Wish) -> Cbr | None:
        """Today's project of its vault: the names in the rules may have changed since."""
        known = self.rules.vault_named(wish.planned.backup.vault_id)
        return self.cbrs.get(self.rules.project_of(known[1]) if known else wish.planned.project)

    def _told(self, cause: str, told: Told) -> None:
        """A failure was written down as untold before anybody heard of it; now somebody has, or the next sweep tells it."""
        try:
            record = self.tools.ledger.get(KIND, cause)
        except LedgerDown:
            return
        if record and (wish := Wish.from_record(record)).state == "failed" and wish.untold:
            due = self._now() + self.tools.follow_seconds
            self._put(replace(wish, due=due) if _nobody(told) else replace(wish, untold="", due=None))

    def _given_up(self, record: Record, reason: str, why: str) -> list[tuple[Outcome, Told]]:
        """Told and left alone: it must not stop the sweeps that look after all the others."""
        try:
            standing = self.tools.ledger.get(record.kind, record.key) or record  # it may have got as far as a claim
            mine = self.tools.ledger.swap(replace(standing, due=self._now() + TELL_SECONDS))
            if mine is None:
                return []
            message = f"The ledger holds a wish that {why}, {record.key[:64]}: nothing is done about it any more."
            outcome = Failed(reason=reason, message=message, trigger="watch")
            told = self.publish(outcome)
            self.tools.ledger.swap(replace(mine, due=self._now() + self.tools.follow_seconds if _nobody(told) else None))
        except LedgerDown:
            return []
        return [(outcome, told)]

    def _allowed(self, wish: Wish, deadline: Deadline) -> bool:
        """Today's rules decide: what a rule wanted yesterday is not taken once no rule lists the vault."""
        planned = wish.planned
        if planned.sender == TERMINAL:
            return True
        known = self.rules.vault_named(planned.backup.vault_id)
        if known is not None and any(known[0] in rule.vaults for rule in self.rules.rules):
            return True
        return any(self._tagged(rule, planned, deadline) for rule in self.rules.rules if rule.vault_tags)

    def _tagged(self, rule: Rule, planned: Planned, deadline: Deadline) -> bool:
        """Whether the vault carries the rule's tags; where that cannot be asked, it did when the wish was recorded."""
        try:
            vaults = self.inventory.tagged(rule, self.rules, deadline)
        except CallFailed:
            return rule.name == planned.rule
        return planned.backup.vault_id in vaults

    def _forbidden(self, wish: Wish) -> list[tuple[Outcome, Told]]:
        planned = wish.planned
        message = (
            f"A restore point of vault {planned.whose} was still wanted, but today's rules no longer "
            "list that vault or its project: nothing was asked of CBR."
        )
        failed = replace(wish, state="failed", reason="no_longer_allowed", untold=message)
        return self._tell(failed, Failed(reason="no_longer_allowed", message=message, **planned.about()))

    def _lost(self, wish: Wish) -> list[tuple[Outcome, Told]]:
        message = f"{_that(wish)} can no longer be followed: its project is gone from the rules. Look at it in the console."
        return self._tell(wish, Broken(reason="cannot_follow", message=message, **_known(wish)))

    def _follow(self, wish: Wish, cbr: Cbr, deadline: Deadline) -> list[tuple[Outcome, Told]]:
        """The end of a restore point, told before it is recorded: a run killed in between tells it again rather than never."""
        why = "it is still being made"
        try:
            end = self._end(wish, cbr, deadline)
        except CallFailed as failure:
            end, why = None, f"it could not be asked about ({failure.code or failure.status} {failure.message})"
        if end is not None:
            return self._tell(wish, end) if self._others_written(wish, deadline) else []
        if self._now() - wish.wanted_at < LATE_SECONDS:
            self._put(replace(wish, due=self._now() + self.tools.follow_seconds))
            return []
        return self._late(wish, why)

    def _others_written(self, wish: Wish, deadline: Deadline) -> bool:
        """The causes of a storm that its delivery had no time to write down; False: this sweep has not, either."""
        for cause in wish.planned.others:
            if deadline.left() < LEAST_SECONDS:
                return False
            self.tools.ledger.put_if_absent(wish.followed_by(cause).to_record())
        return True

    def _late(self, wish: Wish, why: str) -> list[tuple[Outcome, Told]]:
        """A restore point without an end is told once, and looked at less often from then on."""
        seldom = replace(wish, reason=LATE, due=self._now() + SELDOM_SECONDS)
        if wish.reason == LATE:
            self._put(seldom)
            return []
        mine = self._put(replace(wish, due=self._now() + TELL_SECONDS))
        if mine is None:
            return []
        hours = LATE_SECONDS / 3600
        message = f"{_that(wish)} has no end after {hours:g} hours: {why}. Do not count on it; look at it in the console."
        late = Failed(reason=LATE, message=message, **_known(wish))
        told = self.publish(late)
        if not _nobody(told):
            self._put(replace(seldom, version=mine.version))
        return [(late, told)]

    def _tell(self, wish: Wish, end: Outcome) -> list[tuple[Outcome, Told]]:
        """Whoever moves the due time first is the one who tells; what no topic took is told again by a later sweep."""
        mine = self._put(replace(wish, due=self._now() + TELL_SECONDS))
        if mine is None:
            return []
        if isinstance(end, Broken):
            give_turn_back(self.tools.ledger, wish.planned, self._now())
        told = self.publish(end)
        if _nobody(told):
            self._put(replace(mine, due=self._now() + self.tools.follow_seconds))
        else:
            self._put(replace(mine, ended="" if isinstance(end, Failed) else end.word, untold="", due=None))
        return [(end, told)]

    def _end(self, wish: Wish, cbr: Cbr, deadline: Deadline) -> Outcome | None:
        try:
            checkpoint = cbr.show(wish.checkpoint_id, deadline)
        except Rejected as failure:
            if failure.code != NO_CHECKPOINT:
                raise
            why = f"CBR no longer knows it ({failure.code})"
            return self._ended(Broken, wish, "gone", f"{_that(wish)} is gone: {why}. There is none for this cause.")
        if checkpoint.status in ("deleting", "deleted", "error-deleting"):
            return self._ended(
                Broken, wish, "gone", f"{_that(wish)} was deleted ({checkpoint.status}). There is none for this cause."
            )
        if checkpoint.status == "error":
            problems = self._problems(wish, cbr, deadline)
            why = "; ".join(problems[:3]) or "CBR gives no reason in its operation log"
            message = f"{_that(wish)} ended in error: {why}. There is none for this cause; take one by hand."
            return self._ended(Broken, wish, "error", message)
        if checkpoint.status != "available" or _still_working(checkpoint):
            return None
        problems = self._problems(wish, cbr, deadline)
        missing = [f"{each.name or each.id} ({each.code} {each.reason})" for each in wish.skipped] + problems
        parts = checkpoint.vault.resources if checkpoint.vault else ()
        missing += [f"{each.name or each.id} (in error)" for each in parts if each.protect_status == "error"]
        if missing:
            message = f"{_that(wish)} is available, but without: {'; '.join(missing[:5])}."
            return self._ended(Partly, wish, "resources_missing", message, checkpoint)
        return self._ended(Available, wish, "complete", f"{_that(wish)} is available.", checkpoint)

    def _problems(self, wish: Wish, cbr: Cbr, deadline: Deadline) -> list[str]:
        """What the operation log says of resources that failed: the only place where CBR gives a reason."""
        since = wish.planned.occurred - SKEW
        operations = cbr.operations(deadline, vault_id=wish.planned.backup.vault_id, since=since)
        return [_problem(each) for each in operations if each.checkpoint_id == wish.checkpoint_id and _went_wrong(each)]

    @staticmethod
    def _ended(
        end: type[Available | Partly | Broken], wish: Wish, reason: str, message: str, checkpoint: Checkpoint | None = None
    ) -> Outcome:
        resources = checkpoint.vault.resources if checkpoint and checkpoint.vault else ()
        return end(reason=reason, message=message, resources=resources, **_known(wish))

    def _now(self) -> float:
        return self.tools.clock.now().timestamp()

    def _put(self, wish: Wish) -> Wish | None:
        """The wish as it now stands, or None where another sweep was first or the ledger is down."""
        try:
            stored = self.tools.ledger.swap(wish.to_record())
        except LedgerDown:
            return None
        return replace(wish, version=stored.version) if stored else None


def _nobody(told: Told) -> bool:
    """Whether topics wanted it and none took it. One is enough: the others would hear it twice, or for ever."""
    return bool(told.problems) and not told.sent


def _known(wish: Wish) -> dict[str, Any]:
    """What every word about it repeats."""
    more = {"checkpoint_id": wish.checkpoint_id, "skipped_resources": wish.skipped, "request_id": wish.request_id}
    return wish.planned.about() | more


def _that(wish: Wish) -> str:
    return f"Restore point {wish.checkpoint_id} of vault {wish.planned.whose}"


def _still_working(checkpoint: Checkpoint) -> bool:
    # A restore point may be available while its resources are still being worked on; both have to be over.
    return any(each.protect_status == "protecting" for each in (checkpoint.vault.resources if checkpoint.vault else ()))


def _went_wrong(operation: Operation) -> bool:
    return operation.status in ("failed", "timeout", "skipped")


def _problem(operation: Operation) -> str:
    code, text = operation.error
    return f"{operation.resource_name or operation.resource_id} {operation.status} ({code} {text})".replace("( )", "").strip()
