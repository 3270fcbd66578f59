"""Where messages go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from handlers import rules
from handlers.iam import Session
from handlers.message import Message
from handlers.outcome import Outcome
from handlers.settings import Settings
from handlers.values import dataclass, field
from handlers.wire import Clock, Deadline, Network, Wire


class Send(Protocol):
    """Delivers one message."""

    def __call__(self, message: Message, deadline: Deadline) -> None:
        """Raises NotTold."""


@dataclass(frozen=True)
class Topic:
    """One ``[topics.…]`` of the rules: what it wants to hear, and how it is reached."""

    name: str
    outcomes: frozenset[str]
    send: Send
    meant: Callable[[Outcome], bool] = lambda _: True
    """Whether an outcome is about what the topic's filters name."""

    def wants(self, outcome: Outcome) -> bool:
        """Whether it asked to be told of this."""
        return outcome.word in self.outcomes and self.meant(outcome)


@dataclass(frozen=True)
class Reach:
    """What topics are reached with. ``network`` takes the place of sockets, in a simulation."""

    clock: Clock
    ca_file: str = ""
    network: Callable[[frozenset[str]], Network] | None = None
    _wires: list[Wire] = field(default_factory=list)

    def wire(self, origin: str, plain: Callable[[str], bool] = lambda _: False) -> Wire:
        """A way to that origin alone; ``plain`` as `Wire` has it."""
        made = Wire([origin], self.clock, ca_file=self.ca_file, network=self.network, plain=plain)
        self._wires.append(made)
        return made

    def close(self) -> None:
        """All connections."""
        for each in self._wires:
            each.close()


def log_topic(write: Callable[[Message], None]) -> Send:
    """A topic that is the log: the message stands there as a line of its own."""

    def send(message: Message, deadline: Deadline) -> None:  # noqa: ARG001 - a line is written at once
        write(message)

    return send


def open_topics(
    settings: Settings, sessions: Mapping[str, Session], reach: Reach, write: Callable[[Message], None]
) -> tuple[Topic, ...]:
    """Every ``[topics.…]`` of the rules; a kind's code is imported only where there is such a topic."""
    found = []
    for name, topic in settings.rules.topics.items():
        send = log_topic(write) if topic.kind == "log" else _publishing(name, topic, settings, sessions, reach)
        found.append(Topic(name, frozenset(topic.outcomes), send, _meant(topic, settings.rules)))
    return tuple(found)


def _publishing(name: str, topic: rules.Topic, settings: Settings, sessions: Mapping[str, Session], reach: Reach) -> Send:
    if topic.kind == "smn":
        from handlers.topics.smn import smn_topic

        project = settings.rules.project_of(topic)
        return smn_topic(sessions[project], settings.projects[project].smn, topic.urn or "", reach.clock.now)
    access = settings.topics[name]
    if topic.kind == "sns":
        from handlers.topics.sns import sns_topic

        return sns_topic(access, topic.arn or "", reach)
    if topic.kind == "pubsub":
        from handlers.topics.pubsub import pubsub_topic

        return pubsub_topic(access, topic.topic or "", reach)
    from handlers.topics.cloudevents import cloudevents_topic

    return cloudevents_topic(access, topic.mode or "structured", reach)


def _meant(topic: rules.Topic, known: rules.Rules) -> Callable[[Outcome], bool]:
    if not topic.rules and not topic.vaults:
        return lambda _: True
    from handlers.topics.filters import about

    return lambda outcome: about(outcome, topic, known)
