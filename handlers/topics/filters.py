"""Whether a message is about what a topic's filters name."""

from __future__ import annotations

from collections.abc import Iterable

from handlers.outcome import Outcome
from handlers.rules import Rules, Topic, like


def about(outcome: Outcome, topic: Topic, rules: Rules) -> bool:
    """With both filters, both must be met.

    An outcome that names no rule is about those of the timer it names (one that was missed), else about those that list its
    vault (one that is overdue); one that names no vault is about those of its rules. Nothing that is about neither passes.
    """
    its_rules = _rules_of(outcome, rules)
    its_vaults = {outcome.vault, outcome.vault_id} - {""} or _vaults_of(its_rules, rules)
    asked = [(globs, names) for globs, names in ((topic.rules, its_rules), (topic.vaults, its_vaults)) if globs]
    return all(_any_like(globs, names) for globs, names in asked)


def _rules_of(outcome: Outcome, rules: Rules) -> set[str]:
    if outcome.rule:
        return {outcome.rule}
    if outcome.vault or outcome.vault_id:
        named = rules.vault_named(outcome.vault_id) if outcome.vault_id else None
        vault = named[0] if named else outcome.vault
        return {rule.name for rule in rules.rules if vault in rule.vaults}
    timer = outcome.sender if outcome.trigger == "timer" else ""
    return {rule.name for rule in rules.rules if timer and rule.timer == timer}


def _vaults_of(names: set[str], rules: Rules) -> set[str]:
    listed = {vault for rule in rules.rules if rule.name in names for vault in rule.vaults}
    return listed | {rules.vaults[vault].id for vault in listed}


def _any_like(globs: Iterable[str], names: Iterable[str]) -> bool:
    names = [*names]
    return any(like(glob, name) for glob in globs for name in names)
