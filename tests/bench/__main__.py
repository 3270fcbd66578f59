"""``python -m tests.bench [ROW …]``: what the pipeline costs over its floors, measured in one interleaved run.

Every figure stands beside its floor from the same run, in turns with it: on a machine that does other things the times are
worth little, the ratios something, and of a single run not too much. README.md has what was found.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from tests.bench.table import Row, load, machine, show, write

ROWS: Mapping[str, str] = {
    "cold": "a process's first POST, by http and TLS; and its memory",
    "function": "the same under Lambda's runtime client: init and the first invocation",
    "warm": "created, joined and refused in a process that has been up",
    "storm": "webhooks a second through the real server",
    "payload": "10,000 alerts of 50 causes in one body",
    "fan_out": "1,000 vaults by one event, the server at 50 ms",
    "growth": "an event's time with many open causes, and with many rules",
    "memory": "growth over many events",
    "size": "the zip of Lambda",
}
"""Each is a module of this name with ``rows(folder, runs)``."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help="; ".join(f"{name}: {about}" for name, about in ROWS.items()) + " (default: all)")
    parser.add_argument("--runs", type=int, default=15, help="processes of each kind, or rounds (default: 15)")
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped then, too
    found: list[Row] = []
    before = machine()
    print(f"Python {before['python']}, {before['cores']} cores, load {before['load']}")
    for name in arguments.rows or ROWS:
        began = time.monotonic()
        rows: Callable[[Path, int], list[Row]] = import_module(f"tests.bench.{name}").rows
        with tempfile.TemporaryDirectory() as folder:
            measured = rows(Path(folder), arguments.runs)
        print(f"\n{name}: {ROWS[name]} ({time.monotonic() - began:.0f} s, load now {load()})")
        show(measured)
        found += measured
        if arguments.out:
            write(arguments.out, found, before)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
