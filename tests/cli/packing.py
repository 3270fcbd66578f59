"""``restore-point pack`` as people run it, with this machine's own environment: pip must find its index."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HERE = ("--python", f"{sys.version_info.major}.{sys.version_info.minor}", "--arch", "x86_64")
FETCHING = 300.0


def ask(
    platform: str, *arguments: str, cwd: Path = ROOT, source: Path = ROOT, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """From the package in ``source``, wherever it is called from."""
    around = {**os.environ, **(environ or {}), "PYTHONPATH": str(source)}
    return subprocess.run(
        [sys.executable, "-m", "handlers", "pack", platform, *arguments],
        cwd=cwd, env=around, capture_output=True, text=True, timeout=FETCHING, check=False,
    )  # fmt: skip


def fetch(platform: str, *arguments: str, cwd: Path = ROOT, source: Path = ROOT) -> Any:
    """One that works: its report."""
    done = ask(platform, *arguments, "--json", cwd=cwd, source=source)
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("restore-point: timers.") for line in done.stderr.splitlines()), done.stderr
    return json.loads(done.stdout)


@dataclass(frozen=True)
class Packed:
    folder: Path
    rules: Path
    report: Any

    @property
    def zip(self) -> Path:
        return self.folder / "out" / "function.zip"

    def names(self) -> list[str]:
        with zipfile.ZipFile(self.zip) as archive:
            return archive.namelist()


def pack(folder: Path, rules: str, platform: str, *arguments: str) -> Packed:
    """Into ``out`` of this folder."""
    file = folder / "mine.toml"
    file.write_text(rules, encoding="utf-8")
    return Packed(folder, file, fetch(platform, str(folder / "out"), "--rules", str(file), *arguments))


def contents(tree: Path) -> dict[str, bytes]:
    """Every file by its path."""
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def elsewhere(folder: Path) -> Path:
    """A copy of the package at another place, its files all of another time."""
    shutil.copytree(ROOT / "handlers", folder / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    for number, path in enumerate(sorted((folder / "handlers").rglob("*"))):
        os.utime(path, (10**9 + number, 10**9 + number))
    return folder
