"""A copy of the product with one guard taken out, and what the suite says of it.

The copy is a tree of its own, `handlers` and links to everything else, so that processes a test starts run the copy, too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("guards.toml")
_IN_A_TEST = re.compile(r"tests/[a-z_/]+\.py:[0-9]+: (AssertionError|Failed|Breach|ValueError)")
"""Where a test's own finding is raised; (one,) = several of them is a ValueError."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a run of pytest came to: its exit code, how many tests ran, and how each that did not pass began and ended."""

    code: int
    ran: int
    trouble: tuple[tuple[str, str], ...]
    output: str


@dataclass(frozen=True, slots=True)
class Guard:
    """One row of the table."""

    name: str
    keeps: str
    """What it keeps from happening."""
    file: str
    out: str
    noticed: tuple[str, ...]
    """Tests by their ids, as they are given to pytest."""
    instead: str = ""
    raised: str = ""
    """What the product raises without it, where a test notices by that; else a test's own line must be the one that fails."""

    def noticed_by(self, said: Said) -> bool:
        """Whether these tests failed for this reason: not because the copy cannot even be imported."""
        if said.code != 1 or len(said.trouble) != 1:
            return False
        message, where = said.trouble[0]
        return message.startswith(self.raised) if self.raised else bool(_IN_A_TEST.fullmatch(where))


def table() -> list[Guard]:
    with TABLE.open("rb") as file:
        rows: list[dict[str, Any]] = tomllib.load(file)["guard"]
    return [Guard(**row | {"noticed": tuple(row["noticed"])}) for row in rows]


def copied(folder: Path) -> Path:
    """The whole product; linked as it is, all but the package itself."""
    for each in ROOT.iterdir():
        if each.name not in ("handlers", "pyproject.toml") and not each.name.startswith("."):
            (folder / each.name).symlink_to(each)
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "handlers", folder / "handlers")
    return folder


def take_out(guard: Guard, folder: Path) -> None:
    """In the copy; a text that is not there, or twice, is a row that has to be written anew."""
    file = folder / "handlers" / guard.file
    text = file.read_text(encoding="utf-8")
    count = text.count(guard.out)
    if count != 1:
        raise LookupError(f"{guard.name}: its text stands {count} times in {guard.file}")
    file.write_text(text.replace(guard.out, guard.instead), encoding="utf-8")


def asked(folder: Path, tests: Iterable[str]) -> Said:
    """What these tests say of the copy; they stop at the first that fails."""
    report = folder / "report.xml"
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COVERAGE_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", "-x", "-q", f"--junitxml={report}", *tests],
        cwd=folder,
        env=given | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    cases = list(ET.parse(report).getroot().iter("testcase")) if report.exists() else []
    found = [each for case in cases for each in case if each.tag in ("failure", "error")]
    trouble = [(each.get("message", ""), (each.text or "").strip().rpartition("\n")[2]) for each in found]
    return Said(done.returncode, len(cases), tuple(trouble), done.stdout[-4000:] + done.stderr[-1000:])
