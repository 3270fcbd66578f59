"""The request for a restore point and its reply: every field of the API's page, and the restore point's name.

Source: CBR API reference, "Creating a Restore Point" (POST /v3/{project_id}/checkpoints). Where its tables, its examples
and the wire disagree, the reply is read tolerantly and the field says so.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic_core import ValidationError

from handlers.documents import Moment, Number, Object, Strict, Text, Tolerant, fault, listed, read
from handlers.errors import Refusal
from handlers.models import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, StrictStr

ResourceType = Literal[
    "OS::Nova::Server",
    "OS::Cinder::Volume",
    "OS::Ironic::BareMetalServer",
    "OS::Native::Server",
    "OS::Sfs::Turbo",
    "OS::Workspace::DesktopV2",
]
"""What a vault can hold. Open Telekom Cloud documents the first, second and fifth only."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_uuid(text: str) -> bool:
    """One spelling only: ids are compared with allow-lists as text, and they become part of a path."""
    return _UUID.fullmatch(text) is not None


def _uuid(value: str) -> str:
    if not is_uuid(value):
        raise ValueError("must be a UUID in lower case with hyphens, such as 3b5816b5-f29c-4172-9d9a-76c719a659ce")
    return value


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 characters of A-Z a-z 0-9 _ and -")
    return value


def _description(value: str) -> str:
    if len(value) > 255:
        raise ValueError("must be at most 255 characters")
    if "<" in value or ">" in value:
        raise ValueError("must not contain < or >")
    return value


def _resource_name(value: str) -> str:
    if len(value) > 255:
        raise ValueError("must be at most 255 characters")
    return value


def _days(value: int) -> int:
    if value != -1 and not 1 <= value <= 36500:
        raise ValueError("must be 1 to 36500 days, or -1 for ever")
    return value


Uuid = Annotated[StrictStr, AfterValidator(_uuid)]
Name = Annotated[StrictStr, AfterValidator(_name)]
Description = Annotated[StrictStr, AfterValidator(_description)]
ResourceName = Annotated[StrictStr, AfterValidator(_resource_name)]


class IncludedVolume(Strict):
    """One disk that is backed up. ``os_version`` is the kind of operating system on it."""

    id: Uuid
    os_version: StrictStr | None = None


class ResourceExtraInfo(Strict):
    """Which disks of a server take part. Only multi-disk server backup knows these."""

    exclude_volumes: tuple[Uuid, ...] | None = None
    """Disks left out, by id."""
    include_volumes: tuple[IncludedVolume, ...] | None = None
    """If given, only these disks take part, disks attached later do not. Not on the API page; in the official SDK."""


class Resource(Strict):
    """One server, disk or file system already associated with the vault."""

    extra_info: ResourceExtraInfo | None = None
    id: Uuid
    name: ResourceName | None = None
    type: ResourceType


def _once_each(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """No resource twice: which of the two details would count?"""
    ids = [getattr(each, "id", each) for each in value]
    if len(set(ids)) != len(ids):
        raise ValueError("must name each resource once")
    return value


class CheckpointParam(Strict):
    """What to back up and how. Fields left out take the service's defaults: whole vault, incremental, manual."""

    auto_trigger: StrictBool | None = None
    """True counts it as an automatic (policy-like) backup, which policies expire; the default is manual."""
    description: Description | None = None
    incremental: StrictBool | None = None
    """False asks for a full backup. The first backup of a resource is full whatever is asked."""
    name: Name | None = None
    """With several resources the service appends -0001, -0002 … to it."""
    resources: Annotated[tuple[Uuid, ...], Field(max_length=256), AfterValidator(_once_each)] | None = None
    """Ids of the vault's resources to back up; left out: all of them."""
    resource_details: Annotated[tuple[Resource, ...], Field(max_length=256), AfterValidator(_once_each)] | None = None
    policy_id: Uuid | None = None
    """Not on the API page; in the official SDK. The policy an automatic backup belongs to."""
    retention_duration_days: Annotated[StrictInt, AfterValidator(_days)] | None = None
    """1 to 36500, or -1 for ever. Manual backups only. Not on the API page; in the official SDK, beta in some regions."""


def retention_conflict(parameters: CheckpointParam | None) -> str:
    """Why ``retention_duration_days`` may not stand in these parameters, or nothing.

    No rule of the model itself: the official SDK lets both be sent, and what it sends can be written here, too.
    """
    if parameters is None or parameters.retention_duration_days is None or not parameters.auto_trigger:
        return ""
    return "is for manual backups only: leave it out, or leave auto_trigger out"


class VaultBackup(Strict):
    """One request for a restore point: the object the API calls ``checkpoint``.

    The order of fields is the official SDK's, so that the same request has the same bytes.
    """

    parameters: CheckpointParam | None = None
    vault_id: Uuid

    def to_dict(self) -> dict[str, Any]:
        """The object without the fields nobody set."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_bytes(self) -> bytes:
        """The body of the POST, byte for byte what the official Python SDK sends for the same input."""
        return json.dumps({"checkpoint": self.to_dict()}).encode("ascii")

    @property
    def resource_ids(self) -> frozenset[str]:
        """The resources asked for by id, in either list; empty means the whole vault."""
        asked = self.parameters or CheckpointParam()
        return frozenset(asked.resources or ()) | {each.id for each in asked.resource_details or ()}


class _Request(Strict):
    checkpoint: VaultBackup


def read_vault_backup(document: object) -> VaultBackup:
    """The API's own body ``{"checkpoint": {…}}``; raises Refusal naming the field, such as ``checkpoint.parameters.name``."""
    backup = read(_Request, document).checkpoint
    if conflict := retention_conflict(backup.parameters):
        field = "checkpoint.parameters.retention_duration_days"
        raise Refusal("malformed", f"{field}: {conflict}", field=field)
    return backup


# --- the reply ------------------------------------------------------------------------------------------------------


class CheckpointResource(Tolerant):
    """A resource that takes part. ``resource_size`` is in GB; the unit of ``backup_size`` is not reliable here."""

    id: Text
    name: Text = ""
    type: Text = ""
    protect_status: Text = ""
    resource_size: Number = None
    backup_size: Number = None
    backup_count: Number = None
    extra_info: Object = Field(default_factory=dict)


class SkippedResource(Tolerant):
    """A resource that is *not* being backed up although the call succeeded. ``code`` is one of CBR's error codes."""

    id: Text = ""
    type: Text = ""
    name: Text = ""
    code: Text = ""
    reason: Text = ""


class CheckpointVault(Tolerant):
    """The vault as the restore point sees it."""

    id: Text = ""
    name: Text = ""
    resources: Annotated[tuple[CheckpointResource, ...], BeforeValidator(listed)] = ()
    skipped_resources: Annotated[tuple[SkippedResource, ...], BeforeValidator(listed)] = ()


class CheckpointExtraInfo(Tolerant):
    """Echo of the request; Open Telekom Cloud leaves name and description out when the restore point is shown."""

    name: Text = ""
    description: Text = ""
    retention_duration: Number = None


class Checkpoint(Tolerant):
    """A restore point as CBR answers it. ``status``: available, protecting, error, deleting, deleted, error-deleting."""

    id: Annotated[StrictStr, Field(min_length=1)]
    project_id: StrictStr
    status: StrictStr
    created_at: Moment
    vault: CheckpointVault | None = None
    extra_info: CheckpointExtraInfo | None = None


class _CheckpointReply(Tolerant):
    checkpoint: Checkpoint


def read_checkpoint(document: object) -> Checkpoint:
    """The reply of create and show; raises ValueError naming the field that cannot be read."""
    try:
        return _CheckpointReply.model_validate(document).checkpoint
    except ValidationError as error:
        raise ValueError(": ".join(fault(error))) from None


# --- the name -------------------------------------------------------------------------------------------------------


def restore_point_name(given: str, cause: str) -> str:
    """``<given, clipped to 40>-<first 16 hex of the cause>``: at most 57 characters.

    The name is the only thing CBR stores for us, so it carries the cause, by which the next delivery finds the restore point.
    """
    return f"{given[:40].rstrip('-') or 'rp'}-{cause[:16]}"


def is_named_for(name: str, cause: str) -> bool:
    """Whether a backup of this name belongs to the cause, with or without the -0001 the service appends."""
    return re.fullmatch(rf"[A-Za-z0-9_-]{{1,40}}-{re.escape(cause[:16])}(-[0-9]{{4}})?", name) is not None
