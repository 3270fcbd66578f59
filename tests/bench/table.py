"""A row of the table: what was measured, its floor in the same run, and what issue 10 asks of the ratio."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """``must`` is the largest ratio, or the largest figure where there is no floor; ``at_least`` turns it round.

    ``paired``, the median of the ratios of each turn, is judged: a load that comes and goes spoils it less than the ratio of the
    medians. ``best`` is the ratio of the best turns of both. ``spread`` is half of what lies between the quartiles, as a share
    of the median: with a large one ask again.
    """

    what: str
    unit: str
    ours: float
    floor: float | None = None
    floor_is: str = ""
    must: float | None = None
    at_least: bool = False
    spread: float = 0.0
    paired: float | None = None
    best: float | None = None
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def judged(self) -> float:
        if self.paired is not None:
            return self.paired
        return self.ours / self.floor if self.floor else self.ours

    @property
    def met(self) -> bool | None:
        if self.must is None:
            return None
        return self.judged >= self.must if self.at_least else self.judged <= self.must


def row(what: str, unit: str, taken: Mapping[str, Sequence[float]], ours: str = "ours", floor: str = "", **more: object) -> Row:
    """Of measurements by name: medians, the rest of them as ``others``."""
    middle = {name: statistics.median(each) for name, each in taken.items() if each}
    others = {name: round(value, 2) for name, value in middle.items() if name not in (ours, floor)}
    about: dict[str, object] = {"floor": middle[floor], "floor_is": floor} if floor else {}
    if floor and len(taken[ours]) == len(taken[floor]):
        best = max if more.get("at_least") else min
        about["paired"] = statistics.median(one / other for one, other in zip(taken[ours], taken[floor], strict=True))
        about["best"] = best(taken[ours]) / best(taken[floor])
    return Row(what, unit, middle[ours], spread=spread(taken[ours]), others=others, **about, **more)  # type: ignore[arg-type]


def spread(values: Sequence[float]) -> float:
    if len(values) < 4:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / middle if middle else 0.0


def load() -> str:
    """How busy the machine is with other work: with more than its cores, only ratios of one interleaved run mean anything."""
    return " ".join(f"{each:.1f}" for each in os.getloadavg())


def machine() -> dict[str, object]:
    return {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.system(), "load": load()}


def show(rows: Iterable[Row]) -> None:
    print(f"{'what':52} {'ours':>10} {'floor':>10} {'ratio':>6} {'best':>6} {'must':>7} {'±':>4}  floor is; beside it")
    for each in rows:
        floor = figure(each.floor) if each.floor else "-"
        ratio = f"{each.judged:.2f}x" if each.floor else "-"
        best = f"{each.best:.2f}x" if each.best else "-"
        sign = (">=" if each.at_least else "<=") if each.must is not None else ""
        must = f"{sign}{each.must:g}" if each.must is not None else "-"
        said = {True: "", False: " NOT MET", None: ""}[each.met]
        beside = ", ".join(f"{name} {figure(value)}" for name, value in each.others.items())
        about = "; ".join(part for part in (each.floor_is, beside) if part)
        ours = f"{figure(each.ours)} {each.unit}"
        print(
            f"{each.what:52} {ours:>10} {floor:>10} {ratio:>6} {best:>6} {must:>7} {each.spread:>4.0%}  {about}{said}", flush=True
        )


def figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def write(path: Path, rows: Sequence[Row], before: Mapping[str, object]) -> None:
    found = [asdict(each) | {"ratio": each.judged if each.floor else None, "met": each.met} for each in rows]
    document = {"machine": dict(before), "load_after": load(), "rows": found}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
