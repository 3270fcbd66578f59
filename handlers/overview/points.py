"""A vault's restore points, out of the backups CBR lists and what wishes know that CBR does not say again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from handlers.cbr import Backup
from handlers.message import explained
from handlers.overview import Left, Point, PointState
from handlers.overview.asked import who
from handlers.restore_point.wish import Wish
from handlers.vault_backup import SkippedResource
from handlers.watch.ages import GOOD, UNDER_WAY


def points(backups: Iterable[Backup], wishes: Sequence[Wish]) -> tuple[Point, ...]:
    """Newest first. A disk's copy inside a server's backup is no backup of its own."""
    parts: defaultdict[str, list[Backup]] = defaultdict(list)
    for each in backups:
        if not each.parent_id and (each.status in GOOD or each.status in UNDER_WAY or each.status == "error"):
            parts[each.checkpoint_id or each.id].append(each)
    known = {wish.checkpoint_id: wish for wish in wishes if wish.checkpoint_id and not wish.leader}
    found = [_listed(checkpoint_id, made, known.get(checkpoint_id)) for checkpoint_id, made in parts.items()]
    found += [_unlisted(wish) for checkpoint_id, wish in known.items() if checkpoint_id not in parts and _shown(wish)]
    return tuple(sorted(found, key=lambda each: (each.at, each.checkpoint_id), reverse=True))


def _listed(checkpoint_id: str, made: Sequence[Backup], wish: Wish | None) -> Point:
    left = [*(_skipped(each) for each in (wish.skipped if wish else ()))]
    left += [Left(each.resource_name or each.resource_id, "", _IN_ERROR) for each in made if each.status == "error"]
    return Point(
        checkpoint_id=checkpoint_id,
        name=made[0].name,
        at=min(each.created_at for each in made),
        state=_state(made, partial=bool(left) or (wish is not None and wish.ended == "partly")),
        holds=tuple(each.resource_name or each.resource_id for each in made if each.status != "error"),
        left_out=tuple(left),
        asked=who(wish) if wish else "",
        expires=any(each.expired_at for each in made),
    )


_IN_ERROR = "CBR could not back it up: its backup is in error. The vault's tasks in the console say why."


def _state(made: Sequence[Backup], *, partial: bool) -> PointState:
    if any(each.status in UNDER_WAY for each in made):
        return "running"
    if not any(each.status in GOOD for each in made):
        return "failed"
    return "partial" if partial else "good"


def _shown(wish: Wish) -> bool:
    """Whether there is something to say of a restore point CBR lists no backup of: not yet, or one that broke."""
    return wish.unfinished or wish.ended == "broken"


def _unlisted(wish: Wish) -> Point:
    return Point(
        checkpoint_id=wish.checkpoint_id,
        name=wish.planned.name,
        at=datetime.fromtimestamp(wish.made_at or wish.wanted_at, UTC),
        state="failed" if wish.ended == "broken" else "running",
        left_out=tuple(_skipped(each) for each in wish.skipped),
        asked=who(wish),
    )


def _skipped(resource: SkippedResource) -> Left:
    """With CBR's reason, and what it means where that is documented."""
    said = f"{(resource.reason or 'CBR gives no reason').rstrip('.')}. {explained(resource.code)}".rstrip()
    return Left(resource.name or resource.id, resource.code, said)


def newest_of(resources: Mapping[str, float]) -> float | None:
    """The time from which a vault's age counts: that of the resource which waits longest. None where one has none at all."""
    return min(resources.values()) or None if resources else None
