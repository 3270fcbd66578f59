"""``python -m tests.bench``: what the pipeline costs over bare httpx, as ratios measured in one interleaved run.

Every run is a process of its own over a folder staged like a function's zip (the pinned packages and ours, nothing else), once
with byte code and once without. Times are read from the sandbox's record, so "cold" is process start → POST received.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from handlers.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
SCHEDULE = "arn:aws:events:eu-central-1:123456789012:rule/bench"
INSTANT = 10_000_000.0
"""A speed at which a backup is over before the next one is asked for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="cold starts of each kind (default: 15)")
    parser.add_argument(
        "--events", type=int, default=60, help="warm events of each kind; the sandbox's vault holds some 80 (default: 60)"
    )
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Sandbox(speed=INSTANT, well_behaved=True) as sandbox:
        bench = Bench(sandbox, Path(folder))
        figures = bench.cold(arguments.runs) | bench.warm(arguments.events)
    print(f"\n{'what':46} {'floor':>10} {'ours':>10} {'ratio':>7}")
    for what, figure in figures.items():
        floor, ours = figure["floor"], figure["ours"]
        print(f"{what:46} {floor:>8.2f}ms {ours:>8.2f}ms {ours / floor:>6.2f}x")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


class Bench:
    """One sandbox, two staged folders, and processes over them in turns."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox, self._folder = sandbox, folder
        self._vault_id = sandbox.settings()["vaults"][0]["id"]
        (folder / "rules.toml").write_text(
            "[projects.bench]\nrequests_per_second = 200\n"
            f'[vaults.erp]\nid = "{self._vault_id}"\n[timers.bench]\nsource = "{SCHEDULE}"\n'
            '[[rules]]\nname = "bench"\ntimer = "bench"\nvaults = ["erp"]\nmax_event_age = "365d"\n',
            encoding="utf-8",
        )
        self._staged = {
            "byte code": stage(folder / "compiled", compiled=True),
            "no byte code": stage(folder / "bare", compiled=False),
        }

    def cold(self, runs: int) -> dict[str, dict[str, float]]:
        """Milliseconds from process start to the POST at the server; floor: one bare httpx POST."""
        figures = {}
        for kind, staged in self._staged.items():
            times: dict[str, list[float]] = {"floor": [], "ours": []}
            for run in range(runs + 1):
                for who in ("floor", "ours"):
                    elapsed = self._cold_once(staged, who)
                    if run:  # the first of each warms the disk
                        times[who].append(elapsed)
            figures[f"cold: process start to POST, {kind}"] = medians(times)
        return figures

    def warm(self, events: int) -> dict[str, dict[str, float]]:
        """Milliseconds per event in a warm process; floor of a created one: its two requests on one kept connection."""
        found = []
        for what in ("warm_floor", "warm"):
            with Sandbox(speed=INSTANT, well_behaved=True) as self._sandbox:  # each with an empty vault: a full one refuses
                found.append(json.loads(self._run(self._staged["byte code"], what, str(events))))
        floor, ours = found
        return {
            "warm: event to created (look, POST, log)": {"floor": floor["pair"], "ours": ours["created"]},
            "warm: event to joined, against one GET": {"floor": floor["get"], "ours": ours["joined"]},
        }

    def _cold_once(self, staged: Path, who: str) -> float:
        before, started = len(self._sandbox.posts()), time.time()
        self._run(staged, "cold" if who == "ours" else "cold_floor", str(time.time_ns()))
        (post,) = self._sandbox.posts()[before:]
        if post.status != 200:
            raise SystemExit(f"the sandbox answered {post.status} to {who}: {post.reply}")
        return (post.at - started) * 1000

    def _run(self, staged: Path, what: str, argument: str) -> str:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(staged),
            "PYTHONDONTWRITEBYTECODE": "1",
            "RESTORE_POINT_RULES": str(self._folder / "rules.toml"),
            "RESTORE_POINT_LEDGER": f"sqlite:{self._folder / 'ledger.sqlite3'}",
            "BENCH_VAULT": self._vault_id,
            "BENCH_SCHEDULE": SCHEDULE,
            **self._sandbox.environment(),
        }
        command = [sys.executable, "-S", "-s", str(HERE / "scenario.py"), what, argument]
        done = subprocess.run(command, env=environ, cwd=self._folder, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{what} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout.splitlines()[-1]


def stage(folder: Path, *, compiled: bool) -> Path:
    """What a function's zip holds: our package and the pinned ones, without the sandbox and the command."""
    skip = shutil.ignore_patterns("__pycache__", "sandbox", "cli")
    shutil.copytree(ROOT / "handlers", folder / "handlers", ignore=skip)
    for line in (ROOT / "handlers" / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if "==" in line:
            found = distribution(line.partition("==")[0])
            for file in found.files or ():
                if file.suffix != ".pyc" and ".." not in file.parts:
                    target = folder / file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(Path(str(file.locate())), target)
    if compiled:
        compileall.compile_dir(folder, quiet=2)
    return folder


def medians(times: dict[str, list[float]]) -> dict[str, float]:
    middle: Callable[[list[float]], Any] = statistics.median
    return {who: middle(found) for who, found in times.items()}


main()
