"""What FunctionGraph needs beside the tree: its handlers are FILE.FUNCTION, of files at the root as far as its documents show."""

from __future__ import annotations

from pathlib import Path

ENTRIES = ("timer", "alert", "once", "watch", "worker")
INDEX = f'''\
"""The handlers: {", ".join(f"index.{each}" for each in ENTRIES)}."""
from handlers.functiongraph import {", ".join(ENTRIES)}  # noqa: F401
'''


def add(tree: Path) -> None:
    """The root module."""
    (tree / "index.py").write_text(INDEX, encoding="utf-8")


def steps(archive: str) -> list[str]:
    """What to do with it."""
    return [
        f"upload {archive} to one event function for each handler you need, runtime Python 3.12:",
        f"  {', '.join(f'index.{each}' for each in ENTRIES)}",
        "each: time-out 60 s, asynchronous retries 3, an agency that may use CBR (and SMN, for topics)",
        "variables: HW_REGION_NAME, RESTORE_POINT_LEDGER=valkeys://… (DCS), and what the rules say by env:…",
        "work beyond one run: RESTORE_POINT_QUEUE=functiongraph:URN, the URN of the function with index.worker",
        "triggers: TIMER for index.timer, TIMER every minute for index.watch, SMN or APIG for index.alert and index.once",
    ]
