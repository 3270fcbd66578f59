"""Put an event document through the real entry function of a platform.

With ``--expect`` the outcome file beside it (``NAME.outcome.json``) says as what, when and how it is sent and what must come of
it: rules can be tested like code, against the sandbox.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handlers.cli import DONE, FAILED, TRY_AGAIN, exit_code, print_json
from handlers.cli.carriers import apig, function_url, invoked, posted, proof
from handlers.cli.expect import Expected, read_expected
from handlers.cli.plan import checked_sender, read_file
from handlers.cli.show import show
from handlers.envelope import parse_json
from handlers.errors import Misconfigured, Refusal
from handlers.settings import find_rules, load

MODULES = {"lambda": "handlers.aws_lambda", "functiongraph": "handlers.functiongraph"}
"""Platforms whose entry functions are called here; ``web`` is a server."""


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``send``."""
    parser.add_argument("file", metavar="FILE", help="an event document, or one per line; - for standard input")
    parser.add_argument(
        "--as",
        dest="door",
        choices=["timer", "alert", "once", "watch", "worker"],
        help="the entry function (an outcome file may say it)",
    )
    parser.add_argument("--sender", default="", metavar="NAME", help="whose body it is; a whole platform event says so itself")
    parser.add_argument("--platform", choices=[*MODULES, "web"], help="whose (default: lambda, or an outcome file's only one)")
    parser.add_argument("--now", metavar="TIME", help="what the functions' clock says, against a sandbox with the same --now")
    parser.add_argument(
        "--expect", nargs="?", const="", metavar="OUTCOME", help="judge what came of it (default: the outcome file beside FILE)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Send each document; the answer of the platform's function, and the outcomes."""
    if arguments.expect is not None:
        return _judge(arguments)
    arguments.platform = arguments.platform or "lambda"
    if arguments.door is None:
        raise Misconfigured("--as", "is required: timer, alert, once, watch or worker")
    documents = _documents(read_file(arguments.file), arguments.file)
    with environment(rules_given(arguments) | clock_given(arguments.now)):
        if arguments.platform == "web":
            with posted() as post:
                answers = [post(*_request(arguments, document)) for document in documents]
        else:
            ask = invoked(MODULES[arguments.platform])
            answers = [ask(arguments.door, _carried(arguments, document)) for document in documents]
    return report(arguments, answers)


def _judge(arguments: argparse.Namespace) -> int:
    """Send one document as its outcome file says, and compare."""
    file = Path(arguments.file)
    if arguments.door or arguments.sender:
        raise Misconfigured("--expect", "goes without --as and --sender: the outcome file says both")
    if not file.name:
        raise Misconfigured("FILE", f"{arguments.file} is no file")
    expected = read_expected(Path(arguments.expect) if arguments.expect else file.with_suffix(".outcome.json"))
    arguments.platform = arguments.platform or (expected.platforms[0] if len(expected.platforms) == 1 else "lambda")
    if arguments.platform not in expected.platforms:
        why = expected.not_on.get(arguments.platform, f"it can arrive by {', '.join(expected.platforms)}")
        raise Misconfigured("--platform", f"{file.name} does not arrive by {arguments.platform}: {why}")
    arguments.door, arguments.sender = expected.door, expected.sender
    with environment(rules_given(arguments) | clock_given(arguments.now or expected.now)):
        answer = _sent(arguments, expected, read_file(arguments.file))
    differences = expected.differences(answer)
    if arguments.json:
        print_json({"answer": answer, "outcomes": answer.get("outcomes", []), "differences": differences})
    else:
        show(answer.get("outcomes", []))
        print("\n".join(differences) or "as expected")
    return FAILED if differences else DONE


def _sent(arguments: argparse.Namespace, expected: Expected, body: bytes) -> dict[str, Any]:
    """As the outcome file says; what it leaves out of an HTTP request is the sender's own address and proof."""
    if arguments.platform != "web":
        document = parse_json(body, f"event in {arguments.file}")
        carried = _carried(arguments, document) if expected.sender in load().secrets else document
        return invoked(MODULES[arguments.platform])(expected.door, carried)
    path, headers = expected.path, expected.headers
    if not path:
        path, headers, _ = _request(arguments, None)
    with posted() as post:
        return post(path, headers, body)


def report(arguments: argparse.Namespace, answers: list[dict[str, Any]]) -> int:
    """Print what the function answered, and say whether it went well."""
    outcomes = [outcome for answer in answers for outcome in answer.get("outcomes", [])]
    batches = [answer["batchItemFailures"] for answer in answers if "batchItemFailures" in answer]
    again = [each["itemIdentifier"] for batch in batches for each in batch]
    if arguments.json:
        print_json({"answer": answers[0] if len(answers) == 1 else answers, "outcomes": outcomes})
    elif batches:
        what = f"to be handed out again: {', '.join(again)}" if again else "all of the batch is settled"
        print(f"{what}; the log has a line for each message")
    else:
        show(outcomes)
    for problem in (problem for answer in answers for problem in answer.get("not_told", [])):
        print(f"restore-point: NOT TOLD: topic {problem}", file=sys.stderr)
    if any("error" in answer for answer in answers):
        print("restore-point: the function raised Redeliver, so that the platform delivers this again", file=sys.stderr)
    return TRY_AGAIN if again else exit_code(outcomes)


def send(door: str, document: object) -> dict[str, Any]:
    """What ``handlers.aws_lambda.<door>`` answers."""
    return invoked(MODULES["lambda"])(door, document)


def _request(arguments: argparse.Namespace, document: object) -> tuple[str, dict[str, str], bytes]:
    """A sender's body over HTTP, with its proof. Timers of a platform have none, which is what their answer will say."""
    settings, name, door, body = load(), str(arguments.sender), arguments.door, json.dumps(document).encode()
    if door == "worker":
        return "/worker", {"Content-Type": "application/json"}, body
    if door == "timer" and not name:
        return "/timer/nobody", {"Content-Type": "application/json"}, body
    if door != "watch":
        checked_sender(arguments.sender, arguments.door, settings.rules)
    return f"/{door}/{name}", proof(settings.secrets, settings.rules, name, body, settings.starts_at), body


def _carried(arguments: argparse.Namespace, document: object) -> object:
    """A sender's bare body as the platform would bring it: by its gateway with its proof, or by direct invocation."""
    bare = not (isinstance(document, dict) and document.keys() & {"requestContext", "record", "Records"})
    if arguments.door in ("watch", "worker") or (arguments.door == "timer" and not arguments.sender) or not bare:
        return document
    settings = load()
    name = checked_sender(arguments.sender, arguments.door, settings.rules)
    if name not in settings.secrets:
        return document
    carried = apig if arguments.platform == "functiongraph" else function_url
    body = json.dumps(document)
    return carried(arguments.door, name, proof(settings.secrets, settings.rules, name, body.encode(), settings.starts_at), body)


def clock_given(now: str | None) -> dict[str, str | None]:
    """``--now`` as the variable the entry functions read."""
    return {"RESTORE_POINT_NOW": now} if now else {}


def rules_given(arguments: argparse.Namespace) -> dict[str, str | None]:
    """``--rules`` as the variable the entry functions read. Raises Misconfigured."""
    return {"RESTORE_POINT_RULES": str(find_rules(os.environ, arguments.rules))} if arguments.rules else {}


@contextlib.contextmanager
def environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """The process's environment with ``changes`` (None: without it), for entry functions that are built from it."""
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    _cold()
    try:
        yield
    finally:
        _cold()
        _set(before)


def _cold() -> None:
    """The entry functions as at a cold start."""
    from handlers import aws_lambda, functiongraph

    aws_lambda.warm.clear()
    functiongraph.warm.clear()


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _documents(text: bytes, name: str) -> list[object]:
    """One document, or JSON lines where the whole is none. Raises Refusal naming the line."""
    try:
        return [parse_json(text, f"event in {name}")]
    except Refusal as whole:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2 or not lines[0][1].strip().endswith(b"}"):
            raise
        try:
            return [parse_json(line, f"event in {name}, line {number},") for number, line in lines]
        except Refusal as one:
            if one.message.startswith(f"the event in {name}, line {lines[0][0]}, "):
                raise whole from None
            raise
