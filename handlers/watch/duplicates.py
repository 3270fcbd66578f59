"""Two restore points of one cause: what must not happen, found in what CBR lists and told. Nothing is ever deleted."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

from handlers.cbr import Backup
from handlers.ledger import Ledger, Record
from handlers.outcome import Duplicate
from handlers.restore_point.held import read_wish
from handlers.restore_point.wish import KIND as WISH
from handlers.restore_point.wish import Wish
from handlers.rules import Rules

_OURS = re.compile(r"[A-Za-z0-9_-]{1,40}-([0-9a-f]{16})(?:-[0-9]{4})?")
"""A name that carries a cause: ``handlers.vault_backup.restore_point_name``."""
_COUNTS = ("available", "protecting", "waiting_protect", "creating", "restoring", "sync")
"""States of a backup that is one, or will be."""


class Wished:
    """The wishes of the ledger by what names carry of their causes, read once for all who ask, and only if somebody does."""

    def __init__(self, ledger: Ledger, since: float) -> None:
        self._ledger, self._since = ledger, since
        self._found: dict[str, Record] | None = None

    def of(self, cause: str) -> Wish | None:
        """By the first 16 digits of a cause. Raises LedgerDown."""
        if self._found is None:
            self._found = {each.key[:16]: each for each in self._ledger.since(WISH, self._since) if " " not in each.key}
        with suppress(ValueError):
            return read_wish(self._found.get(cause))
        return None


def duplicates(
    name: str, vault_id: str, backups: Sequence[Backup], rules: Rules, wished: Wished
) -> Iterator[tuple[str, Duplicate]]:
    """One for each restore point too many, with the key of its notice. Raises LedgerDown."""
    made: defaultdict[str, dict[str, float]] = defaultdict(dict)
    names: dict[str, str] = {}
    for each in backups:
        ours = _OURS.fullmatch(each.name)
        if ours and each.checkpoint_id and each.status in _COUNTS:
            names[ours[1]] = each.name
            made[ours[1]].setdefault(each.checkpoint_id, each.created_at.timestamp())
    for cause, points in made.items():
        if len(points) < 2:
            continue
        wish = wished.of(cause)
        if wish is None and not names[cause].startswith("rp-"):
            continue  # somebody else's way to name them
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


def _window(name: str, rules: Rules) -> float | None:
    """Without a wish, it is the shortest window in which rules allow one more of the vault; None: they never do."""
    return min((rule.window for rule in rules.rules if rule.sender and name in rule.vaults), default=None)
