"""Print the headers a sender would send with a body. They hold its secret: not for logs."""

from __future__ import annotations

import argparse
import os

from handlers.cli import DONE, print_json
from handlers.cli.carriers import proof
from handlers.cli.plan import read_file
from handlers.rules import Rules
from handlers.settings import find_rules, read_rules, read_secrets


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``sign``."""
    parser.add_argument("file", metavar="FILE", help="the body; - for standard input")
    parser.add_argument("--sender", default="", metavar="NAME", help="a [senders.…] of the rules that has a secret")


def run(arguments: argparse.Namespace) -> int:
    """One header a line, as curl takes them from a file: ``curl -H @FILE``."""
    body = read_file(arguments.file)
    rules_file = find_rules(os.environ, arguments.rules)
    rules = read_rules(rules_file) if rules_file else Rules()
    headers = proof(read_secrets(rules, os.environ, arguments.sender), rules, arguments.sender, body)
    if arguments.json:
        print_json({"headers": headers})
    else:
        for name, value in headers.items():
            print(f"{name}: {value}")
    return DONE
