"""Vaults come, change and go; resources join and leave them; backups are deleted.

What takes its time in the cloud does so here: a changed capacity locks the vault for a moment, an added resource shows a
little later, what is deleted or removed is seen going first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.sandbox import ids, problems
from handlers.sandbox.vaults.dues import SHOWN_SECONDS
from handlers.sandbox.vaults.points import Backup, Deed, Part
from handlers.sandbox.vaults.things import MB_PER_GB, TAKES, Held, Resource, Vault

if TYPE_CHECKING:
    from handlers.sandbox.asking import Named
    from handlers.sandbox.vault_asking import AskedVault, Change
    from handlers.sandbox.vaults.state import Vaults

MOST_RESOURCES = 256  # per vault (CBR user manual)
MOST_VAULTS = 1000  # a figure of the sandbox's own: it has to end somewhere
DELETE_SECONDS, REMOVE_SECONDS, VAULT_SECONDS, LOCK_SECONDS = 5.0, 10.0, 10.0, 2.0


def create(state: Vaults, asked: AskedVault, now: float) -> Vault:
    """With everything it was asked to hold already in it."""
    if asked.object_type not in TAKES or (asked.protect_type == "hybrid" and asked.object_type not in {"server", "vmware"}):
        raise problems.by_code("6116")
    if len(state.vaults) >= MOST_VAULTS:
        raise problems.by_code("6133")
    resources = _addable(state, asked.object_type, asked.resources)
    vault = Vault(
        id=state.ids.of(ids.VAULT, state.next_number()),
        name=asked.name,
        object_type=asked.object_type,
        size_gb=asked.size_gb,
        resources=(),
        created_at=now,
        protect_type=asked.protect_type,
        description=asked.description,
        says=dict(asked.says),
    )
    state.vaults[vault.id] = vault
    for added, resource in zip(asked.resources, resources, strict=True):
        vault.join(resource, added.choice)
        state.owners[resource.id] = vault.id
    return vault


def update(state: Vaults, vault_id: str, change: Change, now: float) -> Vault:
    """A locked vault can never be unlocked, and none gets smaller than what is in it."""
    vault = _usable(state, vault_id, "lock")
    if vault.says.get("locked") and change.says.get("locked") is False:
        raise problems.invalid("locked")
    if change.size_gb is not None and change.size_gb * MB_PER_GB < vault.used:
        raise problems.by_code("6101")
    vault.name = change.name or vault.name
    vault.says |= change.says | {"updated_at": now}
    if change.size_gb is not None and change.size_gb != vault.size_gb:
        vault.size_gb, vault.status = change.size_gb, "lock"
        state.plan(now + LOCK_SECONDS / state.speed, "unlock", vault.id)
    return vault


def delete(state: Vaults, vault_id: str, now: float) -> None:
    """All its backups go with it. Not while one runs, nor a locked one that holds any (not documented; 7301 fits)."""
    vault = _usable(state, vault_id, "lock", "frozen", "error")
    if any(_busy(vault, each, now) for each in vault.held):
        raise problems.by_code("6112")
    total = sum(len(held.backups) for held in vault.held.values())
    if total and vault.says.get("locked"):
        raise problems.by_code("7301")
    vault.status = "deleting"
    ends_at = now + VAULT_SECONDS / state.speed
    for held in vault.held.values():
        _discard_all(state, held, ends_at)
    state.plan(ends_at, "vault_gone", vault.id)
    _write(state, vault, "vault_delete", now, ends_at, {"vault_delete": {"fail_count": 0, "total_count": total}})


def add(state: Vaults, vault_id: str, resources: tuple[Named, ...], now: float) -> list[str]:
    """They show a little later (see `Habits.settling`)."""
    vault = _usable(state, vault_id, "lock")
    found = _addable(state, vault.object_type, resources)
    on_its_way = sum(1 for owner in state.owners.values() if owner == vault.id)
    if on_its_way + len(found) > MOST_RESOURCES:
        raise problems.by_code("6100")
    settling = state.habits.settling
    for added, resource in zip(resources, found, strict=True):
        state.owners[resource.id] = vault.id
        if settling:
            share = state.ids.chance(ids.SETTLE, state.next_number())
            choice = [list(added.choice.exclude), list(added.choice.include)]
            state.plan(now + share * settling / state.speed, "join", vault.id, resource.id, *choice)
        else:
            vault.join(resource, added.choice)
    return [resource.id for resource in found]


def remove(state: Vaults, vault_id: str, resource_ids: tuple[str, ...], now: float) -> list[str]:
    """Their backups in the vault are deleted; until then nothing else can be backed up into it (6134)."""
    vault = _usable(state, vault_id, "lock")
    if not vault.held.keys() >= set(resource_ids):
        raise problems.not_in_vault()
    if any(vault.held[each].removing for each in resource_ids):
        raise problems.by_code("6134")
    if any(_busy(vault, each, now) for each in resource_ids):
        raise problems.by_code("6203")
    ends_at = now + REMOVE_SECONDS / state.speed
    for resource_id in resource_ids:
        held = vault.held[resource_id]
        held.removing = True
        _discard_all(state, held, ends_at)
        state.plan(ends_at, "leave", vault.id, resource_id)
    rows = [{"id": each.id, "type": each.type, "name": each.name} for each in map(state.resources.__getitem__, resource_ids)]
    about = {"remove_resources": {"fail_count": 0, "total_count": len(rows), "resources": rows}}
    _write(state, vault, "remove_resource", now, ends_at, about)
    return list(resource_ids)


def delete_backup(state: Vaults, backup_id: str, now: float) -> None:
    """``deleting`` at first, later gone. The backup of one disk goes with that of its server only."""
    backup = state.backup(backup_id)
    if isinstance(backup, Part):
        raise problems.by_code("6201")
    taken, vault = backup.checkpoint, backup.checkpoint.vault
    if backup.running(now) or backup.gone_at is not None or vault.status == "deleting":
        raise problems.by_code("6201")
    if state.shown.get(backup.resource.id) == "restoring":
        raise problems.by_code("6216")
    if vault.says.get("locked") and taken.asked.auto_trigger:
        raise problems.by_code("6220")
    _start_deletion(state, vault, backup, now)


def _start_deletion(state: Vaults, vault: Vault, backup: Backup, now: float) -> None:
    taken = backup.checkpoint
    state.discard(backup, now)
    backup.gone_at = now + DELETE_SECONDS / state.speed
    state.plan(backup.gone_at, "gone", taken.number, backup.index)
    resource = backup.resource
    about = {
        "resource": {"id": resource.id, "type": resource.type, "name": resource.name, "extra_info": {}},
        "delete": {"backup_id": backup.id, "backup_name": backup.name},
    }
    _write(state, vault, "delete", now, backup.gone_at, about, taken.id)


def _discard_all(state: Vaults, held: Held, gone_at: float) -> None:
    for backup in tuple(held.backups.values()):
        state.discard(backup, backup.ends_at)
        backup.gone_at = gone_at
        state.plan(gone_at, "gone", backup.checkpoint.number, backup.index)


def _usable(state: Vaults, vault_id: str, *but: str) -> Vault:
    """6112 unless it is available, or in one of the states that do not hinder this call."""
    vault = state.vault(vault_id)
    if vault.status != "available" and vault.status not in but:
        raise problems.by_code("6112")
    return vault


def _busy(vault: Vault, resource_id: str, now: float) -> bool:
    last = vault.held[resource_id].last
    return last is not None and last.running(now)


def _addable(state: Vaults, object_type: str, resources: tuple[Named, ...]) -> list[Resource]:
    """What may join a vault of that type."""
    if any(added.type != TAKES[object_type] for added in resources):
        raise problems.by_code("6102")
    if len({added.id for added in resources}) < len(resources):
        raise problems.by_code("6104")
    found = [state.resources.get(added.id) for added in resources]
    known = [resource for resource in found if resource and resource.type == TAKES[object_type]]
    if len(known) < len(found):
        raise problems.by_code("6302")
    if any(resource.id in state.owners for resource in known):
        raise problems.by_code("6103")
    if not all(added.choice.of(resource) for added, resource in zip(resources, known, strict=True)):
        raise problems.invalid("exclude_volumes")
    return known


def _write(
    state: Vaults, vault: Vault, type_: str, now: float, ends_at: float, about: dict[str, Any], checkpoint_id: str | None = None
) -> None:
    """A log of it, for as long as logs are shown."""
    number = state.next_number()
    log_id = state.ids.of(ids.LOG, number)
    state.deeds[number] = Deed(log_id, type_, vault.id, vault.name, vault.object_type, checkpoint_id, now, ends_at, about)
    state.plan(now + SHOWN_SECONDS, "forget_deed", number)
    state.trim()
