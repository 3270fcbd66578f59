"""Run the embedded CBR, IAM and SMN on loopback.

Prints the settings as ``export`` lines and serves until it is stopped; with ``-- COMMAND`` it runs the command with them set.
It proves nobody and protects nothing: never a place for data. Out of itself it behaves as badly as CBR may: a restore point shows
in lists up to two seconds late, lists without ``sort`` have no order one could use, and names get suffixes. ``--well-behaved``
turns that off; ``--fault`` makes more go wrong, and so does the control path at ``/_sandbox`` while it runs.

It speaks restore points, backups, vaults with their resources, operation logs, tokens, temporary keys, projects, topics and
message templates; not policies, restoring, sharing, replication, the tags API and protectables. GET /openapi.json has all of it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from handlers.cli import DONE
from handlers.credentials import FAMILIES
from handlers.errors import Misconfigured

if TYPE_CHECKING:
    from handlers.sandbox import Sandbox


_EPILOG = """\
while it runs (no proof is asked for, and nothing here is counted):
  curl $AT/_sandbox/faults                                          what goes wrong, and how often it did
  curl $AT/_sandbox/faults -d '{"kind": "reset_after", "path": "checkpoints"}'     one more, or a list of them
  curl $AT/_sandbox/faults -X DELETE                                nothing any more
  curl $AT/_sandbox/habits                                          how it behaves for every request
  curl $AT/_sandbox/habits -d '{"list_lag": 60}'                    any of these:
      list_lag     up to so many seconds until a restore point shows in lists (2)
      unordered    lists without `sort` in no order one could use (true)
      suffixes     backups of one restore point get -0001, -0002, ... where there are several (true)
      waiting      up to so many seconds until a backup begins (2)
      settling     up to so many seconds until a resource shows that its backup has ended, or that it was added (4)
      name_filter  what a list does with `name`: exact, fuzzy or ignored (exact)
      hide_full    lists without `incremental` leave full backups out (false)
      busy         a running backup is 6125 with status 400, or 0002 with 500: 400 or 500 (400)
      partial      a restore point some of whose backups failed is available or error (available)
      forms        numbers as texts (wire) or as in the documents' examples (documents) (wire)
      otc          a restore point is shown without name and description (false)
  curl $AT/_sandbox/state -d '{"fill": {"vault_id": "erp", "percent": 100}}'       a name does for an id; also
      {"status": {"vault_id": "erp", "status": "frozen"}}           available, lock, frozen, deleting, error, replicating
      {"protect_status": {"resource_id": "erp-db", "status": "restoring"}}
      {"resource_state": {"resource_id": "erp-db", "state": "error"}}              a server's or disk's own, or a code
      {"foreign": {"vault_id": "erp", "seconds": 600}}              CBR's own policy backs it up meanwhile
  curl $AT/_sandbox/tokens/expire -X POST                           every token there is
  curl "$AT/_sandbox/record?exchanges=5"                            counts, restore points, the newest exchanges

A first backup takes 60 seconds, a later one 20, both divided by --speed, which no fault's seconds are.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``sandbox``."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, _EPILOG
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster than life a backup is made (default: 1)")
    parser.add_argument(
        "--now",
        metavar="TIME",
        help="its date at the start, with its zone, such as 2026-11-23T07:04:51Z; it runs on from there",
    )
    parser.add_argument("--state", metavar="FILE", help="remember everything there; a kill loses two seconds at most")
    parser.add_argument("--keep", type=int, metavar="N", help="remember only the newest N restore points and exchanges")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="decides everything that looks like chance (default: 0)")
    parser.add_argument("--well-behaved", action="store_true", help="lists at once and in order, names as given")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="KIND[:KEY=VALUE,…]",
        help="what goes wrong, such as reset_after:method=POST,times=2 (may be repeated; `--fault list` shows all kinds)",
    )
    parser.add_argument("--documents-forms", action="store_true", help="numbers and objects as in the documents' examples")
    parser.add_argument("--otc", action="store_true", help="GET of a checkpoint without name and description, as on OTC")
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="run with the settings in its environment (after --)")


def run(arguments: argparse.Namespace) -> int:
    """Serve."""
    if "list" in arguments.fault:
        print(json.dumps(kinds_document()) if arguments.json else kinds())
        return DONE
    if arguments.json and arguments.command:
        raise Misconfigured("--json", "is for serving: with a command, standard output is the command's")
    sandbox = _sandbox(arguments)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the folder goes and the state stays
    try:
        return _serve(sandbox, arguments)
    finally:
        sandbox.stop()
        signal.signal(signal.SIGTERM, before)


def _serve(sandbox: Sandbox, arguments: argparse.Namespace) -> int:
    try:
        sandbox.start()
    except Misconfigured as problem:
        raise Misconfigured("--state" if problem.setting == "state" else problem.setting, problem.message) from None
    except (OSError, OverflowError) as error:
        raise Misconfigured(
            "--port", f"{arguments.port} cannot be listened on: {getattr(error, 'strerror', None) or error}"
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        # A ledger of its own: the machine's must not follow restore points that end with the sandbox.
        if sandbox.ahead:
            print("restore-point: --state: is newer than its clock: give a later --now", file=sys.stderr)
        settings = sandbox.environment() | {"RESTORE_POINT_LEDGER": f"sqlite:{folder}/ledger.sqlite3"}
        if arguments.command:
            return _command(arguments.command, settings)
        with suppress(KeyboardInterrupt):
            _print(sandbox.settings(), settings, as_json=arguments.json)
            threading.Event().wait()
        return DONE


def _sandbox(arguments: argparse.Namespace) -> Sandbox:
    from handlers.sandbox import Sandbox
    from handlers.sandbox.faults import read

    if not 0 < arguments.speed <= 100_000:
        raise Misconfigured("--speed", "must be more than 0 and at most 100000")
    if not 0 <= arguments.port <= 65_535:
        raise Misconfigured("--port", "must be within 0-65535, 0 for a free one")
    for fault in arguments.fault:
        read(fault, "--fault")
    clock = _clock(arguments.now)
    try:
        sandbox = Sandbox(
            port=arguments.port,
            speed=arguments.speed,
            clock=clock,
            well_behaved=arguments.well_behaved,
            seed=arguments.seed,
            keep=arguments.keep,
            state=arguments.state,
            faults=arguments.fault,
        )
    except Misconfigured as problem:
        raise Misconfigured(f"--{problem.setting}", problem.message) from None
    sandbox.habits.forms = "documents" if arguments.documents_forms else "wire"
    sandbox.habits.otc = arguments.otc
    return sandbox


def _clock(now: str | None) -> Callable[[], float]:
    """One that runs on from ``now``."""
    if now is None:
        return time.time
    try:
        parsed = datetime.fromisoformat(now)
        if parsed.tzinfo is None:
            raise ValueError
        start = parsed.timestamp()
    except (ValueError, OverflowError):
        raise Misconfigured("--now", "must be a time with its zone, such as 2026-11-23T07:04:51Z") from None
    began = time.monotonic()
    return lambda: start + time.monotonic() - began


def kinds() -> str:
    """The table of all kinds of fault."""
    from handlers.sandbox.faults import KINDS

    lines = [
        "every kind but refuse also takes method, path (a part of it), times (0 = for ever; default 1) and chance (0 to 1)",
        "what is given at the start strikes whatever comes first, the login too, unless told: reset_after:path=checkpoints",
        "of each group at most one fault strikes one request, the one that was asked for first",
        "seconds are real ones for the network's kinds, else the sandbox clock's; --speed divides none of them",
    ]
    for group in dict.fromkeys(kind.group for kind in KINDS.values()):
        lines.append(f"\n{group}:")
        for name, kind in KINDS.items():
            if kind.group == group:
                sets = ", ".join(f"{key}={_shown(value)}" for key, value in kind.sets.items())
                lines.append(f"  {name:14} {kind.says}" + (f"\n  {'':14}   {sets}" if sets else ""))
    return "\n".join(lines)


def kinds_document() -> dict[str, Any]:
    """The same for programs: of several choices the first is the default."""
    from handlers.sandbox.faults import KINDS

    return {
        name: {"group": kind.group, "says": kind.says, "strikes": kind.strikes, "times": kind.times, "sets": dict(kind.sets)}
        for name, kind in KINDS.items()
    }


def _shown(value: object) -> str:
    return "|".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)


def _print(place: dict[str, Any], settings: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(place), flush=True)
        return
    for name, value in settings.items():
        print(f"export {name}={value}")
    user, password, domain = place["username"], place["password"], place["user_domain_name"]
    print(f"# login: user {user}, password {password}, domain {domain}, project {place['project_id']}, region {place['region']}")
    print(f"# topic: {place['topic_urn']}")
    for vault in place["vaults"]:
        print(f"# {vault['name']} ({vault['object_type']} vault {vault['id']}): {_named(vault['resources'])}")
    print(f"# free to add: {_named(place['free'])}")
    print("# vaults: " + ", ".join(f"{vault['name']} {vault['id']}" for vault in place["vaults"]), flush=True)


def _named(resources: list[dict[str, Any]]) -> str:
    """With what may be left out of a backup of each."""

    def shown(resource: dict[str, Any]) -> str:
        disks = ", ".join(f"{disk['name']} {disk['id']}" for disk in resource.get("disks", ()))
        return f"{resource['name']} {resource['id']}" + (f" (disks {disks})" if disks else "")

    return "; ".join(map(shown, resources)) or "nothing"


def misleading(names: Iterable[str]) -> list[str]:
    """The variables that speak of another identity, project or region: beside the sandbox's they would lead to a real cloud."""
    return [name for name in names if name.startswith(FAMILIES)]


def _command(command: list[str], settings: dict[str, str]) -> int:
    around = {name: value for name, value in os.environ.items() if name not in misleading(os.environ)}
    try:
        return subprocess.run(command, env=around | settings, check=False).returncode  # noqa: S603 - the user's own command
    except OSError as error:
        raise Misconfigured("COMMAND", f"{command[0]} cannot be run: {error.strerror}") from None
