"""Restore points, the backups in them and the logs of what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from handlers.sandbox import ids
from handlers.sandbox.vaults.things import MB_PER_GB, SERVER, VOLUME, Resource

if TYPE_CHECKING:
    from handlers.sandbox.asking import Asked
    from handlers.sandbox.ids import Ids
    from handlers.sandbox.vaults.things import Disk, Vault

FULL = 1000
_DISKS = 1024  # more than a server can have
Which = frozenset[str] | Literal["all"]


@dataclass(frozen=True, slots=True)
class Harm:
    """What shall go wrong with one restore point; ``skip`` and ``fail`` name resources.

    A backup that is to fail runs on until ``fail_after`` (hours if need be) or, without it, as long as a good one. ``seconds``
    is how long the backups take instead of a minute. Both are seconds of the sandbox's clock, which speed does not divide.
    """

    skip: Which = frozenset()
    skip_code: str = "6215"
    fail: Which = frozenset()
    fail_code: str = "7101"
    fail_after: float | None = None
    seconds: float | None = None
    timeout: bool = False  # the log says timeout instead of failed

    def skips(self, resource_id: str) -> bool:
        """Whether there shall be no backup of it."""
        return self.skip == "all" or resource_id in self.skip

    def fails(self, resource_id: str) -> bool:
        """Whether its backup shall end in error."""
        return self.fail == "all" or resource_id in self.fail


NO_HARM = Harm()


@dataclass(slots=True, eq=False)
class Backup:
    """One resource in one restore point. ``code`` is why it ends in error, ``gone_at`` when its deletion is over.

    Ids, names and sizes are worked out when asked for: there may be very many of these.
    """

    checkpoint: Checkpoint
    index: int
    resource: Resource
    disks: tuple[Disk, ...]
    permille: int
    begins_at: float
    ends_at: float
    code: str = ""
    timeout: bool = False
    gone_at: float | None = None
    gone: bool = False

    @property
    def id(self) -> str:
        """Worked out from the restore point's."""
        return self.checkpoint.ids.of(ids.BACKUP, self.checkpoint.number, self.index)

    @property
    def name(self) -> str:
        """The cloud numbers the backups of one restore point -0001, -0002, … when there are several (CBR user manual)."""
        taken = self.checkpoint
        return f"{taken.name}-{self.index + 1:04}" if taken.numbered else taken.name

    @property
    def incremental(self) -> bool:
        """Or full."""
        return self.permille != FULL

    def size_of(self, disk: Disk) -> int:
        """In MB, what its part takes in the vault."""
        return max(1, disk.used_gb * MB_PER_GB * self.permille // 1000)

    @property
    def size_mb(self) -> int:
        """What all of it takes, if it does not fail."""
        return sum(self.size_of(disk) for disk in self.disks)

    @property
    def parts(self) -> list[Part]:
        """One per disk of a server; of anything else it is whole."""
        return [Part(self, place) for place in range(len(self.disks))] if self.resource.type == SERVER else []

    @property
    def parent_id(self) -> str | None:
        """It has none: see `Part`."""
        return None

    def running(self, now: float) -> bool:
        """Over at ``ends_at``, not after it."""
        return now < self.ends_at

    def status(self, now: float) -> str:
        """In the words of a list of backups."""
        if self.gone_at is not None:
            return "deleting"
        if now < self.ends_at:
            return "protecting" if now >= self.begins_at else "waiting_protect"
        return "error" if self.code else "available"

    def updated_at(self, now: float) -> float:
        """Of a running one: just now."""
        return min(now, self.ends_at)

    def progress(self, now: float) -> int:
        """Percent, 100 only at the end; a failed one stays where it was."""
        if now >= self.ends_at:
            return 99 if self.code else 100
        if now < self.begins_at:
            return 0
        return max(0, min(99, int(100 * (now - self.begins_at) / (self.ends_at - self.begins_at))))


@dataclass(frozen=True, slots=True)
class Part:
    """The backup of one disk inside that of its server; it is named after its parent and the server (CBR API reference)."""

    whole: Backup
    place: int

    @property
    def disk(self) -> Disk:
        """Which one it is of."""
        return self.whole.disks[self.place]

    @property
    def id(self) -> str:
        """Of its own."""
        number = self.whole.checkpoint.number
        return self.whole.checkpoint.ids.of(ids.DISK, number, self.whole.index * _DISKS + self.place)

    @property
    def name(self) -> str:
        """Every disk of a server has the same."""
        return f"{self.whole.name}_{self.whole.resource.name}"

    @property
    def parent_id(self) -> str:
        """The server's backup."""
        return self.whole.id

    @property
    def resource(self) -> Resource:
        """The disk, as what it is when it stands alone."""
        return alone(self.disk)


def alone(disk: Disk) -> Resource:
    """A disk is a resource, too."""
    return Resource(disk.id, disk.name, VOLUME, (disk,))


@dataclass(frozen=True, slots=True)
class Skipped:
    """A resource that was asked for and is not being backed up; ``code`` is the number alone."""

    resource: Resource
    code: str


@dataclass(slots=True, eq=False)
class Checkpoint:
    """One create call that was accepted; ``name`` is the one given, or the one CBR made up."""

    ids: Ids
    number: int
    vault: Vault
    name: str
    numbered: bool
    asked: Asked
    created_at: float
    backups: tuple[Backup, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @property
    def id(self) -> str:
        """Worked out from its number."""
        return self.ids.of(ids.CHECKPOINT, self.number)

    def running(self, now: float) -> bool:
        """As long as any of its backups is."""
        return any(backup.running(now) for backup in self.backups)

    def status(self, now: float, partial: str) -> str:
        """``partial`` is what to call it if some of its backups have failed and some not.

        One without any backup is ``protecting`` at the moment it is created, as every other, and of no use ever after.
        """
        if self.running(now) or now <= self.created_at:
            return "protecting"
        left = [backup for backup in self.backups if backup.gone_at is None]
        if self.backups and not left:
            return "deleted" if all(backup.gone for backup in self.backups) else "deleting"
        failed = sum(1 for backup in left if backup.code)
        if failed == len(left):
            return "error"
        return partial if failed else "available"


@dataclass(slots=True)
class Deed:
    """Something that was done and is no backup: ``delete``, ``remove_resource`` or ``vault_delete``, told in ``about``."""

    id: str
    type: str
    vault_id: str
    vault_name: str
    object_type: str
    checkpoint_id: str | None
    created_at: float
    ends_at: float
    about: dict[str, Any]


def disk_of(index: int) -> tuple[int, int]:
    """From the index in a disk's id to (index of the backup, place of the disk)."""
    return divmod(index, _DISKS)
