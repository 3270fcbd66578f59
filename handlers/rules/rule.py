"""One rule: who asks, what it must say, which vaults get a restore point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic_core import PydanticCustomError

from handlers.documents import Strict
from handlers.models import AfterValidator, Field
from handlers.rules.words import Duration, Glob, Label, Word, is_loop, like
from handlers.vault_backup import CheckpointParam, retention_conflict


def _manual_retention(value: CheckpointParam) -> CheckpointParam:
    if conflict := retention_conflict(value):
        raise PydanticCustomError("not_allowed", "{why}", {"key": "retention_duration_days", "why": conflict})
    return value


_OF_ALERTS = ("match", "by", "window", "resource_from")


class Rule(Strict):
    """When this timer fires, or this sender sends something that matches, these vaults get a restore point."""

    name: Word
    timer: Word | None = None
    sender: Word | None = None
    match: dict[Label, Glob] = Field(default_factory=dict)
    """Labels an alert must have, all of them; ``*`` stands for any run of characters, nothing else is special."""
    vaults: Annotated[tuple[Word, ...], Field(max_length=10_000)] = ()
    vault_tags: dict[Label, Glob] = Field(default_factory=dict)
    """Instead of ``vaults``: every vault that carries all of these tags when the event comes, looked up at the cloud."""
    projects: tuple[Word, ...] = ()
    """Where such vaults are looked for: all [projects.…] unless some are named."""
    parameters: Annotated[CheckpointParam, AfterValidator(_manual_retention)] = CheckpointParam()
    by: tuple[Label, ...] = ()
    """The labels that make the cause: alerts that agree in them are one wish. Without any, all labels do."""
    window: Duration = 3600.0
    """One cause gets one restore point of a vault within this span, however often it is sent."""
    resource_from: Label | None = None
    """The label that has the affected resource's id, or its name in the vault; only that one is backed up."""
    otherwise: Annotated[Literal["whole vault", "refuse"], Field(alias="else")] = "refuse"
    """What happens where that label is missing or names nothing in the vault."""
    max_event_age: Duration = 86400.0
    """An event whose time is longer ago is skipped as stale. EventBridge redelivers for up to 24 hours."""
    give_up_after: Duration = 21600.0
    """A wish CBR could not take in this time ends as failed and is told."""
    budget_per_hour: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None
    """Restore points this rule may ask of CBR within any hour, over all its vaults."""

    def _faults(self) -> Iterator[tuple[str, str]]:
        if (self.timer is None) == (self.sender is None):
            yield "timer", "a rule has either a timer or a sender"
        if bool(self.vaults) == bool(self.vault_tags):
            yield "vaults", "a rule has either vaults, by name, or vault_tags"
        if self.projects and not self.vault_tags:
            yield "projects", "goes with vault_tags only"
        if "otherwise" in self.model_fields_set and self.resource_from is None:
            yield "else", "goes with resource_from only"
        if self.timer is not None:
            yield from ((key, "is for rules with a sender") for key in _OF_ALERTS if key in self.model_fields_set)
        for key, glob in self.match.items():
            if is_loop(key, glob):
                yield f"match.{key}", "is about backups: an alert about CBR or these functions never asks for a restore point"

    def too_late(self, happened: datetime | None, now: datetime) -> bool:
        """Whether an event of that time is older than the rule takes."""
        return happened is not None and (now - happened).total_seconds() > self.max_event_age

    def tagged(self, tags: Mapping[str, str]) -> bool:
        """Whether a vault with these tags is one of this rule's."""
        return all(key in tags and like(glob, tags[key]) for key, glob in self.vault_tags.items())

    def misses(self, labels: Mapping[str, str]) -> list[str]:
        """The labels of ``match`` an alert does not have as asked; none: the alert is meant."""
        return [key for key, glob in self.match.items() if key not in labels or not like(glob, labels[key])]
