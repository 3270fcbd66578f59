"""Reads the bodies that make and change vaults; limits are those of the CBR API reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handlers.sandbox import checks, problems
from handlers.sandbox.asking import Named, named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LEAST_GB, _MOST_GB = 10, 10_485_760


@dataclass(frozen=True)
class AskedVault:
    """``says`` holds what is only shown again."""

    name: str
    description: str | None
    object_type: str
    protect_type: str
    size_gb: int
    resources: tuple[Named, ...]
    says: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """What is not asked for stays as it is."""

    name: str = ""
    size_gb: int | None = None
    says: dict[str, Any] = field(default_factory=dict)


def read_vault(document: Mapping[str, Any]) -> AskedVault:
    """A body of ``POST /vaults``. ``resources`` may be empty, not missing."""
    vault = _vault(document, _VAULT)
    for name in ("name", "billing", "resources"):
        if name not in vault:
            raise problems.invalid(name)
    billing = _checked(vault["billing"], _BILLING)
    for name in ("consistent_level", "object_type", "protect_type", "size"):
        if name not in billing:
            raise problems.invalid(name)
    if "backup_policy_id" in vault:
        raise problems.by_code("6000")  # there are no policies here
    return AskedVault(
        name=vault["name"],
        description=vault.get("description"),
        object_type=billing["object_type"],
        protect_type=billing["protect_type"],
        size_gb=_size(billing["size"]),
        resources=tuple(named(each, "resources") for each in vault["resources"]),
        says={name: value for name, value in vault.items() if name not in _TAKEN}
        | {name: billing[name] for name in ("consistent_level", "cloud_type", "is_multi_az") if name in billing},
    )


def read_change(document: Mapping[str, Any]) -> Change:
    """A body of ``PUT /vaults/{vault_id}``."""
    vault = _vault(document, _CHANGE)
    size = _checked(vault.get("billing", {}), _CHANGED_BILLING).get("size")
    says = {name: value for name, value in vault.items() if name not in {"name", "billing"}}
    return Change(vault.get("name", ""), None if size is None else _size(size, 1), says)


def read_added(document: Mapping[str, Any]) -> tuple[Named, ...]:
    """A body of ``addresources``: 1 to 256 of them."""
    resources = checks.only(document, {"resources"}).get("resources")
    if not isinstance(resources, list) or not 1 <= len(resources) <= 256:
        raise problems.invalid("resources")
    return tuple(named(each, "resources") for each in resources)


def read_removed(document: Mapping[str, Any]) -> tuple[str, ...]:
    """A body of ``removeresources``: 1 to 256 ids; one named twice is removed once."""
    given = checks.only(document, {"resource_ids"}).get("resource_ids")
    if not isinstance(given, list) or not 1 <= len(given) <= 256 or not all(checks.is_uuid(each) for each in given):
        raise problems.invalid("resource_ids")
    return tuple(dict.fromkeys(each.lower() for each in given))


def _vault(document: Mapping[str, Any], known: Mapping[str, Callable[[object], bool]]) -> Mapping[str, Any]:
    vault = checks.only(document, {"vault"}).get("vault")
    if not isinstance(vault, dict):
        raise problems.invalid("vault")
    return _checked(vault, known)


def _checked(given: Mapping[str, Any], known: Mapping[str, Callable[[object], bool]]) -> Mapping[str, Any]:
    for name, value in checks.only(given, known).items():
        if not known[name](value):
            raise problems.invalid(name)
    return given


def _size(value: int, least: int = _LEAST_GB) -> int:
    """A size out of its limits has a code of its own."""
    if not least <= value <= _MOST_GB:
        raise problems.by_code("6101")
    return value


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _few(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 255


def _tags(value: object) -> bool:
    """Not empty, no key twice; a key has up to 36 characters and a value up to 43."""
    if not isinstance(value, list) or not 1 <= len(value) <= 20 or not all(_tag(each) for each in value):
        return False
    return len({each["key"] for each in value}) == len(value)


def _tag(value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() <= {"key", "value"}:
        return False
    key, held = value.get("key"), value.get("value", "")
    return isinstance(key, str) and 1 <= len(key) <= 36 and isinstance(held, str) and len(held) <= 43


def _rules(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() <= {"tags"} and (value.get("tags", []) == [] or _tags(value["tags"]))


# a vault that is paid in advance is answered with an order (Huawei Cloud) or unknown (Open Telekom Cloud): not here. What goes
# with an order may be said all the same, and means nothing.
_BILLING: dict[str, Callable[[object], bool]] = {
    "consistent_level": checks.one_of("crash_consistent", "app_consistent"),
    "object_type": checks.one_of("server", "disk", "turbo", "workspace", "vmware", "rds", "file"),
    "protect_type": checks.one_of("backup", "replication", "hybrid"),
    "size": _number,
    "charging_mode": checks.one_of("post_paid"),
    "cloud_type": checks.one_of("public", "hybrid"),
    "console_url": checks.text(255),
    "is_multi_az": checks.is_boolean,
    "period_type": checks.one_of("year", "month"),
    "period_num": checks.is_whole(1, 9),
    "is_auto_renew": checks.is_boolean,
    "is_auto_pay": checks.is_boolean,
}
_CHANGED_BILLING: dict[str, Callable[[object], bool]] = {"size": _number}
_CHANGE: dict[str, Callable[[object], bool]] = {
    "name": checks.is_name,
    "billing": checks.is_object,
    "auto_bind": checks.is_boolean,
    "bind_rules": _rules,
    "auto_expand": checks.is_boolean,
    "smn_notify": checks.is_boolean,
    "threshold": checks.is_whole(1, 100),
    "locked": checks.is_boolean,
}
_VAULT: dict[str, Callable[[object], bool]] = _CHANGE | {
    "description": checks.is_description(64),
    "resources": _few,
    "backup_policy_id": checks.is_uuid,
    "tags": _tags,
    "backup_name_prefix": checks.text(64),
    "demand_billing": checks.is_boolean,
    "sys_lock_source_service": checks.text(255),
    "availability_zone": checks.text(32),
    "enterprise_project_id": checks.text(36),
}
_TAKEN = frozenset({"name", "billing", "resources", "description"})
