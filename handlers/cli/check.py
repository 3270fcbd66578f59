"""Check rules, environment, credentials, rights, vaults and topics: all that can be known before the first event."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from handlers.cbr import Cbr
from handlers.cli import DONE, FAILED, MISUSED, print_json, what_now
from handlers.cli.show import fold
from handlers.credentials import AccessKey, GivenToken, Password
from handlers.dispatch import ONE_RUN
from handlers.dispatch.slots import REQUESTS
from handlers.errors import CallFailed, LedgerDown, Misconfigured
from handlers.overview.growth import NO_END, Fill, without_end
from handlers.rules import Rule, Rules, Sender, Vault
from handlers.service import Service
from handlers.settings import Key, Settings, load
from handlers.wire import Deadline

CALL_SECONDS = 15.0
RUN_SECONDS = 60.0
"""What a function may take, where nobody says otherwise (template.yaml, TimeoutSeconds)."""
_KINDS = {AccessKey: "with an access key", Password: "with a password", GivenToken: "with a given token"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``warns``: it works, and somebody should look at it all the same."""

    what: str
    ok: bool
    message: str
    warns: bool = False


def _good(what: str, message: str) -> Check:
    return Check(what, ok=True, message=message)


def _bad(what: str, message: str) -> Check:
    return Check(what, ok=False, message=message)


def _warning(what: str, message: str) -> Check:
    return Check(what, ok=True, message=message, warns=True)


def add(parser: argparse.ArgumentParser) -> None:
    """``check`` has no arguments of its own."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Look at everything, then say all of it."""
    try:
        settings = load(rules_file=arguments.rules)
        service = Service(settings)
    except Misconfigured as problem:
        return _say(arguments, [_bad(problem.setting, problem.message)], MISUSED)
    try:
        checks = [*_at_hand(settings, service), *_at_the_cloud(settings, service)]
    finally:
        service.close()
    return _say(arguments, checks, DONE if all(check.ok for check in checks) else FAILED)


def _at_hand(settings: Settings, service: Service) -> Iterator[Check]:
    rules = settings.rules
    counted = f"{len(rules.rules)} rules, {len(rules.vaults)} vaults, {len(rules.timers)} timers, {len(rules.topics)} topics"
    yield _good("rules", f"{settings.rules_file or 'no rules file: only `take` can ask for anything'}: {counted}")
    for name in sorted(set(rules.timers) - {rule.timer for rule in rules.rules}):
        yield _bad(f"timers.{name}", "no rule uses it: when it fires, nothing happens")
    if not rules.rules:
        yield _warning("rules", "there is no [[rules]]: no event will have anything backed up")
    yield from _growing(rules)
    for name, sender in rules.senders.items():
        yield from _proof(name, sender, settings.secrets.get(name, ()), service.clock.now())
    yield from _told(rules)
    yield from queued(settings)
    try:
        service.ledger.due(0.0, 1)
        yield _good("ledger", settings.ledger)
    except (LedgerDown, Misconfigured) as problem:
        yield _bad("ledger", str(problem))


def _told(rules: Rules) -> Iterator[Check]:
    """Whether somebody hears of everything that somebody should."""
    if rules.rules and not any("failed" in topic.outcomes for topic in rules.topics.values()):
        yield _bad("topics", "no topic wants to hear of `failed`: nobody is told when a restore point does not come")
    elif rules.topics and all(topic.rules or topic.vaults for topic in rules.topics.values()):
        yield _bad(
            "topics", "every topic has a filter: nobody is told what is about no rule and no vault, as storms and refusals"
        )


def _growing(rules: Rules) -> Iterator[Check]:
    """What may fill a vault before anybody sees it."""
    for rule in rules.rules:
        alerts = rule.sender is not None and rules.senders[rule.sender].door == "alert"
        if alerts and rule.parameters.incremental is False and rule.budget_per_hour is None:
            why = "full backups because of alerts, and no budget_per_hour: each is as large as all that is backed up"
            yield _bad(f"rules.{rule.name}", why)
    for name in without_end(rules):
        yield _warning(f"rules.{name}", NO_END)


def queued(settings: Settings) -> Iterator[Check]:
    """Whether there is a queue, where an event wants more than one run can take."""
    if settings.queue is not None:
        what = f"{settings.queue.kind} at {settings.queue.origin}"
        yield _good("queue", f"{what}, for events that want more than {ONE_RUN} restore points")
        return
    for rule in settings.rules.rules:
        for name, access in settings.projects.items():
            vaults = [each for each in rule.vaults if settings.rules.project_of(settings.rules.vaults[each]) == name]
            seconds = len(vaults) * REQUESTS / access.requests_per_second
            if len(vaults) > ONE_RUN and seconds > RUN_SECONDS:
                why = f"{len(vaults)} vaults take {seconds:.0f} s at requests_per_second = {access.requests_per_second:g}"
                yield _bad(f"rules.{rule.name}", f"{why}, longer than one run lasts: set RESTORE_POINT_QUEUE (README, Deploy)")


def _proof(name: str, sender: Sender, keys: Sequence[Key], now: datetime) -> Iterator[Check]:
    """How a sender proves itself, and what is about to end."""
    for key in keys:
        if key.until is not None and not key.accepted(now):
            yield _bad(f"senders.{name}", f"{key.name} ended at {key.until:%Y-%m-%dT%H:%MZ}: take it out of `retiring`")
    if sender.certificate:
        yield from _pin(f"senders.{name}", Path(sender.certificate.removeprefix("file:")))


def _pin(name: str, file: Path) -> Iterator[Check]:
    """Whether a pinned certificate can prove anybody."""
    from handlers.trust.topics import checked_certificate

    try:
        checked_certificate(file.read_bytes())
    except OSError:
        yield _bad(name, "its pinned certificate is not there: nothing it sends can be proven")
    except CallFailed:
        yield _bad(name, "its pinned certificate is no certificate (PEM): nothing it sends can be proven")


def _at_the_cloud(settings: Settings, service: Service) -> Iterator[Check]:
    for name, access in settings.projects.items():
        kind = _KINDS[type(access.credentials)]
        yield _call(f"projects.{name}", service, partial(_vaults, service.cbrs[name]), f"{access.cbr} {kind}: ")
    for rule in settings.rules.rules:
        if rule.vault_tags:
            yield _call(f"rules.{rule.name}", service, partial(_tagged, service, rule))
    listed = {vault for rule in settings.rules.rules for vault in rule.vaults}
    for name, vault in settings.rules.vaults.items():
        if name not in listed and not _by_tags(service, name):
            yield _good(f"vaults.{name}", "no rule lists it: only `take` backs it up")
            continue
        cbr = service.cbrs[settings.rules.project_of(vault)]
        yield _call(f"vaults.{name}", service, partial(_vault, cbr, vault.id, service.clock.now()))
        yield from _filling(name, vault, service)
    for name, topic in settings.rules.topics.items():
        where = settings.topics[name].origin if topic.kind == "cloudevents" else topic.address
        note = where if topic.kind == "log" else f"{where}; only a message proves it, the first one does"
        yield _good(f"topics.{name}", note)


def _by_tags(service: Service, name: str) -> bool:
    """Whether some rule lists it by its tags; where that cannot be asked, a check of its own says so."""
    rules, deadline = service.settings.rules, Deadline.after(service.clock, CALL_SECONDS)
    with suppress(CallFailed):
        tagged = [rule for rule in rules.rules if rule.vault_tags]
        return any(name in service.inventory.tagged(rule, rules, deadline).values() for rule in tagged)
    return False


def _tagged(service: Service, rule: Rule, deadline: Deadline) -> str:
    vaults = service.inventory.tagged(rule, service.settings.rules, deadline)
    if not vaults:
        raise Misconfigured("vault_tags", "no vault carries these tags now: an event would fail")
    return f"vaults with its tags: {', '.join(sorted(vaults.values()))}"


def _vaults(cbr: Cbr, deadline: Deadline) -> str:
    return f"{len(cbr.vaults(deadline))} vaults are visible"


def _vault(cbr: Cbr, vault_id: str, now: datetime, deadline: Deadline) -> str:
    vault = cbr.vault(vault_id, deadline)
    since = now - timedelta(days=1)
    cbr.backups(deadline, vault_id=vault_id, since=since)  # the right cbr:backups:list
    cbr.operations(deadline, vault_id=vault_id, since=since)  # the right cbr:tasks:list
    used = Fill.of(vault.billing) or "how full it is is not known"
    if not vault.resources:
        raise Misconfigured(vault.name, "the vault holds no resource, so there is nothing to back up: associate some with it")
    return f"{vault.name}: {len(vault.resources)} resources, {used}; backups and operations can be listed"


def _filling(name: str, vault: Vault, service: Service) -> Iterator[Check]:
    """A vault whose fill level says that it is time to do something; where it cannot be asked, that has been said."""
    project = service.settings.rules.project_of(vault)
    with suppress(CallFailed):
        every = service.inventory.vaults(project, Deadline.after(service.clock, CALL_SECONDS))
        for fill in (Fill.of(each.billing) for each in every if each.id == vault.id):
            if fill and fill.filling:
                yield _warning(f"vaults.{name}", fill.sentence)


def _call(what: str, service: Service, look: Callable[[Deadline], str], before: str = "") -> Check:
    try:
        return _good(what, before + look(Deadline.after(service.clock, CALL_SECONDS)))
    except Misconfigured as problem:
        return _bad(what, str(problem))
    except CallFailed as problem:
        code = f"{problem.code}: " if problem.code else ""
        request = f" (request {problem.request_id})" if problem.request_id else ""
        return _bad(what, f"{before}{code}{problem.message}{request}; {what_now(problem)}")


def _say(arguments: argparse.Namespace, checks: list[Check], code: int) -> int:
    if arguments.json:
        print_json(
            {
                "ok": code == DONE,
                "checks": [{"what": each.what, "ok": each.ok, "message": each.message, "warning": each.warns} for each in checks],
            }
        )
    else:
        for each in checks:
            print(fold(f"{_mark(each)} {each.what}: {each.message}"))
    return code


def _mark(check: Check) -> str:
    return "warn" if check.warns else "ok  " if check.ok else "FAIL"
