"""Rounds over one body of 10,000 alerts with 50 causes: ``json.loads`` of it, and the entry function. Own CPU, milliseconds."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path

from handlers.aws_lambda import alert
from handlers.envelope import BODY_CAP

ALERTS, CAUSES = 10_000, 50


class Context:
    """Lambda's."""

    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def body() -> str:
    """As long as may come: 10,000 alerts of 100 bytes are just below the cap."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    alerts = [
        {"status": "firing", "labels": {"alertname": "A", "host": f"h{number % CAUSES}"}, "startsAt": when}
        for number in range(ALERTS)
    ]
    made = json.dumps({"version": "4", "status": "firing", "alerts": alerts}, separators=(",", ":"))
    assert len(made) <= BODY_CAP, len(made)
    return made


def main(rounds: int) -> None:
    text = body()
    headers = {"content-type": "application/json", "authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
    request = {"requestContext": {"http": {"method": "POST"}}, "rawPath": "/alert/am", "headers": headers}
    event = {"version": "2.0", **request, "body": text, "isBase64Encoded": False}
    taken: dict[str, list[float]] = {"json.loads": [], "ours": []}
    for number in range(-1, rounds):
        gc.collect()
        began = time.process_time()
        json.loads(text)
        middle = time.process_time()
        said = alert(event, Context())
        ended = time.process_time()
        if said["statusCode"] != 200 or json.loads(said["body"])["outcomes"][0]["outcome"] not in ("created", "joined"):
            raise SystemExit(str(said)[:2000])
        if number >= 0:
            taken["json.loads"].append((middle - began) * 1000)
            taken["ours"].append((ended - middle) * 1000)
    Path(os.environ["BENCH_OUT"]).write_text(json.dumps(taken | {"bytes": [len(text)]}), encoding="utf-8")


main(int(sys.argv[1]))
