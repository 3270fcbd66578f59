"""One delivery → one log line, metrics, messages. Outcomes are decided before this and never changed by it."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import IO, Any

from handlers.clock import SystemClock
from handlers.envelope import Envelope
from handlers.errors import NotTold
from handlers.lines import SERVICE, WRITING, fitted, within, write_line
from handlers.message import Message, compose
from handlers.metrics import Value, metric_line
from handlers.outcome import Failed, Later, Outcome
from handlers.plan.planned import clip
from handlers.refusals import Refusals
from handlers.rules import NAMESPACE
from handlers.settings import SECRET_LENGTH
from handlers.topics import Topic
from handlers.values import dataclass, field
from handlers.wire import Clock, Deadline

NAMED = 20
"""Outcomes a log line names, if they fit."""
VALUES = 99
"""Outcomes in one document of metrics: a metric may have 100 values."""
_LEVELS = {
    "failed": logging.ERROR,
    "broken": logging.ERROR,
    "partly": logging.WARNING,
    "later": logging.WARNING,
    "refused": logging.WARNING,
    "overdue": logging.ERROR,
    "missed": logging.ERROR,
    "duplicate": logging.WARNING,
    "warning": logging.WARNING,
}
NO_AGES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Told:
    """How many topics took an outcome's message, and what the others said. ``before``: the same was told a short time ago.

    ``took`` are the topics that did, ``missed`` those that did not, ``kept`` is whether it stands in the ledger for all of these.
    """

    sent: int
    problems: tuple[str, ...] = ()
    before: bool = False
    missed: tuple[str, ...] = ()
    kept: bool = False
    took: tuple[str, ...] = ()

    @property
    def heard(self) -> bool:
        """Whether somebody knows."""
        return self.sent > 0 or self.before


Settled = list[tuple[Outcome, Told]]
"""Outcomes, and who was told of each."""


@dataclass(frozen=True)
class Report:
    """Where a process reports to. ``stream`` takes log lines and metrics; ``metrics`` is for AWS, which reads them there."""

    topics: tuple[Topic, ...]
    stream: IO[str] | None = None
    metrics: bool = False
    refusals: Refusals = field(default_factory=Refusals)
    clock: Clock = field(default_factory=SystemClock)

    def publish(
        self,
        outcome: Outcome,
        deadline: Deadline,
        only: Container[str] | None = None,
        deaf: Callable[[str], bool] = lambda _: False,
    ) -> Told:
        """Send the outcome's message to every topic that wants it; ``only`` to those of these names. The ``deaf`` miss it."""
        took: list[str] = []
        problems: list[str] = []
        missed: list[str] = []
        wanting = [topic for topic in self.topics if topic.wants(outcome) and (only is None or topic.name in only)]
        worded = self.refusals.worded(outcome, deadline.clock.monotonic()) if wanting and outcome.word == "refused" else outcome
        if worded is not None:
            for place, topic in enumerate(wanting):
                # Its share of the time that is left: one that never answers leaves the others theirs.
                share = Deadline.after(deadline.clock, deadline.left() / (len(wanting) - place))
                try:
                    if deaf(topic.name):
                        raise NotTold("not tried again in this sweep")
                    topic.send(compose(worded), share)
                    took.append(topic.name)
                except NotTold as problem:
                    problems.append(f"{topic.name}: {problem}")
                    missed.append(topic.name)
        if outcome.word == "refused" and problems and not took:
            self.refusals.unheard(outcome, deadline.clock.monotonic())
        return Told(len(took), tuple(problems), missed=tuple(missed), took=tuple(took))

    def log(
        self, envelope: Envelope, settled: Settled, noticed: Settled | None = None, ages: Mapping[str, float] = NO_AGES
    ) -> bool:
        """The delivery's line and its metrics, after its messages; True when every failure reached at least one topic.

        ``noticed`` is what it showed beside its outcomes: logged and counted with them. ``ages`` are those of vaults, in seconds.
        """
        every = [*settled, *(noticed or [])]
        level, text, extra = self._entry(envelope, [outcome for outcome, _ in settled], every)
        write_line(self.stream, level, text, extra | ({"ages": within(ages, extra)} if ages else {}))
        if self.metrics:
            self._measure(envelope, [outcome for outcome, _ in every])
            for vault, age in ages.items():
                self._emit({"vault": clip(vault)}, [("Age", "Seconds", age)])
        return all(told.heard or _will_be_told(outcome, told) for outcome, told in settled if outcome.word == "failed")

    def write(self, message: Message) -> None:
        """A message as a log line: what a topic of kind ``log`` does with it."""
        level = _LEVELS.get(message.outcome, logging.INFO)
        if not write_line(self.stream, level, message.subject, {"topic_message": fitted(message.document)}):
            raise NotTold("the log could not be written")

    @staticmethod
    def _entry(envelope: Envelope, outcomes: Sequence[Outcome], every: Settled) -> tuple[int, str, dict[str, Any]]:
        counted = Counter(outcome.word for outcome, _ in every)
        level = max((_LEVELS.get(word, logging.INFO) for word in counted), default=logging.INFO)
        extra: dict[str, Any] = {
            "delivery": {"id": envelope.delivery_id, "door": envelope.door, "platform": envelope.platform} | _addressed(envelope),
            **({"proven_by": envelope.proven_by} if envelope.proven_by else {}),
            "restore_points": [_brief(outcome) for outcome in _worst_first(outcomes)[:NAMED]],
            "told": sum(told.sent for _, told in every),
            **({"counts": dict(counted)} if counted else {}),
            **({"duration_ms": slowest} if (slowest := max((each.duration_ms for each in outcomes), default=0)) else {}),
        }
        if beside := every[len(outcomes) :]:
            extra["noticed"] = [_brief(outcome) for outcome, _ in beside[:NAMED]]
        if problems := [problem for _, told in every for problem in told.problems]:
            level = logging.ERROR
            extra["not_told"] = problems[:NAMED]
        slots = sorted(outcome.slot for outcome in outcomes if isinstance(outcome, Later) and outcome.slot)
        if slots:
            extra["queued"] = {"wishes": len(slots), "until": slots[-1]}
        extra = fitted(extra)
        if unnamed := len(outcomes) - len(extra["restore_points"]):
            extra["unnamed"] = unnamed
        text = ", ".join(f"{count} {word}" for word, count in counted.items()) or "nothing to do"
        return level, f"{envelope.door}: {text}", extra

    def _measure(self, envelope: Envelope, outcomes: Sequence[Outcome]) -> None:
        """Counts by outcome, and how long each took."""
        for start in range(0, len(outcomes), VALUES):
            some = outcomes[start : start + VALUES]
            counted = Counter(outcome.word for outcome in some)
            values = [(word.capitalize(), "Count", float(count)) for word, count in counted.items()]
            values += [("Duration", "Milliseconds", float(outcome.duration_ms)) for outcome in some]
            self._emit({"door": envelope.door}, values)

    def _emit(self, dimensions: Mapping[str, str], values: Sequence[Value]) -> None:
        """Names and dimensions are from a closed set."""
        line = metric_line(NAMESPACE, {**dimensions, "service": SERVICE}, values, self.clock.now().timestamp())
        with suppress(OSError, ValueError), WRITING:  # as a line is
            print(line, file=self.stream or sys.stdout, flush=True)


def _worst_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """In their order, but what is bad before what is well: of many the line names only some."""
    return sorted(outcomes, key=lambda each: -_LEVELS.get(each.word, logging.INFO))


def _will_be_told(outcome: Outcome, told: Told) -> bool:
    """By the watch, from the ledger. Where no topic wants to hear it, only the platform's dead-letter queue will."""
    return told.kept or (isinstance(outcome, Failed) and outcome.durable and bool(told.problems))


def _addressed(envelope: Envelope) -> dict[str, str]:
    """Whom an HTTP request was meant for, whether or not there is such a sender: a slip in a URL is found by it.

    Not what is as long as a secret must be: somebody may have pasted theirs there.
    """
    if envelope.http is None or not envelope.http.path:
        return {}
    parts = [part if len(part) < SECRET_LENGTH else f"({len(part)} characters)" for part in envelope.http.path.split("/")]
    return {"path": clip("/".join(parts), 120)}


def _brief(outcome: Outcome) -> dict[str, Any]:
    """An outcome in a log line: no long lists."""
    plain = outcome.to_dict()
    plain["resources"] = len(outcome.resources)
    plain["skipped_resources"] = plain["skipped_resources"][:3]
    plain["cause_names"] = [name[:200] for name in outcome.cause_names[:3]]
    return {key: value for key, value in plain.items() if value not in ("", [], False)}
