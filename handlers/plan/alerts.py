"""Alerts: many causes, few vaults. One Planned per vault and resources, whatever the number of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from handlers.outcome import Refused, Skipped
from handlers.plan.planned import NAMED, Planned, cause_of, clip, named, stamp
from handlers.plan.untaken import Untaken, called, labelled, not_firing, shown
from handlers.rules import Rule, Rules, is_loop
from handlers.rules.words import LOOPS
from handlers.trigger import Alert, Lost
from handlers.values import dataclass, field, replace
from handlers.vault_backup import VaultBackup, is_uuid

VAULT_LABEL = "vault_id"
_LOOPS = frozenset(LOOPS)
_LOOP = "the alert is about backups themselves: restore points because of it would feed themselves"


@dataclass()
class _Alike:
    """What is true of all alerts that agree in the labels their sender's rules look at.

    ``rules`` mean them. ``by_identity``: some of those go by the alert's own identity, which still tells them apart.
    ``settled`` are the identities (one, if none is asked for) by which all is asked for already that such an alert can ask for.
    """

    rules: list[Rule]
    by_identity: bool
    settled: set[tuple[tuple[str, str], ...]] = field(default_factory=set)


@dataclass(frozen=True)
class _Asked:
    """What an alert asks of one vault, not yet worded: that is done once for all alerts that ask for the same."""

    rule: Rule
    vault: str
    bare: VaultBackup
    cause: str
    narrowed_to: str = ""
    fallback: _Asked | None = None

    @property
    def wants(self) -> tuple[str, frozenset[str], str]:
        """As ``Planned.wants``."""
        by_name = self.narrowed_to if not is_uuid(self.narrowed_to) else ""
        return self.bare.vault_id, self.bare.resource_ids, by_name


@dataclass()
class _Wanted:
    """One restore point and everything it settles. ``first`` is of the earliest rule, whatever the order of the alerts."""

    first: Planned
    causes: dict[str, str] = field(default_factory=dict)
    """With what they are called by, as many of them as are named."""
    instead: _Wanted | None = None
    """The same alerts' fallback, which settles them under causes of its own."""

    def collapsed(self) -> Planned:
        others = tuple(cause for cause in self.causes if cause != self.first.cause)
        names = tuple(self.causes.values())[:NAMED]
        fallback = self.instead.collapsed() if self.instead else None
        whole = replace(self.first, fallback=fallback, others=others, causes=len(self.causes), cause_names=names)
        return whole.led_by(min(self.causes))  # whatever the order of the alerts


class Sorting:
    """Goes through one delivery's alerts and keeps what each asks for.

    Ten thousand may come at once, mostly of few causes: what the same labels ask for is found out once, and words are made only
    for what is told.
    """

    def __init__(self, rules: Rules, sender: str, delivery_id: str, now: datetime) -> None:
        self._rules, self._sender, self._delivery_id, self._now = rules, sender, delivery_id, now
        own = rules.asked.about(sender)
        self._rank, self._looked_at, self._least_age = own.rank, (VAULT_LABEL, *own.looked_at), own.least_age
        self._alike: dict[tuple[str | None, ...], _Alike] = {}
        self._bare: dict[tuple[str, str], VaultBackup] = {}
        self._wanted: dict[object, _Wanted] = {}
        self._again: set[int] = set()
        self._untaken = Untaken(sender, delivery_id)

    def result(self, triggers: Sequence[Alert | Lost]) -> list[Planned | Skipped | Refused]:
        """All of them, collapsed. An alert that was read once and came often is the same object: it asks for nothing more."""
        for trigger in triggers:
            if id(trigger) in self._again:
                continue
            if isinstance(trigger, Lost):
                self._untaken.lost(trigger.count)
            elif trigger.status != "firing":
                self._untaken.tell(trigger.status, partial(not_firing, trigger), trigger)
            else:
                self._firing(trigger)
        wanted = sorted(self._wanted.values(), key=lambda each: self._rank[each.first.rule])
        return [*(each.collapsed() for each in wanted), *self._untaken.outcomes()]

    def _firing(self, alert: Alert) -> None:
        labels = alert.labels
        if not _LOOPS.isdisjoint(labels.values()) and any(is_loop(key, value) for key, value in labels.items()):
            self._untaken.tell("loop", _LOOP, alert)
            return
        looked_at = tuple(map(labels.get, self._looked_at))
        alike = self._alike.get(looked_at)
        if alike is None:
            alike = self._alike[looked_at] = self._of_labels(alert)
        words = tuple((key, labels.get(key, "")) for key in alert.identity) if alike.by_identity else ()
        late = alert.starts_at is not None and (self._now - alert.starts_at).total_seconds() > self._least_age
        if words in alike.settled and not late:
            return
        before = self._untaken.tellings
        self._ask(alert, alike.rules)
        if self._untaken.tellings == before and not late:
            alike.settled.add(words)
            self._again.add(id(alert))

    def _of_labels(self, alert: Alert) -> _Alike:
        matching = self._naming(alert, self._rules.asked.meant(self._sender, alert.labels))
        return _Alike(matching, any(causal(alert, rule) is alert.identity for rule in matching))

    def _ask(self, alert: Alert, matching: Sequence[Rule]) -> None:
        if not matching:
            self._untaken.tell("no_rule", partial(self._nearest, alert), alert)
        asked: set[object] = set()
        for rule in matching:
            late = rule.too_late(alert.starts_at, self._now)
            for vault in [""] if late and not rule.vaults else self._vaults(alert, rule):
                if late:
                    why = f"the alert fires for longer than max_event_age of rule {rule.name}"
                    self._untaken.tell("stale", why, alert, rule.name, vault)
                elif (found := self._asked(alert, rule, vault)) and (wants := found.wants) not in asked:
                    asked.add(wants)
                    self._wanted[wants] = self._with(self._wanted.get(wants), found, alert)

    def _with(self, wanted: _Wanted | None, asked: _Asked, alert: Alert) -> _Wanted:
        """The restore point that is wanted, if it is already, with what this alert asks for added."""
        if wanted is None:
            wanted = _Wanted(self._planned(alert, asked))
        elif self._rank[asked.rule.name] < self._rank[wanted.first.rule]:
            wanted.first = self._planned(alert, asked)
        if asked.cause not in wanted.causes:
            wanted.causes[asked.cause] = called(alert, asked.rule.by) if len(wanted.causes) < NAMED else ""
        if asked.fallback is not None:
            wanted.instead = self._with(wanted.instead, asked.fallback, alert)
        return wanted

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
            self._untaken.tell("vault_not_listed", why, alert, rule.name, refused=True)
        return named

    def _asked(self, alert: Alert, rule: Rule, vault: str) -> _Asked | None:
        bare = self._bare.get((rule.name, vault))
        if bare is None:
            bare = VaultBackup(vault_id=self._rules.vaults[vault].id, parameters=rule.parameters)
            self._bare[rule.name, vault] = bare
        resource = alert.labels.get(rule.resource_from, "") if rule.resource_from else ""
        resource = resource.lower() if is_uuid(resource.lower()) else resource
        whole = None
        if rule.resource_from is None or rule.otherwise == "whole vault":
            whole = _Asked(rule, vault, bare, self._cause(alert, rule, bare))
        if is_uuid(resource) and (not bare.resource_ids or resource in bare.resource_ids):
            details = tuple(each for each in rule.parameters.resource_details or () if each.id == resource) or None
            narrowed = rule.parameters.model_copy(update={"resources": (resource,), "resource_details": details})
            of_it = VaultBackup(vault_id=bare.vault_id, parameters=narrowed)
            return _Asked(rule, vault, of_it, self._cause(alert, rule, of_it), resource, whole)
        if resource and not is_uuid(resource):
            return _Asked(rule, vault, bare, self._cause(alert, rule, bare, "resource", resource), resource, whole)
        if whole is None:
            why = f'label {rule.resource_from} names no resource and rule {rule.name} says else = "refuse"'
            self._untaken.tell("resource_not_held", why, alert, rule.name, vault, refused=True)
        return whole

    def _cause(self, alert: Alert, rule: Rule, bare: VaultBackup, *resource: str) -> str:
        labels = [(key, alert.labels.get(key, "")) for key in sorted(causal(alert, rule))]
        words = [word for pair in labels for word in pair]
        return cause_of("alert", bare, self._sender, *words, *resource)

    def _planned(self, alert: Alert, asked: _Asked) -> Planned:
        rule, entry = asked.rule, self._rules.vaults[asked.vault]
        occurred = min(alert.starts_at or self._now, self._now)
        given = rule.parameters.name or f"rp-alert-{stamp(occurred)}"
        why = f"restore-point: rule {rule.name}, alert {labelled(alert)} from {self._sender}, delivery {self._delivery_id}"
        return Planned(
            backup=named(asked.bare, given, asked.cause, why),
            cause=asked.cause,
            occurred=occurred,
            project=self._rules.project_of(entry),
            vault=self._rules.name_of(asked.vault),
            rule=rule.name,
            trigger="alert",
            sender=self._sender,
            delivery_id=self._delivery_id,
            narrowed_to=asked.narrowed_to,
            title=shown(alert.title, 200),
            link=clip(alert.link, 500),
            give_up_after=rule.give_up_after,
            budget_per_hour=rule.budget_per_hour,
            window=rule.window,
            min_interval=entry.min_interval,
        )

    def _nearest(self, alert: Alert) -> str:
        """Which rule came closest, and the label that differed."""
        own = self._rules.asked.of_sender(self._sender)
        if not own:
            return f'no [[rules]] has sender = "{self._sender}"'
        misses = [(rule.misses(alert.labels), rule) for rule in own]
        missed, rule = min(misses, key=lambda each: len(each[0]))
        key = missed[0]
        has = f"is {shown(alert.labels[key], 60)!r}" if key in alert.labels else "is missing"
        return f"no rule wants it; nearest is {rule.name}, which asks for {key} = {rule.match[key]!r}, and the alert's {has}"


def causal(alert: Alert, rule: Rule) -> Sequence[str]:
    """The labels that make the cause. Where the alert has none of those the rule names, they would make all alerts one."""
    return rule.by if any(key in alert.labels for key in rule.by) else alert.identity
