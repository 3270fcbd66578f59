"""Whether a message is about what a topic's filters name."""

from __future__ import annotations

from collections.abc import Iterable

from handlers.outcome import Outcome
from handlers.rules import Rules, Topic, like


def about(outcome: Outcome, topic: Topic, rules: Rules) -> bool:
    """With both filters, both must be met.

    An outcome that names no rule is about those that list its vault (one that is overdue), or those of the timer it names (one
    that was missed); one that names no vault is about those of its rules. Nothing that is about neither passes.
    """
    its_vaults = _both_names((outcome.vault, outcome.vault_id), rules)
    its_rules = {outcome.rule} if outcome.rule else _rules_of(outcome, its_vaults, rules)
    if not its_vaults:
        its_vaults = _both_names([vault for rule in rules.rules if rule.name in its_rules for vault in rule.vaults], rules)
    asked = [(globs, names) for globs, names in ((topic.rules, its_rules), (topic.vaults, its_vaults)) if globs]
    return all(any(like(glob, name) for glob in globs for name in names) for globs, names in asked)


def _both_names(given: Iterable[str], rules: Rules) -> set[str]:
    """Vaults by their names here and by their ids, whichever is known; one that tags found has its own name."""
    names = {each for each in given if each}
    known = [found for each in names if (found := rules.vault_named(each))]
    return names | {name for name, _ in known} | {vault.id for _, vault in known}


def _rules_of(outcome: Outcome, its_vaults: set[str], rules: Rules) -> set[str]:
    if its_vaults:
        return {rule.name for rule in rules.rules if its_vaults & set(rule.vaults)}
    timer = outcome.sender if outcome.trigger == "timer" else ""
    return {rule.name for rule in rules.rules if timer and rule.timer == timer}
