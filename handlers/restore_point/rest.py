"""Causes of a storm that its delivery had no time to write down: the wish names the first, records of their own the rest."""

from __future__ import annotations

import json
from collections.abc import Sequence

from handlers.ledger import Ledger, Record, body_of
from handlers.restore_point.wish import LISTED, Wish
from handlers.values import replace
from handlers.wire import Deadline

KIND = "rest"
KEPT = 7 * 86400.0
"""Seconds: longer than any restore point is being made."""


def keep(ledger: Ledger, cause: str, rest: Sequence[str], now: float) -> None:
    """What a wish has no room for. Raises LedgerDown."""
    for number, start in enumerate(range(LISTED, len(rest), LISTED)):
        body = json.dumps({"causes": rest[start : start + LISTED]})
        ledger.put_if_absent(Record(KIND, f"{cause} {number}", now, None, body, now + KEPT))


def write_down(wish: Wish, ledger: Ledger, deadline: Deadline) -> Wish | None:
    """All of them as followers of the wish; what time did not suffice for stays with the wish that is given back.

    None: the rest that has records of its own is not written down yet. Raises LedgerDown.
    """
    left = _followed(wish, wish.planned.others, ledger, deadline)
    if left:
        return replace(wish, planned=replace(wish.planned, others=tuple(left)))
    number = 0
    while record := ledger.get(KIND, f"{wish.planned.cause} {number}"):
        number += 1
        left = _followed(wish, _causes(record), ledger, deadline)
        ledger.swap(replace(record, body=json.dumps({"causes": left})))
        if left:
            return None
    return replace(wish, planned=replace(wish.planned, others=()))


def _followed(wish: Wish, causes: Sequence[str], ledger: Ledger, deadline: Deadline) -> list[str]:
    """The causes there was no time for."""
    for place, cause in enumerate(causes):
        if deadline.short():
            return list(causes[place:])
        ledger.put_if_absent(wish.followed_by(cause).to_record())
    return []


def _causes(record: Record) -> list[str]:
    try:
        found = body_of(record)["causes"]
    except (ValueError, KeyError):
        return []  # not written by us
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
