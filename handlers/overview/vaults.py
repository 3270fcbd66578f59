"""What is wrong with a vault, and what is worth knowing of it. Asks nobody: all of it was gathered before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from handlers.cbr import Backup, Vault
from handlers.errors import CallFailed
from handlers.outcome import Overdue
from handlers.overview import GRAVITY, Expected, Point, Problem, VaultView, Waiting
from handlers.overview.asked import Asked, clock, gives_up, moment
from handlers.overview.growth import Fill
from handlers.overview.points import newest_of, points
from handlers.plan.planned import span
from handlers.values import dataclass, field
from handlers.watch.ages import Seen, judged, not_known
from handlers.watch.listed import Listed


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What is known of one vault. ``since`` (seconds since 1970) is how far back CBR was asked for ``backups``."""

    listed: Listed
    now: datetime
    seen: Seen
    asked: Sequence[Asked] = ()
    timers: tuple[Expected, ...] = ()
    vault: Vault | None = None
    backups: Sequence[Backup] = ()
    since: float = 0.0
    failure: CallFailed | None = None
    """Why CBR could not be asked."""
    wanted: frozenset[str] = field(default_factory=frozenset)
    """The resources that rules name; empty: all of it."""

    def view(self) -> VaultView:
        """All of it put together."""
        listed, found = self.listed, points(self.backups, [each.wish for each in self.asked])
        age, problems = self._age(found)
        gave_up = self._gave_up(found)
        problems += [*self._failed(found, gave_up), *self._missed()]
        if not problems and not found and not self.failure:
            why = f"Vault {listed.name} has no restore point yet, and no max_age in the rules says by when it must have one."
            problems.append(Problem("empty", why))
        fill = Fill.of(self.vault.billing) if self.vault else None
        if fill and fill.filling:
            problems.append(Problem("filling", fill.sentence))
        return VaultView(
            name=listed.name,
            vault_id=listed.vault.id,
            project=listed.project,
            rules=listed.rules,
            max_age=listed.vault.max_age,
            age=age,
            points=found,
            resources=len(self.vault.resources) if self.vault else None,
            waiting=tuple(_waiting(each) for each in self.asked if each.result in ("queued", "later", "in_progress")),
            gave_up=tuple(gave_up),
            timers=self.timers,
            fill=fill,
            problems=tuple(sorted(problems, key=lambda each: GRAVITY.index(each.word))),
            notes=tuple(self._notes(found)),
        )

    def _age(self, found: Sequence[Point]) -> tuple[float | None, list[Problem]]:
        """Judged as the watch does it."""
        name, vault, max_age, now = self.listed.name, self.listed.vault, self.listed.vault.max_age, self.now.timestamp()
        if self.failure is not None:
            unknown = not_known(name, vault, max_age, self.seen, self.failure, now) if max_age else None
            said = unknown.message if unknown else f"Vault {name} could not be looked at: {self.failure.said}."
            return None, [Problem("overdue" if unknown else "unknown", said)]
        names = {each.id: each.name or each.id for each in self.vault.resources} if self.vault else {}
        if max_age is None:
            good = next((each.at.timestamp() for each in found if each.state == "good"), None)
            return (None if good is None else max(now - good, 0.0)), []
        self.seen.update(self.wanted or frozenset(names), self.backups, self.since, now)
        age = judged(name, vault, max_age, self.seen, names, self.backups, now)
        counted = newest_of(self.seen.counted_from(now, max_age))
        problems = [Problem("overdue", age.message)] if isinstance(age, Overdue) else []
        return (None if counted is None else max(now - counted, 0.0)), problems

    def _gave_up(self, found: Sequence[Point]) -> list[str]:
        """Wishes that failed, and no good restore point since."""
        good = next((each.at for each in found if each.state == "good"), None)
        failed = [each for each in self.asked if each.result == "failed" and not each.wish.leader]
        later = [each for each in failed if good is None or (moment(_when(each)) or self.now) > good]
        return [f"Wanted by {each.who}, {clock(moment(_when(each)))}: {each.says}" for each in later]

    def _failed(self, found: Sequence[Point], gave_up: Sequence[str]) -> list[Problem]:
        """What the newest finished restore point, or a wish after it, came to."""
        name = self.listed.name
        ended = next((each for each in found if each.state != "running"), None)
        if ended is not None and ended.state == "failed":
            why = "; ".join(f"{each.name}: {each.why}" for each in ended.left_out[:3]) or "CBR could not make it."
            return [Problem("failed", f"The newest restore point of vault {name}, {clock(ended.at)}, failed. {why}")]
        if gave_up:
            more = f" (and {len(gave_up) - 1} more)" if len(gave_up) > 1 else ""
            return [Problem("failed", f"{gave_up[0]}{more}")]
        if ended is not None and ended.state == "partial":
            which = "; ".join(f"{each.name}: {each.why}" for each in ended.left_out[:3]) or "not everything asked for is in it."
            return [Problem("partly", f"The newest restore point of vault {name}, {clock(ended.at)}, is without: {which}")]
        return []

    def _missed(self) -> list[Problem]:
        return [Problem("missed", missed(each)) for each in self.timers if each.missed]

    def _notes(self, found: Sequence[Point]) -> list[str]:
        if self.failure is not None:
            return []
        notes = []
        if self.listed.vault.max_age is None and found:
            notes.append("No max_age in the rules: nobody is told when its restore points are too old.")
        kept = [each for each in found if each.state in ("good", "partial")]
        if kept and not any(each.expires for each in kept):
            notes.append(f"Restore points that expire by themselves: none of the {len(kept)} shown.")
        return notes


def missed(timer: Expected) -> str:
    """A timer that did not come, in a sentence."""
    last = f"it came last for {clock(timer.last)}" if timer.came else f"it has not come since {clock(timer.last)}"
    return f"Timer {timer.name} did not come: {last}. See whether its schedule is enabled and may invoke the function."


def _when(asked: Asked) -> float:
    return max(asked.wish.wanted_at, asked.wish.again_at, asked.wish.made_at)


def _waiting(asked: Asked) -> Waiting:
    wish = asked.settled_by
    return Waiting(
        word=asked.result,
        reason=asked.reason,
        asked=asked.who,
        says=asked.says,
        since=moment(wish.wanted_at) or wish.planned.occurred,
        due=moment(wish.slot if asked.result == "queued" else wish.due),
        gives_up=gives_up(wish),
    )


def how_old(seconds: float) -> str:
    """An age as people say it: two figures are enough."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length or (unit == "h" and seconds >= length):
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def allowed(view: VaultView) -> str:
    """Its age against ``max_age``."""
    age = "none" if view.age is None else how_old(view.age)
    return f"{age} of {span(view.max_age)}" if view.max_age else age
