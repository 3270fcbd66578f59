"""Fan-out: a look and a POST for each of 1,000 vaults, the server taking 50 ms for each request; vaults a second.

Floor: http.client with the same requests and as many threads, a connection each. The service's own number of threads is 32
(`lanes.LANES`); with 64 its ``take`` runs in a pool of the bench. The ledger is memory: a disk's syncs are no network's matter.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from tests.bench.children import measured
from tests.bench.stage import SCHEDULE, Fixed, stage
from tests.bench.table import Row, row

VAULTS = 1000
MUST = {32: 0.95, 64: 0.9}


def rows(folder: Path, runs: int) -> list[Row]:
    staged = stage(folder / "staged", compiled=True)
    (folder / "rules.toml").write_text(rules(VAULTS), encoding="utf-8")
    with Fixed(delay=0.05) as server:
        around = server.environment() | {"RESTORE_POINT_LEDGER": "memory"}
        taken = measured("fan_out.py", staged, folder, around, max(runs // 5, 1))
    return [
        row(f"fan-out: {VAULTS:,} vaults at 50 ms, {threads} threads", "/s",
            {"ours": taken[f"ours {threads}"], "http.client": taken[f"http.client {threads}"]},
            floor="http.client", must=must, at_least=True)
        for threads, must in MUST.items()
    ]  # fmt: skip


def rules(vaults: int) -> str:
    names = [f"v{number}" for number in range(vaults)]
    tables = "".join(f'[vaults.{name}]\nid = "{uuid.uuid5(uuid.NAMESPACE_OID, name)}"\n' for name in names)
    rule = f'[[rules]]\nname = "all"\ntimer = "bench"\nvaults = {json.dumps(names)}\nmax_event_age = "365d"\n'
    return f'[projects.bench]\nrequests_per_second = 200\n{tables}[timers.bench]\nsource = "{SCHEDULE}"\n{rule}'
