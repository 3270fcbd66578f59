"""What an event turns out to be: the values every dialect ends in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from handlers.vault_backup import VaultBackup


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer fired. Schedule and scheduled time are its identity; the attempt and the time of arrival are not.

    ``schedule`` is the platform's own name: an EventBridge rule or Scheduler ARN, a FunctionGraph trigger name.
    ``at`` is the scheduled time, UTC, to the second.
    """

    schedule: str
    at: datetime
    dialect: str


@dataclass(frozen=True, slots=True)
class Once:
    """A person or a pipeline asked for this one restore point. ``key`` is what makes a repetition the same wish."""

    backup: VaultBackup
    key: str
    at: datetime


Trigger = Timer | Once
