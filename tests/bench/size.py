"""The zip of Lambda as `restore-point pack lambda` makes it, without byte code and without `verify`.

Floor: the libraries' share of the same zip, entry by entry, which is what pydantic, httpx and Powertools alone come to.
The pinned wheels come from the package index.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.bench.stage import ROOT
from tests.bench.table import Row

MUST = 1.04
OURS = ("handlers", "rules.toml", "sbom.cdx.json", "index.py")
RULES = """\
[vaults.erp]
id = "a4d1c7e2-58b3-4f06-9c2d-71e8b50f3a96"
[timers.nightly]
source = "nightly"
[[rules]]
name = "nightly"
timer = "nightly"
vaults = ["erp"]
"""


def rows(folder: Path, _runs: int) -> list[Row]:
    (folder / "rules.toml").write_text(RULES, encoding="utf-8")
    asked = ["pack", "lambda", str(folder / "packed"), "--rules", str(folder / "rules.toml"), "--json"]
    done = subprocess.run([sys.executable, "-m", "handlers", *asked], cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    report = json.loads(done.stdout)
    with zipfile.ZipFile(report["zip"]) as archive:
        sizes = {each.filename: each.compress_size + 76 + 2 * len(each.filename) for each in archive.infolist()}
    libraries = sum(size for name, size in sizes.items() if Path(name).parts[0] not in OURS)
    floor, ours = libraries / 1e6, report["zip_bytes"] / 1e6
    alone = sum(size for name, size in sizes.items() if Path(name).parts[0] == "handlers") / 1e6
    return [Row("size: Lambda's zip", "MB", ours, floor, "pydantic + httpx + Powertools", MUST, others={"handlers": alone})]
