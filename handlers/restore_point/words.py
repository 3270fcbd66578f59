"""What outcomes say of failed calls: what happened, and what to do now."""

from __future__ import annotations

from handlers.errors import CallFailed
from handlers.vault_backup import SkippedResource

_NOW = {
    "6105": "Check the vault's id and its project in the rules.",
    "6112": "Look at the vault's status in the console: it may be frozen or being deleted.",
    "6113": "Look at the vault's status in the console: it may be frozen or being deleted.",
    "6114": "Enlarge the vault, or delete backups nobody needs.",
    "6124": "A replication vault takes no backups: name the vault it replicates.",
    "6135": "A resource that was asked for is not associated with this vault: associate it, or leave it out.",
    "6142": "Enlarge a vault, or delete backups nobody needs.",
    "6302": "A resource that was asked for is gone: take it out of the rule.",
    "8300": "Raise the quota of snapshots, or delete some.",
    "9900": "CBR does not take this request: check the rule's parameters.",
}
"""What to do now, for the refusals a person can do something about."""


def say(failure: CallFailed) -> str:
    """The service's code and words, and the way out where there is one."""
    now = _NOW.get(failure.code.removeprefix("BackupService."), "")
    return f"{failure.code + ': ' if failure.code else ''}{failure.message.rstrip('.')}.{' ' + now if now else ''}"


def skip(resource: SkippedResource) -> str:
    """A resource that was left out, and why."""
    return f"{resource.name or resource.id} ({f'{resource.code} {resource.reason}'.strip()})"


def trust(what: str, failure: CallFailed) -> str:
    """The peer could not be trusted."""
    return (
        f"CBR was not asked for {what}: {say(failure)} Check the endpoint's name and certificate, or name the authority that "
        "signed it (RESTORE_POINT_CA_FILE)."
    )


def rights(what: str, failure: CallFailed) -> str:
    """Our own credentials were refused."""
    return (
        f"Our credentials were refused when asking for {what}: {say(failure)} Check the access key, this clock (15 minutes "
        "at most) and the rights cbr:vaults:backup, cbr:vaults:get, cbr:backups:list and cbr:tasks:list."
    )
