"""Show how the vaults are: restore points, their age against max_age, what waits, what failed, which timer comes next.

VAULT is a vault's name in the rules, or its id; without any it is all that rules list, by name or by tags. Nothing is written and
CBR is only asked (GET). Exit code 1: a vault is overdue or its newest restore point failed, or a timer was missed; 75: something
could not be looked at; 3: a newest restore point is incomplete. So cron and CI can use it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from handlers.cli import DONE, FAILED, INCOMPLETE, TRY_AGAIN, print_json
from handlers.cli.status.page import page
from handlers.cli.status.terminal import lines
from handlers.documents import nearest
from handlers.errors import CallFailed, LedgerDown, Misconfigured
from handlers.ledger import Ledger
from handlers.ledger.memory import MemoryLedger
from handlers.overview import Overview
from handlers.overview.gathering import CALL_SECONDS, Gathering
from handlers.overview.printed import printed
from handlers.rules import Vault
from handlers.service import Service
from handlers.settings import load
from handlers.vault_backup import is_uuid
from handlers.watch.listed import Listed, looked_after
from handlers.wire import Deadline

_CODES = {"wrong": FAILED, "unknown": TRY_AGAIN, "partly": INCOMPLETE, "well": DONE, "nothing": DONE}


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``status``."""
    parser.add_argument("vaults", nargs="*", metavar="VAULT", help="only these: names in the rules, or ids")
    parser.add_argument("--html", metavar="FILE", help="write it as a page of its own, which needs nothing else")


def run(arguments: argparse.Namespace) -> int:
    """Look, show."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no path of ours
        service = Service(load(rules_file=arguments.rules), stream=nowhere)
        try:
            overview = look(service, arguments.vaults)
        finally:
            service.close()
    if arguments.html is not None:
        _write(Path(arguments.html), page(overview))
    if arguments.json:
        print_json(printed(overview))
    elif arguments.html is not None:
        print(f"{overview.headline} See {arguments.html}")
    else:
        for line in lines(overview, colour=_in_colour()):
            print(line)
    return _CODES[overview.verdict]


def look(service: Service, names: Sequence[str] = ()) -> Overview:
    """What there is now. Raises Misconfigured where nobody knows such a vault."""
    settings = service.settings
    rates = {name: access.requests_per_second for name, access in settings.projects.items()}
    asked = settings.rules, service.cbrs, service.inventory
    gathering = Gathering(*asked, lambda: existing(service), service.clock, rates, settings.ledger)
    if not names:
        return gathering.look()
    found, _ = looked_after(*asked, Deadline.after(service.clock, CALL_SECONDS))
    return gathering.look([_named(service, found, name) for name in dict.fromkeys(names)])


def existing(service: Service) -> Ledger:
    """The ledger that is there. Who only looks makes none, and takes no folder that does not exist for an empty one.

    Raises LedgerDown.
    """
    kind, _, place = service.settings.ledger.partition(":")
    if kind != "sqlite" or Path(place).exists():
        return service.ledger
    if not Path(place).parent.is_dir():
        raise LedgerDown(f"there is no folder {Path(place).parent}; RESTORE_POINT_LEDGER says where the ledger is")
    return MemoryLedger(lambda: service.clock.now().timestamp())


def _named(service: Service, found: Mapping[str, Listed], name: str) -> Listed:
    """A vault by its name here or by its id, whatever lists it; by its name at the cloud where only tags do."""
    rules = service.settings.rules
    if known := rules.vault_named(name):
        return found.get(known[1].id) or Listed(known[0], rules.project_of(known[1]), known[1])
    meant = [each for each in found.values() if name in (each.name, each.vault.id)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise Misconfigured("VAULT", "is the name of several vaults: give an id")
    if is_uuid(name):
        return Listed(name, _project(service, name), Vault(id=name))
    close = nearest(name, sorted({*rules.vaults, *(each.name for each in found.values())}))
    why = "is neither the name of a vault in the rules nor an id"
    raise Misconfigured("VAULT", why + (f"; did you mean {close!r}?" if close else ""))


def _project(service: Service, vault_id: str) -> str:
    """The one that has it: an id nobody wrote down names none."""
    if len(service.cbrs) == 1:
        return next(iter(service.cbrs))
    for project in service.cbrs:
        with suppress(CallFailed):
            every = service.inventory.vaults(project, Deadline.after(service.clock, CALL_SECONDS))
            if any(each.id == vault_id for each in every):
                return project
    raise Misconfigured("VAULT", "is in no project that can be asked: write it into the rules, with its project")


def _in_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write(file: Path, text: str) -> None:
    """All of it or nothing: whoever has it open must not find half a page."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as problem:
        with suppress(OSError):
            part.unlink()
        raise Misconfigured("--html", f"cannot be written ({type(problem).__name__})") from None
