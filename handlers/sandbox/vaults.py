"""What CBR keeps: vaults, their resources, checkpoints and the backups in them.

Nothing happens in the background. A checkpoint is written down once, with the moment its backups will have ended; status
and progress are worked out from the clock whenever somebody asks.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handlers.sandbox import problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from handlers.sandbox.asking import Asked

FIRST_BACKUP_SECONDS = 60.0
LATER_BACKUP_SECONDS = 20.0
MB_PER_GB = 1024


@dataclass(frozen=True)
class Disk:
    """``used_gb`` is what a full backup of it takes."""

    id: str
    name: str
    size_gb: int
    used_gb: int
    system: bool = False


@dataclass(frozen=True)
class Resource:
    """A server is backed up disk by disk, with one child backup each; a file system in one piece."""

    id: str
    name: str
    type: str
    disks: tuple[Disk, ...]

    @property
    def size_gb(self) -> int:
        """What the disks offer, not what is used."""
        return sum(disk.size_gb for disk in self.disks)


@dataclass(frozen=True)
class Vault:
    """``object_type`` (server, turbo) says which kind of resource it takes."""

    id: str
    name: str
    object_type: str
    size_gb: int
    resources: tuple[Resource, ...]
    created_at: float
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Backup:
    """One resource in one checkpoint. ``disks`` pairs the id of a child backup with its disk and size in MB."""

    id: str
    log_id: str
    name: str
    checkpoint_id: str
    vault_id: str
    resource: Resource
    disks: tuple[tuple[str, Disk, int], ...]
    incremental: bool
    created_at: float
    ends_at: float

    @property
    def size_mb(self) -> int:
        """What it takes in the vault."""
        return sum(size for _, _, size in self.disks)

    def running(self, now: float) -> bool:
        """Over at ``ends_at``, not after it."""
        return now < self.ends_at

    def progress(self, now: float) -> int:
        """Percent, 100 only at the end."""
        if not self.running(now):
            return 100
        return max(0, min(99, int(100 * (now - self.created_at) / (self.ends_at - self.created_at))))


@dataclass(frozen=True)
class Skipped:
    """A resource that was asked for and is not being backed up."""

    log_id: str
    resource: Resource
    code: str
    reason: str


@dataclass(frozen=True)
class Checkpoint:
    """One create call that was accepted; ``name`` is the one given, or the one CBR made up."""

    id: str
    vault_id: str
    name: str
    asked: Asked
    created_at: float
    backups: tuple[Backup, ...]
    skipped: tuple[Skipped, ...]

    def running(self, now: float) -> bool:
        """As long as any of its backups is."""
        return any(backup.running(now) for backup in self.backups)


@dataclass
class Vaults:
    """All vaults of one project. Not thread-safe: the server calls in one request at a time."""

    project_id: str
    vaults: dict[str, Vault]
    speed: float
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)

    def take(self, asked: Asked, now: float) -> Checkpoint:
        """Start a backup of every asked resource that is not busy; refuse, changing nothing, if none is left."""
        vault = self.vault(asked.vault_id)
        resources = _wanted(vault, asked)
        if self.used_mb(vault.id) > vault.size_gb * MB_PER_GB:
            raise problems.over_capacity()
        busy = {backup.resource.id for backup in self.backups(vault.id) if backup.running(now)}
        free = [resource for resource in resources if resource.id not in busy]
        if not free:
            raise problems.backup_running()
        checkpoint_id, name = _new_id(), asked.name or _own_name(asked.auto_trigger)
        # the cloud numbers the backups of one checkpoint -0001, -0002, … when there are several (CBR user manual)
        names = [f"{name}-{place:04}" for place in range(1, len(free) + 1)] if len(free) > 1 else [name]
        backups = [
            self._start(resource, backup_name, checkpoint_id, asked, now)
            for resource, backup_name in zip(free, names, strict=True)
        ]
        code, reason = problems.RUNNING
        skipped = [
            Skipped(log_id=_new_id(), resource=resource, code=f"BackupService.{code}", reason=reason)
            for resource in resources
            if resource.id in busy
        ]
        self.checkpoints[checkpoint_id] = checkpoint = Checkpoint(
            checkpoint_id, vault.id, name, asked, now, tuple(backups), tuple(skipped)
        )
        return checkpoint

    def vault(self, vault_id: str) -> Vault:
        """6105 if it does not exist."""
        if vault_id not in self.vaults:
            raise problems.no_vault()
        return self.vaults[vault_id]

    def checkpoint(self, checkpoint_id: str) -> Checkpoint:
        """6217 if it does not exist."""
        if checkpoint_id not in self.checkpoints:
            raise problems.no_checkpoint()
        return self.checkpoints[checkpoint_id]

    def backups(self, vault_id: str = "") -> Iterator[Backup]:
        """Oldest first."""
        for checkpoint in self.checkpoints.values():
            if vault_id in {"", checkpoint.vault_id}:
                yield from checkpoint.backups

    def backups_of(self, vault_id: str, resource_id: str) -> list[Backup]:
        """Those of one resource in one vault, oldest first, running ones included."""
        return [backup for backup in self.backups(vault_id) if backup.resource.id == resource_id]

    def used_mb(self, vault_id: str) -> int:
        """A running backup counts with the size it will have."""
        return sum(backup.size_mb for backup in self.backups(vault_id))

    def _start(self, resource: Resource, name: str, checkpoint_id: str, asked: Asked, now: float) -> Backup:
        """The first backup of a resource is full whatever was asked (CBR API reference)."""
        earlier = len(self.backups_of(asked.vault_id, resource.id))
        incremental = asked.incremental and earlier > 0
        seconds = LATER_BACKUP_SECONDS if earlier else FIRST_BACKUP_SECONDS
        permille = _changed_permille(resource.id, earlier) if incremental else 1000
        disks = tuple((_new_id(), disk, max(1, disk.used_gb * MB_PER_GB * permille // 1000)) for disk in asked.disks_of(resource))
        return Backup(
            id=_new_id(),
            log_id=_new_id(),
            name=name,
            checkpoint_id=checkpoint_id,
            vault_id=asked.vault_id,
            resource=resource,
            disks=disks,
            incremental=incremental,
            created_at=now,
            ends_at=now + seconds / self.speed,
        )


def by_id(vaults: Iterable[Vault]) -> dict[str, Vault]:
    """Keep the order: it is the order of lists."""
    return {vault.id: vault for vault in vaults}


def _wanted(vault: Vault, asked: Asked) -> list[Resource]:
    """In the vault's order; everything in it when nothing is named."""
    if asked.resource_ids is None:
        resources = list(vault.resources)
    else:
        if not {resource.id for resource in vault.resources}.issuperset(asked.resource_ids):
            raise problems.not_in_vault()
        resources = [resource for resource in vault.resources if resource.id in asked.resource_ids]
    if not resources:
        raise problems.nothing_to_back_up()
    if not all(asked.disks_of(resource) for resource in resources):
        raise problems.invalid("exclude_volumes")
    return resources


def _own_name(auto_trigger: bool) -> str:
    """``manualbk_xxxx`` or ``autobk_xxxx`` (CBR user manual)."""
    return ("autobk_" if auto_trigger else "manualbk_") + _new_id()[:4]


def _changed_permille(resource_id: str, count: int) -> int:
    """Between 0.5 and 4.5 percent of the used part, always the same for the same resource and count."""
    return 5 + int(hashlib.sha256(f"{resource_id}/{count}".encode()).hexdigest(), 16) % 41


def _new_id() -> str:
    return str(uuid.uuid4())
