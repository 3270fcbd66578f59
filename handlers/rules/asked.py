"""Rules by whom they listen to: an event is held against those that could mean it, however many others there are.

Made once for each value of the rules, at the first question. It knows rules by their places in the file: whatever way they are
found they stay in their order, and rules that changed nothing but their vaults share it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from handlers.rules import Rules, Vault
    from handlers.rules.rule import Rule

Key = TypeVar("Key")
Value = TypeVar("Value")


class Asked:
    """What is asked of the rules for each event."""

    def __init__(self, whole: Rules) -> None:
        self._rules, self._vaults = whole.rules, whole.vaults
        self._by_timer: dict[str, list[int]] = {}
        self._by_sender: dict[str, list[int]] = {}
        self._by_tags = [number for number, rule in enumerate(self._rules) if rule.vault_tags]
        for number, rule in enumerate(self._rules):
            if rule.timer is not None:
                self._by_timer.setdefault(rule.timer, []).append(number)
            if rule.sender is not None:
                self._by_sender.setdefault(rule.sender, []).append(number)
        self._by_name = _first((rule.name, number) for number, rule in enumerate(self._rules))
        self._of: dict[str, OfSender] = {}
        self.timers = _first(((timer.source, timer.sender or ""), name) for name, timer in whole.timers.items())
        """By source and by who brings them ("": the platform)."""

    def with_vaults(self, changed: Mapping[str, Rule], vaults: Mapping[str, Vault]) -> Asked:
        """The same, where the rules of these names differ in nothing but what they list."""
        copy = object.__new__(Asked)
        vars(copy).update({key: value for key, value in vars(self).items() if key != "vaults"})
        rules = [*self._rules]
        for name, rule in changed.items():
            rules[self._by_name[name]] = rule
        copy._rules, copy._vaults = tuple(rules), dict(vaults)
        return copy

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All of them, in their order."""
        return self._rules

    @cached_property
    def vaults(self) -> dict[str, tuple[str, Vault]]:
        """By their ids, with their names here."""
        return _first((vault.id, (name, vault)) for name, vault in self._vaults.items())

    def of_timer(self, name: str | None) -> list[Rule]:
        """Those of a timer, by its name here."""
        return [self._rules[number] for number in self._by_timer.get(name or "", ())]

    def of_sender(self, name: str) -> list[Rule]:
        """Those of a sender."""
        return [self._rules[number] for number in self._by_sender.get(name, ())]

    def by_tags(self) -> list[Rule]:
        """Those that know their vaults by tags alone."""
        return [self._rules[number] for number in self._by_tags]

    def named(self, name: str) -> Rule | None:
        """The rule of that name."""
        return self._rules[self._by_name[name]] if name in self._by_name else None

    def about(self, sender: str) -> OfSender:
        """What is known of a sender's rules together."""
        if (found := self._of.get(sender)) is None:  # perhaps by two threads at once: either will do
            own = {number: self._rules[number] for number in self._by_sender.get(sender, ())}
            found = self._of[sender] = OfSender(own)
        return found

    def meant(self, sender: str, labels: Mapping[str, str]) -> list[Rule]:
        """The sender's rules that want an alert with these labels."""
        could = (self._rules[number] for number in self.about(sender).could_mean(labels))
        return [rule for rule in could if not rule.misses(labels)]


class OfSender:
    """One sender's rules. ``rank``: their places, by their names; what comes earlier is smaller. ``looked_at``: the labels they
    ask for or make causes of, sorted. ``least_age``: the least of their ``max_event_age``."""

    def __init__(self, rules: Mapping[int, Rule]) -> None:
        self.rank = {rule.name: number for number, rule in rules.items()}
        self.looked_at = sorted({key for each in rules.values() for key in (*each.match, *each.by, each.resource_from) if key})
        self.least_age = min((rule.max_event_age for rule in rules.values()), default=0.0)
        exact = {number: [pair for pair in rule.match.items() if "*" not in pair[1]] for number, rule in rules.items()}
        shared = Counter(pair for pairs in exact.values() for pair in pairs)
        self._under: dict[tuple[str, str], list[int]] = {}
        """Rules by a label they ask for to the letter: by the one that they share with the fewest others, for all of them may
        ask for the same severity."""
        self._others = [number for number, pairs in exact.items() if not pairs]
        for number, pairs in exact.items():
            if pairs:
                self._under.setdefault(min(pairs, key=shared.__getitem__), []).append(number)

    def could_mean(self, labels: Mapping[str, str]) -> list[int]:
        """The places of all rules but those whose one label is missing or another."""
        found = [*self._others]
        for pair in labels.items():
            found += self._under.get(pair, ())
        return sorted(found)


def _first(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, Value]:
    """The earlier of two that have the same key."""
    found: dict[Key, Value] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found
