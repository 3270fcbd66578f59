"""Print the headers a sender would send with a body. They hold its secret: not for logs."""

from __future__ import annotations

import argparse

from handlers.cli import DONE, print_json
from handlers.cli.carriers import proof
from handlers.cli.plan import read_file
from handlers.settings import load


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``sign``."""
    parser.add_argument("file", metavar="FILE", help="the body; - for standard input")
    parser.add_argument("--sender", default="", metavar="NAME", help="a [senders.…] of the rules that has a secret")


def run(arguments: argparse.Namespace) -> int:
    """One header a line, as curl takes them from a file: ``curl -H @FILE``."""
    read_file(arguments.file)
    headers = proof(load(rules_file=arguments.rules), arguments.sender)
    if arguments.json:
        print_json({"headers": headers})
    else:
        for name, value in headers.items():
            print(f"{name}: {value}")
    return DONE
