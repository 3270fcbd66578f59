"""Warm: created, against its two requests on bare httpx over one kept connection; joined and refused, in own CPU.

All four in turns in one process, and several such processes: on a busy machine a process may have a bad time as a whole.
"""

from __future__ import annotations

from pathlib import Path

from tests.bench.children import measured
from tests.bench.stage import RULES, Fixed, stage
from tests.bench.table import Row, row

ROUNDS = 80
"""Two requests each, and the ten before them: within the second's worth that ``requests_per_second`` lets go at once."""


def rows(folder: Path, runs: int) -> list[Row]:
    staged, found = stage(folder / "staged", compiled=True), []
    (folder / "rules.toml").write_text(RULES, encoding="utf-8")
    taken: dict[str, dict[str, list[float]]] = {"memory": {}, "sqlite": {}}
    with Fixed() as server:
        for turn in range(max(runs // 3, 1)):
            for ledger, each in taken.items():
                where = "memory" if ledger == "memory" else f"sqlite:{folder / f'ledger-{turn}.sqlite3'}"
                around = server.environment() | {"RESTORE_POINT_LEDGER": where}
                for name, values in measured("warm.py", staged, folder, around, ROUNDS).items():
                    each.setdefault(name, []).extend(values)
    for ledger, each in taken.items():
        for clock in ("wall", "CPU"):
            pair = {"ours": each[f"created {clock}"], "two requests, httpx": each[f"200 {clock}"]}
            must = 1.25 if clock == "wall" else None
            found.append(row(f"warm, {ledger}: event → created, {clock}", "µs", pair, floor="two requests, httpx", must=must))
        joined = {"ours": each["joined CPU"], "wall": each["joined wall"]}
        found.append(row(f"warm, {ledger}: event → joined, own CPU", "µs", joined, must=350.0))
    refused = {"ours": taken["memory"]["401 CPU"], "wall": taken["memory"]["401 wall"]}
    return [*found, row("warm: refused event, log line and metrics, own CPU", "µs", refused, must=120.0)]
