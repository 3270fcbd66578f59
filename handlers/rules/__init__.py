"""What the rules file may say: frozen values, checked against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from handlers.documents import Strict, nearest
from handlers.models import Field
from handlers.rules.rule import Rule
from handlers.rules.tables import Project, Sender, Timer, Vault
from handlers.rules.topic import Topic
from handlers.rules.words import NAMESPACE, Word, checked_project_id, checked_region, is_loop, like, seconds
from handlers.vault_backup import is_uuid

if TYPE_CHECKING:
    from handlers.rules.asked import Asked

__all__ = [
    "DEFAULT_PROJECT",
    "NAMESPACE",
    "TERMINAL",
    "Project",
    "Rule",
    "Rules",
    "Sender",
    "Timer",
    "Topic",
    "Vault",
    "checked_project_id",
    "checked_region",
    "is_loop",
    "like",
    "seconds",
]


class Rules(Strict):
    """The whole file. No event can have a vault backed up that no rule lists."""

    __slots__ = ("_asked",)
    """No field: what is kept there is neither compared nor copied."""

    projects: dict[Word, Project] = Field(default_factory=dict)
    vaults: dict[Word, Vault] = Field(default_factory=dict)
    timers: dict[Word, Timer] = Field(default_factory=dict)
    senders: dict[Word, Sender] = Field(default_factory=dict)
    topics: dict[Word, Topic] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    def project_of(self, vault: Vault | Topic) -> str:
        """The project a vault or topic belongs to; without any ``[projects]`` there is one, from the environment."""
        return vault.project or next(iter(self.projects), DEFAULT_PROJECT)

    def with_vaults(self, found: Mapping[str, Mapping[str, Vault]], called: Mapping[str, str]) -> Rules:
        """The same rules where those named in ``found`` list these vaults; ``called`` is how people know the ones known by id."""
        vaults = dict(self.vaults)
        for each in found.values():
            vaults |= each
        listing = {name: self.asked.named(name) for name in found}
        changed = {name: rule.model_copy(update={"vaults": tuple(found[name])}) for name, rule in listing.items() if rule}
        asked = self.asked.with_vaults(changed, vaults)
        copy = self.model_copy(update={"vaults": vaults, "rules": asked.rules})
        vars(copy)["_called"] = dict(called)
        object.__setattr__(copy, "_asked", asked)
        return copy

    @property
    def asked(self) -> Asked:
        """Its rules, timers and vaults by what events ask for."""
        found: Asked | None = getattr(self, "_asked", None)
        if found is None:
            from handlers.rules.asked import Asked

            found = Asked(self)
            object.__setattr__(self, "_asked", found)
        return found

    def name_of(self, vault: str) -> str:
        """How people know a vault that rules list: by its name here, or by its own."""
        called: Mapping[str, str] = vars(self).get("_called", {})
        return called.get(vault, vault)

    def timer_of(self, schedule: str, sender: str = "") -> str | None:
        """The name here of a schedule that may speak by this sender (none: by its platform)."""
        return self.asked.timers.get((schedule, sender))

    def vault_named(self, id_or_name: str) -> tuple[str, Vault] | None:
        """A vault by its name here or by its id."""
        if id_or_name in self.vaults:
            return id_or_name, self.vaults[id_or_name]
        return self.asked.vaults.get(id_or_name)

    def _faults(self) -> Iterator[tuple[str, str]]:
        yield from self._projects_named()
        yield from self._sources_of_one()
        for name in self.vaults:
            if is_uuid(name):
                yield f"vaults.{name}", "is named like an id: `take` could not tell whether the name or an id is meant"
        yield from _twice("vaults", "id", {f".{name}": vault.id for name, vault in self.vaults.items()})
        yield from _twice("timers", "source", {f".{name}": (timer.source, timer.sender) for name, timer in self.timers.items()})
        yield from self._timers_brought()
        yield from _twice("rules", "name", {f"[{index}]": rule.name for index, rule in enumerate(self.rules)})
        if TERMINAL in self.senders:
            yield f"senders.{TERMINAL}", "is whoever sits at a terminal, who needs no rule: choose another name"
        for index, rule in enumerate(self.rules):
            if rule.timer is not None and rule.timer not in self.timers:
                yield f"rules[{index}].timer", _unknown("timers", rule.timer, self.timers)
            if rule.sender is not None:
                yield from self._sender_faults(index, rule, rule.sender)
            yield from self._place_faults(index, rule)
        yield from self._filters_of_something()

    def _timers_brought(self) -> Iterator[tuple[str, str]]:
        for name, timer in self.timers.items():
            if timer.sender is not None and (self.senders[timer.sender].door if timer.sender in self.senders else "") != "timer":
                why = "brings no timers" if timer.sender in self.senders else _unknown("senders", timer.sender, self.senders)
                yield f"timers.{name}.sender", f'{why}: it must be one with dialect = "timer"'

    def _place_faults(self, index: int, rule: Rule) -> Iterator[tuple[str, str]]:
        for place, vault in enumerate(rule.vaults):
            if vault not in self.vaults:
                yield f"rules[{index}].vaults[{place}]", _unknown("vaults", vault, self.vaults)
        for place, project in enumerate(rule.projects):
            if project not in self.projects:
                yield f"rules[{index}].projects[{place}]", _unknown("projects", project, self.projects)

    def _filters_of_something(self) -> Iterator[tuple[str, str]]:
        """A filter that nothing can pass would keep a topic silent for ever. Vaults found by tags have names of their own."""
        names = [rule.name for rule in self.rules]
        vaults = [*self.vaults, *(vault.id for vault in self.vaults.values())]
        tagged = any(rule.vault_tags for rule in self.rules)
        for name, topic in self.topics.items():
            for table, globs, known in (("rules", topic.rules, names), ("vaults", topic.vaults, vaults)):
                for place, glob in enumerate(globs):
                    if not any(like(glob, each) for each in known) and not (table == "vaults" and tagged):
                        meant = nearest(glob, known)
                        hint = f"; did you mean {meant!r}?" if meant else ""
                        yield f"topics.{name}.{table}[{place}]", f"is the name of none of the {table}{hint}"

    def _sender_faults(self, index: int, rule: Rule, name: str) -> Iterator[tuple[str, str]]:
        if name not in self.senders:
            yield f"rules[{index}].sender", _unknown("senders", name, self.senders)
        elif self.senders[name].door == "alert":
            yield from self._alert_faults(index, rule, name)
        elif self.senders[name].door == "timer":
            yield f"rules[{index}].sender", f'[senders.{name}] brings timers: name one of them, timer = "…"'
        elif self.senders[name].door == "once":
            for key in ("match", "by", "window", "resource_from", "max_event_age"):
                if key in rule.model_fields_set:
                    yield f"rules[{index}].{key}", f"is for alerts, and [senders.{name}] sends one-offs"

    def _alert_faults(self, index: int, rule: Rule, name: str) -> Iterator[tuple[str, str]]:
        """A generic sender's alerts have the labels its paths name and no other: another would never match."""
        paths = self.senders[name].paths
        if paths is None:
            return
        known = [*paths.labels, *paths.identity, "topic", *(["severity"] if paths.severity else [])]
        asked = [(f"match.{key}", key) for key in rule.match] + [(f"by[{place}]", key) for place, key in enumerate(rule.by)]
        for place, key in [*asked, *([("resource_from", rule.resource_from)] if rule.resource_from else [])]:
            if key not in known:
                meant = nearest(key, known)
                hint = f"; did you mean {meant!r}?" if meant else f": {', '.join(known)}"
                yield f"rules[{index}].{place}", f"[senders.{name}.paths] gives no label {key!r}{hint}"

    def _sources_of_one(self) -> Iterator[tuple[str, str]]:
        """A topic or caller must say who it is; at each door there is one sender who is proven by no source at all.

        What a topic signs names no address: a message for one of two senders could be sent to the other, whatever the door.
        """
        first: dict[tuple[str, str], str] = {}
        for name, sender in self.senders.items():
            where = sender.door if sender.proof == "platform" else "signed"
            for source in sender.sources or (("",) if sender.proof == "platform" else ()):
                other = first.setdefault((where, source), name)
                if other != name:
                    what = f"lists a source of [senders.{other}]" if source else f"is without sources like [senders.{other}]"
                    yield f"senders.{name}.sources", f"{what}: nobody could tell which of the two sends"

    def _projects_named(self) -> Iterator[tuple[str, str]]:
        for table, entries in (("vaults", self.vaults), ("topics", self.topics)):
            for name, entry in entries.items():
                if entry.project is not None and entry.project not in self.projects:
                    yield f"{table}.{name}.project", _unknown("projects", entry.project, self.projects)
                of_one = table == "vaults" or self.topics[name].kind == "smn"
                if of_one and entry.project is None and len(self.projects) > 1:
                    yield f"{table}.{name}.project", "must be named: there is more than one [projects.…]"


TERMINAL = "terminal"
"""The sender of ``restore-point take``: whoever holds the credentials needs no rule."""
DEFAULT_PROJECT = "default"
"""The name of the project that the environment alone describes."""


def _twice(table: str, field: str, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    first: dict[object, str] = {}
    for place, value in values.items():
        if first.setdefault(value, place) != place:
            yield f"{table}{place}.{field}", f"is the {field} of {table}{first[value]} already"


def _unknown(table: str, name: str, known: Mapping[str, object]) -> str:
    meant = nearest(name, list(known))
    return f"there is no [{table}.{name}]" + (f"; did you mean {meant!r}?" if meant else "")
