"""Show what an event would ask of CBR, and why.

Calls nothing, unless ``--resolve`` lets it look: which vaults carry a rule's tags, what they hold, and what would come of it now
(a restore point that is there already, a vault that was backed up just now, a budget that is used up). Nothing is written, and
nothing is sent that changes anything.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from handlers.cli import DONE, FAILED, print_json
from handlers.cli.arrivals import arrivals
from handlers.cli.explain import Look, explain, explained
from handlers.envelope import Envelope, Http, parse_json
from handlers.errors import CallFailed, Misconfigured, Refusal
from handlers.ledger.memory import MemoryLedger
from handlers.outcome import Outcome, Skipped
from handlers.plan import by_tags, plan, refused
from handlers.plan.planned import NAMED, Planned, clip
from handlers.reading import read
from handlers.restore_point.rehearsal import Rehearsal
from handlers.rules import Rule, Rules
from handlers.service import Service
from handlers.settings import Settings, find_rules, load, read_rules
from handlers.trigger import Trigger
from handlers.wire import Deadline

RESOLVE_SECONDS = 30.0
UNRESOLVED = "vaults_by_tag"
"""What is wanted of vaults that only a look at the cloud can name."""
UNNAMED = "resource_by_name"
"""... of a resource."""


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``plan``."""
    parser.add_argument("file", metavar="FILE", help="an event document, or a platform's whole event; - for standard input")
    parser.add_argument(
        "--as", dest="door", choices=["timer", "alert", "once"], required=True, help="the entry function it would arrive at"
    )
    parser.add_argument(
        "--sender", default="", metavar="NAME", help="whose it is: a [senders.…] of the rules; a platform's event says so itself"
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="of the request whose body FILE is; may be repeated",
    )
    parser.add_argument("--now", metavar="TIME", help="when it arrives (default: now)")
    parser.add_argument(
        "--resolve", action="store_true", help="look at the cloud (a password also makes a token) and into the ledger"
    )


def run(arguments: argparse.Namespace) -> int:
    """Read, plan, show."""
    rules_file = find_rules(os.environ, arguments.rules)
    rules = read_rules(rules_file) if rules_file else Rules()
    looking = _Looking(arguments, rules)
    now = looking.now
    found: list[Planned | Outcome] = []
    triggers: list[Trigger] = []
    for envelope, sender in _arrivals(arguments, rules, found=bool(rules_file)):
        try:
            _check_source(envelope, sender, rules)
            wanted = read(envelope, sender, rules.senders.get(sender), now)
            triggers += wanted
            found += looking.at(wanted, envelope, sender)
        except Refusal as refusal:
            found.append(refused(refusal, "plan", arguments.door, sender))
    planned = [each for each in found if isinstance(each, Planned)]
    ahead = looking.ahead(planned)
    looking.close()
    others: dict[str, list[Outcome]] = {"skipped": [], "refused": []}
    for each in found:
        if isinstance(each, Outcome):
            others.setdefault("unresolved" if each.reason in (UNRESOLVED, UNNAMED) else each.word, []).append(each)
    why = explained(triggers, planned, rules, now, ahead)
    if arguments.json:
        print_json(
            {"planned": [each.backup.to_dict() for each in planned]}
            | {word: [each.to_dict() for each in outcomes] for word, outcomes in others.items()}
            | {"explained": why}
        )
    else:
        explain(why, planned, others)
    return FAILED if others.keys() & {"failed", "later"} or others["refused"] else DONE


class _Looking:
    """The rules as they stand, or, with ``--resolve``, as a delivery would find them now."""

    def __init__(self, arguments: argparse.Namespace, rules: Rules) -> None:
        clock = {"RESTORE_POINT_NOW": arguments.now} if arguments.now else {}
        self._rules = rules
        self._service = _looking_service(load(os.environ | clock, rules_file=arguments.rules)) if arguments.resolve else None
        given = _moment(arguments.now) if arguments.now else datetime.now(UTC)
        self.now = self._service.clock.now() if self._service else given

    def at(self, triggers: Sequence[Trigger], envelope: Envelope, sender: str) -> list[Planned | Outcome]:
        """What they ask for. Raises Refusal."""
        if self._service is not None:
            return self._service.planned(triggers, envelope, sender, Deadline.after(self._service.clock, RESOLVE_SECONDS))
        return self._alone(triggers)

    def _alone(self, triggers: Sequence[Trigger]) -> list[Planned | Outcome]:
        """By the rules alone. Vaults that are known by their tags are not known here."""
        unknown = [
            Skipped(reason=UNRESOLVED, message=f"would ask for every vault tagged {_tags(rule)}: see --resolve", rule=rule.name)
            for rule in by_tags(triggers, self._rules, self.now)
        ]
        try:
            found = plan(triggers, self._rules, "plan", self.now)
            return [*(_by_name(each) if isinstance(each, Planned) and each.by_name else each for each in found), *unknown]
        except Refusal as refusal:
            if unknown and refusal.reason == "vault_not_listed":  # perhaps it is one of those
                return [*unknown]
            raise

    def ahead(self, planned: Sequence[Planned]) -> dict[str, Look]:
        """By cause: what the vaults hold, and what would come of it now."""
        if self._service is None:
            return {}
        service, found = self._service, dict[str, Look]()
        rehearsal = Rehearsal(service.tools)
        for each in planned[:NAMED]:
            deadline = Deadline.after(service.clock, RESOLVE_SECONDS)
            cbr = service.cbrs[each.project]
            try:
                held = {one.id: one.name for one in cbr.vault(each.backup.vault_id, deadline).resources}
            except CallFailed:
                held = {}  # what cannot be looked at is told by the rehearsal
            found[each.cause] = Look(held, rehearsal.take(each, cbr, deadline))
        return found

    def close(self) -> None:
        if self._service is not None:
            self._service.close()


def _looking_service(settings: Settings) -> Service:
    """A service that leaves no ledger behind: where there is none yet, nothing is known."""
    kind, _, path = settings.ledger.partition(":")
    absent = kind == "sqlite" and not Path(path).exists()
    return Service(settings, ledger=MemoryLedger(lambda: datetime.now(UTC).timestamp()) if absent else None)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Misconfigured("--now", "must be a time such as 2026-11-23T02:00:00Z") from None


def _by_name(planned: Planned) -> Outcome:
    """Which resource that is, only a look at the cloud can tell."""
    return Skipped(reason=UNNAMED, message=f"would ask for {planned.what}: see --resolve", rule=planned.rule, vault=planned.vault)


def _tags(rule: Rule) -> str:
    return ", ".join(f"{key} = {glob!r}" for key, glob in rule.vault_tags.items())


def checked_sender(name: str, door: str, rules: Rules) -> str:
    """``--sender``, which alerts and one-offs need. Raises Misconfigured."""
    fits = [each for each, sender in rules.senders.items() if sender.door == door]
    if (door in ("alert", "once") or name) and name not in fits:
        known = ", ".join(fits) or "none"
        raise Misconfigured("--sender", f"must name who sends it; the rules have for --as {door}: {known}")
    return name


def _arrivals(arguments: argparse.Namespace, rules: Rules, *, found: bool) -> list[tuple[Envelope, str]]:
    """Each delivery in FILE, and who sends it: as the event says, or as the command does. Raises Misconfigured, Refusal."""
    body, door = read_file(arguments.file), arguments.door
    if not found and door != "timer":
        raise Misconfigured("rules", "there is no rules.toml here: give one by --rules; restore-point init makes one")
    if arguments.header:
        headers = dict(_header(each) for each in arguments.header)
        http = Http("POST", f"/{door}/{arguments.sender}", headers, body)
        if not arguments.sender:
            raise Misconfigured("--sender", "must name who sends it: over HTTP somebody has to prove it")
        return [(Envelope(door, "terminal", "plan", None, 0.0, http), checked_sender(arguments.sender, door, rules))]
    event = Envelope(door, "terminal", "plan", parse_json(body, f"event in {arguments.file}"), 0.0)
    try:
        parts = arrivals(event)
    except Refusal as refusal:
        parts = [replace(event, document=refusal)]
    return [(each, _sender_of(each, arguments, rules)) for each in parts]


def _sender_of(envelope: Envelope, arguments: argparse.Namespace, rules: Rules) -> str:
    """Whom a platform's event itself names, by its source or its path; else whom the command does. Raises Misconfigured."""
    known = rules.senders.items()
    if envelope.source and arguments.door != "timer":
        return next((name for name, sender in known if envelope.source in sender.sources and sender.door == arguments.door), "")
    if isinstance(envelope.document, Refusal):
        return str(arguments.sender)
    by_path = envelope.http.path.rstrip("/").rpartition("/")[2] if envelope.http else ""
    return checked_sender(arguments.sender or by_path, arguments.door, rules)


def _check_source(envelope: Envelope, sender: str, rules: Rules) -> None:
    """A topic or queue that no sender lists is nobody. Raises Refusal, as the delivery would be refused."""
    if isinstance(envelope.document, Refusal):  # what could not be taken apart
        raise envelope.document
    if envelope.source and not sender and envelope.door != "timer":
        known = ", ".join(sorted({each for one in rules.senders.values() for each in one.sources})) or "none"
        why = f"no [senders.…] lists {clip(envelope.source, 200)} in its sources; listed are: {known}"
        raise Refusal("source_not_listed", why, http=403)


def _header(given: str) -> tuple[str, str]:
    name, colon, value = given.partition(":")
    if not colon or not name.strip():
        raise Misconfigured("--header", "must be NAME:VALUE, such as ce-type:dev.knative.sources.ping")
    return name.strip().lower(), value.strip()


def read_file(name: str) -> bytes:
    """The bytes of FILE. Raises Misconfigured."""
    import sys

    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Misconfigured("FILE", f"{name} cannot be read: {error.strerror}") from None
