"""``POST /_sandbox/state``: puts vaults and resources into states they would otherwise come into by themselves.

Everything that is asked for in one call is read before anything of it is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.errors import Misconfigured
from handlers.sandbox import problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from handlers.sandbox.vaults import Vaults

    Read = Callable[["_About", Vaults, float], Callable[[], object]]

VAULT_STATES = ("available", "lock", "frozen", "deleting", "error", "replicating")
PROTECT_STATES = ("available", "error", "protecting", "restoring", "removing")
RESOURCE_STATES = (
    *("running", "stopped", "available", "in-use", "error", "missing", "building", "creating", "attaching", "detaching"),
    *("extending", "deleting", "rebooting", "resizing", "migrating", "paused", "suspended", "shelved", "maintenance"),
)


class _About:
    """What is said about one change. Whatever is wrong is named by its path, such as ``fill.vault_id``."""

    def __init__(self, what: str, about: object) -> None:
        if not isinstance(about, dict):
            raise Misconfigured(what, f"{what} must be an object with {' and '.join(CHANGES[what][0])}")
        self.what, self.about = what, about
        for key in about:
            if key not in CHANGES[what][0]:
                self.refuse(key, f"is unknown; {what} takes {' and '.join(CHANGES[what][0])}")

    def refuse(self, key: str, why: str) -> None:
        raise Misconfigured(f"{self.what}.{key}", f"{self.what}.{key} {why}")

    def value(self, key: str) -> Any:
        if key not in self.about:
            self.refuse(key, "is missing")
        return self.about[key]

    def number(self, key: str, most: float) -> float:
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            self.refuse(key, f"must be a number from 0 to {most:.0f}")
        return float(value)

    def word(self, key: str, known: tuple[str, ...], *others: str) -> str:
        value = self.value(key)
        if not isinstance(value, str) or value not in known + others:
            self.refuse(key, f"must be one of {', '.join(known)}")
        return str(value)

    def named(self, key: str, known: Iterable[tuple[str, str]], kind: str) -> str:
        """An id, or a name; of several with one name the first."""
        value, rows = self.value(key), list(known)
        wanted = value.lower() if isinstance(value, str) else ""
        found = [row_id for row_id, _ in rows if row_id.lower() == wanted] or [row_id for row_id, name in rows if name == value]
        if found:
            return found[0]
        shown = ", ".join(f"{name} {row_id}" for row_id, name in rows[:20])
        self.refuse(key, f"is the id or name of no {kind} here; there are {shown}")
        return ""

    def vault(self, vaults: Vaults) -> str:
        return self.named("vault_id", ((vault.id, vault.name) for vault in vaults.vaults.values()), "vault")

    def resource(self, vaults: Vaults) -> str:
        """Or one disk of a server."""
        found = {resource.id: resource.name for resource in vaults.resources.values()}
        for resource in vaults.resources.values():
            for disk in resource.disks:
                found.setdefault(disk.id, disk.name)
        return self.named("resource_id", found.items(), "resource")


def prepare(asked: Mapping[str, Any], vaults: Vaults, now: float) -> list[Callable[[], object]]:
    """What to do, in the order it was asked for."""
    for what in asked:
        if what not in CHANGES:
            raise Misconfigured(what, f"{what!r} is nothing one can change; there are {', '.join(CHANGES)}")
    if not asked:
        raise Misconfigured("state", f"nothing is asked for; there are {', '.join(CHANGES)}")
    return [CHANGES[what][1](_About(what, about), vaults, now) for what, about in asked.items()]


def vault_state(word: str) -> str:
    """Why it is none, or nothing."""
    return "" if word in VAULT_STATES else f"one of {', '.join(VAULT_STATES)}"


def _fill(about: _About, vaults: Vaults, _: float) -> Callable[[], object]:
    vault_id, percent = about.vault(vaults), about.number("percent", 1000)
    return lambda: vaults.fill(vault_id, percent)


def _status(about: _About, vaults: Vaults, _: float) -> Callable[[], object]:
    vault_id, status = about.vault(vaults), about.word("status", VAULT_STATES)
    return lambda: vaults.set_status(vault_id, status)


def _protect_status(about: _About, vaults: Vaults, _: float) -> Callable[[], object]:
    resource_id, status = about.resource(vaults), about.word("status", PROTECT_STATES)
    return lambda: vaults.set_protect_status(resource_id, status)


def _resource_state(about: _About, vaults: Vaults, _: float) -> Callable[[], object]:
    """Any code of CBR's is a state, too: the reason to skip it. An empty text is that of one that is well."""
    codes = (*problems.CODES, *(f"BackupService.{code}" for code in problems.CODES), "")
    resource_id, state = about.resource(vaults), about.word("state", RESOURCE_STATES, *codes)
    return lambda: vaults.set_resource_state(resource_id, state)


def _foreign(about: _About, vaults: Vaults, now: float) -> Callable[[], object]:
    vault_id, seconds = about.vault(vaults), about.number("seconds", 10**9)
    return lambda: vaults.foreign(vault_id, now, seconds)


CHANGES: dict[str, tuple[tuple[str, str], Read]] = {
    "fill": (("vault_id", "percent"), _fill),
    "status": (("vault_id", "status"), _status),
    "protect_status": (("resource_id", "status"), _protect_status),
    "resource_state": (("resource_id", "state"), _resource_state),
    "foreign": (("vault_id", "seconds"), _foreign),
}
