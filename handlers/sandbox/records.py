"""The wire forms of what a checkpoint leaves behind: backups with their children, and operation logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.sandbox.asking import FOR_EVER
from handlers.sandbox.replies import PROVIDERS, Wire, enterprise_project, error, moment
from handlers.sandbox.vaults import Backup, Part

if TYPE_CHECKING:
    from handlers.sandbox.logs import Log
    from handlers.sandbox.vaults import Vaults

AZ = "sandbox-1a"
_DAY_SECONDS = 86_400.0
_NO_APPLICATION = {  # a recorded reply has texts here, "0" among them
    "app_consistency": "0",
    "app_consistency_status": "0",
    "app_consistency_error_code": "0",
    "app_consistency_error_message": "",
}


def backup(state: Vaults, made: Backup | Part, now: float) -> Wire:
    """Of a resource, with one child per disk if it is a server; or of one such disk."""
    if isinstance(made, Part):
        row = _backup(state, made.whole, made, now)
        row["extend_info"] |= {"bootable": made.disk.system, "system_disk": made.disk.system}
        return row
    return _backup(state, made, made, now) | {"children": [backup(state, part, now) for part in made.parts]}


def _backup(state: Vaults, made: Backup, of: Backup | Part, now: float) -> Wire:
    """A child shares everything with its parent but what it is of."""
    taken, resource = made.checkpoint, of.resource
    days = taken.asked.retention_days
    return {
        "id": of.id,
        "name": of.name,
        "resource_id": resource.id,
        "resource_name": resource.name,
        "resource_type": resource.type,
        "resource_size": resource.size_gb,
        "parent_id": of.parent_id,
        "checkpoint_id": taken.id,
        "vault_id": taken.vault.id,
        "project_id": state.project_id,
        "provider_id": PROVIDERS[taken.vault.object_type],
        "enterprise_project_id": enterprise_project(taken.vault),
        "description": taken.asked.description,
        "resource_az": AZ,
        "image_type": "backup",
        "status": made.status(now),
        "created_at": moment(taken.created_at),
        "updated_at": moment(made.updated_at(now)),
        "protected_at": moment(taken.created_at),
        "expired_at": None if days == FOR_EVER else moment(taken.created_at + days * _DAY_SECONDS),
        "incremental": made.incremental,
        "scheduled_operation_id": taken.asked.policy_id or None,
        "version": 3,
        "extend_info": {
            "auto_trigger": taken.asked.auto_trigger,
            "bootable": False,
            "snapshot_id": None,
            "support_lld": True,
            "supported_restore_mode": "backup",
            "os_images_data": None,
            "contain_system_disk": any(disk.system for disk in made.disks),
            "encrypted": False,
            "encrypted_algorithm": None,
            "system_disk": False,
            "is_multi_az": False,
            "is_dec": False,
            "architecture": None,
            "app_consistency": _NO_APPLICATION,
            "progress": made.progress(now),
        },
        "replication_records": [],
        "children": [],
    }


def operation_log(state: Vaults, log: Log, now: float) -> Wire:
    """``ended_at`` is null as long as it runs, ``started_at`` as long as it waits."""
    code, message = error(log.code(now))
    vault_id, vault_name, object_type = log.vault
    ended, started = log.ended_at(now), log.started_at(now)
    return {
        "id": log.id,
        "checkpoint_id": log.checkpoint_id,
        "project_id": state.project_id,
        "provider_id": PROVIDERS[object_type],
        "vault_id": vault_id,
        "vault_name": vault_name,
        "policy_id": log.policy_id or None,
        "operation_type": log.type,
        "status": log.status(now),
        "created_at": moment(log.created_at),
        "started_at": None if started is None else moment(started),
        "ended_at": None if ended is None else moment(ended),
        "updated_at": moment(now if ended is None else ended),
        "error_info": {"code": code, "message": message},
        "extra_info": log.about
        | {"common": {"progress": log.progress(now), "request_id": f"req-{log.task_id}", "task_id": log.task_id}},
    }
