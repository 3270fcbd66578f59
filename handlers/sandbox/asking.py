"""Reads the body of a create call as strictly as CBR does: unknown keys, wrong types and limits are all 9900.

Ids are compared in small letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handlers.sandbox import problems
from handlers.sandbox.checks import is_boolean, is_description, is_name, is_uuid, is_whole, only, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handlers.sandbox.vaults import Disk, Held, Resource, Vault

_TYPES = frozenset(
    {
        "OS::Nova::Server",
        "OS::Cinder::Volume",
        "OS::Ironic::BareMetalServer",
        "OS::Native::Server",
        "OS::Sfs::Turbo",
        "OS::Workspace::DesktopV2",
    }
)
FOR_EVER = -1


@dataclass(frozen=True, slots=True)
class Choice:
    """Which disks of a server: all but ``exclude``, or only ``include`` where it names any.

    What becomes of a disk that does not exist is documented nowhere: here it is one more that is not there to be left out.
    """

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()

    def of(self, resource: Resource) -> tuple[Disk, ...]:
        """Every disk where nothing is chosen."""
        if not self.exclude and not self.include:
            return resource.disks
        return tuple(
            disk for disk in resource.disks if disk.id not in self.exclude and (not self.include or disk.id in self.include)
        )


WHOLE = Choice()


@dataclass(frozen=True, slots=True)
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

    def choice(self, held: Held) -> Choice:
        """What the call says of a resource goes before what its vault says."""
        for resource_id, choice in self.choices:
            if resource_id == held.resource.id:
                return choice if choice != WHOLE else held.choice
        return held.choice


@dataclass(frozen=True, slots=True)
class Named:
    """A resource as a request names it."""

    id: str
    type: str
    choice: Choice


def read(document: Mapping[str, Any]) -> Asked:
    """Check everything that can be checked without knowing the vaults."""
    checkpoint = only(document, {"checkpoint"}).get("checkpoint")
    if not isinstance(checkpoint, dict):
        raise problems.invalid("checkpoint")
    vault_id = only(checkpoint, {"vault_id", "parameters"}).get("vault_id")
    parameters = checkpoint.get("parameters", {})
    if not is_uuid(vault_id):
        raise problems.invalid("vault_id")
    if not isinstance(parameters, dict):
        raise problems.invalid("parameters")
    for key, value in only(parameters, _PARAMETERS).items():
        if not _PARAMETERS[key](value):
            raise problems.invalid(key)
    auto_trigger = parameters.get("auto_trigger", False)
    if auto_trigger and "retention_duration_days" in parameters:
        raise problems.invalid("retention_duration_days")  # for manual backups only (official Python SDK, VaultBackup)
    details = [named(detail) for detail in parameters.get("resource_details", ())]
    return Asked(
        vault_id=vault_id.lower(),
        name=parameters.get("name", ""),
        description=parameters.get("description"),
        incremental=parameters.get("incremental", True),
        auto_trigger=auto_trigger,
        policy_id=parameters.get("policy_id", ""),
        retention_days=parameters.get("retention_duration_days", FOR_EVER),
        resource_ids=_together(parameters.get("resources"), [detail.id for detail in details]),
        choices=tuple([(detail.id, detail.choice) for detail in details if detail.choice is not WHOLE]),
    )


def check_types(document: Mapping[str, Any], vault: Vault) -> None:
    """What is said of a resource's type must be right; what is in the vault, the vault knows."""
    for detail in document["checkpoint"].get("parameters", {}).get("resource_details", ()):
        held = vault.held.get(detail["id"].lower())
        if held and held.resource.type != detail["type"]:
            raise problems.invalid("type")


def _together(resources: list[str] | None, detailed: list[str]) -> tuple[str, ...] | None:
    """No document says what both lists together mean: taken as a union. An empty ``resources`` names nothing at all."""
    if resources is None and not detailed:
        return None
    return tuple(dict.fromkeys([*map(str.lower, resources or []), *detailed]))


def named(detail: Any, whole: str = "resource_details") -> Named:
    """One of ``resource_details``, or of the resources of a vault."""
    if not isinstance(detail, dict):
        raise problems.invalid(whole)
    only(detail, {"id", "type", "name", "extra_info"})
    if not is_uuid(detail.get("id")):
        raise problems.invalid("id")
    if not isinstance(detail.get("type"), str) or detail["type"] not in _TYPES:
        raise problems.invalid("type")
    if not text(255)(detail.get("name", "")):
        raise problems.invalid("name")
    return Named(detail["id"].lower(), detail["type"], _choice(detail.get("extra_info", {})))


def _choice(extra: Any) -> Choice:
    if not isinstance(extra, dict):
        raise problems.invalid("extra_info")
    if not extra:
        return WHOLE
    only(extra, {"exclude_volumes", "include_volumes"})
    exclude, include = extra.get("exclude_volumes", []), extra.get("include_volumes", [])
    if not _uuids(exclude):
        raise problems.invalid("exclude_volumes")
    if not isinstance(include, list) or not all(_volume(volume) for volume in include):
        raise problems.invalid("include_volumes")
    return Choice(tuple(map(str.lower, exclude)), tuple(volume["id"].lower() for volume in include))


def _volume(volume: Any) -> bool:
    if not isinstance(volume, dict):
        return False
    only(volume, {"id", "os_version"})
    return is_uuid(volume.get("id")) and isinstance(volume.get("os_version", ""), str)


def _uuids(value: object) -> bool:
    return isinstance(value, list) and all(is_uuid(item) for item in value)


def _details(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 256


def _days(value: object) -> bool:
    return is_whole(FOR_EVER, 36500)(value) and value != 0


# the last two are missing in the CBR API reference and stand in the official Python SDK
_PARAMETERS: dict[str, Callable[[object], bool]] = {
    "auto_trigger": is_boolean,
    "description": is_description(255),
    "incremental": is_boolean,
    "name": is_name,
    "resources": _uuids,
    "resource_details": _details,
    "policy_id": is_uuid,
    "retention_duration_days": _days,
}
