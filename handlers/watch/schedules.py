"""Timers that did not come. Nobody is called when a schedule is switched off or its function cannot be invoked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from handlers.ledger import Ledger
from handlers.notices import Notices
from handlers.outcome import Healed, Missed
from handlers.plan.planned import span, stamp
from handlers.report import Settled
from handlers.rules import Rules
from handlers.timetable import last_seen
from handlers.wire import Deadline


def missed_timers(rules: Rules, ledger: Ledger, notices: Notices, now: float, deadline: Deadline) -> Iterator[Settled]:
    """What is to be said of each timer whose rules say how often it fires. Raises LedgerDown."""
    for name, timer in rules.timers.items():
        if timer.every is None:
            continue
        if deadline.short():
            return
        at, came = last_seen(ledger, name, now)
        about: dict[str, Any] = {"sender": name, "trigger": "timer"}
        if now <= at + timer.every + timer.grace:
            message = f"Timer {name} comes again: its last event is for {stamp(datetime.fromtimestamp(at, UTC))}."
            yield notices.close(f"missed {name}", Healed(reason="missed_timer", message=message, **about)) if came else []
            continue
        when = datetime.fromtimestamp(at, UTC)
        last = (
            f"its last event was for {stamp(when)}" if came else f"it has not come since {stamp(when)}, when this was first asked"
        )
        message = (
            f"Timer {name} should fire every {span(timer.every)} and did not, not even {span(timer.grace)} later: {last}. See "
            "whether its schedule is enabled and may invoke the function: nothing is known here of a restore point for its rules "
            f"({_rules(rules, name)})."
        )
        yield notices.open(f"missed {name}", Missed(reason="missed_timer", message=message, **about))


def _rules(rules: Rules, timer: str) -> str:
    names = [rule.name for rule in rules.rules if rule.timer == timer]
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "") if names else "none"
