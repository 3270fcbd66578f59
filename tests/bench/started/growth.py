"""Own CPU of a joined and of a created alert: with so many causes open in the ledger, by so many rules. JSON to BENCH_OUT."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from handlers.envelope import Envelope, Http
from handlers.service import Service
from handlers.settings import load
from handlers.values import replace

ROUNDS = 40


def envelope(host: str) -> Envelope:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    alert = {"status": "firing", "labels": {"alertname": "A", "host": host}, "startsAt": when}
    headers = {"content-type": "application/json", "authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
    body = json.dumps({"version": "4", "status": "firing", "alerts": [alert]}).encode()
    return Envelope("alert", "web", host, None, 25.0, Http("POST", "/alert/am", headers, body))


def main(causes: int) -> None:
    service = Service(load())

    def told(host: str) -> str:
        return service.handle(envelope(host)).outcomes[0].word

    assert told("first") == "created"
    (standing,) = service.ledger.since("wish", 0)
    body = json.loads(standing.body)
    for number in range(causes):
        key = f"{number:064x}"
        service.ledger.put_if_absent(replace(standing, key=key, body=json.dumps(body), at=standing.at - number % 3600))
    taken: dict[str, list[float]] = {"joined": [], "created": []}
    for number in range(ROUNDS):
        for wanted, host in (("joined", "first"), ("created", f"h{number}")):
            began = time.process_time()
            found = told(host)
            took = time.process_time() - began
            if found != wanted:
                raise SystemExit(f"expected {wanted}: {found}")
            taken[wanted].append(took * 1e6)
        time.sleep(0.005)  # or the project's requests_per_second would
    service.close()
    Path(os.environ["BENCH_OUT"]).write_text(json.dumps(taken), encoding="utf-8")


main(int(sys.argv[1]))
