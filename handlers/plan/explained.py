"""Why a rule wants an event, or does not: for the person who wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from handlers.plan.alerts import VAULT_LABEL, causal
from handlers.plan.planned import clip
from handlers.plan.timers import CLOCK_TOLERANCE
from handlers.plan.untaken import not_firing
from handlers.rules import Rule, Rules, is_loop
from handlers.trigger import Alert, Once, Timer, Trigger
from handlers.values import dataclass


@dataclass(frozen=True)
class Considered:
    """A rule beside a trigger: ``why`` it does not want it, empty where it does; ``by`` what it then makes the cause of."""

    rule: str
    why: str
    by: str = ""


def considered(trigger: Trigger, rules: Rules, now: datetime) -> list[Considered]:
    """Every rule of the trigger's sender, timer or name, in their order; rules of others could never want it."""
    match trigger:
        case Timer():
            timer = rules.timer_of(trigger.schedule, trigger.sender)
            found = [(each, _against_timer(trigger, each, now)) for each in rules.asked.of_timer(timer)]
        case Alert():
            found = [(each, _against_alert(trigger, each, rules, now)) for each in rules.asked.of_sender(trigger.sender)]
        case Once():
            by_name = [each for each in rules.rules if trigger.rule and each.name == trigger.rule]
            own = [each for each in rules.rules if each.sender == trigger.sender and not trigger.rule]
            found = [(each, _against_once(trigger, each, rules)) for each in by_name + own]
        case _:
            found = []
    return [Considered(rule.name, "; ".join(why), _by(trigger, rule)) for rule, why in found]


def _by(trigger: Trigger, rule: Rule) -> str:
    """The labels of the cause, and of those the ones that this alert lacks: they tell nothing apart."""
    if not isinstance(trigger, Alert):
        return ""
    names = [*causal(trigger, rule), *([rule.resource_from] if rule.resource_from else [])]
    said = ", ".join(clip(name, 60) + ("" if name in trigger.labels else " (missing in this alert)") for name in names)
    unused = rule.by and not any(key in trigger.labels for key in rule.by)
    return f"{said} (the alert has none of the rule's `by`)" if unused else said


def _against_timer(timer: Timer, rule: Rule, now: datetime) -> Iterator[str]:
    if timer.at > now + CLOCK_TOLERANCE:
        yield "the event is of the future"
    elif rule.too_late(timer.at, now):
        yield "the event is older than its max_event_age"


def _against_once(once: Once, rule: Rule, rules: Rules) -> Iterator[str]:
    ids = [rules.vaults[each].id for each in rule.vaults]
    if once.backup and ids and once.backup.vault_id not in ids:
        yield "does not list the vault that is asked for"


def _against_alert(alert: Alert, rule: Rule, rules: Rules, now: datetime) -> Iterator[str]:
    if alert.status != "firing":
        yield not_firing(alert)
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
