"""Time per event from few open causes to many, and from one rule to many: flat, if nothing is gone through one by one.

And per vault of one timer's event, from a hundred to many: from a few on they are handed over to a queue.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench.children import measured
from tests.bench.stage import RULES, Fixed, stage
from tests.bench.table import Row, row

CAUSES = (10, 1000, 10_000, 100_000)
MANY = (1, 100, 1000, 10_000)
FLEET = (100, 1000, 10_000)
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
        found += flat("rules", taken)
        taken = {}
        for turn in range(turns):
            for vaults in FLEET:
                (folder / "rules.toml").write_text(fleet(vaults), encoding="utf-8")
                where = {"RESTORE_POINT_LEDGER": f"sqlite:{folder / f'{turn}-{vaults}-vaults.sqlite3'}"}
                queue = {"RESTORE_POINT_QUEUE": f"sink:{server.endpoint}/queue"}
                add(taken, f"{vaults:,}", measured("dispatch.py", staged, folder, around | where | queue, vaults))
        return [*found, *flat("vaults", taken)]


def fleet(vaults: int) -> str:
    """One timer that wants a restore point of all of them."""
    names = [f"v{number}" for number in range(vaults)]
    tables = "".join(f'[vaults.{name}]\nid = "{number:08x}-58b3-4f06-9c2d-71e8b50f3a96"\n' for number, name in enumerate(names))
    own = RULES[: RULES.rindex("[[rules]]")].replace('vaults = ["erp"]', f"vaults = {json.dumps(names)}")
    return own.replace("[timers.bench]", tables + "[timers.bench]")


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
