"""A restore point that is wanted and not asked for yet: more are wanted at once than one run can take."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from handlers.errors import LedgerDown
from handlers.outcome import Later, Outcome
from handlers.plan.planned import Planned
from handlers.restore_point.claiming import claim, digest
from handlers.restore_point.held import Held, Taking, read_wish
from handlers.restore_point.restraint import restrained_before
from handlers.restore_point.said import QUEUED, queued
from handlers.restore_point.wish import KIND
from handlers.wire import Deadline


def put_off(planned: Planned, tools: Taking, deadline: Deadline, slot: Callable[[], tuple[float, float]]) -> Outcome:
    """Later, for ``slot``; else what ``take`` says without asking CBR. Raises LedgerDown: what waits must be written down.

    ``slot`` is called where one is needed: when CBR is to be asked, and when the watch must look, in seconds since the epoch.
    """
    if deadline.short():
        why = f"There was no time to write down that {planned.what} is wanted. It must be delivered again."
        return Later(reason="no_time", message=why, durable=False, **planned.about())
    if standing := _waits_already(planned, tools):
        return standing
    held = claim(planned, tools, deadline)
    if not isinstance(held, Held):
        return held
    if held.wish is None:
        raise LedgerDown("a wish could not be written down")
    return restrained_before(held) or held.put_off(slot)


def _waits_already(planned: Planned, tools: Taking) -> Later | None:
    """One read instead of three writes: an event that comes again, because time was short, must get further than before.

    Where other causes wait with it than came before, these have still to be written down.
    """
    causes = tuple(sorted({planned.cause, *planned.others}))
    record = tools.ledger.get(KIND, causes[0])
    with suppress(ValueError):
        wish = read_wish(record)
        if wish is not None and wish.state == "wanted" and wish.reason == QUEUED and wish.group == digest(causes):
            return queued(planned, wish.slot, tools.clock.now().timestamp(), again=True, durable=tools.ledger_lasts)
    return None
