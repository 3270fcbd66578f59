"""``plan``'s why: what was read, which rules want it, what that comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.cli.show import fold
from handlers.outcome import Created, Outcome
from handlers.plan.explained import considered
from handlers.plan.planned import NAMED, Planned, clip
from handlers.rules import Rule, Rules
from handlers.trigger import Alert, Lost, Once, Timer, Trigger
from handlers.vault_backup import VaultBackup


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the cloud and into the ledger says. ``held`` are the vault's resources, id and name."""

    held: Mapping[str, str]
    now: Outcome


def explained(
    triggers: Sequence[Trigger], planned: Sequence[Planned], rules: Rules, now: datetime, looks: Mapping[str, Look]
) -> dict[str, Any]:
    """In JSON: ``triggers`` (the first 20) with the rules of its sender beside each, ``planned`` in the plan's order."""
    wanting = {name for each in triggers for name in _wanting(each, rules, now)}
    return {
        "triggers": [_read(each) | {"rules": _beside(each, rules, now)} for each in triggers[:NAMED]],
        "left_out": max(len(triggers) - NAMED, 0),
        "planned": [_asked(each, wanting, rules) | _seen(each, looks.get(each.cause)) for each in planned],
    }


def _wanting(trigger: Trigger, rules: Rules, now: datetime) -> list[str]:
    return [each.rule for each in considered(trigger, rules, now) if not each.why]


def _beside(trigger: Trigger, rules: Rules, now: datetime) -> list[dict[str, Any]]:
    return [
        {"rule": each.rule, "wants_it": not each.why, "why_not": each.why, "by": each.by}
        for each in considered(trigger, rules, now)
    ]


def _read(trigger: Trigger) -> dict[str, Any]:
    match trigger:
        case Timer():
            return {"kind": "timer", "schedule": trigger.schedule, "at": trigger.at.isoformat(), "form": trigger.dialect}
        case Alert():
            about: dict[str, Any] = {"title": trigger.title, "severity": trigger.severity, "link": trigger.link}
            labels = {"labels": dict(trigger.labels), "identity": list(trigger.identity)}
            return {"kind": "alert", "status": trigger.status, **about, **labels}
        case Once():
            return {"kind": "once", "rule": trigger.rule, "key": trigger.key}
        case Lost():
            return {"kind": "lost", "count": trigger.count}
    return {"kind": type(trigger).__name__.lower()}


def _asked(planned: Planned, wanting: set[str], rules: Rules) -> dict[str, Any]:
    """Of what, without which disks, and for whom else."""
    parameters = planned.backup.parameters
    details = (parameters and parameters.resource_details) or ()
    without = {each.id: list(each.extra_info.exclude_volumes or ()) for each in details if each.extra_info}
    also = [
        rule.name
        for rule in rules.rules
        if rule.name in wanting and rule.name != planned.rule and _asks_the_same(rule, planned, rules)
    ]
    return {
        "rule": planned.rule,
        "also_wanted_by": also,
        "vault": planned.vault,
        "vault_id": planned.backup.vault_id,
        "resources": sorted(planned.backup.resource_ids),
        "without_disks": {key: disks for key, disks in without.items() if disks},
        "causes": planned.causes,
        "cause_names": list(planned.cause_names),
    }


def _asks_the_same(rule: Rule, planned: Planned, rules: Rules) -> bool:
    """Of the same vault, and of neither more nor less of it."""
    some = VaultBackup(vault_id=planned.backup.vault_id, parameters=rule.parameters).resource_ids
    same = rule.resource_from is None and some == planned.backup.resource_ids
    return same and planned.vault in map(rules.name_of, rule.vaults)


def _seen(planned: Planned, look: Look | None) -> dict[str, Any]:
    if look is None:
        return {}
    asked = planned.backup.resource_ids or set(look.held)
    plain = look.now.to_dict()
    now = {key: plain[key] for key in ("outcome", "reason", "message", "checkpoint_id")}
    if isinstance(look.now, Created):
        now |= {"message": f"CBR would be asked. {look.now.message}", "checkpoint_id": ""}
    return {"held": {each: look.held.get(each, "") for each in sorted(asked)}, "now": now}


def explain(why: Mapping[str, Any], planned: Sequence[Planned], others: Mapping[str, Sequence[Outcome]]) -> None:
    """The same for people, and the requests as they would be sent."""
    for each in why["triggers"]:
        _print_trigger(each)
    if why["left_out"]:
        print(f"… and {why['left_out']} more")
    for each, told in zip(planned, why["planned"], strict=True):
        print(f"would ask for {each.what} (rule {each.rule}, {'; '.join(each.cause_names)})")
        print(f"  as {each.name}")
        for line in _lines(told):
            print(fold(f"  {line}"))
        print(f"  {each.backup.to_bytes().decode()}")
    if not planned and not any(others.values()):
        print("nothing to do")
    for word, outcomes in others.items():
        for outcome in outcomes:
            print(fold(f"{word} ({outcome.reason}): {outcome.message} {outcome.link}".rstrip()))


def _print_trigger(trigger: Mapping[str, Any]) -> None:
    match trigger["kind"]:
        case "timer":
            print(f"timer {_plain(trigger['schedule'])} at {trigger['at']} ({trigger['form']})")
        case "alert":
            severity = f", {_plain(trigger['severity'])}" if trigger["severity"] else ""
            what = f"alert {_plain(trigger['title'])!r} ({trigger['status']}{severity}) {_plain(trigger['link'])}"
            print(fold(what.rstrip()))
            pairs = {key: f"{_plain(key)}={_plain(text)}" for key, text in trigger["labels"].items()}
            print(fold(f"  identity: {', '.join(pairs.pop(key) for key in trigger['identity']) or 'nothing'}"))
            if pairs:
                print(fold(f"  other labels: {', '.join(pairs.values())}"))
        case "once":
            print(f"one-off by key {_plain(trigger['key'])}")
        case "lost":
            print(f"{trigger['count']} alerts that the sender left out")
        case kind:
            print(kind)
    if trigger["kind"] in ("timer", "alert") and not trigger["rules"]:
        print(f"  no rule is for its {'timer' if trigger['kind'] == 'timer' else 'sender'}")
    for each in trigger["rules"]:
        cause = f"; its cause: {each['by']}" if each["by"] else ""
        answer = f"wants it{cause}" if each["wants_it"] else f"no, {each['why_not']}"
        print(fold(f"  rule {each['rule']}: {answer}"))


def _plain(text: str, limit: int = 200) -> str:
    """What comes from an event or from the cloud, fit for a terminal."""
    return clip(text, limit)


def _lines(told: Mapping[str, Any]) -> list[str]:
    held = told.get("held", {})
    named = [f"{_plain(held[each])} ({_plain(each)})" if held.get(each) else _plain(each) for each in told["resources"] or held]
    lines = [f"of {', '.join(named)}" if named else "of the whole vault"]
    lines += [f"without disks {', '.join(disks)} of {each}" for each, disks in told["without_disks"].items()]
    if told["also_wanted_by"]:
        lines.append(f"which serves rule {', '.join(told['also_wanted_by'])}, too")
    if "now" in told:
        now = told["now"]
        reason = f" ({now['reason']})" if now["reason"] else ""
        lines.append(f"now: {now['outcome']}{reason}: {_plain(now['message'], 500)}")
    return lines
