"""A restore point that CBR accepted, followed to its end: available, partly or broken, with CBR's own reasons.

One that ends in error is taken once more, under the same cause: nobody else will ask for it again.
"""

from __future__ import annotations

from collections.abc import Callable

from handlers.cbr import Cbr, Operation
from handlers.errors import CallFailed, Rejected
from handlers.outcome import Available, Broken, Failed, Outcome, Partly
from handlers.report import Settled
from handlers.restore_point.held import SKEW
from handlers.restore_point.rest import write_down
from handlers.restore_point.wish import Wish
from handlers.values import dataclass, replace
from handlers.vault_backup import Checkpoint
from handlers.watch.telling import SELDOM_SECONDS, Telling, known, that
from handlers.wire import Deadline

NO_CHECKPOINT = "BackupService.6217"
"""The one refusal that says a restore point is gone (CBR API reference); any other says something about us."""
LATE_SECONDS = 86400.0
"""A first full backup may take hours; one without an end after a day is told."""
LATE = "not_finished"


@dataclass(frozen=True)
class Following:
    """What the watch does with a wish that is *done*. ``allowed`` says whether today's rules still want such a restore point."""

    telling: Telling
    allowed: Callable[[Wish, Deadline], bool]

    def follow(self, wish: Wish, cbr: Cbr, deadline: Deadline) -> Settled:
        """Its end, told; nothing while it is being made. Raises LedgerDown."""
        why = "it is still being made"
        try:
            end, again = self._end(wish, cbr, deadline)
        except CallFailed as failure:
            end, again, why = None, False, f"it could not be asked about ({failure.said})"
        if end is not None:
            return self._over(wish, end, deadline, again=again)
        if self.telling.now() - (wish.made_at or wish.wanted_at) < LATE_SECONDS:
            self.telling.put(replace(wish, due=self.telling.now() + self.telling.tools.follow_seconds))
            return []
        return self._late(wish, why)

    def _over(self, wish: Wish, end: Outcome, deadline: Deadline, *, again: bool) -> Settled:
        """The causes of a storm that its delivery had no time to write down come before the word that it is over."""
        whole = write_down(wish, self.telling.tools.ledger, deadline)
        if whole is None or whole.planned.others:
            self.telling.put(replace(whole or wish, due=self.telling.now() + self.telling.tools.follow_seconds))
            return []
        if again:
            return self.telling.tell_and_go_on(whole, end, whole.wanted_again(self.telling.now()))
        return self.telling.tell(whole, end)

    def _late(self, wish: Wish, why: str) -> Settled:
        """A restore point without an end is told once, and looked at less often from then on."""
        seldom = replace(wish, reason=LATE, due=self.telling.now() + SELDOM_SECONDS)
        if wish.reason == LATE:
            self.telling.put(seldom)
            return []
        hours = LATE_SECONDS / 3600
        message = f"{that(wish)} has no end after {hours:g} hours: {why}. Do not count on it; look at it in the console."
        return self.telling.once_late(wish, Failed(reason=LATE, message=message, **known(wish)), seldom)

    def _end(self, wish: Wish, cbr: Cbr, deadline: Deadline) -> tuple[Outcome | None, bool]:
        """The end, if there is one, and whether to take it once more. Raises CallFailed."""
        try:
            checkpoint = cbr.show(wish.checkpoint_id, deadline)
        except Rejected as failure:
            if failure.code != NO_CHECKPOINT:
                raise
            why = f"CBR no longer knows it ({failure.code})"
            gone = _ended(Broken, wish, "gone", f"{that(wish)} is gone: {why}. {_none(wish)}")
            return replace(gone, error_code=failure.code), False
        if checkpoint.status in ("deleting", "deleted", "error-deleting"):
            return _ended(Broken, wish, "gone", f"{that(wish)} was deleted ({checkpoint.status}). {_none(wish)}"), False
        if checkpoint.status == "error":
            again = not wish.again_at and self.allowed(wish, deadline)
            wrong = _gone_wrong(wish, cbr, deadline)
            why = "; ".join(_problem(each) for each in wrong[:3]) or "CBR gives no reason in its operation log"
            then = (
                "The watch takes it once more." if again else f"Nothing more is tried: restore-point take {wish.planned.whose}."
            )
            said = f"{that(wish)} ended in error: {why}. There is none for this cause. {then}"
            end = _ended(Broken, wish, "error" if again else "error_final", said)
            return replace(end, error_code=next((code for each in wrong if (code := each.error[0][:64])), "")), again
        return self._made(wish, checkpoint, cbr, deadline), False

    @staticmethod
    def _made(wish: Wish, checkpoint: Checkpoint, cbr: Cbr, deadline: Deadline) -> Outcome | None:
        if checkpoint.status != "available" or _still_working(checkpoint):
            return None
        missing = _missing(wish, checkpoint) + [_problem(each) for each in _gone_wrong(wish, cbr, deadline)]
        if missing:
            message = f"{that(wish)} is available, but without: {'; '.join(missing[:5])}."
            return _ended(Partly, wish, "resources_missing", message, checkpoint)
        return _ended(Available, wish, "complete", f"{that(wish)} is available.", checkpoint)


def _none(wish: Wish) -> str:
    return f"There is none for this cause; if it was not deleted on purpose: restore-point take {wish.planned.whose}."


def _missing(wish: Wish, checkpoint: Checkpoint) -> list[str]:
    """What CBR skipped when it began, and what it could not back up."""
    parts = checkpoint.vault.resources if checkpoint.vault else ()
    skipped = [f"{each.name or each.id} ({f'{each.code} {each.reason}'.strip()})" for each in wish.skipped]
    return skipped + [f"{each.name or each.id} (in error)" for each in parts if each.protect_status == "error"]


def _gone_wrong(wish: Wish, cbr: Cbr, deadline: Deadline) -> list[Operation]:
    """What the operation log says of resources that failed: the only place where CBR gives a reason."""
    since = wish.planned.occurred - SKEW
    operations = cbr.operations(deadline, vault_id=wish.planned.backup.vault_id, since=since)
    return [each for each in operations if each.checkpoint_id == wish.checkpoint_id and _went_wrong(each)]


def _ended(
    end: type[Available | Partly | Broken], wish: Wish, reason: str, message: str, checkpoint: Checkpoint | None = None
) -> Outcome:
    resources = checkpoint.vault.resources if checkpoint and checkpoint.vault else ()
    return end(reason=reason, message=message, resources=resources, **known(wish))


def _still_working(checkpoint: Checkpoint) -> bool:
    # A restore point may be available while its resources are still being worked on; both have to be over.
    return any(each.protect_status == "protecting" for each in (checkpoint.vault.resources if checkpoint.vault else ()))


def _went_wrong(operation: Operation) -> bool:
    return operation.status in ("failed", "timeout", "skipped")


def _problem(operation: Operation) -> str:
    code, text = operation.error
    return f"{operation.resource_name or operation.resource_id} {operation.status} ({code} {text})".replace("( )", "").strip()
