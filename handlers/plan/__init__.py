"""What a delivery asks for: triggers and rules become one Planned per vault, and a reason for everything else. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.errors import Refusal
from handlers.outcome import Refused, Skipped
from handlers.rules import DEFAULT_PROJECT, Rule, Rules
from handlers.trigger import Once, Timer, Trigger
from handlers.vault_backup import CheckpointParam, VaultBackup, restore_point_name

CLOCK_TOLERANCE = timedelta(minutes=15)
"""How far in the future an event's time may lie; the gateway's own tolerance for clocks is 15 minutes."""
NO_GIVING_UP = 10 * 365 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One restore point to take: the whole request, and why it is wanted.

    ``cause`` (64 hex) is the same for every delivery of the same wish, on every platform and in every version.
    ``occurred`` is when the cause happened. ``give_up_after`` is in seconds from the moment the wish is first recorded.
    """

    backup: VaultBackup
    cause: str
    occurred: datetime
    project: str
    vault: str
    rule: str
    trigger: str
    sender: str
    delivery_id: str
    causes: int = 1
    cause_names: tuple[str, ...] = ()
    give_up_after: float = NO_GIVING_UP

    @property
    def name(self) -> str:
        """The name CBR gets."""
        return self.backup.parameters.name or "" if self.backup.parameters else ""

    @property
    def whose(self) -> str:
        """The vault as people know it."""
        return self.vault or self.backup.vault_id

    @property
    def what(self) -> str:
        """What is asked for, in a sentence's words."""
        some = self.backup.resource_ids
        return f"a restore point of vault {self.whose}" + (f" ({len(some)} of its resources)" if some else "")

    def about(self) -> dict[str, Any]:
        """The fields every outcome of it repeats."""
        return {
            "rule": self.rule,
            "vault": self.vault,
            "vault_id": self.backup.vault_id,
            "causes": self.causes,
            "cause_names": self.cause_names,
            "name": self.name,
            "delivery_id": self.delivery_id,
            "trigger": self.trigger,
            "sender": self.sender,
        }


Plan = list[Planned | Skipped | Refused]


def plan(triggers: Iterable[Trigger], rules: Rules, delivery_id: str, now: datetime) -> Plan:
    """One entry per (vault, resources), in the order of the rules; the earlier rule wins where two ask for the same."""
    planned: dict[tuple[str, frozenset[str]], Planned] = {}
    others: list[Skipped | Refused] = []
    for trigger in triggers:
        if isinstance(trigger, Timer):
            found = _timer(trigger, rules, delivery_id, now)
        else:
            found = [one_off(trigger, rules, delivery_id)]
        for each in found:
            if isinstance(each, Planned):
                planned.setdefault((each.backup.vault_id, each.backup.resource_ids), each)
            else:
                others.append(each)
    return [*planned.values(), *others]


def refused(refusal: Refusal, delivery_id: str, trigger: str) -> Refused:
    """A refusal as the outcome it is."""
    return Refused(reason=refusal.reason, message=refusal.message, http=refusal.http, delivery_id=delivery_id, trigger=trigger)


def one_off(once: Once, rules: Rules, delivery_id: str) -> Planned:
    """A restore point a person asked for at a terminal; needs no rule."""
    known = rules.vault_named(once.backup.vault_id)
    name, project = (known[0], rules.project_of(known[1])) if known else ("", next(iter(rules.projects), DEFAULT_PROJECT))
    asked = once.backup.parameters or CheckpointParam()
    cause = cause_of("once", once.backup, once.key)
    return Planned(
        backup=_named(asked, once.backup.vault_id, asked.name or f"rp-once-{_stamp(once.at)}", cause, ""),
        cause=cause,
        occurred=once.at,
        project=project,
        vault=name,
        rule="",
        trigger="once",
        sender="terminal",
        delivery_id=delivery_id,
        cause_names=(once.key,),
    )


def cause_of(kind: str, backup: VaultBackup, *identity: str) -> str:
    """64 hex. Length-prefixed, so that no two different lists of words are written alike.

    The names a rules file gives are no part of it: renaming a rule, a vault or a project between two deliveries must not make a
    second restore point. A vault id is its own in every project.
    """
    words = [kind, backup.vault_id, ",".join(sorted(backup.resource_ids)), *identity]
    text = b"".join(b"%d:%s" % (len(word.encode()), word.encode()) for word in words)
    return hashlib.sha256(text).hexdigest()


def _timer(timer: Timer, rules: Rules, delivery_id: str, now: datetime) -> Plan:
    about: dict[str, Any] = {"delivery_id": delivery_id, "trigger": "timer"}
    name = next((name for name, known in rules.timers.items() if known.source == timer.schedule), None)
    if name is None:
        why = f"no [timers.…] has this source: {clip(timer.schedule)}; add it to the rules if this schedule may speak"
        return [Refused(reason="unknown_timer", message=why, http=403, **about)]
    if timer.at > now + CLOCK_TOLERANCE:
        why = f"the event of timer {name} is for {timer.at.isoformat()}, which is in the future: check the clock of the sender"
        return [Refused(reason="from_the_future", message=why, sender=name, **about)]
    matching = [rule for rule in rules.rules if rule.timer == name]
    if not matching:
        return [Skipped(reason="no_rule", message=f'no [[rules]] has timer = "{name}"', sender=name, **about)]
    return [each for rule in matching for each in _by_rule(rule, name, timer, rules, delivery_id, now)]


def _by_rule(rule: Rule, name: str, timer: Timer, rules: Rules, delivery_id: str, now: datetime) -> Plan:
    age = (now - timer.at).total_seconds()
    if age > rule.max_event_age:
        why = f"timer {name} was for {timer.at.isoformat()}, longer ago than max_event_age of rule {rule.name}"
        return [Skipped(reason="stale", message=why, rule=rule.name, sender=name, delivery_id=delivery_id, trigger="timer")]
    return [_by_vault(vault, rule, name, timer, rules, delivery_id) for vault in rule.vaults]


def _by_vault(vault: str, rule: Rule, name: str, timer: Timer, rules: Rules, delivery_id: str) -> Planned:
    entry = rules.vaults[vault]
    project = rules.project_of(entry)
    bare = VaultBackup(vault_id=entry.id, parameters=rule.parameters)
    cause = cause_of("timer", bare, timer.schedule, timer.at.isoformat())
    given = rule.parameters.name or f"rp-timer-{_stamp(timer.at)}"
    why = f"restore-point: rule {rule.name}, timer {name} at {_stamp(timer.at)}, delivery {delivery_id}"
    return Planned(
        backup=_named(rule.parameters, entry.id, given, cause, why),
        cause=cause,
        occurred=timer.at,
        project=project,
        vault=vault,
        rule=rule.name,
        trigger="timer",
        sender=name,
        delivery_id=delivery_id,
        cause_names=(f"{name} {timer.at.isoformat()}",),
        give_up_after=rule.give_up_after,
    )


def _named(asked: CheckpointParam, vault_id: str, given: str, cause: str, why: str) -> VaultBackup:
    changes: dict[str, str] = {"name": restore_point_name(given, cause)}
    if asked.description is None and why:
        changes["description"] = clip(why, 255)
    return VaultBackup(vault_id=vault_id, parameters=asked.model_copy(update=changes))


def clip(text: str, limit: int = 200) -> str:
    """Text from outside, fit for a name, a description or a log line: ASCII, no < or >, at most ``limit`` characters."""
    plain = text.encode("ascii", "backslashreplace").decode().replace("<", "(").replace(">", ")")
    return "".join(letter if letter.isprintable() else "?" for letter in plain)[:limit]


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
