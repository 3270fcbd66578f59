"""One payload of 10,000 alerts with 50 causes, against ``json.loads`` of the same text in turns. GC as Python starts with it."""

from __future__ import annotations

from pathlib import Path

from tests.bench.children import measured
from tests.bench.stage import RULES, Fixed, stage
from tests.bench.table import Row, row


def rows(folder: Path, runs: int) -> list[Row]:
    staged = stage(folder / "staged", compiled=True)
    (folder / "rules.toml").write_text(RULES, encoding="utf-8")
    with Fixed() as server:
        around = server.environment() | {"RESTORE_POINT_LEDGER": "memory"}
        taken = measured("payload.py", staged, folder, around, runs)
    return [row("payload: 10,000 alerts, 50 causes, own CPU, GC on", "ms", taken, floor="json.loads", must=5.5)]
