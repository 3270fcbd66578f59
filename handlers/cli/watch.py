"""One sweep: take wishes that are due, follow restore points to their end."""

from __future__ import annotations

import argparse

from handlers.cli import TRY_AGAIN, exit_code, print_json
from handlers.cli.send import environment, rules_given, send
from handlers.cli.show import show


def add(parser: argparse.ArgumentParser) -> None:
    """``watch`` has no arguments of its own."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``handlers.aws_lambda.watch`` once."""
    with environment(rules_given(arguments)):
        answer = send("watch", {})
    outcomes = answer.get("outcomes", [])
    if arguments.json:
        print_json({"answer": answer, "outcomes": outcomes})
    else:
        show(outcomes)
    return TRY_AGAIN if "error" in answer else exit_code(outcomes)
