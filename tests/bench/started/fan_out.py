"""Look and POST for many vaults, in 32 and in 64 threads: the service, and http.client with the same requests. Seconds of each.

The clock is the machine's, but nobody waits on it: ``requests_per_second`` would hold the service back, and nothing the floor.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from handlers.clock import SystemClock
from handlers.envelope import Envelope
from handlers.lanes import LANES
from handlers.plan.planned import Planned
from handlers.restore_point import take
from handlers.service import Service
from handlers.settings import load
from handlers.wire import Deadline

SECONDS = 120.0


class Unhurried(SystemClock):
    """Sleeps for no one."""

    def sleep(self, seconds: float) -> None:
        """Not at all."""


def bare(vaults: Sequence[str], threads: int) -> int:
    """Each thread with a connection of its own."""
    url, own = urlsplit(os.environ["BENCH_URL"]), threading.local()

    def once(vault: str) -> int:
        if not hasattr(own, "line"):
            own.line = http.client.HTTPConnection(url.netloc)
        own.line.request("GET", f"{url.path}/backups?vault_id={vault}&sort=created_at%3Adesc&limit=100&offset=0")
        own.line.getresponse().read()
        body = json.dumps({"checkpoint": {"vault_id": vault}})
        own.line.request("POST", f"{url.path}/checkpoints", body, {"Content-Type": "application/json"})
        answer = own.line.getresponse()
        answer.read()
        return int(answer.status == 200)

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(once, vaults))


def ours(service: Service, threads: int, at: datetime) -> int:
    """As ``take_all`` has it; with another number of threads than its own, the same ``take`` in as many."""
    event = {"schedule_arn": os.environ["BENCH_SCHEDULE"], "scheduled_time": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    envelope = Envelope("timer", "lambda", "bench", event, SECONDS)
    deadline = Deadline.after(service.clock, SECONDS)
    from handlers.reading import read

    plans = service.planned(read(envelope, "", None, service.clock.now()), envelope, "", deadline)
    wanted = [each for each in plans if isinstance(each, Planned)]
    if threads == LANES:
        return sum(each.word == "created" for each in service.take_all(wanted, deadline))
    tools = service.tools
    with ThreadPoolExecutor(threads) as pool:
        return sum(
            each.word == "created" for each in pool.map(lambda one: take(one, service.cbrs[one.project], tools, deadline), wanted)
        )


def main(rounds: int) -> None:
    settings = load()
    vaults = [each.id for each in settings.rules.vaults.values()]
    service, taken, at = Service(settings, Unhurried(None)), dict[str, list[float]](), time.time() - 300 * 86400
    for number in range(rounds):
        for threads in (32, 64):
            when = datetime.fromtimestamp(at + 60 * (2 * number + threads // 64), UTC)
            acts: dict[str, Callable[[], int]] = {
                f"http.client {threads}": lambda threads=threads: bare(vaults, threads),  # type: ignore[misc]
                f"ours {threads}": lambda threads=threads, when=when: ours(service, threads, when),  # type: ignore[misc]
            }
            for name, act in acts.items():
                began = time.perf_counter()
                made = act()
                taken.setdefault(name, []).append(len(vaults) / (time.perf_counter() - began))
                if made != len(vaults):
                    raise SystemExit(f"{name}: {made} of {len(vaults)}")
    service.close()
    Path(os.environ["BENCH_OUT"]).write_text(json.dumps(taken), encoding="utf-8")


main(int(sys.argv[1]))
