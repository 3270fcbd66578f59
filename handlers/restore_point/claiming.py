"""Whose turn a cause is: one run at a time has its wish in hand, with the wishes that follow it."""

from __future__ import annotations

import hashlib

from handlers.errors import LedgerDown
from handlers.ledger import Ledger
from handlers.outcome import Later, Outcome
from handlers.plan.planned import Planned
from handlers.restore_point.held import RETRY_SECONDS, Held, Taking, read_wish
from handlers.restore_point.said import differ, in_progress, joined
from handlers.restore_point.wish import KIND, Wish
from handlers.values import replace
from handlers.wire import Deadline


def claim(planned: Planned, tools: Taking, deadline: Deadline) -> Held | Outcome:
    """The wish in our hands with those that follow it, or why it is not.

    A claim ends only when its holder is surely dead (the platform kills a run at its deadline) and CBR has settled: nothing
    that was sent under it can still turn up afterwards. Of a delivery's causes the first that is free leads: its name is the
    restore point's, and only it is taken up again. The others follow it: they end as it ends. Every delivery goes through its
    causes in the same order, so two that bring the same ones meet at the first.
    """
    over: Outcome | None = None
    covered = set[str]()
    causes = sorted({planned.cause, *planned.others})
    for place, cause in enumerate(causes):
        if cause in covered:
            continue
        if place and deadline.short():
            what = f"Too little time was left to write down {len(causes) - place} of the causes of {planned.what}."
            return Later(reason="no_time", message=f"{what} They must be delivered again.", durable=False, **planned.about())
        rest = tuple(causes[place:])
        found = _lead(replace(planned.led_by(cause), others=rest[1:], group=digest(rest)), tools, deadline)
        if isinstance(found, Held):
            if found.wish is not None:
                _gather(found, tools, deadline)
            return found
        outcome, others = found
        covered.update(others)
        over = outcome if over is None or isinstance(outcome, Later) else over
    assert over is not None  # noqa: S101 - there is always a first cause
    return over


def digest(causes: tuple[str, ...]) -> str:
    """What tells the same group of causes come again; they are in their order."""
    return hashlib.sha256("".join(causes).encode()).hexdigest() if len(causes) > 1 else ""


def _lead(planned: Planned, tools: Taking, deadline: Deadline) -> Held | tuple[Outcome, tuple[str, ...]]:
    """The wish of one cause in our hands; else what it came to, and the causes that come to the same."""
    now = tools.clock.now().timestamp()
    until = now + deadline.left() + tools.settle_seconds
    owner = tools.new_owner()
    fresh = Wish(
        planned=planned, state="claimed", wanted_at=now, owner=owner, claim_ends=until, due=until, group=planned.group, version=1
    )
    try:
        standing = tools.ledger.put_if_absent(fresh.to_record())
        if standing is None:
            return Held(tools, planned, fresh)
        own = Wish.from_record(standing)
        wish = _deciding(own, tools.ledger)
        also = planned.others if planned.group and wish.group == planned.group else wish.planned.others
        if wish.settles(planned, now):
            return joined(wish.planned, "already_taken", wish.checkpoint_id, planned), also
        if wish.held(now):
            return in_progress(planned, wish.claim_ends - now, durable=tools.ledger_lasts), also
        if wish.state in ("done", "failed"):  # and is no use to us: the cause is free
            wish = own
        if wish.unfinished:
            tools.ledger.put_if_absent(wish.left_behind().to_record())
        mine = wish.claimed(planned, owner, now, until)
        stored = tools.ledger.swap(mine.to_record())
        if stored is None:
            return in_progress(
                planned, RETRY_SECONDS, durable=tools.ledger_lasts
            ), ()  # somebody else's by now; which causes go with it is not known
        until = wish.claim_ends if wish.may_have_been_sent else 0.0
        mine, conflict = replace(mine, version=stored.version), differ(planned, mine.planned)
        return Held(tools, mine.planned, mine, conflict=conflict, was_due=wish.due, until=until)
    except (LedgerDown, ValueError):  # down, or holding something that was not written by us
        return Held(tools, planned, None)


def _deciding(own: Wish, ledger: Ledger) -> Wish:
    """The wish whose fate is this one's: its own, or the one it follows. A leader that was wanted anew since is none any more."""
    leader = read_wish(ledger.get(KIND, own.leader)) if own.leader else None
    if leader is None or leader.state == "follows" or leader.wanted_at > own.wanted_at:
        return own
    if own.state == "follows" or (own.checkpoint_id and own.checkpoint_id in leader.past):  # it broke: the leader tries again
        return leader
    return replace(own, ended=leader.ended) if leader.checkpoint_id == own.checkpoint_id else own


def _gather(held: Held, tools: Taking, deadline: Deadline) -> None:
    """The other causes follow, as many as can be written down in half of the time: the restore point comes first."""
    enough, now = deadline.left() / 2, tools.clock.now().timestamp()
    for place, cause in enumerate(held.planned.others):
        if deadline.left() < enough:
            held.unwritten.extend(held.planned.others[place:])
            return
        try:
            if follower := _follower(replace(held.planned, cause=cause, others=()), held.planned.cause, tools.ledger, now):
                held.also.append(follower)
        except (LedgerDown, ValueError):
            held.unwritten.append(cause)


def _follower(planned: Planned, leader: str, ledger: Ledger, now: float) -> Wish | None:
    """The wish of one more cause, following; None where it has a restore point, or may get one of its own."""
    fresh = Wish(planned=planned, state="follows", wanted_at=now, due=None, leader=leader, version=1)
    standing = ledger.put_if_absent(fresh.to_record())
    if standing is None:
        return fresh
    wish = Wish.from_record(standing)
    if wish.state == "follows" and wish.leader == leader:
        return wish
    deciding = _deciding(wish, ledger)
    free = deciding.state in ("done", "failed") and not deciding.settles(planned, now)
    if not free and not (deciding is wish and wish.state in ("wanted", "follows") and not wish.planned.others):
        return None
    stored = ledger.swap(replace(fresh, past=wish.past, version=wish.version).to_record())
    return replace(fresh, past=wish.past, version=stored.version) if stored else None
