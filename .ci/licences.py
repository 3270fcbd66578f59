# ruff: noqa: INP001, T201 - a script that prints its table
"""What ships, with its licence: printed, and an error where one is not allowed. Run by a Python that has it installed.

The pins say what ships, the installed metadata says under which licence, and licences.toml which of them may.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from handlers.cli.sbom import licence, pinned

HERE = Path(__file__).parent
SHIPPED = sorted((HERE.parent / "handlers").glob("requirements*.txt"))


def allowed(said: str, names: set[str]) -> bool:
    """An SPDX expression: all that AND joins, one of what OR joins. Anything cleverer is for a person to read."""
    every = re.split(r"\s+AND\s+", said)
    return all(any(each.strip(" ()") in names for each in re.split(r"\s+OR\s+", one)) for one in every)


def main(table: Path = HERE / "licences.toml") -> int:
    """The table, and how many distributions may not ship."""
    known = tomllib.loads(table.read_text(encoding="utf-8"))
    wrong = 0
    for name, (version, _) in sorted(pinned(SHIPPED).items()):
        try:
            about: Any = metadata(name)
        except PackageNotFoundError:
            print(f"{name} {version} is pinned and not installed here", file=sys.stderr)
            return 2
        said = known["said_otherwise"].get(name) or licence(about)
        fine = about["Version"] == version and allowed(said, set(known["allowed"]))
        wrong += not fine
        print(f"{'' if fine else 'NOT ALLOWED: '}{name:24} {about['Version']:16} {said or 'says nothing'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
