"""The wire forms of checkpoints and vaults.

They follow the wire, not the documents: inside a checkpoint sizes and counts are strings and ``extra_info`` is JSON text
(the API reference's own example shows an integer, on which the Go clients fail), inside a vault they are integers and an
object. Times are UTC without a zone, with six decimals (recorded by otcextensions and cloud-custodian).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handlers.sandbox.vaults import Checkpoint, Resource, Skipped, Vault, Vaults

# provider ids and spec codes as published in the CBR API reference
PROVIDERS = {
    "server": "0daac4c5-6707-4851-97ba-169e36266b66",
    "disk": "d1603440-187d-4516-af25-121250c7cc97",
    "turbo": "3f3c3220-245c-4805-b811-758870015881",
}
_SPEC_CODES = {
    "server": "vault.backup.server.normal",
    "disk": "vault.backup.volume.normal",
    "turbo": "vault.backup.turbo.normal",
}
Wire = dict[str, Any]


def moment(at: float) -> str:
    """The naive form; IAM alone adds a ``Z``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def checkpoint(state: Vaults, taken: Checkpoint, now: float) -> Wire:
    """``skipped_resources`` is always there; ``resources`` holds only what is really being backed up."""
    vault, asked = state.vaults[taken.vault_id], taken.asked
    extra: Wire = {"name": taken.name, "retention_duration": asked.retention_days}
    if asked.description is not None:
        extra["description"] = asked.description
    return {
        "id": taken.id,
        "project_id": state.project_id,
        "status": "protecting" if taken.running(now) else "available",
        "created_at": moment(taken.created_at),
        "vault": {
            "id": vault.id,
            "name": vault.name,
            "resources": [_checkpoint_resource(state, taken, backup.resource, now) for backup in taken.backups],
            "skipped_resources": [_skipped(skipped) for skipped in taken.skipped],
        },
        "extra_info": extra,
    }


def _checkpoint_resource(state: Vaults, taken: Checkpoint, resource: Resource, now: float) -> Wire:
    held = vault_resource(state, state.vaults[taken.vault_id], resource, now)
    choice = dict(taken.asked.choices).get(resource.id)
    extra = {"exclude_volumes": list(choice.exclude)} if choice and choice.exclude else {}
    return {
        "id": resource.id,
        "name": resource.name,
        "type": resource.type,
        "protect_status": held["protect_status"],
        "resource_size": str(held["size"]),
        "backup_size": str(held["backup_size"]),
        "backup_count": str(held["backup_count"]),
        "extra_info": json.dumps(extra),
    }


def _skipped(skipped: Skipped) -> Wire:
    resource = skipped.resource
    return {
        "id": resource.id,
        "type": resource.type,
        "name": resource.name,
        "code": skipped.code,
        "reason": skipped.reason,
    }


def vault_resource(state: Vaults, vault: Vault, resource: Resource, now: float) -> Wire:
    """``size`` in GB, ``backup_size`` in MB, over the backups that have ended."""
    backups = state.backups_of(vault.id, resource.id)
    ended = [backup for backup in backups if not backup.running(now)]
    return {
        "id": resource.id,
        "name": resource.name,
        "type": resource.type,
        "protect_status": "available" if len(ended) == len(backups) else "protecting",
        "size": resource.size_gb,
        "backup_size": sum(backup.size_mb for backup in ended),
        "backup_count": len(ended),
        "extra_info": {},
    }


def vault(state: Vaults, held: Vault, now: float) -> Wire:
    """``billing.size`` and ``allocated`` are GB, ``billing.used`` is MB (CBR API reference)."""
    return {
        "id": held.id,
        "name": held.name,
        "description": None,
        "project_id": state.project_id,
        "provider_id": PROVIDERS[held.object_type],
        "enterprise_project_id": "0",
        "created_at": moment(held.created_at),
        "updated_at": moment(held.created_at),
        "tags": [{"key": key, "value": value} for key, value in held.tags],
        "resources": [vault_resource(state, held, resource, now) for resource in held.resources],
        "billing": {
            "allocated": sum(resource.size_gb for resource in held.resources),
            "size": held.size_gb,
            "used": state.used_mb(held.id),
            "status": "available",
            "object_type": held.object_type,
            "protect_type": "backup",
            "consistent_level": "crash_consistent",
            "charging_mode": "post_paid",
            "cloud_type": "public",
            "spec_code": _SPEC_CODES[held.object_type],
        },
        "auto_bind": False,
        "bind_rules": {},
        "auto_expand": False,
        "smn_notify": True,
        "threshold": 80,
        "locked": False,
    }
