"""Take a restore point of a vault now, from a terminal or a pipeline.

VAULT is a vault's name in the rules, or its id; no rule is needed. Where a function would answer "later", this looks again until
it is settled. With --wait the restore point is followed to its end, and a resource that failed is a failure.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import uuid
from dataclasses import dataclass
from typing import Any, Self

from handlers.cli import INCOMPLETE, TRY_AGAIN, exit_code, print_json
from handlers.cli.show import show
from handlers.documents import nearest
from handlers.errors import CallFailed, LedgerDown, Misconfigured, Refusal
from handlers.outcome import Later, Outcome
from handlers.plan import plan
from handlers.plan.planned import Planned
from handlers.rules import TERMINAL, Rules
from handlers.service import Service
from handlers.settings import load
from handlers.trigger import Once
from handlers.vault_backup import VaultBackup, read_vault_backup
from handlers.wire import Deadline

RUN_SECONDS = 30.0
"""One try; a claim outlives it by the settling time."""
RETRY_SECONDS = 10.0
"""How long to wait for a vault that is busy."""
_CLAIMED = ("in_progress", "unclear", "wrong_answer")
LOOK_SECONDS = 2.0
"""How often --wait looks."""
_OPTIONS = {
    "vault_id": "VAULT",
    "parameters.resources": "--resource",
    "parameters.name": "--name",
    "parameters.description": "--description",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``take``."""
    parser.add_argument("vault", metavar="VAULT", help="a vault's name in the rules, or its id")
    parser.add_argument("--resource", action="append", metavar="ID", help="only this resource; may be repeated")
    parser.add_argument("--name", help="1 to 64 of A-Z a-z 0-9 _ and -; clipped to 40, and the cause is appended")
    parser.add_argument("--description", help="at most 255 characters, no < and >")
    parser.add_argument("--full", action="store_true", help="a full backup instead of an incremental one")
    parser.add_argument("--key", help="what makes a repetition the same wish, such as a pipeline's run id (default: a new one)")
    parser.add_argument("--wait", action="store_true", help="follow it to its end")
    parser.add_argument("--timeout", default="2h", metavar="SPAN", help="how long to go on, such as 30m (default: 2h)")


def run(arguments: argparse.Namespace) -> int:
    """Take, follow, show."""
    timeout, key = _timeout(arguments.timeout), _key(arguments.key)
    settings = load(rules_file=arguments.rules)
    quiet = not arguments.json and sys.stderr.isatty()
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no path of ours
        service = Service(settings, stream=nowhere if quiet else sys.stderr)
        try:
            backup = _backup(arguments, settings.rules)
            once = Once(TERMINAL, backup, "", key, service.clock.now())
            (planned,) = plan([once], settings.rules, f"terminal-{uuid.uuid4()}", once.at)
            assert isinstance(planned, Planned)  # noqa: S101 - a one-off at a terminal is never skipped or refused
            outcome, end = _Taking(service, planned, Deadline.after(service.clock, timeout)).run(wait=arguments.wait)
        finally:
            service.close()
    found = [each.to_dict() for each in (outcome, end) if each]
    if arguments.json:
        print_json(found[0] | ({"end": found[-1] if end else None} if arguments.wait else {}))
    else:
        show(found)
    if arguments.wait and end is None and outcome.word in ("created", "joined"):
        which = f"restore point {outcome.checkpoint_id}"
        if outcome.degraded:
            print(f"restore-point: {which} goes on at CBR, and nothing here can follow it; look at the console", file=sys.stderr)
            return INCOMPLETE
        late = f"{which} is not finished after {arguments.timeout}; it goes on at CBR, and `restore-point watch` follows it"
        print(f"restore-point: {late}", file=sys.stderr)
        return TRY_AGAIN
    return exit_code(found)


@dataclass(frozen=True, slots=True)
class _Taking:
    service: Service
    planned: Planned
    deadline: Deadline

    def run(self, *, wait: bool) -> tuple[Outcome, Outcome | None]:
        outcome = self._take()
        end = None
        if wait and outcome.word in ("created", "joined"):
            with _progress() as bar:
                end = self._follow(bar)
        return outcome, end

    def _take(self) -> Outcome:
        """Again while the answer is "later" and there is time: at a terminal somebody waits."""
        while True:
            run = Deadline.after(self.service.clock, min(RUN_SECONDS, self.deadline.left()))
            outcome = self.service.take(self.planned, run)
            if not isinstance(outcome, Later):
                return outcome
            # A claim has to end; what was not executed may be asked again soon, for somebody is waiting.
            pause = outcome.retry_after if outcome.reason in _CLAIMED else min(outcome.retry_after, RETRY_SECONDS)
            if pause >= self.deadline.left():
                print(f"restore-point: the time given (--timeout) ends before the next look, in {pause:.0f} s", file=sys.stderr)
                return outcome
            print(f"restore-point: {outcome.reason}: looking again in {pause:.0f} s", file=sys.stderr)
            self.service.clock.sleep(pause)

    def _follow(self, bar: _Bar) -> Outcome | None:
        cbr = self.service.cbrs[self.planned.project]
        vault_id = self.planned.backup.vault_id
        while not self.deadline.passed:
            run = Deadline.after(self.service.clock, min(RUN_SECONDS, self.deadline.left()))
            try:
                if end := self.service.watching(run).follow(self.planned.cause, run):
                    bar.show(100 if end.word != "broken" else 0)
                    return end
                operations = cbr.operations(run, vault_id=vault_id, since=self.planned.occurred)
                ours = [each.progress for each in operations if self.planned.cause[:16] in each.backup_name]
                bar.show(sum(ours) // len(ours) if ours else 0)
            except CallFailed:
                pass  # a look that failed is followed by the next one
            except LedgerDown as problem:
                print(f"restore-point: it cannot be followed: {problem}", file=sys.stderr)
                return None
            self.service.clock.sleep(min(LOOK_SECONDS, self.deadline.left()))
        return None


class _Bar:
    """Progress in lines, for logs and for terminals without rich: one line per change."""

    def __init__(self) -> None:
        self._last = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, percent: int) -> None:
        """Percent of the work that is done."""
        if percent != self._last:
            self._last = percent
            print(f"restore point: {percent} %", file=sys.stderr)


class _RichBar(_Bar):
    """A bar that moves, on a terminal."""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        columns = TextColumn("restore point"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._progress.start()
        self._task = self._progress.add_task("restore point", total=100)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, percent: int) -> None:
        self._progress.update(self._task, completed=percent)


def _progress() -> _Bar:
    from importlib.util import find_spec

    return _RichBar() if sys.stderr.isatty() and find_spec("rich") else _Bar()


def _backup(arguments: argparse.Namespace, rules: Rules) -> VaultBackup:
    known_vault = rules.vault_named(arguments.vault)
    if known_vault is None and len(rules.projects) > 1:
        raise Misconfigured("VAULT", "is not in the rules, and they name several projects: write it there, with its project")
    vault_id = known_vault[1].id if known_vault else arguments.vault
    asked: dict[str, Any] = {"resources": arguments.resource, "name": arguments.name, "description": arguments.description}
    parameters = {key: value for key, value in asked.items() if value is not None}
    if arguments.full:
        parameters["incremental"] = False
    try:
        return read_vault_backup({"checkpoint": {"vault_id": vault_id, "parameters": parameters}})
    except Refusal as refusal:
        field = re.sub(r"\[\d+\]$", "", refusal.field.removeprefix("checkpoint."))
        problem = refusal.message.removeprefix(f"{refusal.field}: ")
        if field == "vault_id":
            meant = nearest(arguments.vault.lower(), list(rules.vaults))
            known = f"did you mean {meant!r}?" if meant else f"the rules name {', '.join(rules.vaults) or 'none'}"
            problem = f"is neither the name of a vault in the rules nor a vault id; {known}; an id {problem}"
        raise Misconfigured(_OPTIONS.get(field, field), problem) from None


def _key(given: str | None) -> str:
    key = str(uuid.uuid4()) if given is None else given
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Misconfigured("--key", "must be 1 to 255 printable ASCII characters")
    return key


def _timeout(text: str) -> float:
    from handlers.rules import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise Misconfigured("--timeout", str(error)) from None
