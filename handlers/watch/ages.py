"""How old the restore points of a vault are, by what CBR lists and what earlier looks remember. Asks nobody."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from handlers.cbr import Backup
from handlers.errors import CallFailed, Rejected
from handlers.ledger import Record, body_of
from handlers.outcome import Healed, Overdue
from handlers.plan.planned import span, stamp
from handlers.rules import Vault
from handlers.values import dataclass, field

GOOD = ("available", "restoring", "sync")
"""States of a backup that can be restored from, or just is (CBR API reference)."""
UNDER_WAY = ("protecting", "waiting_protect", "creating")
"""... of one that is being made (or that waits for its turn)."""
BLIND = 3
"""Looks that may fail before it is told of a vault nothing is known of."""
NAMED = 5
"""Resources a message names; the rest are counted."""


@dataclass()
class Seen:
    """What is remembered of a vault: of each resource when it was first seen here and when its newest good backup was made.

    Seconds since the epoch; 0 where there is none.
    """

    next_look: float = 0.0
    blind: int = 0
    """Looks that failed since one did not."""
    resources: dict[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def read(cls, record: Record) -> Seen:
        """What was not written by us counts for nothing."""
        try:
            found = body_of(record)
            resources = {str(key): (float(first), float(good)) for key, (first, good) in found["resources"].items()}
            return cls(float(found["next_look"]), int(found.get("blind", 0)), resources)
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
            return cls()

    def written(self) -> str:
        """As a record's body."""
        return json.dumps({"next_look": self.next_look, "blind": self.blind, "resources": self.resources})

    def update(self, wanted: frozenset[str], backups: Sequence[Backup], since: float, now: float) -> None:
        """Take in the backups CBR lists ``since`` a time: what it lists no longer is gone; what nobody wants is forgotten."""
        newest = _newest(backups)
        before = {each: self.resources.get(each, (now, 0.0)) for each in sorted(wanted)}
        self.resources = {
            each: (first, newest.get(each, good if good < since else 0.0)) for each, (first, good) in before.items()
        }

    def counted_from(self, now: float, max_age: float) -> dict[str, float]:
        """From when on each resource's age counts: its newest good backup.

        One that was associated with a vault that is looked after otherwise has as long for its first as any other.
        """
        looked_after = any(now - good < max_age for _, good in self.resources.values())
        return {each: good or (first if looked_after else 0.0) for each, (first, good) in self.resources.items()}


def judged(
    name: str, vault: Vault, max_age: float, seen: Seen, names: Mapping[str, str], backups: Sequence[Backup], now: float
) -> Overdue | Healed:
    """Overdue, where any resource has no good backup younger than ``max_age``; else what would be said if it had been."""
    about: dict[str, Any] = {"vault": name, "vault_id": vault.id, "trigger": "watch", "reason": "overdue"}
    counted = seen.counted_from(now, max_age)
    old = {each: seen.resources[each][1] for each, since in counted.items() if now - since >= max_age}
    if counted and not old:
        return Healed(message=f"Vault {name} has good restore points younger than {span(max_age)} again.", **about)
    what = f"no good restore point younger than {span(max_age)}"
    if not counted:
        message = f"Vault {name} holds no resource, so there is {what} (max_age): associate servers or disks with it."
        return Overdue(message=message, **about | {"reason": "empty_vault"})
    which = "; ".join(f"{names.get(each, each)} ({_last(good)})" for each, good in [*old.items()][:NAMED])
    more = f" and {len(old) - NAMED} more" if len(old) > NAMED else ""
    whole = "any of its resources" if len(old) == len(counted) else f"{len(old)} of its {len(counted)} resources"
    now_what = "One is being made or was begun." if _under_way(backups) else f"Take one now: restore-point take {name}."
    return Overdue(message=f"Vault {name} has {what} (max_age) of {whole}: {which}{more}. {now_what}", **about)


def not_known(name: str, vault: Vault, max_age: float, seen: Seen, failure: CallFailed, now: float) -> Overdue | None:
    """It could not be looked at. Once it may have become too old meanwhile, that is told: not knowing is no good sign.

    At once where CBR says that there is no such vault; but not for a few calls that failed before anything was ever seen.
    """
    counted = seen.counted_from(now, max_age).values()
    fine = now - min(counted) < max_age if counted else seen.blind < BLIND
    if fine and not isinstance(failure, Rejected):
        return None
    message = (
        f"It is not known whether vault {name} has a restore point younger than {span(max_age)} (max_age): CBR could not "
        f"be asked ({failure.said}). Look at it in the console."
    )
    about: dict[str, Any] = {"error_code": failure.code, "request_id": failure.request_id, "trigger": "watch"}
    return Overdue(reason="unknown_age", message=message, vault=name, vault_id=vault.id, **about)


def _newest(backups: Sequence[Backup]) -> dict[str, float]:
    newest: dict[str, float] = {}
    for each in backups:
        if each.status in GOOD and not each.parent_id:
            newest[each.resource_id] = max(newest.get(each.resource_id, 0.0), each.created_at.timestamp())
    return newest


def _under_way(backups: Sequence[Backup]) -> bool:
    return any(each.status in UNDER_WAY for each in backups)


def _last(good: float) -> str:
    return f"its last is of {stamp(datetime.fromtimestamp(good, UTC))}" if good else "none is known"
