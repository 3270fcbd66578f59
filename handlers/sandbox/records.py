"""The wire forms of what a checkpoint leaves behind: backups with their children, and operation logs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handlers.sandbox.asking import FOR_EVER
from handlers.sandbox.replies import PROVIDERS, Wire, moment

if TYPE_CHECKING:
    from handlers.sandbox.vaults import Backup, Checkpoint, Disk, Resource, Vaults


def backup(state: Vaults, made: Backup, now: float) -> Wire:
    """A server's backup with one child per disk; a child is named after its parent and the server."""
    row = _backup(state, made, now) | {
        "id": made.id,
        "name": made.name,
        "resource_id": made.resource.id,
        "resource_name": made.resource.name,
        "resource_type": made.resource.type,
        "resource_size": made.resource.size_gb,
        "parent_id": None,
    }
    if made.resource.type == "OS::Nova::Server":
        row["children"] = [_child(state, made, child_id, disk, now) for child_id, disk, _ in made.disks]
    return row


def _child(state: Vaults, made: Backup, child_id: str, disk: Disk, now: float) -> Wire:
    row = _backup(state, made, now) | {
        "id": child_id,
        "name": f"{made.name}_{made.resource.name}",
        "resource_id": disk.id,
        "resource_name": disk.name,
        "resource_type": "OS::Cinder::Volume",
        "resource_size": disk.size_gb,
        "parent_id": made.id,
    }
    return row | {"extend_info": row["extend_info"] | {"bootable": disk.system, "system_disk": disk.system}}


def _backup(state: Vaults, made: Backup, now: float) -> Wire:
    taken = state.checkpoints[made.checkpoint_id]
    days = taken.asked.retention_days
    expires = made.created_at + timedelta(days=days).total_seconds()
    return {
        "checkpoint_id": taken.id,
        "vault_id": made.vault_id,
        "project_id": state.project_id,
        "provider_id": PROVIDERS[state.vaults[made.vault_id].object_type],
        "enterprise_project_id": "0",
        "description": taken.asked.description,
        "resource_az": "sandbox-1a",
        "image_type": "backup",
        "status": "protecting" if made.running(now) else "available",
        "created_at": moment(made.created_at),
        "updated_at": moment(min(now, made.ends_at)),
        "protected_at": moment(made.created_at),
        "expired_at": None if days == FOR_EVER else moment(expires),
        "incremental": made.incremental,
        "version": 3,
        "extend_info": {
            "auto_trigger": taken.asked.auto_trigger,
            "bootable": False,
            "snapshot_id": None,
            "support_lld": True,
            "supported_restore_mode": "backup",
            "os_images_data": None,
            "contain_system_disk": any(disk.system for _, disk, _ in made.disks),
            "encrypted": False,
            "system_disk": False,
            "progress": made.progress(now),
        },
        "replication_records": [],
        "children": [],
    }


def operation_logs(state: Vaults, taken: Checkpoint, now: float) -> list[Wire]:
    """One per resource that was asked for, skipped ones included."""
    return [_backup_log(state, taken, made, now) for made in taken.backups] + [
        _log(state, taken, skipped.log_id, skipped.resource)
        | {
            "status": "skipped",
            "ended_at": moment(taken.created_at),
            "updated_at": moment(taken.created_at),
            "error_info": {"code": skipped.code, "message": skipped.reason},
        }
        for skipped in taken.skipped
    ]


def _backup_log(state: Vaults, taken: Checkpoint, made: Backup, now: float) -> Wire:
    running = made.running(now)
    row = _log(state, taken, made.log_id, made.resource) | {
        "status": "running" if running else "success",
        "ended_at": None if running else moment(made.ends_at),
        "updated_at": moment(min(now, made.ends_at)),
    }
    row["extra_info"] |= {
        "backup": {
            "backup_id": made.id,
            "backup_name": made.name,
            "incremental": "true" if made.incremental else "false",  # strings (CBR API reference)
            "app_consistency_status": "0",
            "app_consistency_error_code": "",
            "app_consistency_error_message": "",
        },
        "common": row["extra_info"]["common"] | {"progress": made.progress(now)},
    }
    return row


def _log(state: Vaults, taken: Checkpoint, log_id: str, resource: Resource) -> Wire:
    vault = state.vaults[taken.vault_id]
    return {
        "id": log_id,
        "checkpoint_id": taken.id,
        "project_id": state.project_id,
        "provider_id": PROVIDERS[vault.object_type],
        "vault_id": vault.id,
        "vault_name": vault.name,
        "policy_id": taken.asked.policy_id or None,
        "operation_type": "backup",
        "created_at": moment(taken.created_at),
        "started_at": moment(taken.created_at),
        "error_info": {"code": "", "message": ""},
        "extra_info": {
            "resource": {"id": resource.id, "type": resource.type, "name": resource.name, "extra_info": {}},
            "common": {"progress": 0, "request_id": f"req-{log_id}", "task_id": log_id},
        },
    }
