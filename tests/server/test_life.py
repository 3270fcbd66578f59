"""A process's life: its variables, its workers, SIGTERM in the middle, clients that go away in the middle."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.scripted import CREATE, Passing, World, executes_and
from tests.server.stage import ALERT, AM, CI, HEALTH, TOKENS, Client, eventually, firing, request
from tests.web_server import OURS, ROOT, WebServer

OTHER = b'{"status": "firing", "labels": {"host": "b"}}'
"""For another vault."""


def slowly(it: Passing) -> None:
    """CBR takes it and its answer comes after a second and a half."""
    status, headers, body = it.forward()
    time.sleep(1.5)
    it.say(status, headers, body)


def children(server: WebServer) -> list[int]:
    pid = server.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


# ── the end ──


def test_what_runs_at_sigterm_is_answered_and_nobody_new_comes_in(server: WebServer, world: World) -> None:
    world.door.on(CREATE, slowly)
    kept = Client(server.port, HEALTH)
    half = Client(server.port, request(b"{", path="/alert/mon", length=len(OTHER)))
    silent = Client(server.port)
    assert kept.answer()[0] == 200
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(server.post, "/alert/am", firing("running"), AM)
        eventually(lambda: world.door.came(CREATE))
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: refuses(server.port), 2)
        half.send(OTHER[1:])  # what has begun to arrive is a request, too
        status, body = half.answer()
        assert (status, json.loads(body)["outcomes"][0]["outcome"]) == (200, "created")
        assert (running.result().status, running.result().outcomes[0][0]) == (200, "created")
    assert silent.is_closed(1)
    assert kept.is_closed(4)
    assert server.process.wait(10) == 0
    assert time.monotonic() - began < 6
    assert len(world.posts()) == len(world.sandbox.restore_points()) == 2
    for each in (kept, half, silent):
        each.close()


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        pass
    return False


def test_a_wish_that_was_cut_off_by_a_kill_is_taken_up_by_the_next_process(server: WebServer, world: World) -> None:
    """What a second signal, or a platform that has lost patience, does."""
    world.door.on(CREATE, executes_and(lambda it: it.wait()))
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(server.post, "/alert/am", firing(), AM)
        eventually(lambda: world.door.came(CREATE))
        for each in (server.process.pid, *children(server)):
            os.kill(each, signal.SIGKILL)
        assert isinstance(asked.exception(10), OSError | HTTPException)
    server.process.wait(10)
    world.door.calm()
    world.clock.forward(400)
    service = world.service(world.environ(**TOKENS))
    outcomes = [outcome.word for outcome in world.sweep(service).outcomes]
    assert "created" in outcomes or "joined" in outcomes or "available" in outcomes, outcomes
    assert len(world.posts()) == 1
    assert len(world.sandbox.restore_points()) == 1


def test_a_worker_that_dies_is_replaced(server: WebServer) -> None:
    eventually(lambda: children(server))
    (worker,) = children(server)
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: children(server) not in ([], [worker]))
    assert server.ask("GET", "/healthz").status == 200


# ── clients that go away ──


@pytest.mark.parametrize("reset", [False, True])
def test_a_wish_is_settled_though_its_sender_has_gone(server: WebServer, world: World, reset: bool) -> None:
    world.door.on(CREATE, slowly)
    client = Client(server.port, request(ALERT))
    eventually(lambda: world.door.came(CREATE))
    if reset:
        client.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    eventually(lambda: server.deliveries)
    assert server.deliveries[0]["restore_points"][0]["outcome"] == "created"
    again = server.post("/alert/am", ALERT, AM)
    assert again.outcomes == [("joined", "already_taken")]
    assert len(world.posts()) == 1
    assert server.stderr == ""


def test_half_a_request_asks_for_nothing(server: WebServer, world: World) -> None:
    for sent in (b"POST /al", request(ALERT)[:100], request(ALERT)[:-1]):
        client = Client(server.port, sent)
        time.sleep(0.1)
        client.close()
    eventually(lambda: server.deliveries)
    assert server.ask("GET", "/healthz").status == 200
    reasons = [each["restore_points"][0]["reason"] for each in server.deliveries]
    assert reasons == ["malformed"]  # the last one, whose head was whole
    assert world.posts() == []
    assert server.stderr == ""


# ── methods and connections ──


def test_head_and_options(server: WebServer, world: World) -> None:
    healthy = Client(server.port, HEALTH.replace(b"GET", b"HEAD") + HEALTH)
    assert healthy.answer(bodiless=True) == (200, b"")
    assert healthy.answer() == (200, b"ok")
    healthy.close()
    proof = {"Authorization": f"Bearer {AM}"}
    for method in ("HEAD", "OPTIONS"):
        for path in ("/alert/am", "/once/ci", "/timer/cron", "/watch/ci"):
            answer = server.ask(method, path, proof)
            assert (answer.status, "POST" in answer.headers["allow"]) == (405, True)
        assert server.ask(method, "/", proof).status == 404
    assert server.ask("OPTIONS", "/healthz").headers["allow"] == "GET, HEAD"
    assert world.posts() == []


def test_one_connection_serves_many(server: WebServer, world: World) -> None:
    client = Client(server.port)
    for _ in range(20):
        client.send(request(ALERT))
        assert client.answer()[0] in (200, 202)
    client.send(HEALTH.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert client.answer() == (200, b"ok")
    assert client.is_closed(3)
    client.close()
    assert len(world.posts()) == 1


# ── variables ──


def test_two_workers_are_one_server_over_one_ledger(world: World) -> None:
    with WebServer(world.environ(**TOKENS, WORKERS="2", THREADS="4"), world.folder) as server:
        eventually(lambda: len(children(server)) == 2)
        with ThreadPoolExecutor(16) as threads:
            answers = [*threads.map(lambda _: server.post("/alert/am", ALERT, AM), range(40))]
        assert {each.status for each in answers} <= {200, 202}
        assert len(world.posts()) == 1
        assert len({each["delivery"]["id"] for each in server.deliveries}) == 40
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0


REFUSED = {
    "WORKERS": {"WORKERS": "2", "RESTORE_POINT_LEDGER": "memory"},
    "PORT": {"PORT": "http"},
    "THREADS": {"THREADS": "0"},
    "FUNCTION_TARGET": {"FUNCTION_TARGET": "os.system"},
    "FUNCTION_SIGNATURE_TYPE": {"FUNCTION_SIGNATURE_TYPE": "cloudevent"},
    "DEBUG": {"DEBUG": "1"},
    "AM_TOKEN": {"AM_TOKEN": ""},
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_start_refuses_in_one_line(world: World, name: str) -> None:
    given = world.environ(**TOKENS, PYTHONPATH=str(ROOT)) | REFUSED[name]
    ended = subprocess.run([sys.executable, *OURS], env=given, cwd=world.folder, capture_output=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (2, b"")
    (line,) = ended.stderr.decode().splitlines()
    assert name in line


@pytest.mark.parametrize("switch", ["true", "1", "false"])
def test_execution_ids_of_functions_framework_leave_the_log_whole(world: World, switch: str) -> None:
    """LOG_EXECUTION_ID puts a wrapper around standard output."""
    with WebServer(world.environ(**TOKENS, LOG_EXECUTION_ID=switch), world.folder) as server:
        headers = {"Function-Execution-Id": "x" * 12, "X-Cloud-Trace-Context": "0123456789abcdef/1;o=1"}
        answer = server.post("/alert/am", ALERT, AM, **headers)
        assert answer.outcomes[0][0] == "created"
        (line,) = server.deliveries
        assert line["delivery"]["id"] == answer.json["delivery"]
        assert server.post("/once/ci", {}, CI).status in (400, 403)
        assert len(server.deliveries) == 2
