"""The command ``restore-point``: one file per verb, each with ``add`` (its arguments) and ``run`` (what it does).

Every verb takes ``--json`` (one document on standard output and nothing else there) and ``--rules``; logs go to standard error.
Exit codes: 0 done, 1 failed or refused, 2 wrong use or configuration, 3 created but something was skipped, 75 try again later.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any, NoReturn

from handlers import __version__
from handlers.errors import CallFailed, LedgerDown, Misconfigured, NotSent, Redeliver, Refusal, Rejected, Unauthorized

VERBS = (
    "demo", "sandbox", "init", "check", "plan", "send", "take", "status", "history", "watch", "serve", "sign", "confirm", "pack",
    "schema",
)  # fmt: skip
DONE, FAILED, MISUSED, INCOMPLETE, TRY_AGAIN = 0, 1, 2, 3, 75


def main(argv: list[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an arrow this terminal has no letter for is no reason to stop
    given = sys.argv[1:] if argv is None else argv
    arguments = argparse.Namespace(json="--json" in given)
    try:
        arguments = _parsed(given)
        return int(arguments.run(arguments))
    except Misconfigured as problem:
        return _say(arguments, problem.setting, problem.message, MISUSED)
    except Refusal as problem:
        return _say(arguments, problem.field, problem.message.removeprefix(f"{problem.field}: "), FAILED)
    except CallFailed as problem:
        request = f" (request {problem.request_id})" if problem.request_id else ""
        return _say(arguments, problem.code, f"{problem.message}{request}; {what_now(problem)}", FAILED)
    except (LedgerDown, Redeliver) as problem:
        return _say(arguments, "", str(problem), TRY_AGAIN)
    except KeyboardInterrupt:
        goes_on = "what CBR began goes on there, and what was recorded the watch takes up"
        return _say(arguments, "", f"stopped by hand; {goes_on}", TRY_AGAIN)
    except BrokenPipeError:
        return FAILED


def _parsed(given: list[str]) -> argparse.Namespace:
    """An argument nobody knows is the verb's to complain about: its help has those that are known."""
    arguments, unknown = _parser().parse_known_args(given)
    if unknown:
        raise Misconfigured("", f"unrecognized arguments: {' '.join(unknown)}; see {arguments.prog} --help")
    return arguments


def print_json(document: object) -> None:
    """The one document of ``--json``."""
    print(json.dumps(document, indent=2))


def exit_code(outcomes: Iterable[dict[str, Any]]) -> int:
    """The worst outcome speaks: an outcome as the entry functions answer it, a dictionary."""
    found = list(outcomes)
    words = {outcome["outcome"] for outcome in found}
    if words & {"failed", "refused", "broken", "overdue", "missed"}:
        return FAILED
    if "later" in words:
        return TRY_AGAIN
    return INCOMPLETE if any(outcome["skipped_resources"] for outcome in found) or "partly" in words else DONE


def what_now(problem: CallFailed) -> str:
    """The way out of a failed call."""
    match problem:
        case Unauthorized():
            return "check the access key or password, this clock (15 minutes at most) and the identity's rights"
        case NotSent():
            return "check the endpoint and the network"
        case Rejected():
            from handlers.advice import of_failure

            now = of_failure(problem.code, problem.message).rstrip(".")
            return f"{now[0].lower()}{now[1:]}" if now else "check the id and the project it belongs to"
        case _:
            return "try again in a minute"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, like everything else that is wrong."""

    def error(self, message: str) -> NoReturn:
        raise Misconfigured("", f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="restore-point",
        description="Take exactly one restore point of a CBR vault per cause, and tell somebody when it did not happen.",
    )
    parser.add_argument("--version", action="version", version=f"restore-point {__version__}")
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else there")
    common.add_argument("--rules", metavar="FILE", help="the rules file (else RESTORE_POINT_RULES, else ./rules.toml)")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name in VERBS:
        verb = import_module(f"handlers.cli.{name}")
        title = (verb.__doc__ or "").partition("\n")[0].rstrip(".")
        sub = verbs.add_parser(name, parents=[common], help=title, description=verb.__doc__)
        verb.add(sub)
        sub.set_defaults(run=verb.run, prog=sub.prog)
    return parser


def _say(arguments: argparse.Namespace, field: str, message: str, code: int) -> int:
    if arguments.json:
        print_json({"error": {"field": field, "message": message}})
    print(f"restore-point: {field + ': ' if field else ''}{message}", file=sys.stderr)
    return code
