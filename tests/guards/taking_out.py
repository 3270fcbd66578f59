"""A copy of the product with one guard taken out, and what the suite says of it.

The copy is a tree of its own, `handlers` and links to everything else, so that processes a test starts run the copy, too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("guards.toml")
STRICT = os.environ.get("RESTORE_POINT_STRICT") == "1"
PART = 3
"""One row in so many is tried where not everything need be; in a strict run all of them are."""
_IN_A_TEST = re.compile(r"tests/[a-z_/]+\.py:[0-9]+: (AssertionError|Failed|ValueError)")
"""Where a test's own finding is raised; ``(one,) = several`` is a ValueError."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a run of pytest came to: its exit code, how many tests ran, how each that did not pass began and ended."""

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
    """All rows, in their order."""
    with TABLE.open("rb") as file:
        rows: list[dict[str, Any]] = tomllib.load(file)["guard"]
    return [Guard(**row | {"noticed": tuple(row["noticed"])}) for row in rows]


def tried(half: int) -> list[Guard]:
    """One of two halves, so that two processes have as much to do."""
    rows = table() if STRICT else table()[::PART]
    return rows[half::2]


@contextmanager
def copied() -> Iterator[Path]:
    """The whole product in a folder of its own: links to everything but the package itself."""
    with tempfile.TemporaryDirectory(prefix="guards-") as name:
        folder = Path(name)
        for each in ROOT.iterdir():
            if each.name not in ("handlers", "pyproject.toml") and not each.name.startswith("."):
                (folder / each.name).symlink_to(each)
        shutil.copy(ROOT / "pyproject.toml", folder)
        shutil.copytree(ROOT / "handlers", folder / "handlers")
        yield folder


def take_out(guard: Guard, folder: Path) -> None:
    """In the copy. A text that is not there, or twice, is a row that has to be written anew."""
    file = folder / "handlers" / guard.file
    text = file.read_text(encoding="utf-8")
    count = text.count(guard.out)
    if count != 1:
        raise LookupError(f"{guard.name}: its text stands {count} times in {guard.file}, and not once")
    file.write_text(text.replace(guard.out, guard.instead), encoding="utf-8")


def asked(folder: Path, tests: Iterable[str], *more: str) -> Said:
    """What these tests say of the copy."""
    report = folder / "report.xml"
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COVERAGE_"))}
    options = ["-p", "no:cacheprovider", "-n", "0", "-q", f"--junitxml={report}", *more]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=folder,
        env=given | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    cases = list(ET.parse(report).getroot().iter("testcase")) if report.exists() else []
    found = [each for case in cases for each in case if each.tag in ("failure", "error")]
    trouble = [(each.get("message", ""), (each.text or "").strip().rpartition("\n")[2]) for each in found]
    return Said(done.returncode, len(cases), tuple(trouble), done.stdout[-4000:] + done.stderr[-1000:])
