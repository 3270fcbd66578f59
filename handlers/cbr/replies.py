"""What CBR answers, read tolerantly, and only the fields that are used."""

from __future__ import annotations

from typing import Annotated, Any

from handlers.documents import Moment, Number, Object, Text, Tolerant, listed
from handlers.models import BeforeValidator, Field


class Backup(Tolerant):
    """One resource's copy inside a restore point; ``parent_id`` is set on the copy of one disk of a server."""

    id: Text
    name: Text = ""
    status: Text = ""
    checkpoint_id: Text = ""
    vault_id: Text = ""
    resource_id: Text = ""
    resource_name: Text = ""
    resource_type: Text = ""
    created_at: Moment
    parent_id: Text = ""
    expired_at: Text = ""
    """When CBR deletes it by itself; empty: never."""


class VaultResource(Tolerant):
    """A server, disk or file system associated with a vault. ``size`` in GB, ``backup_size`` in MB."""

    id: Text
    type: Text = ""
    name: Text = ""
    protect_status: Text = ""
    size: Number = None
    backup_size: Number = None
    backup_count: Number = None


class Billing(Tolerant):
    """``size`` and ``allocated`` in GB, ``used`` in MB: the reference documents them so."""

    size: Number = None
    allocated: Number = None
    used: Number = None
    status: Text = ""
    object_type: Text = ""
    protect_type: Text = ""


def _tags(value: object) -> object:
    """A list of ``{"key": …, "value": …}``."""
    pairs = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return {str(each.get("key") or ""): str(each.get("value") or "") for each in pairs}


class Vault(Tolerant):
    """A vault as it stands now."""

    id: Text
    name: Text = ""
    tags: Annotated[dict[str, str], BeforeValidator(_tags)] = Field(default_factory=dict)
    resources: Annotated[tuple[VaultResource, ...], BeforeValidator(listed)] = ()
    billing: Billing = Billing()


class Operation(Tolerant):
    """One line of the operation log: one resource of one restore point."""

    id: Text
    checkpoint_id: Text = ""
    status: Text = ""
    operation_type: Text = ""
    created_at: Moment
    error_info: Object = Field(default_factory=dict)
    extra_info: Object = Field(default_factory=dict)

    @property
    def progress(self) -> int:
        """Percent."""
        value = _dig(self.extra_info, "common", "progress")
        return min(max(value, 0), 100) if isinstance(value, int) else 0

    @property
    def resource_id(self) -> str:
        """The resource this line is about."""
        return str(_dig(self.extra_info, "resource", "id") or "")

    @property
    def backup_name(self) -> str:
        """The name of the backup it makes, which begins with the restore point's."""
        return str(_dig(self.extra_info, "backup", "backup_name") or "")

    @property
    def resource_name(self) -> str:
        """Its name."""
        return str(_dig(self.extra_info, "resource", "name") or "")

    @property
    def error(self) -> tuple[str, str]:
        """Code and text; both empty on success."""
        return str(self.error_info.get("code") or ""), str(self.error_info.get("message") or "")[:200]


def _dig(value: object, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
