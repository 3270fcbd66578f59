"""The rows of the two tables, the faults that stand behind them, and how one is compared with the other."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.faults.clocks import real_time
from tests.faults.stage import Stage, stage_in
from tests.scripted import START

HERE = Path(__file__).parent
Row = dict[str, Any]
Fault = Callable[[Stage], None]
Given = TypeVar("Given", bound=Callable[..., None])
TOLD = ("created", "refused", "failed", "available", "partly", "broken")
"""What a topic gets unless its table says something else (README, [topics.NAME])."""


def rows(file: str) -> dict[str, Row]:
    read: list[Row] = json.loads((HERE / file).read_text("utf-8"))
    assert len({row["row"] for row in read}) == len(read), "a row stands twice"
    return {row["row"]: row for row in read}


class Faults:
    """The faults of one file: ``@faults("F10a", "html")`` says which row a function plays, and with what."""

    def __init__(self) -> None:
        self.of: dict[str, Fault] = {}
        self.real: set[str] = set()

    def __call__(self, row: str, *arguments: Any, real: bool = False) -> Callable[[Given], Given]:
        def register(function: Given) -> Given:
            assert row not in self.of
            self.of[row] = lambda stage: function(stage, *arguments)
            if real:
                self.real.add(row)
            return function

        return register

    def play(self, row: Row, folder: Path) -> None:
        """Set up, deliver, sweep, compare."""
        with stage_in(folder, real_time() if row["row"] in self.real else START) as stage:
            self.of[row["row"]](stage)
            stage.settle()
            compare(row, stage)
            stage.check_struck()


def together(*several: Faults) -> dict[str, Faults]:
    """Which of them plays a row."""
    return {row: each for each in several for row in each.of}


def compare(row: Row, stage: Stage) -> None:
    """All of a row at once, so that a failure shows the whole truth."""
    wanted: dict[str, Any] = {"ends": spread(row["ends"]), "posts": row["posts"], "points": row["points"], "two of one cause": []}
    posts, points = [stage.over, len(stage.posts())], stage.points()
    names = Counter(point["name"] for point in points)
    found: dict[str, Any] = {
        "ends": agreed(stage.ends, wanted["ends"]),
        "posts": [None if limit is None else number for number, limit in zip(posts, row["posts"], strict=True)],
        "points": len(points),
        "two of one cause": [name for name, times in names.items() if times > 1],
    }
    if row["after"] is not None:
        wanted["after"], found["after"] = row["after"], agreed(arranged(stage.after, row["after"]), row["after"])
    told = told_of(row)
    if told is not None:
        wanted["told"], found["told"] = told, agreed(arranged(stage.told(), told), told)
    for key in ("answer", "tokens", "failures"):
        if key in row:
            wanted[key], found[key] = row[key], stage.tokens() if key == "tokens" else getattr(stage, key)
    wrong = [f"{key}: {found[key]} instead of {wanted[key]}" for key in wanted if found[key] != wanted[key]]
    assert not wrong, f"{row['row']}, {row['what']}: " + "; ".join(wrong)
    if "retry_after" in row:
        least, most = row["retry_after"]
        assert least <= stage.outcomes[0].retry_after <= most  # type: ignore[attr-defined]  # a Later has it


def told_of(row: Row) -> list[str] | None:
    """What must reach the topic: as the row says, or what topics get by default of all that came of it."""
    if "told" in row:
        told: list[str] | None = row["told"]
        return told
    return [word for each in (*spread(row["ends"]), *row["after"]) if (word := each.split()[0]) in TOLD]


def spread(ends: list[str]) -> list[str]:
    """``later busy x3`` three times."""
    out: list[str] = []
    for each in ends:
        found = re.fullmatch(r"(.*) x(\d+)", each)
        out += [found[1]] * int(found[2]) if found else [each]
    return out


def fits(said: str, wanted: str) -> bool:
    """``a|b`` is either word, with any reason; a word alone has any reason; ``?`` is anything."""
    return wanted in ("?", said) or said.split(maxsplit=1)[0] in wanted.split("|")


def agreed(said: list[str], wanted: list[str]) -> list[str]:
    """In the row's own words where the two agree, so that only what differs is shown."""
    pairs = zip(said, wanted, strict=False)
    return [want if fits(each, want) else each for each, want in pairs] + said[len(wanted) :]


def arranged(said: list[str], wanted: list[str]) -> list[str]:
    """In the order of what they fit; what fits nothing stands last."""
    left, place = list(said), dict[int, str]()
    for number in sorted(range(len(wanted)), key=lambda each: (wanted[each] == "?", " " not in wanted[each])):
        if found := next((each for each in left if fits(each, wanted[number])), None):
            left.remove(found)
            place[number] = found
    return [place[number] for number in sorted(place)] + left if len(place) == len(wanted) else list(said)
