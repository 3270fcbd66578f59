"""Why a rule wants an event, or does not: for the person who wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from handlers.plan.alerts import VAULT_LABEL
from handlers.plan.planned import clip
from handlers.plan.timers import CLOCK_TOLERANCE
from handlers.rules import Rule, Rules, is_loop
from handlers.trigger import Alert, Once, Timer, Trigger


@dataclass(frozen=True, slots=True)
class Considered:
    """A rule beside a trigger; ``why`` it does not want it, empty where it does."""

    rule: str
    why: str


def considered(trigger: Trigger, rules: Rules, now: datetime) -> list[Considered]:
    """Every rule, in its order. Nothing where the trigger is none that a rule could want."""
    if not isinstance(trigger, Timer | Alert | Once):
        return []
    return [Considered(rule.name, "; ".join(_against(trigger, rule, rules, now))) for rule in rules.rules]


def _against(trigger: Timer | Alert | Once, rule: Rule, rules: Rules, now: datetime) -> Iterator[str]:
    """What speaks against it."""
    match trigger:
        case Timer():
            yield from _against_timer(trigger, rule, rules, now)
        case Once() if trigger.rule:
            if rule.name != trigger.rule:
                yield "is not the rule that is asked for"
        case _ if rule.sender != trigger.sender:
            yield f"is for {f'timer {rule.timer}' if rule.timer else f'sender {rule.sender}'}"
        case Once():
            ids = [rules.vaults[each].id for each in rule.vaults]
            if trigger.backup and ids and trigger.backup.vault_id not in ids:
                yield "does not list the vault that is asked for"
        case Alert():
            yield from _against_alert(trigger, rule, rules, now)


def _against_timer(timer: Timer, rule: Rule, rules: Rules, now: datetime) -> Iterator[str]:
    if rule.timer is None:
        yield f"is for sender {rule.sender}"
    elif rules.timer_of(timer.schedule, timer.sender) != rule.timer:
        yield f"is for timer {rule.timer}"
    elif timer.at > now + CLOCK_TOLERANCE:
        yield "the event is of the future"
    elif rule.too_late(timer.at, now):
        yield "the event is older than its max_event_age"


def _against_alert(alert: Alert, rule: Rule, rules: Rules, now: datetime) -> Iterator[str]:
    if alert.status != "firing":
        yield f"the alert is {alert.status}, and only a firing one asks for anything"
        return
    for key in rule.misses(alert.labels):
        has = f"is {clip(alert.labels[key], 60)!r}" if key in alert.labels else "is missing"
        yield f"{key} {has}, and it asks for {rule.match[key]!r}"
    if any(is_loop(key, value) for key, value in alert.labels.items()):
        yield "the alert is about backups themselves"
    if rule.too_late(alert.starts_at, now):
        yield "the alert fires for longer than its max_event_age"
    asked = alert.labels.get(VAULT_LABEL)
    if asked is not None and rule.vaults and not any(rules.vaults[each].id == asked for each in rule.vaults):
        yield f"it does not list the vault that label {VAULT_LABEL} names"
