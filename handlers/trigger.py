"""What an event turns out to be: the values every dialect ends in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from handlers.errors import Refusal
from handlers.values import dataclass
from handlers.vault_backup import VaultBackup

Status = Literal["firing", "resolved", "acknowledged", "suppressed", "no_data", "test", "other"]
"""Only the first asks for anything; the rest is why nothing is asked."""


@dataclass(frozen=True)
class Timer:
    """A timer fired. Schedule and scheduled time are its identity; the attempt and the time of arrival are not.

    ``schedule`` is the platform's own name: an EventBridge rule or Scheduler ARN, a FunctionGraph trigger's, a job's.
    ``at`` is the scheduled time, UTC, to the second. ``sender`` brought it over HTTP; empty where the platform itself did.
    """

    schedule: str
    at: datetime
    dialect: str
    sender: str = ""


@dataclass(frozen=True)
class Alert:
    """One alert of a sender. Only a firing one asks for anything; its labels are what rules look at.

    ``identity`` names the labels that make the cause where the rule does not say ``by``: those that stay the same while the
    problem lasts, whatever else changes. ``title``, ``severity`` and ``link`` are for people; a link is never followed.
    ``starts_at`` can move to an earlier time between two notifications of the same firing (Alertmanager), so it is no part of
    the cause either.
    """

    sender: str
    status: Status
    labels: Mapping[str, str]
    identity: tuple[str, ...]
    title: str
    severity: str
    starts_at: datetime | None
    link: str = ""
    said: str = ""
    """The sender's own word for its status, where the rules say which words count."""


@dataclass(frozen=True)
class Lost:
    """Alerts the sender left out of its message; nobody can say which."""

    sender: str
    count: int


@dataclass(frozen=True)
class Once:
    """A person or a pipeline asked for one restore point: by the API's own body, or by a rule's name.

    ``key`` is what makes a repetition the same wish.
    """

    sender: str
    backup: VaultBackup | None
    rule: str
    key: str
    at: datetime


@dataclass(frozen=True)
class Echo:
    """A message of our own, come back: who is told of restore points must not ask for them by that."""

    sender: str


@dataclass(frozen=True)
class Handshake:
    """A topic asks whether it may send here, or says that it does so no more. Nothing is followed by itself."""

    sender: str
    topic: str
    kind: str
    link: str


@dataclass(frozen=True)
class Unread:
    """Of several documents or alerts that came together, those that could not be read; the others were.

    ``refusal`` is the first one's, ``count`` how many they are.
    """

    sender: str
    refusal: Refusal
    door: str = "alert"
    count: int = 1


Trigger = Timer | Alert | Lost | Once | Echo | Handshake | Unread
