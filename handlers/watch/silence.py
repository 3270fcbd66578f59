"""A topic that takes nothing: the others are told once a day, and when it takes messages again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from handlers.ledger import Ledger, Record, body_of
from handlers.notices import KEPT, Notices
from handlers.outbox import KEPT as MESSAGES_KEPT
from handlers.outbox import TOPIC_DOWN
from handlers.outcome import Healed, Warned
from handlers.plan.planned import stamp
from handlers.report import Settled
from handlers.values import replace

KIND = "topic"
"""The kind of the record of a topic that was ever away: ``at`` is since when, or when it was last seen to take a message."""
DOWN_SECONDS = 7200.0
"""How long a topic may take nothing before the others are told."""


def silent_topics(topics: Collection[str], ledger: Ledger, notices: Notices, now: float) -> Iterator[Settled]:
    """What the sweep learned of each topic, after it has told what it had to tell. Raises LedgerDown."""
    hearing = notices.outbox.hearing
    for name in topics:
        if name in hearing.took:
            yield _takes(name, ledger, notices, now)
        elif name in hearing.waiting:
            since = _down_since(name, hearing.waiting[name], ledger, now)
            if now - since >= DOWN_SECONDS and any(other not in hearing.waiting for other in topics):
                yield notices.open(f"topic {name}", _warning(name, since))


def _takes(name: str, ledger: Ledger, notices: Notices, now: float) -> Settled:
    standing = ledger.get(KIND, name)
    if standing is None:
        return []
    ledger.swap(replace(standing, at=now, body=json.dumps({"down": False}), expires=now + KEPT))
    message = f"Topic {name} takes messages again. What it missed is on its way to it."
    return notices.close(f"topic {name}", Healed(reason=TOPIC_DOWN, message=message, trigger="watch"))


def _down_since(name: str, waiting: float, ledger: Ledger, now: float) -> float:
    """Written down at first sight: later sweeps see only what is due to them. It took messages until it was last seen to."""
    mine = Record(KIND, name, waiting, None, json.dumps({"down": True}), now + KEPT)
    standing = ledger.put_if_absent(mine)
    if standing is None or _is_down(standing):
        return standing.at if standing else waiting
    since = max(waiting, standing.at)
    ledger.swap(replace(mine, at=since, version=standing.version))
    return since


def _is_down(record: Record) -> bool:
    try:
        return body_of(record).get("down") is True
    except ValueError:
        return False


def _warning(name: str, since: float) -> Warned:
    message = (
        f"Topic {name} has not taken messages since {stamp(datetime.fromtimestamp(since, UTC))}. They wait for it, "
        f"each for {MESSAGES_KEPT / 86400:.0f} days at most."
    )
    return Warned(reason=TOPIC_DOWN, message=message, trigger="watch")
