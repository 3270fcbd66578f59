"""A timer: one cause, the vaults of every rule that names it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from handlers.outcome import Refused, Skipped
from handlers.plan.planned import Planned, cause_of, clip, named, stamp
from handlers.rules import Rule, Rules
from handlers.trigger import Timer
from handlers.vault_backup import VaultBackup

CLOCK_TOLERANCE = timedelta(minutes=15)
"""How far in the future an event's time may lie; the gateway's own tolerance for clocks is 15 minutes."""


def by_timer(timer: Timer, rules: Rules, delivery_id: str, now: datetime) -> list[Planned | Skipped | Refused]:
    """What the rules of this schedule ask for."""
    about: dict[str, Any] = {"delivery_id": delivery_id, "trigger": "timer"}
    name = rules.timer_of(timer.schedule, timer.sender)
    if name is None:
        why = _unknown(timer, rules)
        return [Refused(reason="unknown_timer", message=why, http=403, **about)]
    if timer.at > now + CLOCK_TOLERANCE:
        why = f"the event of timer {name} is for {timer.at.isoformat()}, which is in the future: check the clock of the sender"
        return [Refused(reason="from_the_future", message=why, sender=name, **about)]
    matching = rules.asked.of_timer(name)
    if not matching:
        return [Skipped(reason="no_rule", message=f'no [[rules]] has timer = "{name}"', sender=name, **about)]
    return [each for rule in matching for each in _by_rule(rule, name, timer, rules, delivery_id, now)]


def _unknown(timer: Timer, rules: Rules) -> str:
    """Why nobody listens to this schedule: it is not there, or somebody else has to bring it."""
    other = next(((name, each.sender) for name, each in rules.timers.items() if each.source == timer.schedule), None)
    if other is not None:
        by = f"by sender {other[1]} over HTTP" if other[1] else "by its platform"
        came = f"sender {timer.sender} brought it" if timer.sender else "it came by the platform, or without --sender"
        return f"[timers.{other[0]}] has the source {clip(timer.schedule)}, and speaks {by} only; {came}"
    who = f' with sender = "{timer.sender}"' if timer.sender else ""
    return f"no [timers.…]{who} has this source: {clip(timer.schedule)}; add it to the rules if this schedule may speak"


def _by_rule(
    rule: Rule, name: str, timer: Timer, rules: Rules, delivery_id: str, now: datetime
) -> list[Planned | Skipped | Refused]:
    if rule.too_late(timer.at, now):
        why = f"timer {name} was for {timer.at.isoformat()}, longer ago than max_event_age of rule {rule.name}"
        about: dict[str, Any] = {"rule": rule.name, "sender": name, "delivery_id": delivery_id, "trigger": "timer"}
        return [Skipped(reason="stale", message=why, vault=vault, **about) for vault in rule.vaults or [""]]
    return [_by_vault(vault, rule, name, timer, rules, delivery_id) for vault in rule.vaults]


def _by_vault(vault: str, rule: Rule, name: str, timer: Timer, rules: Rules, delivery_id: str) -> Planned:
    entry = rules.vaults[vault]
    project = rules.project_of(entry)
    bare = VaultBackup(vault_id=entry.id, parameters=rule.parameters)
    cause = cause_of("timer", bare, timer.schedule, timer.at.isoformat())
    why = f"restore-point: rule {rule.name}, timer {name} at {stamp(timer.at)}, delivery {delivery_id}"
    return Planned(
        backup=named(bare, rule.parameters.name or f"rp-timer-{stamp(timer.at)}", cause, why),
        cause=cause,
        occurred=timer.at,
        project=project,
        vault=rules.name_of(vault),
        rule=rule.name,
        trigger="timer",
        sender=name,
        delivery_id=delivery_id,
        cause_names=(f"{name} {timer.at.isoformat()}",),
        give_up_after=rule.give_up_after,
        budget_per_hour=rule.budget_per_hour,
    )
