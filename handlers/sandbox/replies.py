"""The wire forms of checkpoints and vaults.

They follow the wire, not the documents: inside a checkpoint sizes and counts are strings and ``extra_info`` is JSON text
(the API reference's own example shows an integer, on which the Go clients fail), inside a vault they are integers and an
object. Times are UTC without a zone, with six decimals (recorded by otcextensions and cloud-custodian).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from handlers.sandbox import moments
from handlers.sandbox.asking import WHOLE, Choice
from handlers.sandbox.problems import CODES

if TYPE_CHECKING:
    from handlers.sandbox.vaults import Backup, Checkpoint, Held, Skipped, Vault, Vaults

# provider ids and spec codes as published in the CBR API reference
PROVIDERS = {
    "server": "0daac4c5-6707-4851-97ba-169e36266b66",
    "disk": "d1603440-187d-4516-af25-121250c7cc97",
    "turbo": "3f3c3220-245c-4805-b811-758870015881",
    "workspace": "86a80900-71bf-4961-956a-d52df944f84a",
    "vmware": "a13639de-00be-4e94-af30-26912d75e4a2",
}
_SPEC_CODES = {"server": "server", "disk": "volume", "turbo": "turbo", "workspace": "workspace", "vmware": "vmware"}
_NO_PROJECT = "0"  # the enterprise project of whatever was put into none
Wire = dict[str, Any]


def moment(at: float) -> str:
    """The naive form; IAM alone adds a ``Z``."""
    return moments.moment(at).isoformat(timespec="microseconds")[:26]


def enterprise_project(vault: Vault) -> str:
    """The vault's own; its backups are in the same."""
    return str(vault.says.get("enterprise_project_id") or _NO_PROJECT)


def error(code: str) -> tuple[str, str]:
    """Code and text as skipped resources and operation logs tell them; empty texts where all is well."""
    return (f"BackupService.{code}", CODES[code][1]) if code else ("", "")


def checkpoint(state: Vaults, taken: Checkpoint, now: float) -> Wire:
    """``skipped_resources`` is always there; ``resources`` holds only what is really being backed up."""
    asked = taken.asked
    extra: Wire = {"name": taken.name, "retention_duration": asked.retention_days}
    if asked.description is not None:
        extra["description"] = asked.description
    return {
        "id": taken.id,
        "project_id": state.project_id,
        "status": taken.status(now, state.habits.partial),
        "created_at": moment(taken.created_at),
        "vault": {
            "id": taken.vault.id,
            "name": taken.vault.name,
            "resources": [_checkpoint_resource(state, backup, now) for backup in taken.backups],
            "skipped_resources": [_skipped(skipped) for skipped in taken.skipped],
        },
        "extra_info": extra,
    }


def _checkpoint_resource(state: Vaults, backup: Backup, now: float) -> Wire:
    """Its status is that of this backup, not of a later one; sizes and counts are the vault's."""
    taken, resource = backup.checkpoint, backup.resource
    held = taken.vault.held.get(resource.id)
    row: Wire = {
        "id": resource.id,
        "name": resource.name,
        "type": resource.type,
        "protect_status": state.protect_status(taken.vault, held, now, backup) if held else "available",
        "resource_size": resource.size_gb,
        "backup_size": held.size_mb if held else 0,
        "backup_count": held.count if held else 0,
        "extra_info": _extra(taken.asked.choice(held)) if held else {},
    }
    if state.habits.forms == "wire":
        for name in ("resource_size", "backup_size", "backup_count"):
            row[name] = str(row[name])
        row["extra_info"] = json.dumps(row["extra_info"]) if row["extra_info"] else "{}"
    return row


def _extra(choice: Choice) -> Wire:
    """Only what is left out is told again."""
    return {"exclude_volumes": list(choice.exclude)} if choice.exclude else {}


def _skipped(skipped: Skipped) -> Wire:
    resource = skipped.resource
    code, reason = error(skipped.code)
    return {"id": resource.id, "type": resource.type, "name": resource.name, "code": code, "reason": reason}


def vault_resource(state: Vaults, vault: Vault, held: Held, now: float) -> Wire:
    """``size`` in GB, ``backup_size`` in MB, over the good backups that have ended."""
    resource = held.resource
    return {
        "id": resource.id,
        "name": resource.name,
        "type": resource.type,
        "protect_status": state.protect_status(vault, held, now),
        "size": resource.size_gb,
        "backup_size": held.size_mb,
        "backup_count": held.count,
        "extra_info": {} if held.choice is WHOLE else _extra(held.choice),
        "auto_protect": False,
    }


def vault(state: Vaults, held: Vault, now: float) -> Wire:
    """``billing.size`` and ``allocated`` are GB, ``billing.used`` is MB (CBR API reference)."""
    says = {name: value for name, value in held.says.items() if name not in _IN_BILLING}
    row: Wire = {
        "id": held.id,
        "name": held.name,
        "description": held.description,
        "project_id": state.project_id,
        "provider_id": PROVIDERS[held.object_type],
        "enterprise_project_id": enterprise_project(held),
        "user_id": None,
        "version": 0,
        "created_at": moment(held.created_at),
        "tags": [],
        "resources": [vault_resource(state, held, each, now) for each in held.held.values()],
        "billing": _billing(held),
        "auto_bind": False,
        "bind_rules": {},
        "auto_expand": False,
        "smn_notify": True,
        "threshold": 80,
        "locked": False,
        "sys_lock_source_service": None,
        "availability_zone": None,
        "backup_name_prefix": None,
        "demand_billing": False,
        "frozen": held.status == "frozen",
        "cbc_delete_count": 0,
        "supplier": None,
        "cross_account": False,
        "cross_account_urn": None,
    }
    return row | says | {"updated_at": moment(says.get("updated_at", held.created_at))}


_IN_BILLING = frozenset({"consistent_level", "cloud_type", "is_multi_az"})


def _billing(held: Vault) -> Wire:
    return {
        "allocated": sum(resource.size_gb for resource in held.resources),
        "size": held.size_gb,
        "used": held.used,
        "status": held.status,
        "object_type": held.object_type,
        "protect_type": held.protect_type,
        "consistent_level": held.says.get("consistent_level", "crash_consistent"),
        "charging_mode": "post_paid",
        "cloud_type": held.says.get("cloud_type", "public"),
        "spec_code": f"vault.{held.protect_type}.{_SPEC_CODES[held.object_type]}.normal",
        "is_multi_az": held.says.get("is_multi_az", False),
        **dict.fromkeys(("storage_unit", "order_id", "product_id", "frozen_scene", "is_double_az", "partner_bp_id")),
    }
