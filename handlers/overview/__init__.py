"""What there is, for people and programs who look: vaults with their restore points, wishes, timers, notices.

    gathering   asks CBR (GET only) and reads the ledger (without writing to it)
    points      a vault's restore points out of what CBR lists and what wishes say
    vaults      what is wrong with a vault, and what is worth knowing
    asked       a wish as an answer to: who or what asked, when, for what, with what result
    growth      what never ends, and how full a vault is
    printed     the same as JSON

Nothing here decides what a good restore point is: ``handlers.watch.ages`` does, for the watch as well.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from handlers.overview.growth import Fill
from handlers.values import dataclass, field

PointState = Literal["good", "partial", "failed", "running"]
ProblemWord = Literal["overdue", "failed", "missed", "unknown", "partly", "filling", "empty"]
GRAVITY: tuple[ProblemWord, ...] = ("overdue", "failed", "missed", "unknown", "partly", "filling", "empty")
"""The worst first."""
WRONG = frozenset[str]({"overdue", "failed", "missed"})
"""What somebody has to look at now."""
NOTED = WRONG | {"unknown", "partly"}
"""... and what else is said first. The others are no reason to get up for."""
RETRIED_SECONDS = 600.0
"""After so long a message that a topic did not take was tried again, more than once."""
SPAN_SECONDS = 7 * 86400.0
"""How far back restore points and wishes are shown."""


@dataclass(frozen=True)
class Left:
    """A resource that is not in a restore point, and why."""

    name: str
    code: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Point:
    """One restore point. ``asked`` says who wanted it, where the ledger knows."""

    checkpoint_id: str
    name: str
    at: datetime
    state: PointState
    holds: tuple[str, ...] = ()
    """The resources in it, by name."""
    left_out: tuple[Left, ...] = ()
    asked: str = ""
    expires: bool = False


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A wish that CBR has not taken yet: ``word`` is queued, later or in_progress, and ``says`` the same in a sentence's words.

    ``due`` is when it is looked at next.
    """

    word: str
    reason: str
    asked: str
    says: str
    since: datetime
    due: datetime | None
    gives_up: datetime | None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A timer: when it came last (``came`` is false where it never has), and when it should come next."""

    name: str
    last: datetime | None
    came: bool
    next: datetime | None
    missed: bool = False


@dataclass(frozen=True)
class Problem:
    """Something to look at, in one word and one sentence."""

    word: ProblemWord
    sentence: str


@dataclass(frozen=True, kw_only=True)
class VaultView:
    """One vault. Ages are in seconds; ``age`` is that of the newest good restore point.

    Where there is a ``max_age`` it is that of the resource whose newest good one is the oldest.
    """

    name: str
    vault_id: str
    project: str
    rules: tuple[str, ...]
    max_age: float | None
    age: float | None = None
    points: tuple[Point, ...] = ()
    """Newest first, those of the span and the newest good one."""
    resources: int | None = None
    waiting: tuple[Waiting, ...] = ()
    gave_up: tuple[str, ...] = ()
    """Wishes that failed since the newest good restore point, each in a sentence."""
    timers: tuple[Expected, ...] = ()
    fill: Fill | None = None
    problems: tuple[Problem, ...] = ()
    """The worst first."""
    notes: tuple[str, ...] = ()
    """What is worth knowing and wrong only perhaps."""

    @property
    def word(self) -> str:
        """The worst of it."""
        return self.problems[0].word if self.problems else "well"

    @property
    def newest(self) -> Point | None:
        """The newest restore point, of any kind."""
        return self.points[0] if self.points else None

    @property
    def newest_good(self) -> Point | None:
        """The newest with everything in it that was asked for."""
        return next((each for each in self.points if each.state == "good"), None)

    @property
    def next(self) -> Expected | None:
        """The timer that is to come next."""
        coming = {each.next: each for each in self.timers if each.next}
        return coming[min(coming)] if coming else None


@dataclass(frozen=True, kw_only=True)
class OpenNotice:
    """What was told and is not over. ``heard`` is false while a topic that wants it has not taken it."""

    word: str
    vault: str
    message: str
    told: datetime
    heard: bool


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All of it, the worst vault first. ``unknown`` says in sentences what could not be looked at."""

    at: datetime
    vaults: tuple[VaultView, ...]
    timers: tuple[Expected, ...] = ()
    notices: tuple[OpenNotice, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ledger: str = ""
    span: float = field(default=SPAN_SECONDS)

    @property
    def wrong(self) -> tuple[VaultView, ...]:
        """The vaults somebody has to look at now."""
        return tuple(each for each in self.vaults if any(problem.word in WRONG for problem in each.problems))

    @property
    def noted(self) -> tuple[VaultView, ...]:
        """The vaults that are named first: the headline counts them all, each by the worst of it."""
        return tuple(each for each in self.vaults if each.word in NOTED)

    @property
    def missed(self) -> tuple[Expected, ...]:
        """The timers that did not come."""
        return tuple(each for each in self.timers if each.missed)

    @property
    def unheard(self) -> tuple[OpenNotice, ...]:
        """What a topic has not taken although it was tried again: perhaps nobody knows."""
        return tuple(each for each in self.notices if not each.heard and (self.at - each.told).total_seconds() > RETRIED_SECONDS)

    @property
    def verdict(self) -> str:
        """``wrong``, ``unknown``, ``partly``, ``well``, or ``nothing`` where no vault is looked after."""
        if self.wrong or self.missed or self.unheard:
            return "wrong"
        if self.unknown or any(each.word == "unknown" for each in self.vaults):
            return "unknown"
        if not self.vaults:
            return "nothing"
        return "partly" if any(each.word == "partly" for each in self.vaults) else "well"

    @property
    def headline(self) -> str:
        """All of it in one line."""
        count = f"{len(self.vaults)} vault{'s' if len(self.vaults) != 1 else ''}"
        words = [each.word for each in self.noted]
        which = ", ".join(f"{words.count(word)} {_SAYS[word]}" for word in GRAVITY if word in words)
        attention = f"{len(words)} of {count} {'needs' if len(words) == 1 else 'need'} attention: {which}{self._but}."
        if self.wrong:
            return attention
        if self.missed or self.unheard:
            return " ".join((self._beside, *([attention] if words else [])))
        if self.verdict == "unknown":
            return f"It is not known whether all is well ({count}{f': {which}' if which else ''}){self._but}."
        if self.verdict == "nothing":
            return "No vault is looked after: no rule lists one."
        if self.verdict == "partly":
            partly = sum(each.word == "partly" for each in self.vaults)
            return f"{count}, none overdue, failed or missed; the newest restore point of {partly} is incomplete{self._but}."
        return f"All is well: {count}, none overdue, failed or missed{self._but}."

    @property
    def _beside(self) -> str:
        """What is wrong with no vault."""
        if missed := self.missed:
            return f"Timer {missed[0].name} did not come." if len(missed) == 1 else f"{len(missed)} timers did not come."
        what = "message has" if len(self.unheard) == 1 else "messages have"
        return f"{len(self.unheard)} {what} not reached every topic that wants to know: look at the topics (restore-point check)."

    @property
    def _but(self) -> str:
        """What is no reason to get up for."""
        words = [each.word for each in self.vaults]
        said = ((words.count("filling"), "filling up"), (words.count("empty"), "without any restore point yet"))
        return "".join(f"; {count} {what}" for count, what in said if count)


_SAYS = {"overdue": "overdue", "failed": "failed", "missed": "without its timer", "unknown": "not known", "partly": "incomplete"}
