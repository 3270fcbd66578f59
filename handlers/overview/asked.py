"""A wish as an answer: who or what asked, when, for what, with what result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from handlers.ledger import Record
from handlers.plan.planned import NO_GIVING_UP
from handlers.restore_point.said import QUEUED
from handlers.restore_point.wish import Wish
from handlers.rules import TERMINAL
from handlers.values import dataclass
from handlers.watch.following import LATE

SKIPPED = frozenset({"budget", "min_interval", "superseded"})
"""Reasons for which a wish ended because nothing was wanted after all."""
FAR = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """One wish. ``result`` is created, joined, available, partly, broken, failed, skipped, queued, later or in_progress."""

    wish: Wish
    result: str
    reason: str
    settled_by: Wish
    """The wish whose restore point settles it: its own, or that of another cause of its delivery."""

    @property
    def who(self) -> str:
        """In a sentence's words."""
        return who(self.wish)

    @property
    def says(self) -> str:
        """The result, in a few words."""
        wish = self.settled_by
        match self.result:
            case "queued":
                return f"CBR is asked at {clock(moment(wish.slot))}"
            case "later":
                tried = f", tried again at {clock(moment(wish.due))}" if wish.due else ""
                end = f"; given up {clock(ends)}" if (ends := gives_up(wish)) else ""
                return f"CBR could not take it yet ({self.reason or 'not tried yet'}){tried}{end}"
            case "in_progress":
                return "a run is at work on it"
            case "failed" | "skipped":
                return wish.untold or self.reason.replace("_", " ")
            case "created" | "joined" if wish.unfinished:
                how = "no end after a day, and still followed" if wish.reason == LATE else "being made"
                return how if wish.reason in ("created", LATE) else f"{self.reason.replace('_', ' ')}; {how}"
        return "" if self.reason == "created" else self.reason.replace("_", " ")


def read_wishes(records: Iterable[Record]) -> tuple[list[Wish], int]:
    """The wishes that can be read, and how many cannot."""
    wishes, unreadable = [], 0
    for record in records:
        try:
            wishes.append(Wish.from_record(record))
        except ValueError:
            unreadable += 1
    return wishes, unreadable


def answers(wishes: Sequence[Wish]) -> list[Asked]:
    """Each with its result, in their order."""
    by_cause = {wish.planned.cause: wish for wish in wishes}
    return [_answered(wish, by_cause) for wish in wishes]


def _answered(wish: Wish, by_cause: Mapping[str, Wish]) -> Asked:
    leader = by_cause.get(wish.leader) if wish.leader else None
    if leader is not None and not leader.leader:
        word, reason = _result(leader)
        return Asked(wish, "joined" if word == "created" else word, reason, leader)
    if wish.leader:
        return Asked(wish, "joined", "by another cause of its delivery", wish)
    return Asked(wish, *_result(wish), wish)


def _result(wish: Wish) -> tuple[str, str]:
    match wish.state:
        case "wanted":
            return ("queued" if wish.reason == QUEUED else "later"), wish.reason
        case "claimed":
            return "in_progress", wish.reason
        case "sent":
            return "later", wish.reason or "unclear"
        case "failed":
            return ("skipped" if wish.reason in SKIPPED else "failed"), wish.reason
        case "done" if wish.ended:
            return wish.ended, wish.reason
        case "done":
            return ("joined" if wish.reason in ("already_taken", "found", "running_already") else "created"), wish.reason
    return "joined", wish.reason


def who(wish: Wish) -> str:
    """Who or what asked for it."""
    planned = wish.planned
    if planned.sender == TERMINAL:
        return "somebody at a terminal"
    by = f", rule {planned.rule}" if planned.rule else ""
    return f"{planned.trigger} {planned.sender}".strip() + by


def gives_up(wish: Wish) -> datetime | None:
    """When nothing more is tried; None: whoever asked for it looks after that."""
    return moment(wish.gives_up_at) if wish.planned.give_up_after < NO_GIVING_UP else None


def moment(seconds: float | None) -> datetime | None:
    """A time of the ledger; None for none, and for what is no time of this world."""
    if not seconds or not 0 < seconds < FAR.timestamp():
        return None
    return datetime.fromtimestamp(seconds, UTC)


def clock(at: datetime | None) -> str:
    """A time as it is read fastest."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"
