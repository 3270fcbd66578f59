"""Put an event document through the real entry function of a platform."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from handlers.cli import exit_code, print_json
from handlers.cli.plan import checked_sender, read_file
from handlers.cli.show import show
from handlers.envelope import parse_json
from handlers.errors import Redeliver, Refusal
from handlers.settings import find_rules

RUN_SECONDS = 60.0
"""The time-out a function at a terminal pretends to have."""


class Context:
    """Lambda's context object, as far as the entry functions use it."""

    def __init__(self) -> None:
        import time

        self.aws_request_id = str(uuid.uuid4())
        self._ends = time.monotonic() + RUN_SECONDS
        self._now = time.monotonic

    def get_remaining_time_in_millis(self) -> int:
        """As Lambda counts it."""
        return max(round((self._ends - self._now()) * 1000), 0)


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``send``."""
    parser.add_argument("file", metavar="FILE", help="an event document, or one per line; - for standard input")
    parser.add_argument(
        "--as", dest="door", choices=["timer", "alert", "once", "watch"], required=True, help="the entry function"
    )
    parser.add_argument("--sender", default="", metavar="NAME", help="whose body it is; a whole platform event says so itself")
    parser.add_argument("--platform", choices=["lambda"], default="lambda", help="whose entry function (default: lambda)")


def run(arguments: argparse.Namespace) -> int:
    """Send each document; the answer of the platform's function, and the outcomes."""
    documents = _documents(read_file(arguments.file), arguments.file)
    with environment(rules_given(arguments)):
        answers = [send(arguments.door, _carried(arguments, document)) for document in documents]
    return report(arguments, answers)


def report(arguments: argparse.Namespace, answers: list[dict[str, Any]]) -> int:
    """Print what the function answered, and say whether it went well."""
    outcomes = [outcome for answer in answers for outcome in answer["outcomes"]]
    if arguments.json:
        print_json({"answer": answers[0] if len(answers) == 1 else answers, "outcomes": outcomes})
    else:
        show(outcomes)
    for problem in (problem for answer in answers for problem in answer["not_told"]):
        print(f"restore-point: NOT TOLD: topic {problem}", file=sys.stderr)
    if any("error" in answer for answer in answers):
        print("restore-point: the function raised Redeliver, so that the platform delivers this again", file=sys.stderr)
    return exit_code(outcomes)


def send(door: str, document: object) -> dict[str, Any]:
    """What ``handlers.aws_lambda.<door>`` answers; an error it raises so as to be called again is told as Lambda would."""
    from handlers import aws_lambda

    try:
        with contextlib.redirect_stdout(sys.stderr):
            answer: dict[str, Any] = getattr(aws_lambda, door)(document, Context())
    except Redeliver as error:
        return {"error": {"type": "Redeliver", "message": str(error)}, **error.answer}
    if "statusCode" in answer:
        outcomes = json.loads(answer["body"])["outcomes"]
        filled = [
            {"message": "", "name": "", "checkpoint_id": each["restore_point"], "skipped_resources": []} | each
            for each in outcomes
        ]
        return {**answer, "outcomes": filled, "not_told": []}
    return answer


def _carried(arguments: argparse.Namespace, document: object) -> object:
    """A sender's bare body as the platform would bring it: over a Function URL with its proof, or by direct invocation."""
    from handlers import aws_lambda

    bare = not (isinstance(document, dict) and "requestContext" in document)
    if arguments.door not in ("alert", "once") or not bare:
        return document
    settings = aws_lambda.service().settings
    name = checked_sender(arguments, settings.rules)
    if name not in settings.secrets:
        return document
    return function_url(arguments.door, name, settings.secrets[name].reveal(), document)


def function_url(door: str, sender: str, secret: str, document: object) -> dict[str, Any]:
    """A body as a Lambda Function URL brings it (payload format 2.0), with the sender's proof."""
    path = f"/{door}/{sender}"
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": "application/json", "authorization": f"Bearer {secret}"},
        "requestContext": {"http": {"method": "POST", "path": path}},
        "body": json.dumps(document),
    }


def rules_given(arguments: argparse.Namespace) -> dict[str, str | None]:
    """``--rules`` as the variable the entry functions read. Raises Misconfigured."""
    return {"RESTORE_POINT_RULES": str(find_rules(os.environ, arguments.rules))} if arguments.rules else {}


@contextlib.contextmanager
def environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """The process's environment with ``changes`` (None: without it), for entry functions that are built from it."""
    from handlers import aws_lambda

    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    aws_lambda.service.cache_clear()
    try:
        yield
    finally:
        if aws_lambda.service.cache_info().currsize:
            aws_lambda.service().close()
        aws_lambda.service.cache_clear()
        _set(before)


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
