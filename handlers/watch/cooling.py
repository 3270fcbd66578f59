"""A full vault refuses every alert of a storm: each topic hears it once an hour. So do the topics of its other rules."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress

from handlers.errors import LedgerDown
from handlers.ledger import Ledger, Record, body_of
from handlers.outcome import Outcome
from handlers.values import dataclass, replace

KIND = "told"
"""The kind of the record of a failure that alerts need not tell again for an hour: when which topic heard it."""
HOUR = 3600.0


@dataclass(frozen=True)
class Others:
    """Every topic but those that have heard it."""

    heard: frozenset[str]

    def __contains__(self, name: object) -> bool:
        return name not in self.heard


def is_of_the_vault(failure: Outcome) -> bool:
    """Whether what failed is the vault as a whole, so that every alert of a storm would say the same."""
    number = failure.error_code.rpartition(".")[2]
    return bool(failure.vault_id) and failure.reason != "all_skipped" and number not in ("6135", "6302") and number[:1] != "7"


def heard_lately(ledger: Ledger, failure: Outcome, now: float) -> frozenset[str]:
    """The topics that heard of the same failure of the vault, for whatever alert, within the hour."""
    with suppress(LedgerDown):
        return frozenset(_times(ledger.get(KIND, _failure(failure)), now))
    return frozenset()


def remember(ledger: Ledger, failure: Outcome, topics: Iterable[str], now: float) -> None:
    """These have been told. Not before: a run killed while telling must not have told for the others."""
    fresh = dict.fromkeys(topics, now)
    if not fresh:
        return
    with suppress(LedgerDown):
        mine = Record(KIND, _failure(failure), now, None, json.dumps(fresh), now + HOUR)
        if standing := ledger.put_if_absent(mine):
            ledger.swap(replace(mine, version=standing.version, body=json.dumps(_times(standing, now) | fresh)))


def _times(record: Record | None, now: float) -> dict[str, float]:
    with suppress(ValueError, TypeError):
        return {name: float(at) for name, at in (body_of(record) if record else {}).items() if now - float(at) < HOUR}
    return {}


def _failure(outcome: Outcome) -> str:
    return f"{outcome.vault_id} {outcome.reason} {outcome.error_code}"
