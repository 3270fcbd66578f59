"""Cold: process start → the POST is at the server, whole; and the memory such a process has held.

The whole pipeline is on: AK/SK, a rules file, the claim in sqlite, the look, the log line and metrics. The start is taken here,
before the process is made; the POST's arrival by the server, by the same clock.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import certifi

from tests.bench.stage import HERE, KINDS, RULES, Fixed, both, environ
from tests.bench.table import Row, row
from tests.certificates import Certificates

STARTED = HERE / "started"
MUST = {KINDS[0]: 1.55, KINDS[1]: 2.0}
MUST_MEMORY = 1.4
_scheduled = count(int(time.time()) - 300 * 86400, 60)
"""Each later than the last: an older event than the newest is superseded."""


@dataclass(frozen=True)
class Run:
    """One kind of process."""

    who: str
    script: str
    python: str = sys.executable
    path: tuple[Path, ...] = ()
    context: str = "none"


def rows(folder: Path, runs: int) -> list[Row]:
    """Over loopback http and TLS, with byte code and without."""
    staged, found = both(folder), []
    (folder / "rules.toml").write_text(RULES, encoding="utf-8")
    with servers(folder) as at:
        for transport, server in at.items():
            for kind in KINDS:
                found += _measured(transport, kind, server, folder, kinds(transport, staged[kind], folder, kind), runs)
    return found


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, Fixed]]:
    """The authority of the TLS one stands at the end of the public certificates: loading them is part of a start."""
    made = folder / "certificates"
    made.mkdir()
    bundle = made / "bundle.pem"
    authority = Path(Certificates(made).authority).read_text(encoding="ascii")
    bundle.write_text(Path(certifi.where()).read_text(encoding="ascii") + authority, encoding="ascii")
    with ExitStack() as stack:
        tls = Fixed(certificate=(made / "good.pem", made / "good.key"), ca_file=str(bundle))
        yield {"http": stack.enter_context(Fixed()), "TLS": stack.enter_context(tls)}


def kinds(transport: str, staged: Path, folder: Path, kind: str) -> list[Run]:
    """Who runs, in turns."""
    bare = Run("httpx", "once_httpx.py", path=(staged,), context="public")
    found = [Run("http.client", "once_raw.py"), bare, Run("ours", "once_ours.py", path=(staged,))]
    if transport == "http":
        found.append(Run("httpx, no certificates", "once_httpx.py", path=(staged,)))
    if python := sdk():
        found.append(Run("official SDK", "once_sdk.py", python, (sdk_packages(python, folder, kind),)))
    return found


def sdk() -> str:
    """The interpreter that has the official SDK, if there is one: named, or as ``.ci/run`` leaves it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "restore-point-ci"
    left = sorted(cache.glob("sdk-*/ready"), key=lambda each: each.stat().st_mtime)
    return os.environ.get("RESTORE_POINT_SDK_PYTHON") or (str(left[-1].parent / "bin" / "python") if left else "")


def sdk_packages(python: str, folder: Path, kind: str) -> Path:
    """Its packages, staged as ours are."""
    target = folder / f"sdk-{kind.replace(' ', '-')}"
    if not target.exists():
        asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        place = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
        skip = shutil.ignore_patterns("__pycache__", "pip", "setuptools", "pkg_resources")
        shutil.copytree(place, target, ignore=skip)
        if kind == KINDS[0]:
            subprocess.run([python, "-m", "compileall", "-q", str(target)], check=True, env=environ(kind, ()))
    return target


def _measured(transport: str, kind: str, server: Fixed, folder: Path, who: list[Run], runs: int) -> list[Row]:
    times: dict[str, list[float]] = {each.who: [] for each in who}
    memory: dict[str, list[float]] = {each.who: [] for each in who}
    for turn in range(runs + 1):
        for each in [*who[turn % len(who) :], *who[: turn % len(who)]]:
            took, held = once(each, kind, server, folder)
            if turn:  # the first of each warms the disk
                times[each.who].append(took)
                memory[each.who].append(held)
    about = f"cold, {transport}, {kind}"
    floor = "httpx" if transport == "TLS" else "httpx, no certificates"  # neither loads any where none are needed
    found = [row(f"{about}: start → POST there", "ms", times, floor=floor, must=MUST[kind])]
    if "official SDK" in times:
        found.append(row(f"{about}: below the official SDK", "ms", {n: times[n] for n in ("ours", "official SDK")},
                         floor="official SDK", must=1.0))  # fmt: skip
    return [*found, row(f"memory, one-off, {transport}, {kind}", "MB", memory, floor=floor, must=MUST_MEMORY)]


def once(run: Run, kind: str, server: Fixed, folder: Path) -> tuple[float, float]:
    """Milliseconds from before the process is made until its POST is at the server, and the megabytes it held at most."""
    before = server.record()["posts"]
    more = {
        "RESTORE_POINT_RULES": str(folder / "rules.toml"),
        "RESTORE_POINT_LEDGER": f"sqlite:{folder / 'ledger.sqlite3'}",
        "BENCH_CONTEXT": run.context,
        "BENCH_AT": str(next(_scheduled)),
    }
    around = environ(kind, run.path, **server.environment(), **more)
    command = [run.python, "-S", "-s", str(STARTED / run.script)]
    started = time.monotonic()
    done = subprocess.run(
        command, env=around, cwd=folder, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    after = server.record()
    if done.returncode or after["posts"] != before + 1:
        raise SystemExit(f"{run.who} ended with {done.returncode}, {after['posts'] - before} POSTs:\n{done.stdout[-2000:]}")
    peak = re.search(r"VmHWM:\s*([0-9]+) kB", done.stdout)
    return (after["last"] - started) * 1000, int(peak[1]) / 1024 if peak else 0.0
