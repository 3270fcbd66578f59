"""The state as JSON and back. Whatever follows from the rest is not written down."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from handlers.sandbox.asking import Asked, Choice
from handlers.sandbox.ids import Ids
from handlers.sandbox.vaults.points import Backup, Checkpoint, Deed, Harm, Skipped
from handlers.sandbox.vaults.things import Disk, Held, Resource, Vault

if TYPE_CHECKING:
    from handlers.sandbox.vaults.points import Which
    from handlers.sandbox.vaults.state import Vaults

_VERSION = 1
_OWN = [each.name for each in fields(Vault) if each.name not in {"resources", "held"}]
_COUNTED = ("taken", "whole", "count", "size_mb", "removing")


def plain(value: Asked | Harm) -> list[Any]:
    """Field by field, sets as lists."""
    shown = []
    for each in fields(value):
        item = getattr(value, each.name)
        if each.name == "choices":
            item = [[resource_id, list(choice.exclude), list(choice.include)] for resource_id, choice in item]
        shown.append(sorted(item) if isinstance(item, frozenset) else list(item) if isinstance(item, tuple) else item)
    return shown


def asked(saved: list[Any]) -> Asked:
    """What `plain` made of it."""
    vault_id, name, description, incremental, auto_trigger, policy_id, days, resource_ids, choices = saved
    named = None if resource_ids is None else tuple(resource_ids)
    chosen = tuple((each, Choice(tuple(out), tuple(into))) for each, out, into in choices)
    return Asked(vault_id, name, description, incremental, auto_trigger, policy_id, days, named, chosen)


def harm(saved: list[Any]) -> Harm:
    """What `plain` made of it."""

    def which(names: Any) -> Which:
        return "all" if names == "all" else frozenset(names)

    skip, skip_code, fail, *rest = saved
    return Harm(which(skip), skip_code, which(fail), *rest)


def save(state: Vaults) -> dict[str, Any]:
    """A restore point is a list, not an object: there may be very many."""
    return {
        "version": _VERSION,
        "seed": state.ids.seed,
        "number": state.number,
        "in_order": state.in_order,
        "resources": [asdict(resource) for resource in state.resources.values()],
        "owners": dict(state.owners),
        "shown": dict(state.shown),
        "states": dict(state.states),
        "vaults": [_vault(vault) for vault in state.vaults.values()],
        "checkpoints": [_checkpoint(taken) for taken in state.checkpoints.values()],
        "deeds": [[number, asdict(deed)] for number, deed in state.deeds.items()],
        "due": [list(due) for due in state.due],
    }


def _vault(vault: Vault) -> dict[str, Any]:
    return {name: getattr(vault, name) for name in _OWN} | {
        "held": [
            {
                "resource": held.resource.id,
                "choice": [list(held.choice.exclude), list(held.choice.include)],
                "last": held.last.checkpoint.number if held.last else None,
                **{name: getattr(held, name) for name in _COUNTED},
            }
            for held in vault.held.values()
        ]
    }


def _checkpoint(taken: Checkpoint) -> list[Any]:
    backups = [
        [
            *(made.resource.id, [disk.id for disk in made.disks], made.permille, made.begins_at, made.ends_at),
            *(made.code, made.timeout, made.gone_at, made.gone),
        ]
        for made in taken.backups
    ]
    skipped = [[each.resource.id, each.code] for each in taken.skipped]
    return [taken.number, taken.vault.id, taken.name, taken.numbered, plain(taken.asked), taken.created_at, backups, skipped]


def load(state: Vaults, saved: dict[str, Any]) -> None:
    """Replaces everything, the seed included."""
    if saved["version"] != _VERSION:
        raise ValueError(f"version {saved['version']} of the vaults' state is unknown")
    state.ids, state.number, state.in_order = Ids(saved["seed"]), saved["number"], saved["in_order"]
    state.resources = {each["id"]: _resource(each) for each in saved["resources"]}
    state.owners, state.shown, state.states = dict(saved["owners"]), dict(saved["shown"]), dict(saved["states"])
    state.vaults = {each["id"]: _load_vault(state, each) for each in saved["vaults"]}
    state.deeds = {number: Deed(**deed) for number, deed in saved["deeds"]}
    state.due = [tuple(due) for due in saved["due"]]
    heapq.heapify(state.due)
    state.checkpoints = {each[0]: _load_checkpoint(state, each) for each in saved["checkpoints"]}
    for each in saved["vaults"]:
        for row in each["held"]:
            held = state.vaults[each["id"]].held[row["resource"]]
            held.last = held.backups.get(row["last"])
    running = {due[3] for due in state.due if due[2] == "end"}
    state.ended = deque(number for number in state.checkpoints if number not in running) if state.keep is not None else deque()
    state.trim()


def _resource(saved: dict[str, Any]) -> Resource:
    return Resource(saved["id"], saved["name"], saved["type"], tuple(Disk(**disk) for disk in saved["disks"]))


def _load_vault(state: Vaults, saved: dict[str, Any]) -> Vault:
    own = {name: saved[name] for name in _OWN}
    rows = saved["held"]
    vault = Vault(**own, resources=tuple(state.resources[row["resource"]] for row in rows))
    for row in rows:
        exclude, include = row["choice"]
        counted = {name: row[name] for name in _COUNTED}
        resource = state.resources[row["resource"]]
        vault.held[resource.id] = Held(resource, Choice(tuple(exclude), tuple(include)), **counted)
    return vault


def _load_checkpoint(state: Vaults, saved: list[Any]) -> Checkpoint:
    number, vault_id, name, numbered, wish, created_at, backups, skipped = saved
    vault = state.vaults[vault_id]
    gaps = tuple(Skipped(state.resources[each], code) for each, code in skipped)
    taken = Checkpoint(state.ids, number, vault, name, numbered, asked(wish), created_at, (), gaps)
    taken.backups = tuple(_load_backup(state, taken, index, row) for index, row in enumerate(backups))
    return taken


def _load_backup(state: Vaults, taken: Checkpoint, index: int, saved: list[Any]) -> Backup:
    resource_id, disk_ids, *rest = saved
    resource = state.resources[resource_id]
    disks = resource.disks
    if len(disk_ids) != len(disks):
        disks = tuple(disk for disk in disks if disk.id in disk_ids)
    backup = Backup(taken, index, resource, disks, *rest)
    held = taken.vault.held.get(resource_id)
    if held and backup.gone_at is None:
        held.backups[taken.number] = backup
    return backup
