"""Memory: growth over 100,000 events in one process, half of them joined and half refused. A one-off's is with `cold`."""

from __future__ import annotations

from pathlib import Path

from tests.bench.children import measured
from tests.bench.stage import RULES, Fixed, stage
from tests.bench.table import Row

EVENTS = 100_000
MUST_MB = 2.0


def rows(folder: Path, _runs: int) -> list[Row]:
    staged, found = stage(folder / "staged", compiled=True), []
    (folder / "rules.toml").write_text(RULES, encoding="utf-8")
    with Fixed() as server:
        around = server.environment() | {"RESTORE_POINT_LEDGER": "memory"}
        taken = measured("memory.py", staged, folder, around, EVENTS)
        grew = taken["late"][0] - taken["early"][0]
        found.append(Row(f"memory: growth from {EVENTS // 10:,} to {EVENTS:,} events", "MB", grew, must=MUST_MB,
                         others={"held at the end": taken["late"][0]}))  # fmt: skip
    return found
