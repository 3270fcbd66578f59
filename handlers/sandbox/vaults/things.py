"""What is backed up, and the vaults it is backed up into."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from handlers.sandbox.asking import WHOLE, Choice

if TYPE_CHECKING:
    from handlers.sandbox.vaults.points import Backup

MB_PER_GB = 1024
SERVER, VOLUME, SHARE = "OS::Nova::Server", "OS::Cinder::Volume", "OS::Sfs::Turbo"
# VMware's come from an agent, not by a call; rds and file have no published provider id, so there are no such vaults here
# which type of resource a vault of which type takes
TAKES = {"server": SERVER, "disk": VOLUME, "turbo": SHARE, "workspace": "OS::Workspace::DesktopV2", "vmware": ""}


@dataclass(frozen=True, slots=True)
class Disk:
    """``used_gb`` is what a full backup of it takes."""

    id: str
    name: str
    size_gb: int
    used_gb: int
    system: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """A server is backed up disk by disk, with one child backup each; a disk or a file system in one piece."""

    id: str
    name: str
    type: str
    disks: tuple[Disk, ...]

    @property
    def size_gb(self) -> int:
        """What the disks offer, not what is used."""
        return sum(disk.size_gb for disk in self.disks)


@dataclass(slots=True)
class Held:
    """A resource in a vault, with what its backups come to.

    ``whole`` counts the backups that run or are good: the next one may build on them. ``count`` and ``size_mb`` are those of
    the good ones alone. ``taken`` counts all there ever were.
    """

    resource: Resource
    choice: Choice = WHOLE
    backups: dict[int, Backup] = field(default_factory=dict)  # by the number of their restore point
    last: Backup | None = None
    taken: int = 0
    whole: int = 0
    count: int = 0
    size_mb: int = 0
    removing: bool = False


@dataclass(slots=True)
class Vault:
    """``object_type`` says which kind of resource it takes.

    ``doing`` is empty, or ``replicating``: it has no place in the vault's documented status. ``says`` holds what is shown
    again as it was given. An estate declares vaults; each sandbox works on copies.
    """

    id: str
    name: str
    object_type: str
    size_gb: int
    resources: tuple[Resource, ...]
    created_at: float
    protect_type: str = "backup"
    description: str | None = None
    status: str = "available"
    doing: str = ""
    used_mb: int = 0
    filled_mb: int = 0
    says: dict[str, Any] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for resource in self.resources:
            self.held.setdefault(resource.id, Held(resource))

    def copy(self) -> Vault:
        """With nothing backed up."""
        return replace(self, says=dict(self.says), held={})

    @property
    def used(self) -> int:
        """In MB; a running backup counts with the size it will have."""
        return max(0, self.used_mb + self.filled_mb)

    @property
    def full(self) -> bool:
        """Checked before a backup starts, so one backup may overfill a vault."""
        return self.used >= self.size_gb * MB_PER_GB

    @property
    def removing(self) -> bool:
        """Whether a resource is on its way out."""
        return any(held.removing for held in self.held.values())

    def join(self, resource: Resource, choice: Choice) -> None:
        """From now on it is backed up with the vault."""
        self.held[resource.id] = Held(resource, choice)
        self.resources = tuple(held.resource for held in self.held.values())

    def leave(self, resource_id: str) -> None:
        """Its backups are somebody else's care."""
        del self.held[resource_id]
        self.resources = tuple(held.resource for held in self.held.values())
