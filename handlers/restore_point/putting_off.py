"""A restore point that is wanted and not asked for yet: more are wanted at once than one run can take."""

from __future__ import annotations

from collections.abc import Callable

from handlers.errors import LedgerDown
from handlers.outcome import Outcome
from handlers.plan.planned import Planned
from handlers.restore_point.claiming import claim
from handlers.restore_point.held import Held, Taking
from handlers.restore_point.restraint import restrained_before
from handlers.wire import Deadline


def put_off(planned: Planned, tools: Taking, deadline: Deadline, slot: Callable[[], tuple[float, float]]) -> Outcome:
    """Later, for ``slot``; else what ``take`` says without asking CBR. Raises LedgerDown: what waits must be written down.

    ``slot`` is called where one is needed: when CBR is to be asked, and when the watch must look, in seconds since the epoch.
    """
    held = claim(planned, tools, deadline)
    if not isinstance(held, Held):
        return held
    if held.wish is None:
        raise LedgerDown("a wish could not be written down")
    return restrained_before(held) or held.put_off(slot)
