"""The vaults that are looked after: those that rules list by name or by tags, and those with a ``max_age``. GET only."""

from __future__ import annotations

from collections.abc import Mapping

from handlers.cbr import Cbr
from handlers.errors import CallFailed
from handlers.inventory import Inventory
from handlers.rules import Rules, Vault
from handlers.values import dataclass, replace
from handlers.vault_backup import VaultBackup
from handlers.wire import Deadline


@dataclass(frozen=True)
class Listed:
    """A vault that is looked at: as people know it, and where. ``whole``: some rule wants all of it by its tags.

    ``rules`` are the names of those that list it.
    """

    name: str
    project: str
    vault: Vault
    whole: bool = False
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unlisted:
    """A rule whose tags could not be looked up in a project."""

    rule: str
    project: str
    failure: CallFailed


def looked_after(
    rules: Rules, cbrs: Mapping[str, Cbr], inventory: Inventory, deadline: Deadline
) -> tuple[dict[str, Listed], list[Unlisted]]:
    """Each by its id, and what could not be found out."""
    named = {name: tuple(rule.name for rule in rules.rules if name in rule.vaults) for name in rules.vaults}
    found = {
        vault.id: Listed(name, rules.project_of(vault), vault, rules=named[name])
        for name, vault in rules.vaults.items()
        if named[name] or vault.max_age
    }
    unknown: list[Unlisted] = []
    for rule in rules.rules:
        for project in (rule.projects or cbrs) if rule.vault_tags else ():
            try:
                tagged = inventory.tagged_in(project, rule, rules, deadline)
            except CallFailed as failure:
                unknown.append(Unlisted(rule.name, project, failure))
                continue
            for vault_id, name in tagged.items():
                known = found.get(vault_id) or _by_tags(rules, vault_id, name, project)
                found[vault_id] = replace(known, whole=True, rules=(*known.rules, rule.name))
    return found, unknown


def wanted_resources(rules: Rules, listed: Listed) -> frozenset[str]:
    """The resources that rules name in this vault; empty where one of them wants the whole of it, or none lists it."""
    asked = [
        VaultBackup(vault_id=listed.vault.id, parameters=rule.parameters).resource_ids
        for rule in rules.rules
        if listed.name in rule.vaults
    ]
    return frozenset().union(*asked) if all(asked) and not listed.whole else frozenset()


def _by_tags(rules: Rules, vault_id: str, name: str, project: str) -> Listed:
    """One that no rule names; the rules file may know it all the same."""
    known = rules.vault_named(vault_id)
    return Listed(name, project, known[1] if known else Vault(id=vault_id))
