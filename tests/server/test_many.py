"""Many requests at once and many after another: every line whole and of its own delivery, and memory that does not grow."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.scripted import BACKUPS, Passing, World, passes
from tests.server.stage import AM, CI, CRON, PING, TOKENS, firing
from tests.web_server import Answered, WebServer

AT_ONCE = 32
REQUESTS = 10_000 if os.environ.get("RESTORE_POINT_LONG") == "1" else 600
"""In the long form for a machine that has the time."""


def test_thirty_two_at_once_mix_no_lines(world: World) -> None:
    """Of four kinds: what is logged belongs to what was asked and what was answered."""

    def slower(it: Passing) -> None:  # so that they do overlap
        time.sleep(0.05)
        passes(it)

    world.door.on(BACKUPS, slower, always=True)

    def send(number: int) -> tuple[str, Answered]:
        match number % 4:
            case 0:
                return "am", server.post("/alert/am", firing(f"host-{number % 3}"), AM)
            case 1:
                return "mon", server.post("/alert/mon", firing(f"host-{number}"), "wrong" * 6)
            case 2:
                when = f"2026-11-{number % 20 + 1:02d}T02:00:{number % 60:02d}Z"
                event = {"ce-specversion": "1.0", "ce-type": "dev.knative.sources.ping", "ce-source": PING, "ce-id": str(number)}
                return "ping", server.post("/timer/cron", b"", CRON, **event, **{"ce-time": when})
            case _:
                return "ci", server.post("/once/ci", {"rule": "ci-files", "idempotency_key": "key"}, CI)

    with WebServer(world.environ(**TOKENS, THREADS=str(AT_ONCE)), world.folder) as server, ThreadPoolExecutor(AT_ONCE) as threads:
        sent = [*threads.map(send, range(AT_ONCE * 5))]
        lines = {each["delivery"]["id"]: each for each in server.deliveries}
        text = server.stdout
    assert all(json.loads(line) for line in text.splitlines())
    assert len(lines) == len(server.deliveries) == len(sent)
    for sender, answer in sent:
        line = lines[answer.json["delivery"]]
        assert {each.get("sender", "") for each in line["restore_points"]} == {sender}
        assert [(each["outcome"], each["reason"]) for each in line["restore_points"]] == answer.outcomes
        assert {each["delivery_id"] for each in line["restore_points"]} == {answer.json["delivery"]}
    assert len(world.sandbox.restore_points()) == 1


def resident(server: WebServer) -> int:
    """Kilobytes of the worker."""
    pid = server.process.pid
    (worker,) = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    text = Path(f"/proc/{worker}/status").read_text("ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


def files(server: WebServer) -> int:
    pid = server.process.pid
    (worker,) = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return len(list(Path(f"/proc/{worker}/fd").iterdir()))


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "new"])
def test_memory_and_files_stay_where_they_were(server: WebServer, world: World, kept: bool) -> None:
    """Refused, joined and broken-off requests, by connections that are kept and by new ones."""
    alert, headers = json.dumps(firing()).encode(), {"Authorization": f"Bearer {AM}", "Content-Type": "application/json"}

    def burst(count: int) -> Counter[int]:
        found: Counter[int] = Counter()
        line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        for number in range(count):
            proof = headers if number % 2 else headers | {"Authorization": "Bearer wrong"}
            line.request("POST", "/alert/am", alert, proof)
            answer = line.getresponse()
            answer.read()
            found[answer.status] += 1
            if not kept:
                line.close()
            if number % 20 == 0:
                with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as gone:
                    gone.putrequest("POST", "/alert/am")
                    gone.putheader("Content-Length", "1000")
                    gone.endheaders(b"x" * 500)
        line.close()
        return found

    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(burst, [40] * 4):
            pass
        before, open_before = resident(server), files(server)
        counted = sum(threads.map(burst, [REQUESTS // 4] * 4), Counter[int]())
    assert counted[401] == counted[200] + counted[202] == REQUESTS // 2
    grown = resident(server) - before
    print(f"{REQUESTS} requests: {before} kB, and {grown} kB more; files {open_before} and {files(server)}")
    assert grown < 8_000
    assert files(server) <= open_before + 8
    assert len(world.posts()) == 1
    assert server.stderr == ""
