"""Where messages go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from handlers.message import Message
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
