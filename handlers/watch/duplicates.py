"""Two restore points of one cause: what must not happen, found in what CBR lists and told. Nothing is ever deleted."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

from handlers.cbr import Backup
from handlers.ledger import Ledger
from handlers.outcome import Duplicate
from handlers.restore_point.wish import KIND as WISH
from handlers.restore_point.wish import Wish
from handlers.rules import Rules

_OURS = re.compile(r"[A-Za-z0-9_-]{1,40}-([0-9a-f]{16})(?:-[0-9]{4})?")
"""A name that carries a cause: ``handlers.vault_backup.restore_point_name``."""
_COUNTS = ("available", "protecting", "waiting_protect", "creating", "restoring", "sync")
"""States of a backup that is one, or will be."""


def duplicates(
    name: str, vault_id: str, backups: Sequence[Backup], rules: Rules, ledger: Ledger
) -> Iterator[tuple[str, Duplicate]]:
    """One for each restore point too many, with the key of its notice. Raises LedgerDown."""
    made: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for each in backups:
        ours = _OURS.fullmatch(each.name)
        if ours and each.checkpoint_id and each.status in _COUNTS:
            made[ours[1]].setdefault(each.checkpoint_id, each.created_at.timestamp())
    for cause, points in made.items():
        if len(points) < 2:
            continue
        wish = _wish(cause, min(points.values()), ledger)
        window = wish.planned.window if wish else _window(name, rules)
        earlier = frozenset(wish.past) if wish else frozenset[str]()
        in_order = sorted(points, key=lambda each: points[each])
        for first, second in pairwise(in_order):
            if first in earlier or (window is not None and points[second] - points[first] >= window):
                continue
            message = (
                f"Vault {name} has two restore points of one cause (…-{cause}): {first} and {second}. Neither is deleted here; "
                "one is enough. If this happens again, see whether the ledger was down (degraded) or a clock is wrong."
            )
            about: dict[str, Any] = {"vault": name, "vault_id": vault_id, "checkpoint_id": second, "trigger": "watch"}
            about |= {"rule": wish.planned.rule, "name": wish.planned.name} if wish else {}
            yield f"duplicate {second}", Duplicate(reason="duplicate_restore_point", message=message, **about)


def _wish(cause: str, first: float, ledger: Ledger) -> Wish | None:
    """Names carry 16 digits of the cause only, so this reads what was wanted since; it is asked when two were found."""
    for record in ledger.since(WISH, first - 2 * 86400.0):
        if record.key.startswith(cause):
            with suppress(ValueError):
                return Wish.from_record(record)
    return None


def _window(name: str, rules: Rules) -> float | None:
    """Without a wish, it is the shortest window in which rules allow one more of the vault; None: they never do."""
    return min((rule.window for rule in rules.rules if rule.sender and name in rule.vaults), default=None)
