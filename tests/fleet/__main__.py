"""``python -m tests.fleet [VAULTS] [throttled]``: a whole fleet's night, 10,000 vaults if not told otherwise."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.fleet.night import Fleet, told

vaults = int(next((word for word in sys.argv[1:] if word.isdigit()), 10_000))
throttled = "throttled" in sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    if throttled:
        fleet = Fleet(Path(folder), vaults, per_second=1.6, faults=("throttle:limit=100,times=0",))
    else:
        fleet = Fleet(Path(folder), vaults, per_second=5)
    print(json.dumps(told(fleet.run(patience=vaults * 4.0)), indent=2))
