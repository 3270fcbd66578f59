"""Whose turn it is to have a vault backed up, which `min_interval` says. It is always an outcome, nothing is dropped unsaid."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress

from handlers.errors import LedgerDown
from handlers.ledger import Ledger, Record, body_of
from handlers.outcome import Outcome
from handlers.plan.planned import Planned
from handlers.restore_point.held import Held, read_wish
from handlers.restore_point.wish import KIND, Wish
from handlers.values import replace

TURN = "interval"
"""The kind of the record that says whose turn a vault's ``min_interval`` is."""


def turn_is_taken(held: Held) -> Outcome | None:
    """Whether another alert's restore point of all that is asked for is younger than ``min_interval``."""
    for turn in _turns(held.planned) if held.planned.min_interval else ():
        standing = held.tools.ledger.get(TURN, turn)
        holder = _holder(standing, held) if standing and standing.body != _turn(held) else None
        if holder is not None and _got_one(holder):
            return _not_so_soon(held)
    return None


def waits_its_turn(held: Held) -> Outcome | None:
    """What the vault's ``min_interval`` says: None lets this one through, and no other alert's until it is over.

    Whoever had the last turn must have got something for it. What may still become a restore point is waited for.
    """
    planned, ledger = held.planned, held.tools.ledger
    if not planned.min_interval:
        return None
    now, wanted = held.now(), held.wish.wanted_at if held.wish else 0.0
    own, *wider = _turns(planned)
    mine = Record(TURN, own, now, None, _turn(held), now + planned.min_interval)
    try:
        if wider and (waits := _whole_is_made(held, wider[0])):
            return waits
        standing = ledger.put_if_absent(mine)
        if standing is None:
            return None
        if standing.body == mine.body:  # its own: of an earlier try still, of an earlier window not any more
            return None if standing.at >= wanted else _not_so_soon(held)
        holder = _holder(standing, held)
        if holder is not None and _got_one(holder):
            return _not_so_soon(held)
        at_work = holder is not None and holder.may_have_been_sent
        if at_work or ledger.swap(replace(mine, version=standing.version)) is None:
            return _may_be_made(held)
    except (LedgerDown, ValueError, KeyError, TypeError):
        return None
    return None


def give_turn_back(ledger: Ledger, planned: Planned, now: float) -> None:
    """The vault's next alert need not wait for ``min_interval``, if it was this cause that had the turn."""
    if not planned.min_interval:
        return
    with suppress(LedgerDown, ValueError):
        standing = ledger.get(TURN, _turns(planned)[0])
        if standing is not None and body_of(standing) == {"cause": planned.cause}:
            ledger.swap(replace(standing, expires=now))


def _turns(planned: Planned) -> tuple[str, ...]:
    """The keys of the turns that cover what is asked for: its own first, then the whole vault's.

    Another server of the vault has a turn of its own: a restore point it is not in is none for it.
    """
    vault, some = planned.backup.vault_id, planned.backup.resource_ids
    which = hashlib.sha256(" ".join(sorted(some)).encode()).hexdigest()[:32]
    return (f"{vault} {which}", vault) if some else (vault,)


def _whole_is_made(held: Held, turn: str) -> Outcome | None:
    """One server asks, and the whole vault was, or may be being, taken for another alert."""
    standing = held.tools.ledger.get(TURN, turn)
    holder = _holder(standing, held) if standing is not None and standing.body != _turn(held) else None
    if holder is None:
        return None
    return _not_so_soon(held) if _got_one(holder) else _may_be_made(held) if holder.may_have_been_sent else None


def _may_be_made(held: Held) -> Outcome:
    what = f"Another alert's restore point of vault {held.planned.whose} may be in the making (min_interval)."
    return held.later("waits_its_turn", what)


def _turn(held: Held) -> str:
    return json.dumps({"cause": held.planned.cause})


def _holder(standing: Record, held: Held) -> Wish | None:
    """The wish that has the turn."""
    return read_wish(held.tools.ledger.get(KIND, str(body_of(standing).get("cause"))))


def _got_one(holder: Wish) -> bool:
    return holder.state == "done" and holder.ended != "broken"


def _not_so_soon(held: Held) -> Outcome:
    planned = held.planned
    why = (
        f"Vault {planned.whose} was backed up for another alert less than {planned.min_interval / 60:g} minutes "
        "ago (min_interval), so nothing was asked of CBR."
    )
    return held.skipped("min_interval", why)
