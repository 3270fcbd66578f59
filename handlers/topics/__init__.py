"""Where messages go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from handlers.iam import Session
from handlers.message import Message
from handlers.rules import Rules
from handlers.settings import Access
from handlers.wire import Deadline


class Send(Protocol):
    """Delivers one message."""

    def __call__(self, message: Message, deadline: Deadline) -> None:
        """Raises NotTold."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One ``[topics.…]`` of the rules: what it wants to hear, and how it is reached."""

    name: str
    outcomes: frozenset[str]
    send: Send


def log_topic(write: Callable[[Message], None]) -> Send:
    """A topic that is the log: the message stands there as a line of its own."""

    def send(message: Message, deadline: Deadline) -> None:  # noqa: ARG001 - a line is written at once
        write(message)

    return send


def open_topics(
    rules: Rules,
    sessions: Mapping[str, Session],
    projects: Mapping[str, Access],
    now: Callable[[], datetime],
    write: Callable[[Message], None],
) -> tuple[Topic, ...]:
    """Every ``[topics.…]`` of the rules; a kind's library is imported only where there is such a topic."""
    found = []
    for name, topic in rules.topics.items():
        if topic.kind == "log":
            send = log_topic(write)
        else:
            from handlers.topics.smn import smn_topic

            project = rules.project_of(topic)
            send = smn_topic(sessions[project], projects[project].smn, topic.urn or "", now)
        found.append(Topic(name, frozenset(topic.outcomes), send))
    return tuple(found)
