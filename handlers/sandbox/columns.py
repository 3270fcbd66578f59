"""What lists of backups, vaults and operation logs compare, and how their rows are built.

`dec`, `member_status` and `show_replication` are taken and change nothing: nothing here is shared or replicated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.sandbox import ids, records, replies
from handlers.sandbox.lists import Columns, Look, micros
from handlers.sandbox.replies import PROVIDERS, enterprise_project
from handlers.sandbox.vaults import Backup, Part

if TYPE_CHECKING:
    from handlers.sandbox.logs import Log
    from handlers.sandbox.vaults import Vault, Vaults

Made = Backup | Part


def _whole(made: Made) -> Backup:
    return made if isinstance(made, Backup) else made.whole


def _taken_at(made: Made, _: float) -> int:
    return micros(_whole(made).checkpoint.created_at)


_BACKUP_FILTERS: dict[str, Look[Made]] = {
    "checkpoint_id": lambda made, _: _whole(made).checkpoint.id,
    "vault_id": lambda made, _: _whole(made).checkpoint.vault.id,
    "resource_id": lambda made, _: made.resource.id,
    "resource_name": lambda made, _: made.resource.name,
    "resource_type": lambda made, _: made.resource.type,
    "resource_az": lambda *_: records.AZ,
    "name": lambda made, _: made.name,
    "status": lambda made, now: _whole(made).status(now),
    "parent_id": lambda made, _: made.parent_id,
    "image_type": lambda *_: "backup",
    "incremental": lambda made, _: "true" if _whole(made).incremental else "false",
    "enterprise_project_id": lambda made, _: enterprise_project(_whole(made).checkpoint.vault),
}
_BACKUP_SORTS: dict[str, Look[Made]] = {
    "id": lambda made, _: made.id,
    "name": lambda made, _: made.name,
    "status": lambda made, now: _whole(made).status(now),
    "created_at": _taken_at,
    "protected_at": _taken_at,
    "updated_at": lambda made, now: micros(_whole(made).updated_at(now)),
}


def backup_columns(state: Vaults) -> Columns[Made]:
    """How ``name`` is compared is a habit."""
    filters = _BACKUP_FILTERS
    if state.habits.name_filter != "exact":
        filters = {name: look for name, look in filters.items() if name != "name"}

    def spread(made: Made) -> float:
        whole = _whole(made)
        place = 0 if isinstance(made, Backup) else made.place + 1
        return state.ids.chance(ids.ORDER, whole.checkpoint.number, whole.index * 1024 + place)

    def row(made: Made, now: float) -> Any:
        return records.backup(state, made, now)

    return Columns("backups", filters, _BACKUP_SORTS, row, spread)


_VAULT_FILTERS: dict[str, Look[Vault]] = {
    "id": lambda vault, _: vault.id,
    "name": lambda vault, _: vault.name,
    "enterprise_project_id": lambda vault, _: enterprise_project(vault),
    "policy_id": lambda *_: None,
    "cloud_type": lambda vault, _: vault.says.get("cloud_type", "public"),
    "object_type": lambda vault, _: vault.object_type,
    "protect_type": lambda vault, _: vault.protect_type,
    "status": lambda vault, _: vault.status,
}
_VAULT_SORTS: dict[str, Look[Vault]] = {
    "id": lambda vault, _: vault.id,
    "name": lambda vault, _: vault.name,
    "status": lambda vault, _: vault.status,
    "created_at": lambda vault, _: micros(vault.created_at),
    "updated_at": lambda vault, _: micros(vault.says.get("updated_at", vault.created_at)),
}


def vault_columns(state: Vaults) -> Columns[Vault]:
    """Vaults of an estate have ids of their own making, so their order is drawn from the text."""
    return Columns(
        "vaults",
        _VAULT_FILTERS,
        _VAULT_SORTS,
        lambda vault, now: replies.vault(state, vault, now),
        lambda vault: state.ids.chance(ids.ORDER, int(vault.id[:8], 16)),
    )


_LOG_FILTERS: dict[str, Look[Log]] = {
    "operation_type": lambda log, _: log.type,
    "provider_id": lambda log, _: PROVIDERS[log.vault[2]],
    "status": lambda log, now: log.status(now),
    "vault_id": lambda log, _: log.vault[0],
    "vault_name": lambda log, _: log.vault[1],
    "resource_id": lambda log, _: log.resource.id if log.resource else None,
    "resource_name": lambda log, _: log.resource.name if log.resource else None,
}
_LOG_SORTS: dict[str, Look[Log]] = {
    "id": lambda log, _: log.id,
    "name": lambda log, _: log.vault[1],
    "status": lambda log, now: log.status(now),
    "created_at": lambda log, _: micros(log.created_at),
    "updated_at": lambda log, now: micros(min(now, log.ended_at(now) or now)),
}


def log_columns(state: Vaults) -> Columns[Log]:
    """One per resource, and others."""

    def spread(log: Log) -> float:
        return state.ids.chance(ids.ORDER, log.within.number if log.within else int(log.id[:8], 16), 512 + log.index)

    return Columns("operation_logs", _LOG_FILTERS, _LOG_SORTS, lambda log, now: records.operation_log(state, log, now), spread)
