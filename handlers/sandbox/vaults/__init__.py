"""What CBR keeps: vaults, their resources, restore points and the backups in them.

Nothing happens in the background: everything follows from the time somebody asks. What is due until then (see `dues`) is
done first, and status and progress are worked out from the clock.

    state      all vaults of one project: what can be asked of them
      ├▶ taking    what a create call starts, skips or is refused for
      ├▶ changes   vaults come, change and go; resources join and leave; backups are deleted
      ├▶ dues      what happens later: ends, expiries, deletions, late creates
      └▶ saving    as JSON and back
    points     restore points, backups, logs     things     disks, resources, vaults
"""

from __future__ import annotations

from handlers.sandbox.vaults.points import NO_HARM, Backup, Checkpoint, Deed, Harm, Part, Skipped
from handlers.sandbox.vaults.state import Vaults
from handlers.sandbox.vaults.things import Disk, Held, Resource, Vault

__all__ = [
    "NO_HARM",
    "Backup",
    "Checkpoint",
    "Deed",
    "Disk",
    "Harm",
    "Held",
    "Part",
    "Resource",
    "Skipped",
    "Vault",
    "Vaults",
]
