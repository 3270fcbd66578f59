"""How outcomes look at a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

_MARKS = {
    "created": "+",
    "joined": "=",
    "skipped": "-",
    "refused": "!",
    "later": "~",
    "failed": "!",
    "broken": "!",
    "partly": "!",
    "overdue": "!",
    "missed": "!",
    "duplicate": "!",
    "warning": "!",
}


def show(outcomes: Iterable[dict[str, Any]]) -> None:
    """Each outcome in a line or two."""
    empty = True
    for outcome in outcomes:
        empty = False
        mark = _MARKS.get(outcome["outcome"], "+")
        print(fold(f"{mark} {outcome['outcome']} ({outcome['reason']}): {outcome['message'] or _whose(outcome)}"))
        if outcome["outcome"] == "created":
            print(f"    {outcome.get('checkpoint_id', '')} {outcome.get('name', '')}".rstrip())
        if outcome.get("degraded"):
            print("    degraded: the ledger could not be used, so a second one of this cause is possible")
    if empty:
        print("nothing to do")


def _whose(outcome: dict[str, Any]) -> str:
    """Over HTTP a sender hears no more."""
    about = [f"{key} {outcome[key]}" for key in ("rule", "vault") if outcome[key]]
    return "; ".join([*about, "the log line says why"])


def fold(text: str, width: int = 80) -> str:
    """Text in lines of at most ``width`` columns, the following ones indented."""
    return textwrap.fill(text, width, subsequent_indent="    ", break_on_hyphens=False)
