"""One restore point to take: the whole request, and why it is wanted."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from handlers.letters import in_ascii, legible
from handlers.values import dataclass, replace
from handlers.vault_backup import CheckpointParam, VaultBackup, is_uuid, restore_point_name

NAMED = 20
"""Causes a restore point carries by name; the rest are counted."""
NO_GIVING_UP = 10 * 365 * 86400.0


@dataclass(frozen=True, kw_only=True)
class Planned:
    """``cause`` (64 hex) is the same for every delivery of the same wish, on every platform and in every version.

    One delivery may bring several causes for the same vault and resources: ``others`` are settled by the same restore point.
    ``occurred`` is when the cause happened. Spans are in seconds: ``give_up_after`` from the moment the wish is first recorded,
    ``window`` within which a cause has one restore point (None: for ever), ``min_interval`` between two of the vault's.
    ``budget_per_hour`` is how many its rule may ask for (None: any number).
    """

    backup: VaultBackup
    cause: str
    occurred: datetime
    project: str
    vault: str
    rule: str
    trigger: str
    sender: str
    delivery_id: str
    others: tuple[str, ...] = ()
    group: str = ""
    """A digest of the cause and all the others; empty where there are none."""
    fallback: Planned | None = None
    """Where one resource is named by an alert: what is taken instead if the vault does not hold it (None: nothing)."""
    narrowed_to: str = ""
    """The resource an alert names: its id, which is asked for, or its name, which has to be looked up in the vault first."""
    causes: int = 1
    cause_names: tuple[str, ...] = ()
    title: str = ""
    """What the first alert is called by its sender."""
    link: str = ""
    """The first alert's page."""
    give_up_after: float = NO_GIVING_UP
    window: float | None = None
    min_interval: float = 0.0
    budget_per_hour: int | None = None

    @property
    def name(self) -> str:
        """The name CBR gets."""
        return self.backup.parameters.name or "" if self.backup.parameters else ""

    @property
    def by_name(self) -> bool:
        """Whether its resource is known by name only: until that is looked up, ``backup`` is the whole vault's."""
        return bool(self.narrowed_to) and not is_uuid(self.narrowed_to)

    @property
    def wants(self) -> tuple[str, frozenset[str], str]:
        """Vault and resources: two that want the same are one."""
        return self.backup.vault_id, self.backup.resource_ids, self.narrowed_to if self.by_name else ""

    @property
    def named_for(self) -> str:
        """The cause its name carries: the first of those it settles."""
        return self.name.rpartition("-")[2]

    def of_resource(self, resource: str) -> Planned | None:
        """The same, of the one resource that was looked up by its name; None where the rule lists others."""
        if not self.by_name:
            return self
        asked = self.backup.parameters or CheckpointParam()
        if self.backup.resource_ids and resource not in self.backup.resource_ids:
            return None
        details = tuple(each for each in asked.resource_details or () if each.id == resource) or None
        narrowed = asked.model_copy(update={"resources": (resource,), "resource_details": details})
        return replace(self, backup=VaultBackup(vault_id=self.backup.vault_id, parameters=narrowed), narrowed_to=resource)

    def led_by(self, cause: str) -> Planned:
        """The same restore point with another of its causes as the first, hence under that one's name."""
        if cause == self.cause:
            return self
        asked = self.backup.parameters or CheckpointParam()
        given = self.name.rpartition("-")[0]
        backup = named(VaultBackup(vault_id=self.backup.vault_id, parameters=asked), given, cause, "")
        others = tuple(each for each in (self.cause, *self.others) if each != cause)
        return replace(self, backup=backup, cause=cause, others=others)

    @property
    def whose(self) -> str:
        """The vault as people know it."""
        return self.vault or self.backup.vault_id

    @property
    def what(self) -> str:
        """What is asked for, in a sentence's words."""
        some = self.backup.resource_ids
        if self.by_name:
            return f"a restore point of resource {legible(self.narrowed_to, 120)!r} of vault {self.whose}"
        return f"a restore point of vault {self.whose}" + (f" ({len(some)} of its resources)" if some else "")

    def about(self) -> dict[str, Any]:
        """The fields every outcome of it repeats."""
        return {
            "rule": self.rule,
            "vault": self.vault,
            "vault_id": self.backup.vault_id,
            "project": self.project,
            "cause": self.cause,
            "causes": self.causes,
            "cause_names": self.cause_names,
            "title": self.title,
            "link": self.link,
            "name": self.name,
            "delivery_id": self.delivery_id,
            "trigger": self.trigger,
            "sender": self.sender,
        }


def cause_of(kind: str, backup: VaultBackup, *identity: str) -> str:
    """64 hex. Length-prefixed, so that no two different lists of words are written alike.

    The names a rules file gives are no part of it: renaming a rule, a vault or a project between two deliveries must not make a
    second restore point. A vault id is its own in every project.
    """
    words = [kind, backup.vault_id, ",".join(sorted(backup.resource_ids)), *identity]
    text = b"".join(b"%d:%s" % (len(word.encode()), word.encode()) for word in words)
    return hashlib.sha256(text).hexdigest()


def named(backup: VaultBackup, given: str, cause: str, why: str) -> VaultBackup:
    """The request under the name that carries its cause; ``why`` becomes its description where it has none."""
    asked = backup.parameters or CheckpointParam()
    changes: dict[str, str] = {"name": restore_point_name(given, cause)}
    if asked.description is None and why:
        changes["description"] = clip(in_ascii(why, 255), 255)  # what CBR takes beside ASCII is not published
    return VaultBackup(vault_id=backup.vault_id, parameters=asked.model_copy(update=changes))


def clip(text: str, limit: int = 200) -> str:
    """Text from outside, fit for a name, a description or a log line: ASCII, no < or >, at most ``limit`` characters."""
    plain = text.encode("ascii", "backslashreplace").decode().replace("<", "(").replace(">", ")")
    if not plain.isprintable():
        plain = "".join(letter if letter.isprintable() else "?" for letter in plain)
    return plain[:limit]


def stamp(moment: datetime) -> str:
    """A time as it stands in names."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def span(seconds: float) -> str:
    """A span of time as people say it."""
    unit, length = next((unit, length) for unit, length, least in _UNITS if seconds % length == 0 and seconds >= least)
    count = round(seconds / length)
    return f"{count} {unit}" + ("s" if count != 1 else "")


_UNITS = (("day", 86400, 172800), ("hour", 3600, 3600), ("minute", 60, 60), ("second", 1, 0))
