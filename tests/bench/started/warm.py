"""Rounds in one warm process: two requests on bare httpx, an event that is created, the same again, and one that is refused.

Microseconds by the wall clock and of this process's own CPU, as JSON in the file that BENCH_OUT names.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from handlers.aws_lambda import alert, timer

WARMING = 10


class Context:
    """Lambda's."""

    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def scheduled(at: float) -> dict[str, object]:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    about = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
    return {**about, "time": when, "resources": [os.environ["BENCH_SCHEDULE"]]}


def stranger() -> dict[str, object]:
    headers = {"content-type": "application/json", "authorization": "Bearer wrong-token-0123456789abcdef"}
    request = {"requestContext": {"http": {"method": "POST"}}, "rawPath": "/alert/am", "headers": headers}
    body = {"version": "4", "status": "firing", "alerts": [{"status": "firing", "labels": {"alertname": "A", "host": "a"}}]}
    return {"version": "2.0", **request, "body": json.dumps(body), "isBase64Encoded": False}


def main(rounds: int) -> None:
    url, vault, taken = os.environ["BENCH_URL"], os.environ["BENCH_VAULT"], dict[str, list[float]]()
    look = f"{url}/backups?vault_id={vault}&sort=created_at%3Adesc&limit=100&offset=0"
    body = b'{"checkpoint": {"vault_id": "%s"}}' % vault.encode()
    client = httpx.Client(trust_env=False)

    def bare() -> str:
        client.get(look)
        return str(client.post(f"{url}/checkpoints", content=body, headers={"Content-Type": "application/json"}).status_code)

    base = time.time() - 300 * 86400
    for number in range(-WARMING, rounds):
        document = scheduled(base + number * 60)
        acts: dict[str, Callable[[], str]] = {
            "200": bare,
            "created": lambda document=document: str(timer(document, Context())["outcomes"][0]["outcome"]),  # type: ignore[misc]
            "joined": lambda document=document: str(timer(document, Context())["outcomes"][0]["outcome"]),  # type: ignore[misc]
            "401": lambda: str(alert(stranger(), Context())["statusCode"]),
        }
        for wanted, act in acts.items():
            wall, own = time.perf_counter(), time.process_time()
            said = act()
            own, wall = time.process_time() - own, time.perf_counter() - wall
            if said != wanted:
                raise SystemExit(f"expected {wanted}: {said}")
            if number >= 0:
                taken.setdefault(f"{wanted} wall", []).append(wall * 1e6)
                taken.setdefault(f"{wanted} CPU", []).append(own * 1e6)
    client.close()
    Path(os.environ["BENCH_OUT"]).write_text(json.dumps(taken), encoding="utf-8")


main(int(sys.argv[1]))
