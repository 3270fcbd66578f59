"""A measured process that writes its measurements down, over a folder staged with byte code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.stage import HERE, KINDS, environ


def measured(script: str, staged: Path, folder: Path, around: Mapping[str, str], *arguments: object) -> Any:
    """What the script left in its file. Its own output is thrown away, as a platform's log takes it, unless it fails."""
    out, log = folder / "measured.json", folder / "output"
    around = environ(KINDS[0], (staged,), **{"RESTORE_POINT_RULES": str(folder / "rules.toml"), "BENCH_OUT": str(out), **around})
    command = [sys.executable, "-S", "-s", str(HERE / "started" / script), *map(str, arguments)]
    with log.open("wb") as output:
        done = subprocess.run(command, env=around, cwd=folder, check=False, stdout=output, stderr=output)
    if done.returncode:
        raise SystemExit(f"{script} ended with {done.returncode}:\n{log.read_text(encoding='utf-8')[-2000:]}")
    return json.loads(out.read_text(encoding="utf-8"))
