"""Reads the body of a create call as strictly as CBR does: unknown keys, wrong types and limits are all 9900."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from handlers.sandbox import problems

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handlers.sandbox.vaults import Disk, Resource

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # the China site takes Chinese characters too, the others do not
_TYPES = (
    "OS::Nova::Server",
    "OS::Cinder::Volume",
    "OS::Ironic::BareMetalServer",
    "OS::Native::Server",
    "OS::Sfs::Turbo",
    "OS::Workspace::DesktopV2",
)
FOR_EVER = -1


@dataclass(frozen=True)
class Choice:
    """Which disks of a server: all but ``exclude``, or only ``include`` where it names any."""

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A create call that passed every check. ``resource_ids`` None means the whole vault."""

    vault_id: str
    name: str
    description: str | None
    incremental: bool
    auto_trigger: bool
    policy_id: str
    retention_days: int
    resource_ids: tuple[str, ...] | None
    choices: tuple[tuple[str, Choice], ...]

    def disks_of(self, resource: Resource) -> tuple[Disk, ...]:
        """Which of its disks are backed up; none left is a fault of the request."""
        choice = dict(self.choices).get(resource.id, Choice())
        return tuple(
            disk for disk in resource.disks if disk.id not in choice.exclude and (not choice.include or disk.id in choice.include)
        )


def is_uuid(value: object) -> TypeGuard[str]:
    """Upper-case letters are accepted; an id without dashes is not."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def read(document: Mapping[str, Any]) -> Asked:
    """Check everything that can be checked without knowing the vaults."""
    checkpoint = _only(document, {"checkpoint"}).get("checkpoint")
    if not isinstance(checkpoint, dict):
        raise problems.invalid("checkpoint")
    vault_id = _only(checkpoint, {"vault_id", "parameters"}).get("vault_id")
    parameters = checkpoint.get("parameters", {})
    if not is_uuid(vault_id):
        raise problems.invalid("vault_id")
    if not isinstance(parameters, dict):
        raise problems.invalid("parameters")
    for key, value in _only(parameters, _PARAMETERS).items():
        if not _PARAMETERS[key](value):
            raise problems.invalid(key)
    auto_trigger = parameters.get("auto_trigger", False)
    if auto_trigger and "retention_duration_days" in parameters:
        raise problems.invalid("retention_duration_days")  # for manual backups only (official Python SDK, VaultBackup)
    details = [_detail(detail) for detail in parameters.get("resource_details", [])]
    return Asked(
        vault_id=vault_id,
        name=parameters.get("name", ""),
        description=parameters.get("description"),
        incremental=parameters.get("incremental", True),
        auto_trigger=auto_trigger,
        policy_id=parameters.get("policy_id", ""),
        retention_days=parameters.get("retention_duration_days", FOR_EVER),
        resource_ids=_named(parameters.get("resources"), [resource_id for resource_id, _ in details]),
        choices=tuple(details),
    )


def _named(resources: list[str] | None, detailed: list[str]) -> tuple[str, ...] | None:
    """No document says what both lists together mean: taken as a union. An empty ``resources`` names nothing at all."""
    if resources is None and not detailed:
        return None
    return tuple(dict.fromkeys([*(resources or []), *detailed]))


def _detail(detail: Any) -> tuple[str, Choice]:
    if not isinstance(detail, dict):
        raise problems.invalid("resource_details")
    _only(detail, {"id", "type", "name", "extra_info"})
    if not is_uuid(detail.get("id")):
        raise problems.invalid("id")
    if detail.get("type") not in _TYPES:
        raise problems.invalid("type")
    if not _text(255)(detail.get("name", "")):
        raise problems.invalid("name")
    extra = detail.get("extra_info", {})
    if not isinstance(extra, dict):
        raise problems.invalid("extra_info")
    _only(extra, {"exclude_volumes", "include_volumes"})
    exclude, include = extra.get("exclude_volumes", []), extra.get("include_volumes", [])
    if not _uuids(exclude):
        raise problems.invalid("exclude_volumes")
    if not isinstance(include, list) or not all(_volume(volume) for volume in include):
        raise problems.invalid("include_volumes")
    return detail["id"], Choice(tuple(exclude), tuple(volume["id"] for volume in include))


def _volume(volume: Any) -> bool:
    if not isinstance(volume, dict):
        return False
    _only(volume, {"id", "os_version"})
    return is_uuid(volume.get("id")) and isinstance(volume.get("os_version", ""), str)


def _only(document: Mapping[str, Any], known: set[str] | Mapping[str, Any]) -> Mapping[str, Any]:
    for key in document:
        if key not in known:
            raise problems.invalid_key(key)
    return document


def _bool(value: object) -> bool:
    return isinstance(value, bool)


def _text(longest: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and len(value) <= longest


def _description(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 255 and not set(value) & set("<>")


def _uuids(value: object) -> bool:
    return isinstance(value, list) and all(is_uuid(item) for item in value)


def _details(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 256


def _days(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and (value == FOR_EVER or 1 <= value <= 36500)


def _name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


# the last two are missing in the CBR API reference and stand in the official Python SDK
_PARAMETERS: dict[str, Callable[[object], bool]] = {
    "auto_trigger": _bool,
    "description": _description,
    "incremental": _bool,
    "name": _name,
    "resources": _uuids,
    "resource_details": _details,
    "policy_id": is_uuid,
    "retention_duration_days": _days,
}
