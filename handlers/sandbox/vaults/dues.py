"""What happens later, each at its own time: a state, the time, and what it is about."""

from __future__ import annotations

import heapq
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from handlers.sandbox import problems
from handlers.sandbox.asking import Choice
from handlers.sandbox.vaults import saving, taking

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.sandbox.vaults.state import Vaults

SHOWN_SECONDS = 30 * 86_400.0  # how long logs are shown (CBR user manual)


def ended(state: Vaults, _: float, number: int, index: int) -> None:
    """A good one counts from now on; one in error takes no room."""
    taken = state.checkpoints.get(number)
    if taken is None:
        return
    backup = taken.backups[index]
    held = taken.vault.held.get(backup.resource.id)
    if held is not None and backup.gone_at is None:
        if backup.code:
            held.whole -= 1
            taken.vault.used_mb -= backup.size_mb
        else:
            held.count += 1
            held.size_mb += backup.size_mb
    last = max(taken.backups, key=lambda each: (each.ends_at, each.index))
    if state.keep is not None and last is backup:
        state.ended.append(number)
        state.trim()


def expired(state: Vaults, at: float, number: int) -> None:
    """``retention_duration_days`` are over. A backup that runs that long ends first."""
    taken = state.checkpoints.get(number)
    if taken is None:
        return
    if taken.running(at):
        state.plan(max(backup.ends_at for backup in taken.backups), "expire", number)
        return
    for backup in taken.backups:
        if backup.gone_at is None:
            state.discard(backup, at)
            backup.gone_at = at
            gone(state, at, number, backup.index)


def gone(state: Vaults, at: float, number: int, index: int) -> None:
    """A deletion is over. The restore point of a last one is shown as deleted as long as its logs are."""
    taken = state.checkpoints.get(number)
    if taken is None:
        return
    taken.backups[index].gone = True
    if all(backup.gone for backup in taken.backups):
        state.plan(max(at, taken.created_at + SHOWN_SECONDS), "forget", number)


def forgotten(state: Vaults, _: float, number: int) -> None:
    """Nobody can ask for it any more."""
    state.forget(number)


def deed_forgotten(state: Vaults, _: float, number: int) -> None:
    """Its log is no longer shown."""
    state.deeds.pop(number, None)


def late(state: Vaults, at: float, asked: Any, harm: Any) -> None:
    """A create call that was long given up; nobody hears that it is refused."""
    with suppress(problems.Problem):
        taking.start(state, saving.asked(asked), at, saving.harm(harm))
        state.when_late()


def unlocked(state: Vaults, _: float, vault_id: str) -> None:
    """A change of capacity is over."""
    vault = state.vaults.get(vault_id)
    if vault and vault.status == "lock":
        vault.status = "available"


def joined(state: Vaults, _: float, vault_id: str, resource_id: str, exclude: list[str], include: list[str]) -> None:
    """An added resource shows."""
    vault = state.vaults.get(vault_id)
    if vault:
        vault.join(state.resources[resource_id], Choice(tuple(exclude), tuple(include)))


def left(state: Vaults, _: float, vault_id: str, resource_id: str) -> None:
    """A removed resource no longer shows."""
    vault = state.vaults.get(vault_id)
    if not vault or resource_id not in vault.held:
        return
    vault.leave(resource_id)
    state.owners.pop(resource_id, None)


def vault_gone(state: Vaults, _: float, vault_id: str) -> None:
    """With it everything that was in it; one log of the deletion remains."""
    vault = state.vaults.pop(vault_id, None)
    if vault is None:
        return
    for number in [number for number, taken in state.checkpoints.items() if taken.vault is vault]:
        state.forget(number)
    for resource_id in [resource_id for resource_id, owner in state.owners.items() if owner == vault_id]:
        del state.owners[resource_id]


def purge(state: Vaults) -> None:
    """Drop what is due about things that are forgotten: an expiry may be a hundred years away."""
    known = state.checkpoints.keys() | state.deeds.keys()
    state.due = [due for due in state.due if due[2] not in _NUMBERED or due[3] in known]
    heapq.heapify(state.due)


_NUMBERED = frozenset({"end", "expire", "gone", "forget", "forget_deed"})
HANDLERS: dict[str, Callable[..., None]] = {
    "end": ended,
    "expire": expired,
    "gone": gone,
    "forget": forgotten,
    "forget_deed": deed_forgotten,
    "late": late,
    "unlock": unlocked,
    "join": joined,
    "leave": left,
    "vault_gone": vault_gone,
}
