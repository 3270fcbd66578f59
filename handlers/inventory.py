"""What is there now: which vaults carry a rule's tags, and whether a vault holds the resource an alert names. GET only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handlers import cbr
from handlers.cbr import Cbr, VaultResource
from handlers.errors import CallFailed, Rejected, Unauthorized
from handlers.letters import legible
from handlers.outcome import Failed, Later, Outcome, Refused
from handlers.plan import by_tags
from handlers.plan.planned import NAMED, Planned
from handlers.rules import Rule, Rules, Vault
from handlers.trigger import Trigger
from handlers.values import replace
from handlers.vault_backup import is_uuid
from handlers.wire import Clock, Deadline

KEPT_SECONDS = 60.0
"""How long what was found is remembered: long enough for a storm, short enough for a server added or a tag set by hand."""


class Inventory:
    """The vaults of projects and the resources of vaults, asked for when an event needs to know."""

    def __init__(self, cbrs: Mapping[str, Cbr], clock: Clock) -> None:
        self._cbrs, self._clock = cbrs, clock
        self._held: dict[str, tuple[float, tuple[VaultResource, ...]]] = {}
        self._vaults: dict[str, tuple[float, list[cbr.Vault]]] = {}

    def listed(self, triggers: Sequence[Trigger], rules: Rules, deadline: Deadline) -> tuple[Rules, list[Outcome]]:
        """The rules with the vaults that carry their tags, as far as these triggers need them.

        A rule whose vaults cannot be known just now, or that has none, lists none; what that means stands beside the rules.
        """
        found, called, problems = dict[str, dict[str, Vault]](), dict[str, str](), list[Outcome]()
        for rule in by_tags(triggers, rules, self._clock.now()):
            failures = []
            found[rule.name] = {}
            for project in rule.projects or self._cbrs:  # one that cannot be asked holds up no other
                try:
                    for each in self._tagged(rule, project, deadline):
                        name, vault = _entry(each, project, rules)
                        found[rule.name][name], called[name] = vault, legible(each.name, 64) if name == each.id else name
                except CallFailed as failure:
                    failures.append(failure)
            problems += [_unknown(rule, failure) for failure in failures]
            if not found[rule.name] and not failures:
                problems.append(_none(rule))
        return (rules.with_vaults(found, called) if found else rules), problems

    def tagged(self, rule: Rule, rules: Rules, deadline: Deadline) -> dict[str, str]:
        """The vaults that carry this rule's tags now: id, and how people know it. Raises CallFailed."""
        found: dict[str, str] = {}
        for project in rule.projects or self._cbrs:
            found |= self.tagged_in(project, rule, rules, deadline)
        return found

    def tagged_in(self, project: str, rule: Rule, rules: Rules, deadline: Deadline) -> dict[str, str]:
        """Those of one project. Raises CallFailed."""
        every = self._tagged(rule, project, deadline)
        names = {each.id: rules.vault_named(each.id) for each in every}
        return {each.id: known[0] if (known := names[each.id]) else legible(each.name, 64) for each in every}

    def _tagged(self, rule: Rule, project: str, deadline: Deadline) -> list[cbr.Vault]:
        """A replication vault takes no backups (BackupService.6124); an id that is none could not be asked for."""
        tagged = [each for each in self.vaults(project, deadline) if rule.tagged(each.tags)]
        return [each for each in tagged if each.billing.protect_type != "replication" and is_uuid(each.id)]

    def vaults(self, project: str, deadline: Deadline) -> list[cbr.Vault]:
        """All of a project's. Raises CallFailed."""
        now = self._clock.monotonic()
        at, vaults = self._vaults.get(project, (float("-inf"), []))
        if now - at > KEPT_SECONDS:
            vaults = self._cbrs[project].vaults(deadline)
            self._vaults[project] = now, vaults
        return vaults

    def narrow(self, plans: Sequence[Planned | Outcome], deadline: Deadline) -> list[Planned | Outcome]:
        """Each as it is, as its fallback, or refused; those that ask for the same after that become one."""
        found: list[Planned | Outcome] = []
        same: dict[object, list[Planned]] = {}
        places: dict[object, int] = {}
        for each in plans:
            settled = each
            if isinstance(each, Planned):
                settled = self._settled(each, deadline) if each.narrowed_to else self._checked(each, deadline)
            if isinstance(settled, Planned) and settled.trigger != "once":
                alike = same.setdefault(settled.wants, [])
                alike.append(settled)
                if len(alike) > 1:
                    continue
                places[settled.wants] = len(found)
            found.append(settled)
        for wants, alike in same.items():
            if len(alike) > 1:
                found[places[wants]] = _together(alike)
        return found

    def _checked(self, planned: Planned, deadline: Deadline) -> Planned | Outcome:
        """A one-off that names resources must name the vault's: CBR would refuse it, but only after it was asked."""
        if planned.trigger != "once" or not planned.backup.resource_ids:
            return planned
        try:
            strange = planned.backup.resource_ids - {each.id for each in self._resources(planned, deadline)}
        except CallFailed:
            return planned
        if not strange:
            return planned
        why = f"{len(strange)} of the resources are not in vault {planned.whose}: {', '.join(sorted(strange)[:3])}"
        return Refused(reason="resource_not_held", message=why, http=403, **planned.about() | {"name": ""})

    def _settled(self, planned: Planned, deadline: Deadline) -> Planned | Outcome:
        try:
            held = self._meant(planned, deadline)
        except CallFailed as failure:
            # What cannot be looked up may not be there, and then CBR would refuse it for good: the fallback is certain.
            if planned.fallback is not None:
                return planned.fallback
            return _unnamed(planned, failure) if planned.by_name else planned
        if len(held) == 1 and (narrowed := planned.of_resource(held[0])):
            return narrowed
        if planned.fallback is not None:
            return planned.fallback
        which = legible(planned.narrowed_to, 120)
        there = "names several resources of" if len(held) > 1 else "is not in"
        why = f'resource {which} {there} vault {planned.whose}, and the rule says else = "refuse"'
        about = planned.about() | {"name": ""}
        return Refused(reason="resource_not_held", message=why, http=403, **about)

    def _meant(self, planned: Planned, deadline: Deadline) -> list[str]:
        """The resource an alert means, by its id, or by its name: anybody may give a server another one's id for a name."""
        resources = self._resources(planned, deadline)
        return [each.id for each in resources if planned.narrowed_to == (each.name if planned.by_name else each.id)]

    def _resources(self, planned: Planned, deadline: Deadline) -> tuple[VaultResource, ...]:
        vault_id, now = planned.backup.vault_id, self._clock.monotonic()
        at, held = self._held.get(vault_id, (float("-inf"), ()))
        if now - at > KEPT_SECONDS:
            held = self._cbrs[planned.project].vault(vault_id, deadline).resources
            self._held[vault_id] = now, held
        return held


def _together(alike: Sequence[Planned]) -> Planned:
    """Several that ask for the same: one restore point for all their causes."""
    first = alike[0]
    causes = dict.fromkeys(cause for each in alike for cause in (each.cause, *each.others))
    others = tuple(cause for cause in causes if cause != first.cause)
    names = tuple(dict.fromkeys(name for each in alike for name in each.cause_names))[:NAMED]
    whole = replace(first, others=others, causes=1 + len(others), cause_names=names)
    return whole.led_by(min(causes))


def _entry(vault: cbr.Vault, project: str, rules: Rules) -> tuple[str, Vault]:
    """By its name in the rules file, or by its id: names at the cloud are anybody's, and two may be the same."""
    if known := rules.vault_named(vault.id):
        return known
    return vault.id, Vault(id=vault.id, project=project) if rules.projects else Vault(id=vault.id)


def _unnamed(planned: Planned, failure: CallFailed) -> Outcome:
    """As above: which resource is meant is not known."""
    what = f"{planned.what} is wanted, and what the vault holds could not be looked up ({failure.said})"
    about: dict[str, Any] = {**planned.about(), "name": "", "error_code": failure.code, "request_id": failure.request_id}
    if isinstance(failure, Unauthorized | Rejected):
        message = f"No restore point was taken: {what}. The identity needs cbr:vaults:get."
        return Failed(reason="resource_unknown", message=message, **about)
    return Later(reason="resource_unknown", message=f"No restore point was taken yet: {what}.", durable=False, **about)


def _unknown(rule: Rule, failure: CallFailed) -> Outcome:
    """Nothing could be recorded, for nobody knows for which vaults: whoever sent this must send it again."""
    what = f"which vaults rule {rule.name} means could not be looked up ({failure.said})"
    about: dict[str, Any] = {
        "reason": "vaults_unknown",
        "rule": rule.name,
        "error_code": failure.code,
        "request_id": failure.request_id,
    }
    if isinstance(failure, Unauthorized | Rejected):
        return Failed(message=f"No restore point was taken: {what}. The identity needs cbr:vaults:list.", **about)
    return Later(message=f"No restore point was taken yet: {what}.", durable=False, **about)


def _none(rule: Rule) -> Outcome:
    tags = ", ".join(f"{key} = {glob!r}" for key, glob in rule.vault_tags.items())
    message = (
        f"No restore point was taken: no vault carries the tags rule {rule.name} asks for ({tags}). Tag one, or fix the rule."
    )
    return Failed(reason="no_vault_tagged", message=message, rule=rule.name)
