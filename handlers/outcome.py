"""The six ends of a planned restore point, the three ends of one that was followed, five things to know beside them,
and the answer a platform gets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from handlers.values import dataclass, names
from handlers.vault_backup import CheckpointResource, SkippedResource


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one planned restore point in one delivery.

    ``reason`` is a stable word for metrics and filters, ``message`` a sentence for people: what happened, to which vault,
    what to do now. ``causes`` counts the causes this one restore point settles; ``cause_names`` names the first 20.
    """

    word: ClassVar[str]

    reason: str
    message: str
    at: str = ""
    """When it was decided (UTC, ISO 8601): a message of it may be kept for hours. Empty until it is told."""
    rule: str = ""
    vault: str = ""
    vault_id: str = ""
    project: str = ""
    """By its name in the rules; empty for what is about no vault, as are its id at the cloud and its region."""
    project_id: str = ""
    region: str = ""
    cause: str = ""
    """64 hex: the same for every delivery of the same wish, and what everything said about it has in common."""
    causes: int = 1
    cause_names: tuple[str, ...] = ()
    title: str = ""
    """What the first alert is called by its sender."""
    link: str = ""
    """The page of what asked for it, as its sender says: for a person to open, never followed here."""
    name: str = ""
    checkpoint_id: str = ""
    resources: tuple[CheckpointResource, ...] = ()
    skipped_resources: tuple[SkippedResource, ...] = ()
    delivery_id: str = ""
    trigger: str = ""
    sender: str = ""
    duration_ms: int = 0
    request_id: str = ""
    error_code: str = ""
    degraded: bool = False
    """The ledger could not be used: the restore point is real, exactly-once rested on looking alone."""
    conflict: bool = False
    """The same cause was asked for with other parameters before, and those count."""

    def to_dict(self) -> dict[str, Any]:
        """The outcome in JSON, as the command prints it and topics carry it."""
        plain = dict(vars(self))
        plain["resources"] = [each.model_dump(mode="json") for each in self.resources]
        plain["skipped_resources"] = [each.model_dump(mode="json") for each in self.skipped_resources]
        plain["cause_names"] = list(self.cause_names)
        return {"outcome": self.word, **plain}

    @staticmethod
    def from_dict(document: Mapping[str, Any]) -> Outcome:
        """What `to_dict` made. Raises ValueError, KeyError or TypeError for anything else."""
        kind = _KINDS[document["outcome"]]
        plain = {name: document[name] for name in names(kind) if name in document}
        plain["resources"] = tuple(CheckpointResource.model_validate(each) for each in plain.get("resources", ()))
        plain["skipped_resources"] = tuple(SkippedResource.model_validate(each) for each in plain.get("skipped_resources", ()))
        plain["cause_names"] = tuple(map(str, plain.get("cause_names", ())))
        return kind(**plain)


@dataclass(frozen=True, kw_only=True)
class Created(Outcome):
    """CBR accepted the POST of this delivery and works on at least one resource."""

    word: ClassVar[str] = "created"


@dataclass(frozen=True, kw_only=True)
class Joined(Outcome):
    """A restore point of this cause exists or runs already; nothing was asked of CBR."""

    word: ClassVar[str] = "joined"


@dataclass(frozen=True, kw_only=True)
class Skipped(Outcome):
    """Nothing was wanted: no rule matched, the event is too old, resolved, or held back by a window."""

    word: ClassVar[str] = "skipped"


@dataclass(frozen=True, kw_only=True)
class Refused(Outcome):
    """The event may not ask for this, or says nonsense. ``http`` is what an HTTP sender gets."""

    word: ClassVar[str] = "refused"
    http: int = 400
    detail: str = ""
    """For the operator; over HTTP nobody hears it."""


@dataclass(frozen=True, kw_only=True)
class Later(Outcome):
    """Not settled yet. ``durable``: the wish stands in the ledger and the watch takes it up; else somebody must redeliver."""

    word: ClassVar[str] = "later"
    durable: bool = True
    retry_after: float = 60.0
    slot: str = ""
    """When CBR is to be asked (ISO 8601), where it waits because more is wanted at once than one run can take."""


@dataclass(frozen=True, kw_only=True)
class Failed(Outcome):
    """There is no restore point and repeating will not make one. Somebody must be told.

    ``durable``: it stands in the ledger as untold until somebody was, and the watch looks after that.
    """

    word: ClassVar[str] = "failed"
    durable: bool = False


@dataclass(frozen=True, kw_only=True)
class Available(Outcome):
    """A restore point that was followed is there, with every resource asked for."""

    word: ClassVar[str] = "available"


@dataclass(frozen=True, kw_only=True)
class Partly(Outcome):
    """A restore point that was followed is there, but not all that was asked for is in it."""

    word: ClassVar[str] = "partly"


@dataclass(frozen=True, kw_only=True)
class Broken(Outcome):
    """A restore point that CBR had accepted ended in error or vanished: there is none for this cause."""

    word: ClassVar[str] = "broken"


@dataclass(frozen=True, kw_only=True)
class Overdue(Outcome):
    """A vault's newest good restore point is older than its ``max_age``, or it is not known how old it is."""

    word: ClassVar[str] = "overdue"


@dataclass(frozen=True, kw_only=True)
class Missed(Outcome):
    """A timer that fires ``every`` so often did not, not even within its ``grace``."""

    word: ClassVar[str] = "missed"


@dataclass(frozen=True, kw_only=True)
class Duplicate(Outcome):
    """One cause has two restore points. Nothing is ever deleted, so a person has to know."""

    word: ClassVar[str] = "duplicate"


@dataclass(frozen=True, kw_only=True)
class Warned(Outcome):
    """Something about many deliveries rather than one: a storm, alerts left out, a budget used up, a ledger that is down."""

    word: ClassVar[str] = "warning"


@dataclass(frozen=True, kw_only=True)
class Healed(Outcome):
    """What was told as overdue, missed or a warning is over."""

    word: ClassVar[str] = "healed"


def at_time(seconds: float) -> str:
    """Seconds since the epoch, as ``at`` says them."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


_KINDS: Mapping[str, type[Outcome]] = {
    each.word: each
    for each in (
        Created, Joined, Skipped, Refused, Later, Failed,
        Available, Partly, Broken, Overdue, Missed, Duplicate, Warned, Healed,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a delivery as a whole gets: an HTTP status, and whether a platform that redelivers should do so."""

    status: int
    again: bool = False
    retry_after: float = 0.0


def answer(outcomes: Iterable[Outcome], *, told: bool, one_off: bool = False) -> Answer:
    """The worst outcome speaks for the delivery; redelivering the whole is harmless because what is done joins.

    ``told``: every Failed reached a topic, or will. HTTP senders repeat on 5xx only, so what is final must never be one.
    """
    return worst(_alone(outcome, told=told, one_off=one_off) for outcome in outcomes)


def worst(answers: Iterable[Answer]) -> Answer:
    """The one that speaks for all."""
    return max(answers, key=lambda each: (_GRAVITY.get(each.status, 1), each.status, each.retry_after), default=Answer(200))


_GRAVITY = {200: 0, 422: 2, 202: 3, 503: 4, 500: 5}
"""Refused, with any status, is 1."""


def _alone(outcome: Outcome, *, told: bool, one_off: bool) -> Answer:
    match outcome:
        case Failed() if not told:
            return Answer(500, again=True)
        case Failed() if one_off:
            return Answer(422)
        case Later(durable=False):
            return Answer(503, again=True, retry_after=outcome.retry_after)
        case Later():
            return Answer(202, retry_after=outcome.retry_after)
        case Refused():
            return Answer(outcome.http)
    return Answer(200)
