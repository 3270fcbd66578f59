"""Run the embedded CBR, IAM and SMN on loopback.

Prints the settings as ``export`` lines and serves until it is stopped; with ``-- COMMAND`` it runs the command with them set.
It keeps nothing and proves nobody: never a place for data.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from handlers.cli import DONE
from handlers.credentials import FAMILIES
from handlers.errors import Misconfigured


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``sandbox``."""
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster than life a backup is made (default: 1)")
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="run with the settings in its environment (after --)")


def run(arguments: argparse.Namespace) -> int:
    """Serve."""
    from handlers.sandbox import Sandbox

    if not 0 < arguments.speed <= 100_000:
        raise Misconfigured("--speed", "must be more than 0 and at most 100000")
    try:
        sandbox = Sandbox(port=arguments.port, speed=arguments.speed)
        sandbox.start()
    except (OSError, OverflowError) as error:
        raise Misconfigured(
            "--port", f"{arguments.port} cannot be listened on: {getattr(error, 'strerror', None) or error}"
        ) from None
    try:
        with tempfile.TemporaryDirectory() as folder:
            # A ledger of its own: the machine's must not follow restore points that end with the sandbox.
            settings = sandbox.environment() | {"RESTORE_POINT_LEDGER": f"sqlite:{folder}/ledger.sqlite3"}
            if arguments.command:
                return _command(arguments.command, settings)
            _print(sandbox.settings(), settings, sandbox.topic_urn, as_json=arguments.json)
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the folder goes, too
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
            return DONE
    finally:
        sandbox.stop()


def _print(place: dict[str, Any], settings: dict[str, str], topic_urn: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(place), flush=True)
        return
    for name, value in settings.items():
        print(f"export {name}={value}")
    print(f"# topic: {topic_urn}")
    print("# vaults: " + ", ".join(f"{vault['name']} {vault['id']}" for vault in place["vaults"]), flush=True)


def misleading(names: Iterable[str]) -> list[str]:
    """The variables that speak of another identity, project or region: beside the sandbox's they would lead to a real cloud."""
    return [name for name in names if name.startswith(FAMILIES)]


def _command(command: list[str], settings: dict[str, str]) -> int:
    around = {name: value for name, value in os.environ.items() if name not in misleading(os.environ)}
    try:
        return subprocess.run(command, env=around | settings, check=False).returncode  # noqa: S603 - the user's own command
    except OSError as error:
        raise Misconfigured("COMMAND", f"cannot be run: {error.strerror}") from None
