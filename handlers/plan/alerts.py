"""Alerts: many causes, few vaults. One Planned per vault and resources, whatever the number of alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from handlers.letters import legible
from handlers.outcome import Refused, Skipped
from handlers.plan.planned import NAMED, Planned, cause_of, clip, named, stamp
from handlers.rules import Rule, Rules, is_loop
from handlers.trigger import Alert, Lost
from handlers.values import dataclass, field, replace
from handlers.vault_backup import CheckpointParam, VaultBackup, is_uuid

VAULT_LABEL = "vault_id"


@dataclass()
class _Told:
    """What did not become a restore point, counted by reason: a storm is told in one line."""

    reason: str
    message: str
    rule: str = ""
    vault: str = ""
    refused: bool = False
    count: int = 0
    names: list[str] = field(default_factory=list)


@dataclass()
class _Wanted:
    """One restore point and everything it settles. ``first`` is of the earliest rule, whatever the order of the alerts."""

    first: Planned
    causes: dict[str, str] = field(default_factory=dict)
    instead: _Wanted | None = None
    """The same alerts' fallback, which settles them under causes of its own."""

    def add(self, planned: Planned, name: str, rank: Mapping[str, int]) -> None:
        if rank[planned.rule] < rank[self.first.rule]:
            self.first = planned
        self.causes.setdefault(planned.cause, name)
        if planned.fallback is not None:
            self.instead = self.instead or _Wanted(planned.fallback)
            self.instead.add(planned.fallback, name, rank)

    def collapsed(self) -> Planned:
        others = tuple(cause for cause in self.causes if cause != self.first.cause)
        names = tuple(self.causes.values())[:NAMED]
        fallback = self.instead.collapsed() if self.instead else None
        whole = replace(self.first, fallback=fallback, others=others, causes=len(self.causes), cause_names=names)
        return whole.led_by(min(self.causes))  # whatever the order of the alerts


class Sorting:
    """Goes through one delivery's alerts and keeps what each asks for."""

    def __init__(self, rules: Rules, sender: str, delivery_id: str, now: datetime) -> None:
        self._rules, self._sender, self._delivery_id, self._now = rules, sender, delivery_id, now
        self._by_sender = [rule for rule in rules.rules if rule.sender == sender]
        self._rank = {rule.name: number for number, rule in enumerate(self._by_sender)}
        self._wanted: dict[object, _Wanted] = {}
        self._told: dict[tuple[str, str, str], _Told] = {}

    def result(self, triggers: Iterable[Alert | Lost]) -> list[Planned | Skipped | Refused]:
        """All of them, collapsed."""
        for trigger in triggers:
            if isinstance(trigger, Lost):
                why = "the sender left alerts out of its message (max_alerts): they are not known here"
                self._tell(_Told("truncated", why), trigger.count)
            elif trigger.status != "firing":
                self._tell(_Told(trigger.status, not_firing(trigger)), name=_name(trigger))
            else:
                self._firing(trigger)
        wanted = sorted(self._wanted.values(), key=lambda each: self._rank[each.first.rule])
        return [
            *(each.collapsed() for each in wanted),
            *(self._outcome(each) for each in self._told.values()),
        ]

    def _firing(self, alert: Alert) -> None:
        if any(is_loop(key, value) for key, value in alert.labels.items()):
            why = "the alert is about backups themselves: restore points because of it would feed themselves"
            self._tell(_Told("loop", why), name=_name(alert))
            return
        matching = [rule for rule in self._by_sender if not rule.misses(alert.labels)]
        if not matching:
            self._tell(_Told("no_rule", self._nearest(alert)), name=_name(alert))
        asked: set[object] = set()
        matching = self._naming(alert, matching)
        for rule in matching:
            late = rule.too_late(alert.starts_at, self._now)
            for vault in [""] if late and not rule.vaults else self._vaults(alert, rule):
                if late:
                    why = f"the alert fires for longer than max_event_age of rule {rule.name}"
                    self._tell(_Told("stale", why, rule.name, vault), name=_name(alert))
                elif (planned := self._asked(alert, rule, vault)) and planned.wants not in asked:
                    asked.add(planned.wants)
                    self._wanted.setdefault(planned.wants, _Wanted(planned)).add(planned, _name(alert, rule.by), self._rank)

    def _naming(self, alert: Alert, rules: list[Rule]) -> list[Rule]:
        """Where a label vault_id names a vault of some of the rules, the alert is not about the others."""
        named = [rule for rule in rules if self._named(alert, rule)] if VAULT_LABEL in alert.labels else []
        return named or rules

    def _named(self, alert: Alert, rule: Rule) -> list[str]:
        return [vault for vault in rule.vaults if self._rules.vaults[vault].id == alert.labels[VAULT_LABEL]]

    def _vaults(self, alert: Alert, rule: Rule) -> Sequence[str]:
        """The rule's vaults. A label vault_id may choose among them; another vault than theirs is never meant."""
        if VAULT_LABEL not in alert.labels or not rule.vaults:
            return rule.vaults
        named = self._named(alert, rule)
        if not named:
            why = f"label {VAULT_LABEL} names a vault that rule {rule.name} does not list"
            self._tell(_Told("vault_not_listed", why, rule.name, refused=True), name=_name(alert))
        return named

    def _asked(self, alert: Alert, rule: Rule, vault: str) -> Planned | None:
        whole = rule.resource_from is None or rule.otherwise == "whole vault"
        resource = alert.labels.get(rule.resource_from, "") if rule.resource_from else ""
        resource = resource.lower() if is_uuid(resource.lower()) else resource
        listed = VaultBackup(vault_id=self._rules.vaults[vault].id, parameters=rule.parameters).resource_ids
        if is_uuid(resource) and (not listed or resource in listed):
            details = tuple(each for each in rule.parameters.resource_details or () if each.id == resource) or None
            narrowed = rule.parameters.model_copy(update={"resources": (resource,), "resource_details": details})
            fallback = self._planned(alert, rule, vault, rule.parameters) if whole else None
            return replace(self._planned(alert, rule, vault, narrowed), narrowed_to=resource, fallback=fallback)
        if resource and not is_uuid(resource):
            fallback = self._planned(alert, rule, vault, rule.parameters) if whole else None
            named = self._planned(alert, rule, vault, rule.parameters, resource)
            return replace(named, narrowed_to=resource, fallback=fallback)
        if whole:
            return self._planned(alert, rule, vault, rule.parameters)
        why = f'label {rule.resource_from} names no resource and rule {rule.name} says else = "refuse"'
        self._tell(_Told("resource_not_held", why, rule.name, vault, refused=True), name=_name(alert))
        return None

    def _planned(self, alert: Alert, rule: Rule, vault: str, parameters: CheckpointParam, resource: str = "") -> Planned:
        entry = self._rules.vaults[vault]
        bare = VaultBackup(vault_id=entry.id, parameters=parameters)
        labels = [(key, alert.labels.get(key, "")) for key in sorted(causal(alert, rule))]
        words = [word for pair in labels for word in pair]
        cause = cause_of("alert", bare, self._sender, *words, *(("resource", resource) if resource else ()))
        occurred = min(alert.starts_at or self._now, self._now)
        why = f"restore-point: rule {rule.name}, alert {_labels(alert)} from {self._sender}, delivery {self._delivery_id}"
        return Planned(
            backup=named(bare, parameters.name or f"rp-alert-{stamp(occurred)}", cause, why),
            cause=cause,
            occurred=occurred,
            project=self._rules.project_of(entry),
            vault=self._rules.name_of(vault),
            rule=rule.name,
            trigger="alert",
            sender=self._sender,
            delivery_id=self._delivery_id,
            cause_names=(_name(alert, rule.by),),
            title=_shown(alert.title, 200),
            link=clip(alert.link, 500),
            give_up_after=rule.give_up_after,
            budget_per_hour=rule.budget_per_hour,
            window=rule.window,
            min_interval=entry.min_interval,
        )

    def _nearest(self, alert: Alert) -> str:
        """Which rule came closest, and the label that differed."""
        if not self._by_sender:
            return f'no [[rules]] has sender = "{self._sender}"'
        misses = [(rule.misses(alert.labels), rule) for rule in self._by_sender]
        missed, rule = min(misses, key=lambda each: len(each[0]))
        key = missed[0]
        has = f"is {_shown(alert.labels[key], 60)!r}" if key in alert.labels else "is missing"
        return f"no rule wants it; nearest is {rule.name}, which asks for {key} = {rule.match[key]!r}, and the alert's {has}"

    def _tell(self, told: _Told, count: int = 1, name: str = "") -> None:
        standing = self._told.setdefault((told.reason, told.rule, told.vault), told)
        standing.count += count
        if name and len(standing.names) < NAMED:
            standing.names.append(name)

    def _outcome(self, told: _Told) -> Skipped | Refused:
        about: dict[str, Any] = {
            "reason": told.reason,
            "message": f"{told.message} ({told.count} alerts)" if told.count > 1 else told.message,
            "rule": told.rule,
            "vault": told.vault,
            "causes": told.count,
            "cause_names": tuple(told.names),
            "delivery_id": self._delivery_id,
            "trigger": "alert",
            "sender": self._sender,
        }
        return Refused(http=403, **about) if told.refused else Skipped(**about)


def causal(alert: Alert, rule: Rule) -> Sequence[str]:
    """The labels that make the cause. Where the alert has none of those the rule names, they would make all alerts one."""
    return rule.by if any(key in alert.labels for key in rule.by) else alert.identity


def not_firing(alert: Alert) -> str:
    """Why an alert asks for nothing, whatever the rules."""
    if alert.status == "other" and alert.said:
        return f"its status {_shown(alert.said, 60)!r} is in neither `firing` nor `resolved` of [senders.{alert.sender}.paths]"
    return f"the alert is {alert.status}, and only a firing one asks for anything"


def _name(alert: Alert, by: Sequence[str] = ()) -> str:
    """An alert for people: its title, with the labels that make the cause where the rule names some."""
    what = ", ".join(f"{key}={alert.labels[key]}" for key in by if key in alert.labels and alert.labels[key] != alert.title)
    return _shown(f"{alert.title} ({what})" if alert.title and what else alert.title or what, 120) or _labels(alert)


def _labels(alert: Alert) -> str:
    """What goes to CBR: labels only, for anybody may write an annotation."""
    return _shown(", ".join(f"{key}={value}" for key, value in sorted(alert.labels.items())), 120)


def _shown(text: str, limit: int) -> str:
    """As people read it, and nothing that a mailbox would take for HTML."""
    return legible(text, limit).replace("<", "(").replace(">", ")")
