"""Own CPU for each vault of one timer's event that hands them all over to a queue. JSON to BENCH_OUT."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from handlers.envelope import Envelope
from handlers.service import Service
from handlers.settings import load


def main(vaults: int) -> None:
    service = Service(load())
    taken = list[float]()
    for number in range(max(2000 // vaults, 1)):
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400 + 60 * number))
        about = {
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "detail": {},
            "resources": [os.environ["BENCH_SCHEDULE"]],
        }
        began = time.process_time()
        outcomes = service.handle(Envelope("timer", "lambda", f"{number}", {**about, "time": when}, 600.0)).outcomes
        taken.append((time.process_time() - began) / vaults * 1e6)
        if {each.word for each in outcomes} != {"later"} or len(outcomes) != vaults:
            raise SystemExit(f"expected {vaults} later: {[each.message for each in outcomes[:3]]}")
    service.close()
    Path(os.environ["BENCH_OUT"]).write_text(json.dumps({"a vault dispatched": taken}), encoding="utf-8")


main(int(sys.argv[1]))
