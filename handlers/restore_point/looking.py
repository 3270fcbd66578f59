"""What CBR has for this cause already, or is making: nothing is sent before this was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from handlers.cbr import Backup, Operation, Vault
from handlers.plan.planned import Planned
from handlers.restore_point.held import Held
from handlers.vault_backup import Checkpoint, VaultBackup, is_named_for
from handlers.wire import Deadline

_GONE = ("error", "deleting", "waiting_delete", "deleted", "error-deleting")
"""States of a backup that is none or will be none (CBR API reference). One of a state nobody knows yet counts as there."""
_MADE = ("running", "waiting", "success")
"""States of an operation that has made a backup or will (CBR API reference)."""


class Cbr(Protocol):
    """What taking asks of the API."""

    @property
    def said_at(self) -> datetime | None: ...  # noqa: D102
    def create(self, backup: VaultBackup, deadline: Deadline) -> tuple[Checkpoint, str]: ...  # noqa: D102
    def backups(self, deadline: Deadline, *, vault_id: str, since: datetime | None = None) -> list[Backup]: ...  # noqa: D102
    def operations(self, deadline: Deadline, *, vault_id: str, since: datetime) -> list[Operation]: ...  # noqa: D102
    def vault(self, vault_id: str, deadline: Deadline) -> Vault: ...  # noqa: D102


def find_ours(held: Held, cbr: Cbr, deadline: Deadline) -> str:
    """The restore point this cause has already, by the name CBR keeps for us; a broken one does not count.

    Lists of backups may lag, or leave out full ones (the Terraform provider asks in a way of its own "to ensure the correct
    results"): where something may have been sent for this cause before, or a full one is wanted, the operation log is asked, too.
    """
    listed, asked = find_listed(held, cbr, deadline), held.planned.backup.parameters
    full = asked is not None and asked.incremental is False
    if listed or not (held.wish is None or held.wish.perhaps or full):
        return listed
    return logged(held, cbr.operations(deadline, vault_id=held.planned.backup.vault_id, since=held.look_since))


def find_listed(held: Held, cbr: Cbr, deadline: Deadline) -> str:
    """By the list of backups."""
    since, planned = held.look_since, held.planned
    for backup in cbr.backups(deadline, vault_id=planned.backup.vault_id, since=since):
        named = is_named_for(backup.name, planned.named_for) and backup.created_at >= since
        if named and backup.status not in _GONE and _counts(backup.checkpoint_id, held):
            return backup.checkpoint_id
    return ""


def logged(held: Held, operations: Sequence[Operation]) -> str:
    """By the operation log, which is another list."""
    for operation in operations:
        named = is_named_for(operation.backup_name, held.planned.named_for) and operation.created_at >= held.look_since
        if named and operation.status in _MADE and _counts(operation.checkpoint_id, held):
            return operation.checkpoint_id
    return ""


def _counts(checkpoint: str, held: Held) -> bool:
    """One of an earlier window, or that broke, does not."""
    return bool(checkpoint) and not (held.wish and checkpoint in held.wish.past)


def is_plain(planned: Planned) -> bool:
    """Whether a restore point that somebody else asked for can be as good: nothing beyond the defaults was wanted."""
    asked = planned.backup.parameters
    details = (asked and asked.resource_details) or ()
    special = asked is not None and (asked.incremental is False or asked.retention_duration_days is not None)
    return not special and not any(each.extra_info for each in details)


def serving(planned: Planned, asked: frozenset[str], operations: Sequence[Operation]) -> str:
    """A running restore point of somebody else that began after the cause and covers what was asked."""
    covered: dict[str, set[str]] = {}
    for operation in operations:
        running = operation.operation_type == "backup" and operation.status in ("running", "waiting")
        if running and operation.created_at >= planned.occurred:
            covered.setdefault(operation.checkpoint_id, set()).add(operation.resource_id)
    return next((checkpoint for checkpoint, resources in covered.items() if checkpoint and asked <= resources), "")
