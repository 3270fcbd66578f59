"""What a create call starts, what it skips, and what it is refused for.

Which faults refuse the call and which only skip a resource is not documented. Here a fault of the vault refuses, a fault of
one resource skips it while another remains; if none remains, the call is refused as busy where all are, else as 0001.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from handlers.sandbox import ids, problems
from handlers.sandbox.asking import FOR_EVER, Asked
from handlers.sandbox.vaults.points import FULL, Backup, Checkpoint, Harm, Skipped
from handlers.sandbox.vaults.things import SERVER, SHARE, VOLUME, Held, Vault

if TYPE_CHECKING:
    from handlers.sandbox.vaults.state import Vaults

FIRST_BACKUP_SECONDS = 60.0
LATER_BACKUP_SECONDS = 20.0
DAY_SECONDS = 86_400.0

# only running or stopped servers, free or attached disks, and free file systems can be backed up (CBR user manual)
_WELL = {SERVER: {"running", "stopped"}, VOLUME: {"available", "in-use"}, SHARE: {"available"}}
_UNWELL = {SERVER: "7101", VOLUME: "7003", SHARE: "6215"}
_MISSING = {SERVER: "7100", VOLUME: "7000", SHARE: "6302"}
_SHOWN = {"restoring": "2010", "removing": "6134"}
_BUSY = {"6125", "0002"}


def start(state: Vaults, asked: Asked, now: float, harm: Harm) -> Checkpoint:
    """See `Vaults.take`, which has done what was due."""
    vault = state.vault(asked.vault_id)
    _refuse(state, vault)
    wanted = _wanted(vault, asked)
    if vault.full:
        raise problems.over_capacity()
    free: list[Held] = []
    skipped: list[Skipped] = []
    for held in wanted:
        code = harm.skip_code.removeprefix("BackupService.") if harm.skips(held.resource.id) else hindrance(state, held, now)
        if code:
            skipped.append(Skipped(held.resource, code))
        else:
            free.append(held)
    if not free and not harm.skip:
        raise problems.by_code(skipped[0].code if {each.code for each in skipped} <= _BUSY else "0001")
    number = state.next_number()
    name = asked.name or _own_name(state, asked, number)
    numbered = len(free) > 1 and state.habits.suffixes
    taken = Checkpoint(state.ids, number, vault, name, numbered, asked, now, (), tuple(skipped))
    taken.backups = tuple([_begin(state, taken, index, held, harm) for index, held in enumerate(free)])
    _enter(state, taken)
    return taken


def by_policy(state: Vaults, vault_id: str) -> Asked:
    """What a policy asks for; it is the vault's own, under an id nobody can look up."""
    policy_id = state.ids.of(ids.TASK, 0, len(state.vaults))
    return Asked(vault_id, "", None, True, True, policy_id, FOR_EVER, None, ())  # noqa: FBT003 - incremental, auto_trigger


def hindrance(state: Vaults, held: Held, now: float) -> str:
    """Why a resource cannot be backed up: the number of a code, or nothing.

    A state may be one of the resource's own service (a server's ``error``, a disk's ``creating``), ``missing``, or any code.
    """
    if held.last is not None and now < held.last.ends_at:
        return "0002" if state.habits.busy == "500" else "6125"
    resource = held.resource
    if resource.id in state.shown:
        shown = state.shown[resource.id]
        if shown == "protecting":
            return "0002" if state.habits.busy == "500" else "6125"
        return _SHOWN.get(shown) or _UNWELL[resource.type]
    if not state.states:
        return ""
    code = _unwell(state.states.get(resource.id), resource.type)
    if resource.type == SERVER and not code:
        code = next(filter(None, (_unwell(state.states.get(disk.id), VOLUME) for disk in resource.disks)), "")
    return code


def _unwell(own: str | None, type_: str) -> str:
    if own is None or own in _WELL[type_]:
        return ""
    if own.removeprefix("BackupService.") in problems.CODES:
        return own.removeprefix("BackupService.")
    return _MISSING[type_] if own == "missing" else _UNWELL[type_]


def _refuse(state: Vaults, vault: Vault) -> None:
    """What the vault itself stands against."""
    if vault.protect_type != "backup":
        raise problems.by_code("6124")
    if vault.status != "available":
        raise problems.by_code("6113")
    if vault.doing:
        raise problems.by_code("6130")
    if vault.removing or (state.shown and any(state.shown.get(each) == "removing" for each in vault.held)):
        raise problems.by_code("6134")


def _wanted(vault: Vault, asked: Asked) -> list[Held]:
    """In the vault's order; everything in it when nothing is named."""
    if asked.resource_ids is None:
        found = list(vault.held.values())
    else:
        if not vault.held.keys() >= set(asked.resource_ids):
            raise problems.not_in_vault()
        found = [held for resource_id, held in vault.held.items() if resource_id in asked.resource_ids]
    if not found:
        raise problems.nothing_to_back_up()
    if asked.choices and not all(asked.choice(held).of(held.resource) for held in found):
        raise problems.invalid("exclude_volumes")
    return found


def _begin(state: Vaults, taken: Checkpoint, index: int, held: Held, harm: Harm) -> Backup:
    """The first backup of a resource is full whatever was asked (CBR API reference)."""
    resource, now = held.resource, taken.created_at
    incremental = taken.asked.incremental and held.whole > 0
    permille = _changed_permille(resource.id, held.taken) if incremental else FULL
    usual = (LATER_BACKUP_SECONDS if held.whole else FIRST_BACKUP_SECONDS) / state.speed
    wait = state.habits.waiting
    begins_at = now + (wait * state.ids.chance(ids.WAIT, taken.number, index) / state.speed if wait else 0.0)
    ends_at, code = now + (usual if harm.seconds is None else harm.seconds), ""
    if harm.fails(resource.id):
        code = harm.fail_code.removeprefix("BackupService.")
        ends_at = ends_at if harm.fail_after is None else now + harm.fail_after
    disks = taken.asked.choice(held).of(resource)
    made = Backup(taken, index, resource, disks, permille, min(begins_at, ends_at), ends_at, code, harm.timeout)
    held.backups[taken.number] = held.last = made
    held.taken += 1
    held.whole += 1
    taken.vault.used_mb += made.size_mb
    return made


def _enter(state: Vaults, taken: Checkpoint) -> None:
    """From now on it is known, and comes to its ends."""
    number, now = taken.number, taken.created_at
    last = next(reversed(state.checkpoints.values()), None)
    if last and last.created_at > now:
        state.in_order = False
    state.checkpoints[number] = taken
    for backup in taken.backups:
        state.plan(backup.ends_at, "end", number, backup.index)
    if not taken.backups and state.keep is not None:
        state.ended.append(number)
    days = taken.asked.retention_days
    if days != FOR_EVER:
        state.plan(now + days * DAY_SECONDS, "expire", number)
    if state.keep is not None:
        state.trim()


def _own_name(state: Vaults, asked: Asked, number: int) -> str:
    """``manualbk_xxxx`` or ``autobk_xxxx`` (CBR user manual)."""
    return f"{'auto' if asked.auto_trigger else 'manual'}bk_{int(state.ids.chance(ids.NAME, number) * 0x10000):04x}"


def _changed_permille(resource_id: str, count: int) -> int:
    """Between 0.5 and 4.5 percent of the used part, always the same for the same resource and count."""
    return 5 + int(hashlib.sha256(f"{resource_id}/{count}".encode()).hexdigest(), 16) % 41
