"""Many events in one process, joined and refused in turns: megabytes held after a tenth of them, and at the end."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

from handlers.envelope import Envelope, Http
from handlers.service import Service
from handlers.settings import load


def held() -> float:
    found = re.search(r"VmRSS:\s*([0-9]+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0


def main(events: int) -> None:
    service = Service(load())
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    alert = {"status": "firing", "labels": {"alertname": "A", "host": "a"}, "startsAt": when}
    body = json.dumps({"version": "4", "status": "firing", "alerts": [alert]}).encode()
    known = {"content-type": "application/json", "authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
    stranger = known | {"authorization": "Bearer wrong-token-0123456789abcdef"}
    early = 0.0
    for number in range(events):
        headers, wanted = (stranger, "refused") if number % 2 else (known, "joined" if number else "created")
        http = Http("POST", "/alert/am", headers, body)
        said = service.handle(Envelope("alert", "web", f"d{number}", None, 25.0, http)).outcomes[0].word
        if said != wanted:
            raise SystemExit(f"expected {wanted}: {said}")
        if number == events // 10:
            early = held()
    Path(os.environ["BENCH_OUT"]).write_text(json.dumps({"early": [early], "late": [held()]}), encoding="utf-8")


main(int(sys.argv[1]))
