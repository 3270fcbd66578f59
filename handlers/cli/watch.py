"""One sweep: take wishes that are due, follow restore points to their end, tell what is missing."""

from __future__ import annotations

import argparse
import sys

from handlers.cli.send import environment, report, rules_given, send
from handlers.errors import LedgerDown


def add(parser: argparse.ArgumentParser) -> None:
    """``watch`` has no arguments of its own."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Run ``handlers.aws_lambda.watch`` once."""
    with environment(rules_given(arguments)):
        answer = send("watch", {})
        waiting = _waiting()
    code = report(arguments, [answer])
    if waiting and not arguments.json:
        print(waiting)
    return code


def _waiting() -> str:
    """What is left to be looked after, which the entry function does not say."""
    from handlers import aws_lambda

    service = aws_lambda.service()
    try:
        records = service.ledger.due(sys.float_info.max, 1000)
    except LedgerDown:
        return ""
    if not records:
        return ""
    soon = max((records[0].due or 0.0) - service.clock.now().timestamp(), 0.0)
    return f"{len(records)} waiting or being followed; the next look is due in {soon:.0f} s"
