"""All vaults of one project, and what can be asked of them."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Any

from handlers.sandbox import ids, problems
from handlers.sandbox.habits import Habits
from handlers.sandbox.vaults import dues, saving, taking
from handlers.sandbox.vaults.points import NO_HARM, Backup, Checkpoint, Deed, Harm, Part, disk_of
from handlers.sandbox.vaults.things import MB_PER_GB, Held, Resource, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handlers.sandbox.asking import Asked
    from handlers.sandbox.estate import Estate

_FEW = 1000
_PSEUDO = frozenset({"replicating"})  # what a vault may be doing without a status of its own for it


class Vaults:
    """Not thread-safe: the server calls in one request at a time. Ask `advance` before anything else about a moment.

    ``speed`` divides how long work takes, never the calendar. ``keep`` bounds the restore points: the oldest that have ended
    are forgotten, as if they had expired long ago.
    """

    def __init__(
        self,
        project_id: str,
        estate: Estate,
        *,
        speed: float = 1.0,
        habits: Habits | None = None,
        seed: int = 0,
        keep: int | None = None,
    ) -> None:
        self.project_id, self.speed, self.keep = project_id, speed, keep
        self.habits = Habits() if habits is None else habits
        self.ids = ids.Ids(seed)
        self.vaults: dict[str, Vault] = {vault.id: vault.copy() for vault in estate.vaults}
        self.resources: dict[str, Resource] = {resource.id: resource for resource in estate.unbound}
        self.owners: dict[str, str] = {}  # which vault a resource is in, or on its way into
        for vault in self.vaults.values():
            self.resources |= {resource.id: resource for resource in vault.resources}
            self.owners |= {resource.id: vault.id for resource in vault.resources}
        self.shown: dict[str, str] = {}  # a resource's protect_status, where it was set
        self.states: dict[str, str] = {}  # a resource's or disk's own state, where it is not well
        self.checkpoints: dict[int, Checkpoint] = {}  # oldest first
        self.deeds: dict[int, Deed] = {}
        self.ended: deque[int] = deque()
        self.due: list[tuple[Any, ...]] = []  # a heap of (at, order, kind, what about)
        self.number, self._planned, self._purge_at = 0, 0, _FEW
        self.when_late: Callable[[], object] = int  # called for every late create that is done
        self.in_order = True  # whether the clock never went back between two restore points

    def advance(self, now: float) -> None:
        """Do whatever is due until now, in the order of its time."""
        while self.due and self.due[0][0] <= now:
            at, _, kind, *about = heapq.heappop(self.due)
            dues.HANDLERS[kind](self, at, *about)

    def plan(self, at: float, kind: str, *about: Any) -> None:
        """One of `dues`, with what JSON can hold."""
        self._planned += 1
        heapq.heappush(self.due, (at, self._planned, kind, *about))

    def next_number(self) -> int:
        """Of whatever is asked of this cloud, never of what is due: when one looks must not decide what an id becomes."""
        self.number += 1
        return self.number

    # ── restore points ───────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, asked: Asked, now: float, harm: Harm = NO_HARM) -> Checkpoint:
        """Start a backup of every asked resource that can be backed up; refuse, changing nothing, if none is left."""
        self.advance(now)
        return taking.start(self, asked, now, harm)

    def later(self, asked: Asked, at: float, harm: Harm = NO_HARM) -> None:
        """The request is applied then, and nobody hears what came of it."""
        self.plan(at, "late", saving.plain(asked), saving.plain(harm))

    def foreign(self, vault_id: str, now: float, seconds: float | None = None) -> Checkpoint | None:
        """CBR's own policy starts a backup of the whole vault; a run that cannot be is left out (CBR user manual)."""
        try:
            return self.take(taking.by_policy(self, vault_id), now, Harm(seconds=seconds))
        except problems.Problem:
            self.vault(vault_id)
            return None

    def checkpoint(self, checkpoint_id: str) -> Checkpoint:
        """6217 if it does not exist."""
        found = self.checkpoints.get(self._number(ids.CHECKPOINT, checkpoint_id)[0])
        if found is None:
            raise problems.no_checkpoint()
        return found

    def backup(self, backup_id: str) -> Backup | Part:
        """Of a resource or of one disk; 6200 if it does not exist."""
        number, index = self._number(ids.BACKUP, backup_id)
        place = None
        if not number:
            number, both = self._number(ids.DISK, backup_id)
            index, place = disk_of(both)
        taken = self.checkpoints.get(number)
        if taken is None or index >= len(taken.backups) or taken.backups[index].gone:
            raise problems.no_backup()
        found = taken.backups[index]
        return found if place is None else Part(found, place)

    def log(self, log_id: str) -> tuple[int, int]:
        """(number, index) of what is in ``checkpoints`` or ``deeds``; zeros if the id is none of ours."""
        return self._number(ids.LOG, log_id)

    def _number(self, kind: int, text: str) -> tuple[int, int]:
        found = self.ids.read(text)
        return found[1:] if found and found[0] == kind else (0, 0)

    def since(self, start: float) -> Iterator[Checkpoint]:
        """Oldest first; earlier ones may be among them where the clock went back."""
        found = []
        for taken in reversed(self.checkpoints.values()):
            if self.in_order and taken.created_at < start:
                break
            found.append(taken)
        return reversed(found)

    def discard(self, backup: Backup, now: float) -> None:
        """From now on it counts for nothing; one in error has not since its end."""
        vault, number = backup.checkpoint.vault, backup.checkpoint.number
        held = vault.held.get(backup.resource.id)
        if held is None or held.backups.pop(number, None) is None:
            return
        if held.last is backup:
            held.last = None
        if backup.running(now):
            held.whole -= 1
            vault.used_mb -= backup.size_mb
        elif not backup.code:
            held.whole -= 1
            held.count -= 1
            held.size_mb -= backup.size_mb
            vault.used_mb -= backup.size_mb

    def forget(self, number: int) -> None:
        """A restore point that has ended, as if it had never been."""
        taken = self.checkpoints.pop(number, None)
        if taken is not None:
            for backup in taken.backups:
                self.discard(backup, backup.ends_at)
            taken.backups = ()  # they point back at it

    def trim(self) -> None:
        """Forget the oldest that have ended, down to as many as are kept, and with them what is due about them."""
        if self.keep is None:
            return
        newest = next(reversed(self.checkpoints), 0)  # nobody has seen it yet, even if it is over already
        while len(self.checkpoints) > self.keep and self.ended and self.ended[0] != newest:
            self.forget(self.ended.popleft())
        while len(self.deeds) > self.keep:
            del self.deeds[next(iter(self.deeds))]
        if len(self.due) > self._purge_at:
            dues.purge(self)
            self._purge_at = 2 * len(self.due) + _FEW

    def listed(self, taken: Checkpoint, now: float) -> bool:
        """Lists may lag behind; looking at the restore point itself does not."""
        lag = self.habits.list_lag
        return not lag or now >= taken.created_at + lag or now >= taken.created_at + lag * self.ids.chance(ids.LAG, taken.number)

    # ── vaults and resources ─────────────────────────────────────────────────────────────────────────────────────────

    def vault(self, vault_id: str) -> Vault:
        """6105 if it does not exist."""
        found = self.vaults.get(vault_id)
        if found is None:
            raise problems.no_vault()
        return found

    def protect_status(self, vault: Vault, held: Held, now: float, backup: Backup | None = None) -> str:
        """As a vault tells it, or a restore point of its own ``backup``; may lag behind the backup's end (see `Habits`)."""
        if held.resource.id in self.shown:
            return self.shown[held.resource.id]
        if held.removing:
            return "removing"
        backup = backup or held.last
        if backup is None:
            return "available"
        if now < self.settled_at(backup):
            return "protecting"
        return "error" if backup.code else "available"

    def settled_at(self, backup: Backup) -> float:
        """When its resource shows that it has ended."""
        settling = self.habits.settling
        if not settling:
            return backup.ends_at
        share = self.ids.chance(ids.SETTLE, backup.checkpoint.number, backup.index)
        return backup.ends_at + share * settling / self.speed

    def fill(self, vault_id: str, percent: float) -> None:
        """As if other backups took that much of it; from 100 on it takes no more."""
        vault = self.vault(vault_id)
        vault.filled_mb = round(vault.size_gb * MB_PER_GB * percent / 100) - vault.used_mb

    def set_status(self, vault_id: str, status: str) -> None:
        """Any documented one (available, lock, frozen, deleting, error) or ``replicating``, which ends with the next."""
        vault = self.vault(vault_id)
        vault.doing = status if status in _PSEUDO else ""
        vault.status = "available" if status in _PSEUDO else status

    def set_protect_status(self, resource_id: str, status: str) -> None:
        """``restoring``, ``removing``, ``protecting`` and ``error`` are shown and hinder a backup; ``available`` ends it."""
        self._resource(resource_id)
        self.shown.pop(resource_id, None)
        if status != "available":
            self.shown[resource_id] = status

    def set_resource_state(self, resource_id: str, state: str) -> None:
        """Of a resource or of one disk of a server: see `taking.hindrance` for what they mean. Empty: it is well again."""
        self._resource(resource_id)
        self.states.pop(resource_id, None)
        if state:
            self.states[resource_id] = state

    def _resource(self, resource_id: str) -> None:
        if resource_id not in self.resources and not any(
            disk.id == resource_id for resource in self.resources.values() for disk in resource.disks
        ):
            raise problems.by_code("6302")

    # ── the state as a document ──────────────────────────────────────────────────────────────────────────────────────

    def save(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return saving.save(self)

    def load(self, saved: dict[str, Any]) -> None:
        """Go on where another left off: what it would have answered, this one will. Habits and speed are not part of it."""
        saving.load(self, saved)
        self._planned = max((due[1] for due in self.due), default=0)

    def leap(self) -> None:
        """Leave out numbers somebody may have given to things that were not written down."""
        self.number += ids.BLOCK
