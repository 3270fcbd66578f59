"""Show what an event would ask of CBR, and why.

Calls nothing, unless ``--resolve`` lets it look up which vaults carry a rule's tags and whether they hold the resource that an
alert names.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handlers.carriers.batches import sqs_records
from handlers.cli import DONE, FAILED, print_json
from handlers.envelope import Envelope, parse_json
from handlers.errors import Misconfigured, Refusal
from handlers.outcome import Outcome, Skipped
from handlers.plan import by_tags, plan, refused
from handlers.plan.planned import Planned
from handlers.reading import read
from handlers.rules import Rule, Rules
from handlers.service import Service
from handlers.settings import find_rules, load, read_rules
from handlers.trigger import Trigger
from handlers.wire import Deadline

RESOLVE_SECONDS = 30.0
UNRESOLVED = "vaults_by_tag"
"""What is wanted of vaults that only a look at the cloud can name."""


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``plan``."""
    parser.add_argument("file", metavar="FILE", help="an event document; - for standard input")
    parser.add_argument(
        "--as", dest="door", choices=["timer", "alert", "once"], required=True, help="the entry function it would arrive at"
    )
    parser.add_argument("--sender", default="", metavar="NAME", help="whose alert or one-off it is: a [senders.…] of the rules")
    parser.add_argument("--resolve", action="store_true", help="look at the cloud where the rules need it (GET only)")


def run(arguments: argparse.Namespace) -> int:
    """Read, plan, show."""
    rules_file = find_rules(os.environ, arguments.rules)
    rules = read_rules(rules_file) if rules_file else Rules()
    document = parse_json(read_file(arguments.file), f"event in {arguments.file}")
    now = datetime.now(UTC)
    envelope, sender = Envelope(arguments.door, "terminal", "plan", document, 0.0), checked_sender(arguments, rules)
    try:
        messages = sqs_records(envelope) or [envelope]
        triggers = [each for message in messages for each in read(message, sender, rules.senders.get(sender), now)]
        found = _resolved(triggers, envelope, sender, arguments.rules) if arguments.resolve else _alone(triggers, rules, now)
    except Refusal as refusal:
        found = [refused(refusal, "plan", arguments.door)]
    planned = [each for each in found if isinstance(each, Planned)]
    others: dict[str, list[Outcome]] = {"skipped": [], "refused": []}
    for each in found:
        if isinstance(each, Outcome):
            others.setdefault("unresolved" if each.reason == UNRESOLVED else each.word, []).append(each)
    if arguments.json:
        print_json(
            {"planned": [each.backup.to_dict() for each in planned]}
            | {word: [each.to_dict() for each in outcomes] for word, outcomes in others.items()}
        )
    else:
        _show(planned, others)
    return FAILED if others.keys() & {"failed", "later"} or others["refused"] else DONE


def _alone(triggers: Sequence[Trigger], rules: Rules, now: datetime) -> list[Planned | Outcome]:
    """By the rules alone. Vaults that are known by their tags are not known here."""
    unknown = [
        Skipped(reason=UNRESOLVED, message=f"would ask for every vault tagged {_tags(rule)}: see --resolve", rule=rule.name)
        for rule in by_tags(triggers, rules, now)
    ]
    try:
        return [*plan(triggers, rules, "plan", now), *unknown]
    except Refusal as refusal:
        if unknown and refusal.reason == "vault_not_listed":  # perhaps it is one of those
            return [*unknown]
        raise


def _resolved(triggers: Sequence[Trigger], envelope: Envelope, sender: str, rules_file: str | None) -> list[Planned | Outcome]:
    """As a delivery would find it now."""
    service = Service(load(rules_file=rules_file))
    try:
        return service.planned(triggers, envelope, sender, Deadline.after(service.clock, RESOLVE_SECONDS))
    finally:
        service.close()


def _tags(rule: Rule) -> str:
    return ", ".join(f"{key} = {glob!r}" for key, glob in rule.vault_tags.items())


def checked_sender(arguments: argparse.Namespace, rules: Rules) -> str:
    """``--sender``, which alerts and one-offs need. Raises Misconfigured."""
    name = str(arguments.sender)
    fits = [each for each, sender in rules.senders.items() if sender.door == arguments.door]
    if arguments.door in ("alert", "once") and name not in fits:
        known = ", ".join(fits) or "none"
        raise Misconfigured("--sender", f"must name who sends it; the rules have for --as {arguments.door}: {known}")
    return name


def read_file(name: str) -> bytes:
    """The bytes of FILE. Raises Misconfigured."""
    import sys

    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Misconfigured("FILE", f"{name} cannot be read: {error.strerror}") from None


def _show(planned: list[Planned], others: dict[str, list[Any]]) -> None:
    for each in planned:
        print(f"would ask for {each.what} (rule {each.rule}, {'; '.join(each.cause_names)})")
        print(f"  as {each.name}")
        print(f"  {each.backup.to_bytes().decode()}")
    if not planned and not any(others.values()):
        print("nothing to do")
    for word, outcomes in others.items():
        for outcome in outcomes:
            print(f"{word} ({outcome.reason}): {outcome.message}")
