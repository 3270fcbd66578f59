"""One-offs: somebody asks for one restore point, and gets no more than the rules and their ``may`` allow."""

from __future__ import annotations

from typing import Any

from handlers.errors import Refusal
from handlers.plan.planned import NO_GIVING_UP, Planned, cause_of, clip, named, stamp
from handlers.rules import DEFAULT_PROJECT, TERMINAL, Rule, Rules
from handlers.trigger import Once
from handlers.vault_backup import CheckpointParam, VaultBackup, retention_conflict


def by_once(once: Once, rules: Rules, delivery_id: str) -> list[Planned]:
    """What is asked for; raises Refusal naming the field that may not be asked."""
    if once.sender == TERMINAL:
        assert once.backup is not None  # noqa: S101 - the command always has a body
        return [_planned(once, once.backup, rules, delivery_id, None)]
    own = rules.asked.of_sender(once.sender)
    check_may(once, rules)
    if once.backup is None:
        return _by_rule(once, own, rules, delivery_id)
    for rule in own:
        if any(rules.vaults[vault].id == once.backup.vault_id for vault in rule.vaults):
            merged = _merged(once.backup, rule)
            return [_planned(once, merged, rules, delivery_id, rule)]
    field = "checkpoint.vault_id"
    raise Refusal("vault_not_listed", f"{field}: no rule of sender {once.sender} lists this vault", field=field, http=403)


def _by_rule(once: Once, own: list[Rule], rules: Rules, delivery_id: str) -> list[Planned]:
    """Any rule whose vaults the sender's own rules list, with that rule's own parameters."""
    listed = {vault for rule in own for vault in rule.vaults}
    rule = rules.asked.named(once.rule)
    if rule is None:
        raise Refusal("unknown_rule", "rule: there is no rule of this name", field="rule")
    if not listed.issuperset(rule.vaults) or (rule not in own and not rule.vaults):
        why = f"rule: it backs up vaults that no rule of sender {once.sender} lists"
        raise Refusal("vault_not_listed", why, field="rule", http=403)
    backups = [VaultBackup(vault_id=rules.vaults[vault].id, parameters=rule.parameters) for vault in rule.vaults]
    return [_planned(once, backup, rules, delivery_id, rule) for backup in backups]


def check_may(once: Once, rules: Rules) -> None:
    """What the sender set must be among what it may set; raises Refusal."""
    given = (once.backup and once.backup.parameters) or CheckpointParam()
    may = rules.senders[once.sender].may
    beyond = [f"checkpoint.parameters.{key}" for key in sorted(given.model_fields_set - {*may})]
    if beyond:
        raise Refusal("may_not", f"{', '.join(beyond)}: not in `may` of [senders.{once.sender}]", field=beyond[0], http=403)


def _merged(asked: VaultBackup, rule: Rule) -> VaultBackup:
    """The rule's parameters with those the sender set."""
    given = asked.parameters or CheckpointParam()
    which: dict[str, Any] = {"resources": None, "resource_details": None}  # one choice, given in two fields
    changes = (which if given.model_fields_set & which.keys() else {}) | {
        key: getattr(given, key) for key in given.model_fields_set
    }
    listed = VaultBackup(vault_id=asked.vault_id, parameters=rule.parameters).resource_ids
    beyond = VaultBackup(vault_id=asked.vault_id, parameters=given).resource_ids - listed
    if listed and beyond:
        field = "checkpoint.parameters.resources"
        raise Refusal("may_not", f"{field}: rule {rule.name} lists other resources of this vault only", field=field, http=403)
    merged = rule.parameters.model_copy(update=changes)
    if conflict := retention_conflict(merged):
        field = "checkpoint.parameters.retention_duration_days"
        raise Refusal("malformed", f"{field}: {conflict}", field=field)
    return VaultBackup(vault_id=asked.vault_id, parameters=merged)


def _planned(once: Once, backup: VaultBackup, rules: Rules, delivery_id: str, rule: Rule | None) -> Planned:
    known = rules.vault_named(backup.vault_id)
    name = rules.name_of(known[0]) if known else ""
    project = rules.project_of(known[1]) if known else next(iter(rules.projects), DEFAULT_PROJECT)
    cause = cause_of("once", VaultBackup(vault_id=backup.vault_id), once.sender, once.key)  # a key says it all
    given = (backup.parameters and backup.parameters.name) or f"rp-once-{stamp(once.at)}"
    why = f"restore-point: asked for by {once.sender}, delivery {delivery_id}"
    return Planned(
        backup=named(backup, given, cause, why),
        cause=cause,
        occurred=once.at,
        project=project,
        vault=name,
        rule=rule.name if rule else "",
        trigger="once",
        sender=once.sender,
        delivery_id=delivery_id,
        cause_names=(clip(once.key),),
        give_up_after=rule.give_up_after if rule else NO_GIVING_UP,
        budget_per_hour=rule.budget_per_hour if rule else None,
    )
