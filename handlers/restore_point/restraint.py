"""What holds a POST back although there is no restore point yet: a newer event, the vault's interval (turns), the rule's budget.

All of it is an outcome: nothing is dropped in silence.
"""

from __future__ import annotations

import json
from contextlib import suppress

from handlers.errors import LedgerDown
from handlers.ledger import Record, body_of
from handlers.outcome import Outcome
from handlers.restore_point.held import Held, read_wish
from handlers.restore_point.turns import give_turn_back, turn_is_taken, waits_its_turn
from handlers.restore_point.wish import KIND
from handlers.timetable import newest
from handlers.values import replace

BUDGET = "budget"
"""The kind of the record of what a rule has asked for within the last hour."""
HOUR = 3600.0
NEWEST = 5
"""Parts of a budget that may still be given back are among the newest."""
TRIES = 5
"""How often a part of a budget is given back, where others change it at the same moment."""


def restrained_before(held: Held) -> Outcome | None:
    """What already says no, and costs CBR nothing: a storm that is held back must not use up its rate by looking.

    Only where nothing can have been sent for this wish: else what is there comes first.
    """
    if held.wish is None or held.wish.perhaps:
        return None
    with suppress(LedgerDown, ValueError, KeyError, TypeError):
        return _superseded(held) or turn_is_taken(held) or _budget_is_spent(held)
    return None


def restrained(held: Held) -> Outcome | None:
    """None lets the POST go, and has counted it."""
    return _superseded(held) or waits_its_turn(held) or _over_budget(held)


def give_back(held: Held) -> None:
    """CBR took nothing: the vault's next alert need not wait, and the budget has room again."""
    give_turn_back(held.tools.ledger, held.planned, held.now())
    if held.planned.budget_per_hour is None:
        return
    held.tools.spent.pop((held.planned.rule, _entry(held)), None)
    with suppress(LedgerDown):
        for _ in range(TRIES):
            standing = held.tools.ledger.get(BUDGET, held.planned.rule)
            spent = _spent(standing, held.now())
            if standing is None or spent.pop(_entry(held), None) is None:
                return
            if held.tools.ledger.swap(replace(standing, body=json.dumps(spent))) is not None:
                return


def _superseded(held: Held) -> Outcome | None:
    """Of a timer that was away for a day and brings all its events at once, the newest is enough."""
    planned = held.planned
    if planned.trigger != "timer":
        return None
    with suppress(LedgerDown):
        last = newest(held.tools.ledger, planned.sender)
        if last is not None and last > planned.occurred:
            why = f"timer {planned.sender} has come again, for {last.isoformat()}"
            return held.skipped("superseded", f"Nothing was asked of CBR for {planned.what}: {why}, and that event's counts.")
    return None


def _budget_is_spent(held: Held) -> Outcome | None:
    limit = held.planned.budget_per_hour
    if limit is None:
        return None
    spent = _spent(held.tools.ledger.get(BUDGET, held.planned.rule), held.now())
    return _no_budget(held, limit, spent) if len(spent) >= limit and _entry(held) not in spent else None


def _over_budget(held: Held) -> Outcome | None:
    """What the rule's ``budget_per_hour`` says. Without the ledger every process counts for itself: authority fails closed."""
    limit = held.planned.budget_per_hour
    if limit is None:
        return None
    try:
        spent = _spend(held, limit)
    except LedgerDown:
        spent = None if _room_here(held, limit) else {}
    if spent is None:
        return None
    give_turn_back(held.tools.ledger, held.planned, held.now())
    return _no_budget(held, limit, spent)


def _spend(held: Held, limit: int) -> dict[str, float] | None:
    """None: there was room, and a part of it is taken; else who has it. Raises LedgerDown."""
    ledger, rule, now = held.tools.ledger, held.planned.rule, held.now()
    spent: dict[str, float] = {}
    for _ in range(limit + 1):  # whoever is quicker takes a part of it, so that many can be
        standing = ledger.get(BUDGET, rule)
        spent = _spent(standing, now)
        if _entry(held) in spent:
            return None
        if len(spent) >= limit:
            break
        body = json.dumps(spent | {_entry(held): now})
        mine = Record(BUDGET, rule, now, None, body, now + HOUR, standing.version if standing else 0)
        if (ledger.put_if_absent(mine) is None) if standing is None else ledger.swap(mine):
            return None
    return spent


def _no_budget(held: Held, limit: int, spent: dict[str, float]) -> Outcome:
    """What was spent a moment ago may come back, for CBR may be busy: that is waited for."""
    planned = held.planned
    with suppress(LedgerDown, ValueError):
        for entry in [*spent][-NEWEST:]:
            holder = read_wish(held.tools.ledger.get(KIND, entry.partition(" ")[0]))
            if holder is not None and holder.may_have_been_sent:
                why = f"The last part of the budget of rule {planned.rule} is being spent on another restore point just now."
                return held.later("waits_its_turn", why)
    why = (
        f"Rule {planned.rule} has asked for {limit} restore points within an hour, which is its budget_per_hour, so nothing was "
        f"asked of CBR for {planned.what}. Raise it if this is no storm, or take one by hand."
    )
    return held.skipped("budget", why)


def _room_here(held: Held, limit: int) -> bool:
    """This process's own count, kept where instances share nothing else."""
    spent, rule, now = held.tools.spent, held.planned.rule, held.now()
    recent = [key for key, at in list(spent.items()) if key[0] == rule and now - at < HOUR]
    room = len(recent) < limit
    if room:
        spent[rule, _entry(held)] = now
    return room


def _entry(held: Held) -> str:
    """One wish of one time: the same cause in a later window counts again."""
    return f"{held.planned.cause} {held.wish.wanted_at if held.wish else held.now():.0f}"


def _spent(standing: Record | None, now: float) -> dict[str, float]:
    """What still counts. A record that was not written by us counts for nothing; it is written over."""
    try:
        found = body_of(standing) if standing else {}
        return {entry: at for entry, at in found.items() if now - at < HOUR}
    except (ValueError, TypeError, OverflowError):
        return {}
