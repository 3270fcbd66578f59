"""Serve timers, alerts, one-offs and the watch over HTTP: ``handlers.web.main`` under functions-framework, until stopped."""

from __future__ import annotations

import argparse
import os
import sys

from handlers.cli import print_json
from handlers.cli.carriers import server_command
from handlers.cli.send import rules_given


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``serve``."""
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1, this machine alone)")
    parser.add_argument("--port", type=int, default=8080, help="the port (default: 8080)")


def run(arguments: argparse.Namespace) -> int:
    """Becomes the server: its signals and its exit code are the process's."""
    os.environ.update({name: value for name, value in rules_given(arguments).items() if value})
    command = server_command(arguments.host, arguments.port)
    url = f"http://{f'[{arguments.host}]' if ':' in arguments.host else arguments.host}:{arguments.port}"
    if arguments.json:
        print_json({"url": url})
    else:
        print(f"serving {url}/timer/SENDER, /alert/SENDER, /once/SENDER, /watch/SENDER and /healthz; ctrl-c stops it")
    sys.stdout.flush()
    os.dup2(2, 1)  # the server's log lines go where every verb's go
    os.execv(command[0], command)  # noqa: S606 - functions-framework, found by this interpreter
