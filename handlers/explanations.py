"""What a code of CBR means for the server or disk it stands with, and what to do: a sentence each, at most 120 characters.

Source: the error codes of the CBR API reference (Open Telekom Cloud, October 2025), those that concern creating a restore point
or any call. Which of them stand with a skipped resource and which with a failed operation is not published, nor is more of what
they mean than their texts: where a sentence gives no advice, none is known.
"""

from __future__ import annotations

EXPLANATIONS: dict[str, str] = {
    "0001": "Nothing in the vault could be backed up: associate servers or disks, or mend what keeps them out.",
    "0002": "It is being backed up already: it can be taken again when that backup has ended.",
    "2010": "It is being restored: it can be backed up when that has ended.",
    "6105": "CBR does not know the vault: check its id and its project.",
    "6112": "The vault is in a state that does not allow this: look at its status in the console.",
    "6113": "The vault's state allows no backup: it may be frozen or being deleted; look at it in the console.",
    "6114": "The vault is full: enlarge it, or delete backups nobody needs.",
    "6124": "A vault of this type takes no backups, such as one for replicas: name the vault it replicates.",
    "6125": "A backup task is running already: it can be taken again when that has ended.",
    "6126": "The vault takes no database (application-consistent) backups: use a vault that does.",
    "6130": "The vault is being replicated: it can be taken again when that has ended.",
    "6134": "Resources are being removed from the vault: it can be taken again when that has ended.",
    "6135": "It is not associated with this vault: associate it, or leave it out of the rule.",
    "6137": "A disk may be backed up through one vault only: take the disk or its server out of the other one.",
    "6138": "CBR could not read the account's language at the billing centre; what to do is not documented.",
    "6139": "CBR could not read the kind of account: it may work when tried again.",
    "6142": "All vaults are full: enlarge one, or delete backups nobody needs.",
    "6203": "A backup of it is in progress: it can be taken again when that has ended.",
    "6215": "Its state allows no backup: see that the resource is available or in use, running or stopped.",
    "6300": "The kind of resource and the provider id do not fit together: correct the request.",
    "6301": "CBR does not know the provider id: correct the request.",
    "6302": "It does not exist any more: take it out of the vault and of the rule.",
    "7000": "The disk does not exist any more: take it out of the vault and of the rule.",
    "7001": "It is a disk of dedicated enterprise storage (DESS), which CBR cannot back up.",
    "7002": "It is a SCSI disk, which CBR cannot back up.",
    "7003": "The disk's state allows no backup: it must be available or in use.",
    "7004": "The disk allows neither backup nor restore; why is not documented.",
    "7007": "The disk is of a generation too old for backups.",
    "7100": "The server does not exist any more: take it out of the vault and of the rule.",
    "7101": "The server's state allows no backup: it must be running or stopped.",
    "7102": "The server is stopped, and CBR does not take it so: it may work when the server runs.",
    "7103": "The server is of a kind that cannot be backed up.",
    "7104": "The server has SCSI disks, which CBR cannot back up: leave them out by exclude_volumes, or detach them.",
    "7105": "The server's disks lie on different storage back ends; no way to back it up is documented.",
    "7106": "It has shared disks, which cannot be backed up.",
    "7107": "The server has more shared disks than CBR takes (10): detach some, or leave them out.",
    "7108": "The server has no disk, so there is nothing to back up: attach one, or take the server out of the vault.",
    "7109": "It is a bare-metal server, which cannot be backed up here.",
    "7110": "The kind of resource and the provider id do not fit together: correct the request.",
    "7111": "The server has disks of dedicated enterprise storage (DESS), which CBR cannot back up: leave them out.",
    "7113": "The local disks of a bare-metal server cannot be backed up: leave them out.",
    "7200": "The cloud database is being backed up already: it can be taken again when that has ended.",
    "7201": "The disk is attached to no server: attach it, or take it out of the vault.",
    "7202": "The snapshot behind the backup could not be read: it may work when tried again.",
    "7203": "The snapshot behind the backup is in a wrong state: it may work when tried again.",
    "7204": "The snapshot behind the backup is not one of this disk.",
    "8300": "The quota of snapshots is used up: raise it, or delete snapshots nobody needs.",
    "8400": "CBR could not read the product at the billing centre: it may work when tried again.",
    "8600": "The account has not passed the real-name check: somebody has to do that in the console.",
    "9900": "CBR does not take the request: check the rule's parameters.",
    "9910": "CBR had an error that it does not explain: it may work when tried again.",
    "9998": "Authentication failed inside CBR; what to do is not documented.",
}
"""By the code without its prefix ``BackupService.``."""
