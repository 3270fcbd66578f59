"""Time per event from few open causes to many, and from one rule to many: flat, if nothing is gone through one by one."""

from __future__ import annotations

from pathlib import Path

from tests.bench.children import measured
from tests.bench.stage import RULES, Fixed, stage
from tests.bench.table import Row, row

CAUSES = (10, 1000, 10_000, 100_000)
MANY = (1, 100, 1000, 10_000)
MUST = 1.2


def rows(folder: Path, runs: int) -> list[Row]:
    staged, found, turns = stage(folder / "staged", compiled=True), [], max(runs // 5, 1)
    with Fixed() as server:
        around = server.environment()
        for ledger in ("memory", "sqlite"):
            taken: dict[str, dict[str, list[float]]] = {}
            for turn in range(turns):
                for causes in CAUSES:
                    (folder / "rules.toml").write_text(RULES, encoding="utf-8")
                    place = "memory" if ledger == "memory" else f"sqlite:{folder / f'{turn}-{causes}.sqlite3'}"
                    add(
                        taken,
                        f"{causes:,}",
                        measured("growth.py", staged, folder, around | {"RESTORE_POINT_LEDGER": place}, causes),
                    )
            found += flat(f"open causes, {ledger}", taken)
        taken = {}
        for _ in range(turns):
            for many in MANY:
                (folder / "rules.toml").write_text(rules(many), encoding="utf-8")
                add(taken, f"{many:,}", measured("growth.py", staged, folder, around | {"RESTORE_POINT_LEDGER": "memory"}, 0))
        return [*found, *flat("rules", taken)]


def add(taken: dict[str, dict[str, list[float]]], step: str, some: dict[str, list[float]]) -> None:
    for outcome, values in some.items():
        taken.setdefault(outcome, {}).setdefault(step, []).extend(values)


def flat(what: str, taken: dict[str, dict[str, list[float]]]) -> list[Row]:
    found = []
    for outcome, by_step in taken.items():
        first, *_, last = by_step
        about = f"growth: {outcome}, {first} → {last} {what}, own CPU"
        found.append(row(about, "µs", by_step, ours=last, floor=first, must=MUST))
    return found


def rules(many: int) -> str:
    """The last of them is the one that is meant; the others want another host."""
    own, last = RULES.rindex("[[rules]]"), RULES[RULES.rindex("[[rules]]") :]
    others = "".join(
        last.replace('"alerts"', f'"r{each}"') + f'match = {{ host = "other-{each}" }}\n' for each in range(many - 1)
    )
    return RULES[:own] + others + last
