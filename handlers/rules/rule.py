"""One rule: who asks, what it must say, which vaults get a restore point."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from handlers.documents import Strict
from handlers.rules.words import Duration, Glob, Label, Word, like
from handlers.vault_backup import CheckpointParam, retention_conflict


def _manual_retention(value: CheckpointParam) -> CheckpointParam:
    if conflict := retention_conflict(value):
        raise PydanticCustomError("not_allowed", "{why}", {"key": "retention_duration_days", "why": conflict})
    return value


class Rule(Strict):
    """When this timer fires, or this sender sends something that matches, these vaults get a restore point."""

    name: Word
    timer: Word | None = None
    sender: Word | None = None
    match: dict[Label, Glob] = Field(default_factory=dict)
    """Labels an alert must have, all of them; ``*`` stands for any run of characters, nothing else is special."""
    vaults: Annotated[tuple[Word, ...], Field(max_length=1000)] = ()
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
    """The label that names the affected resource by its id; only that one is backed up."""
    otherwise: Annotated[Literal["whole vault", "refuse"], Field(alias="else")] = "refuse"
    """What happens where that label is missing or names nothing in the vault."""
    max_event_age: Duration = 86400.0
    """An event whose time is longer ago is skipped as stale. EventBridge redelivers for up to 24 hours."""
    give_up_after: Duration = 21600.0
    """A wish CBR could not take in this time ends as failed and is told."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.timer is None) == (self.sender is None):
            raise PydanticCustomError("not_whole", "{why}", {"key": "timer", "why": "a rule has either a timer or a sender"})
        if bool(self.vaults) == bool(self.vault_tags):
            why = "a rule has either vaults, by name, or vault_tags"
            raise PydanticCustomError("not_whole", "{why}", {"key": "vaults", "why": why})
        if self.projects and not self.vault_tags:
            raise PydanticCustomError("not_whole", "{why}", {"key": "projects", "why": "goes with vault_tags only"})
        if "otherwise" in self.model_fields_set and self.resource_from is None:
            raise PydanticCustomError("not_whole", "{why}", {"key": "else", "why": "goes with resource_from only"})
        if self.timer is not None:
            for key in ("match", "by", "window", "resource_from"):
                if key in self.model_fields_set:
                    raise PydanticCustomError("not_whole", "{why}", {"key": key, "why": "is for rules with a sender"})
        return self

    def too_late(self, happened: datetime | None, now: datetime) -> bool:
        """Whether an event of that time is older than the rule takes."""
        return happened is not None and (now - happened).total_seconds() > self.max_event_age

    def tagged(self, tags: Mapping[str, str]) -> bool:
        """Whether a vault with these tags is one of this rule's."""
        return all(key in tags and like(glob, tags[key]) for key, glob in self.vault_tags.items())

    def misses(self, labels: Mapping[str, str]) -> list[str]:
        """The labels of ``match`` an alert does not have as asked; none: the alert is meant."""
        return [key for key, glob in self.match.items() if key not in labels or not like(glob, labels[key])]
