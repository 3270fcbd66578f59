"""What outcomes say of failed calls: what happened, and what to do now."""

from __future__ import annotations

from handlers.errors import CallFailed
from handlers.vault_backup import SkippedResource


def say(failure: CallFailed) -> str:
    """The service's code and words, and the way out where there is one."""
    from handlers.advice import of_failure

    now = of_failure(failure.code, failure.message)
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
