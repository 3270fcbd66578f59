"""What the rules file may say: frozen values, checked against each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StrictStr, model_validator
from pydantic_core import PydanticCustomError

from handlers.documents import Strict, nearest
from handlers.vault_backup import CheckpointParam, Uuid, retention_conflict

Told = Literal["created", "joined", "skipped", "refused", "later", "failed", "available", "partly", "broken"]
"""What a topic may ask to be told: the six outcomes, and the three ends of a restore point that was followed."""

_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_DURATION = re.compile(r"([1-9][0-9]{0,6})(s|m|h|d)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _word(value: str) -> str:
    if not _WORD.fullmatch(value):
        raise ValueError("must be 1 to 63 characters of a-z 0-9 _ and -, beginning with a letter or digit")
    return value


def seconds(value: object) -> float:
    """A time span as people write it; raises ValueError."""
    parts = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        raise ValueError('must be a time span such as "90s", "15m", "26h" or "7d"')
    return int(parts[1]) * _SECONDS[parts[2]]


def checked_project_id(value: str) -> str:
    """A project id as IAM makes them; raises ValueError. It becomes part of a path."""
    if not re.fullmatch(r"[0-9a-f]{32}", value):
        raise ValueError("must be 32 characters of 0-9 a-f, as the console shows under My Credentials")
    return value


def checked_region(value: str) -> str:
    """A region's name; raises ValueError. It becomes part of a host name."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value):
        raise ValueError("must be a region such as eu-de or ap-southeast-3")
    return value


def _credentials(value: str) -> str:
    if not re.fullmatch(r"env(:[A-Z][A-Z0-9_]*_)?", value):
        raise ValueError('must be "env", or "env:PROD_" for variables that begin with PROD_')
    return value


def _topic_urn(value: str) -> str:
    if not re.fullmatch(r"urn:smn:[a-z0-9-]+:[0-9a-f]{32}:[A-Za-z0-9_-]{1,255}", value):
        raise ValueError("must be urn:smn:<region>:<project id>:<topic name>")
    return value


def _reference(value: str) -> str:
    if not re.fullmatch(r"env:[A-Z][A-Z0-9_]*|file:/.+", value):
        raise ValueError('must say where the secret is: "env:NAME" or "file:/path"; never the secret itself')
    return value


def _manual_retention(value: CheckpointParam) -> CheckpointParam:
    if conflict := retention_conflict(value):
        raise PydanticCustomError("not_allowed", "{why}", {"key": "retention_duration_days", "why": conflict})
    return value


OneOffParameter = Literal[
    "auto_trigger",
    "description",
    "incremental",
    "name",
    "policy_id",
    "resource_details",
    "resources",
    "retention_duration_days",
]
Label = Annotated[StrictStr, Field(min_length=1, max_length=128)]
Glob = Annotated[StrictStr, Field(max_length=1024)]
Word = Annotated[StrictStr, AfterValidator(_word)]
Duration = Annotated[float, BeforeValidator(seconds)]
"""Seconds; written "90s", "15m", "26h", "7d"."""


class Project(Strict):
    """A cloud project: where its services are and whose credentials speak for it.

    Whatever is left out comes from the environment, then from the region.
    """

    project_id: Annotated[StrictStr, AfterValidator(checked_project_id)] | None = None
    region: Annotated[StrictStr, AfterValidator(checked_region)] | None = None
    cloud: Literal["huawei", "otc"] | None = None
    """Which cloud's host names a region stands for: cbr.<region>.myhuaweicloud.com or cbr.<region>.otc.t-systems.com."""
    endpoint: StrictStr | None = None
    """CBR's origin, such as https://cbr.eu-de.otc.t-systems.com; for regions whose host names follow no pattern."""
    iam_endpoint: StrictStr | None = None
    smn_endpoint: StrictStr | None = None
    credentials: Annotated[StrictStr, AfterValidator(_credentials)] = "env"
    agency: StrictStr | None = None
    """An agency to act as (IAM assume_role); needs agency_domain, the name of the account that owns it."""
    agency_domain: StrictStr | None = None
    requests_per_second: Annotated[float, Field(strict=True, gt=0, le=200)] = 5.0
    """CBR publishes no rate; 200 a second is the gateway's default for a whole API, 100 a minute a user has been seen."""

    @model_validator(mode="after")
    def _agency_whole(self) -> Self:
        if (self.agency is None) != (self.agency_domain is None):
            raise PydanticCustomError("not_whole", "agency and agency_domain go together", {"key": "agency"})
        return self


class Vault(Strict):
    """A vault that rules may name. ``project`` may be left out where there is only one."""

    id: Uuid
    project: Word | None = None
    min_interval: Duration = 0.0
    """Between two restore points that alerts ask of it, whatever their causes."""


class Timer(Strict):
    """A schedule that may speak. ``source`` is its exact name: a rule or schedule ARN, a FunctionGraph trigger's name."""

    source: Annotated[StrictStr, Field(min_length=1, max_length=1024)]


class Sender(Strict):
    """Somebody who may send: which words they speak, and how they prove who they are.

    ``bearer``: ``Authorization: Bearer <secret>`` over HTTP. ``platform``: the platform says who it is (the topic or queue a
    message came from, listed in ``sources``; with none listed, whoever IAM lets invoke the function directly).
    """

    dialect: Literal["alertmanager", "simple", "once"]
    proof: Literal["bearer", "platform"]
    secret: Annotated[StrictStr, AfterValidator(_reference)] | None = None
    sources: tuple[Annotated[StrictStr, Field(min_length=1, max_length=1024)], ...] = ()
    may: tuple[OneOffParameter, ...] = ()
    """One-off parameters this sender may set; a rule's own are always there."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.proof == "bearer") != (self.secret is not None):
            raise PydanticCustomError("not_whole", "{why}", {"key": "secret", "why": 'goes with proof = "bearer" only'})
        if self.sources and self.proof != "platform":
            raise PydanticCustomError("not_whole", "{why}", {"key": "sources", "why": 'goes with proof = "platform" only'})
        if self.may and self.dialect != "once":
            raise PydanticCustomError("not_whole", "{why}", {"key": "may", "why": 'goes with dialect = "once" only'})
        return self


class Topic(Strict):
    """Where messages go. ``log`` writes a line; ``smn`` publishes to a Simple Message Notification topic."""

    kind: Literal["log", "smn"]
    urn: Annotated[StrictStr, AfterValidator(_topic_urn)] | None = None
    project: Word | None = None
    outcomes: tuple[Told, ...] = ("created", "refused", "failed", "available", "partly", "broken")

    @model_validator(mode="after")
    def _urn_with_smn(self) -> Self:
        if (self.kind == "smn") != (self.urn is not None):
            why = 'is required: the topic that kind = "smn" publishes to' if self.kind == "smn" else 'goes with kind = "smn" only'
            raise PydanticCustomError("not_whole", "{why}", {"key": "urn", "why": why})
        return self


class Rule(Strict):
    """When this timer fires, or this sender sends something that matches, these vaults get a restore point."""

    name: Word
    timer: Word | None = None
    sender: Word | None = None
    match: dict[Label, Glob] = Field(default_factory=dict)
    """Labels an alert must have, all of them; ``*`` stands for any run of characters, nothing else is special."""
    vaults: Annotated[tuple[Word, ...], Field(min_length=1, max_length=1000)]
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
    def _one_trigger(self) -> Self:
        if (self.timer is None) == (self.sender is None):
            raise PydanticCustomError("not_whole", "{why}", {"key": "timer", "why": "a rule has either a timer or a sender"})
        if self.timer is not None:
            for key in ("match", "by", "window", "resource_from"):
                if key in self.model_fields_set:
                    raise PydanticCustomError("not_whole", "{why}", {"key": key, "why": "is for rules with a sender"})
        return self

    def misses(self, labels: Mapping[str, str]) -> list[str]:
        """The labels of ``match`` an alert does not have as asked; none: the alert is meant."""
        return [key for key, glob in self.match.items() if key not in labels or not like(glob, labels[key])]


def like(glob: str, text: str) -> bool:
    """Whether ``text`` is what ``glob`` says. Linear in time: no pattern and no label can make it slow."""
    first, *rest = glob.split("*")
    if not rest:
        return glob == text
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    place, end = len(first), len(text) - len(last)
    for piece in middle:
        place = text.find(piece, place, end)
        if place < 0:
            return False
        place += len(piece)
    return True


class Rules(Strict):
    """The whole file. No event can have a vault backed up that no rule lists."""

    projects: dict[Word, Project] = Field(default_factory=dict)
    vaults: dict[Word, Vault] = Field(default_factory=dict)
    timers: dict[Word, Timer] = Field(default_factory=dict)
    senders: dict[Word, Sender] = Field(default_factory=dict)
    topics: dict[Word, Topic] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for key, why in self._faults():
            raise PydanticCustomError("disagrees", "{why}", {"key": key, "why": why})
        return self

    def project_of(self, vault: Vault | Topic) -> str:
        """The project a vault or topic belongs to; without any ``[projects]`` there is one, from the environment."""
        return vault.project or next(iter(self.projects), DEFAULT_PROJECT)

    def vault_named(self, id_or_name: str) -> tuple[str, Vault] | None:
        """A vault by its name here or by its id."""
        if id_or_name in self.vaults:
            return id_or_name, self.vaults[id_or_name]
        return next(((name, vault) for name, vault in self.vaults.items() if vault.id == id_or_name), None)

    def _faults(self) -> Iterator[tuple[str, str]]:
        yield from self._projects_named()
        yield from _twice("vaults", "id", {f".{name}": vault.id for name, vault in self.vaults.items()})
        yield from _twice("timers", "source", {f".{name}": timer.source for name, timer in self.timers.items()})
        yield from _twice("rules", "name", {f"[{index}]": rule.name for index, rule in enumerate(self.rules)})
        if TERMINAL in self.senders:
            yield f"senders.{TERMINAL}", "is whoever sits at a terminal, who needs no rule: choose another name"
        for index, rule in enumerate(self.rules):
            if rule.timer is not None and rule.timer not in self.timers:
                yield f"rules[{index}].timer", _unknown("timers", rule.timer, self.timers)
            if rule.sender is not None:
                yield from self._sender_faults(index, rule, rule.sender)
            for place, vault in enumerate(rule.vaults):
                if vault not in self.vaults:
                    yield f"rules[{index}].vaults[{place}]", _unknown("vaults", vault, self.vaults)

    def _sender_faults(self, index: int, rule: Rule, name: str) -> Iterator[tuple[str, str]]:
        if name not in self.senders:
            yield f"rules[{index}].sender", _unknown("senders", name, self.senders)
        elif self.senders[name].dialect == "once":
            for key in ("match", "by", "window", "resource_from"):
                if key in rule.model_fields_set:
                    yield f"rules[{index}].{key}", f"is for alerts, and [senders.{name}] sends one-offs"

    def _projects_named(self) -> Iterator[tuple[str, str]]:
        for table, entries in (("vaults", self.vaults), ("topics", self.topics)):
            for name, entry in entries.items():
                if entry.project is not None and entry.project not in self.projects:
                    yield f"{table}.{name}.project", _unknown("projects", entry.project, self.projects)
                if entry.project is None and len(self.projects) > 1:
                    yield f"{table}.{name}.project", "must be named: there is more than one [projects.…]"


TERMINAL = "terminal"
"""The sender of ``restore-point take``: whoever holds the credentials needs no rule."""
DEFAULT_PROJECT = "default"
"""The name of the project that the environment alone describes."""


def _twice(table: str, field: str, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    first: dict[str, str] = {}
    for place, value in values.items():
        if first.setdefault(value, place) != place:
            yield f"{table}{place}.{field}", f"is the {field} of {table}{first[value]} already"


def _unknown(table: str, name: str, known: Mapping[str, object]) -> str:
    meant = nearest(name, list(known))
    return f"there is no [{table}.{name}]" + (f"; did you mean {meant!r}?" if meant else "")
