"""What a delivery asks for: triggers and rules become one Planned per vault, and a reason for everything else. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from handlers.errors import Refusal
from handlers.outcome import Refused, Skipped
from handlers.plan.planned import Planned, clip
from handlers.plan.timers import CLOCK_TOLERANCE, by_timer
from handlers.rules import TERMINAL, Rule, Rules
from handlers.trigger import Alert, Echo, Handshake, Lost, Once, Timer, Trigger, Unread
from handlers.values import replace

Plan = list[Planned | Skipped | Refused]


def plan(triggers: Sequence[Trigger], rules: Rules, delivery_id: str, now: datetime) -> Plan:
    """One entry per (vault, resources), in the order of the rules; the earlier rule wins where two ask for the same.

    Raises Refusal where a one-off asks for what it may not.
    """
    found: Plan = []
    alerts = [each for each in triggers if isinstance(each, (Alert, Lost))]
    if alerts:
        from handlers.plan.alerts import Sorting

        found += Sorting(rules, alerts[0].sender, delivery_id, now).result(alerts)
    for trigger in triggers if len(alerts) < len(triggers) else ():
        if isinstance(trigger, Timer):
            found += by_timer(trigger, rules, delivery_id, now)
        elif isinstance(trigger, Once):
            from handlers.plan.once import by_once

            found += by_once(trigger, rules, delivery_id)
        elif isinstance(trigger, Echo | Handshake | Unread):
            found.append(_unasked(trigger, delivery_id))
    planned: dict[object, Planned] = {}
    for each in found:
        if isinstance(each, Planned):  # two one-offs are two wishes, whatever they ask for
            planned.setdefault((each.wants, each.cause if each.trigger == "once" else ""), each)
    return [*planned.values(), *(each for each in found if not isinstance(each, Planned))]


def _unasked(trigger: Echo | Handshake | Unread, delivery_id: str) -> Skipped | Refused:
    """What is no wish at all."""
    if isinstance(trigger, Unread):
        whole = refused(trigger.refusal, delivery_id, trigger.door, trigger.sender)
        more = f" ({trigger.count} of this delivery could not be read)" if trigger.count > 1 else ""
        return replace(whole, message=whole.message + more, causes=trigger.count)
    about: dict[str, Any] = {"sender": trigger.sender, "delivery_id": delivery_id}
    if isinstance(trigger, Echo):
        why = "this is a message of our own: who hears of restore points must not ask for them by that"
        return Skipped(reason="loop", message=why, **about)
    what = "asks whether it may send here" if trigger.kind == "SubscriptionConfirmation" else "says that it sends here no more"
    way = "open its link yourself" if trigger.link else "its link leads elsewhere than to that service, so it is left out here"
    why = (
        f"Topic {clip(trigger.topic, 120)} {what} ({clip(trigger.kind, 40)}). Nothing was done: if you want it, {way}; "
        "nothing arrives from the topic before."
    )
    return Skipped(reason="handshake", message=why, link=clip(trigger.link, 1000), **about)


def by_tags(triggers: Sequence[Trigger], rules: Rules, now: datetime) -> list[Rule]:
    """The rules these triggers mean whose vaults are known by tags alone: what they list must be looked up first.

    What comes too late, or before its time, wants nothing, so nobody needs to know of which vaults. Raises Refusal where a
    one-off asks for what it may not, whatever its vaults are.
    """
    for trigger in triggers:
        if isinstance(trigger, Once) and trigger.sender != TERMINAL:
            from handlers.plan.once import check_may

            check_may(trigger, rules)
    return [rule for rule in rules.asked.by_tags() if any(_means(trigger, rule, rules, now) for trigger in triggers)]


def _means(trigger: Trigger, rule: Rule, rules: Rules, now: datetime) -> bool:
    match trigger:
        case Timer():
            mine = rule.timer is not None and rules.timer_of(trigger.schedule, trigger.sender) == rule.timer
            return mine and trigger.at <= now + CLOCK_TOLERANCE and not rule.too_late(trigger.at, now)
        case Alert():
            mine = trigger.status == "firing" and rule.sender == trigger.sender and not rule.misses(trigger.labels)
            return mine and not rule.too_late(trigger.starts_at, now)
        case Once():
            return rule.sender == trigger.sender or (trigger.backup is None and rule.name == trigger.rule)
    return False


def refused(refusal: Refusal, delivery_id: str, trigger: str, sender: str = "") -> Refused:
    """A refusal as the outcome it is."""
    return Refused(
        reason=refusal.reason,
        message=refusal.message,
        http=refusal.http,
        detail=refusal.detail,
        delivery_id=delivery_id,
        trigger=trigger,
        sender=sender,
    )
