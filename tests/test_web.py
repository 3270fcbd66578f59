"""The HTTP functions as functions-framework itself starts them: a process, a port, gunicorn's threads. tests/server has ours."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers.envelope import BODY_CAP
from handlers.trust import HEAD_CAP
from tests.scripted import CREATE, World, executes_and, fails, world_in
from tests.web_server import FRAMEWORK, ROOT, WEB, WebServer

EVENTS = ROOT / "events"
AM, MON, CI = (f"example-token-of-{name}-opens-nothing" for name in ("am", "mon", "ci"))
SECRETS = dict(
    line.split("=", 1) for line in (EVENTS / "senders.env").read_text("utf-8").splitlines() if line and not line.startswith("#")
)


def environ(given: Mapping[str, str]) -> dict[str, str]:
    rules = {"RESTORE_POINT_RULES": str(EVENTS / "rules.toml"), "RESTORE_POINT_LEDGER": "memory"}
    return dict(given) | SECRETS | rules


def firing(host: str = "erp-db", status: str = "firing") -> dict[str, Any]:
    labels = {"alertname": "DatabaseCorrupt", "host": host, "severity": "critical"}
    alert = {"status": status, "labels": labels, "annotations": {}, "startsAt": datetime.now(UTC).isoformat()}
    return {"version": "4", "status": status, "groupLabels": {}, "commonLabels": labels, "alerts": [alert]}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The server's clock is the machine's, so the sandbox's begins there."""
    with world_in(tmp_path, datetime.now(UTC)) as made:
        yield made


@pytest.fixture
def server(world: World) -> Iterator[WebServer]:
    with WebServer(environ(world.environ()), world.folder, command=FRAMEWORK) as running:
        yield running


# ── who, what and where ──


def test_an_alert_twice_is_one_restore_point(server: WebServer, world: World) -> None:
    first, second = (server.post("/alert/am", firing(), AM) for _ in range(2))
    assert (first.status, second.status) == (200, 200)
    assert (first.json["outcomes"][0]["outcome"], second.json["outcomes"][0]["outcome"]) == ("created", "joined")
    assert first.headers["content-type"] == "application/json"
    assert len(world.posts()) == 1
    ids = [delivery["delivery"]["id"] for delivery in server.deliveries]
    assert len(set(ids)) == 2


def test_what_is_over_and_what_no_rule_wants_create_nothing(server: WebServer, world: World) -> None:
    resolved = server.post("/alert/am", firing(status="resolved"), AM)
    incident = {
        "status": "firing",
        "labels": {"service": "payments", "source": "pagerduty"},
        "id": "Q2ZK",
        "title": "Checkout is down",
    }
    unwanted = server.post("/alert/mon", incident, MON)
    assert (resolved.status, resolved.outcomes) == (200, [("skipped", "resolved")])
    assert (unwanted.status, unwanted.outcomes) == (200, [("skipped", "no_rule")])
    assert world.sandbox.exchanges == []


def test_without_proof_there_is_nothing(server: WebServer, world: World) -> None:
    for bearer in ("", "x", AM + "x", AM[:-1], MON, CI):
        for path in ("/alert/am", "/alert/nobody", "/watch/am", "/watch/ops", "/timer/nightly"):
            answer = server.post(path, firing(), bearer)
            assert (answer.status, answer.outcomes) == (401, [("refused", "bad_proof")]), (path, bearer)
    assert world.sandbox.exchanges == []


def test_the_watch_needs_somebody_who_may_ask_for_one_offs(server: WebServer) -> None:
    assert server.post("/watch/am", {}, AM).status == 401
    swept = server.post("/watch/ci", b"", CI)
    assert (swept.status, swept.json["outcomes"]) == (200, [])


def test_who_is_refused_hears_why_and_finds_the_line(server: WebServer) -> None:
    malformed = server.post("/alert/am", {"alerts": [{"labels": {"a": 1}, "status": "firing"}]}, AM)
    (outcome,) = malformed.json["outcomes"]
    assert (malformed.status, outcome["reason"]) == (400, "malformed")
    assert "alerts[0].labels" in outcome["message"]
    assert server.deliveries[-1]["delivery"]["id"] == malformed.json["delivery"]
    server.post("/alert/amm", firing(), AM)  # a slip in the URL: told to nobody but the log
    assert server.deliveries[-1]["delivery"]["path"] == "/alert/amm"


def test_methods_and_paths(server: WebServer, world: World) -> None:
    healthy = server.ask("GET", "/healthz")
    assert (healthy.status, healthy.body) == (200, b"ok")
    assert server.ask("PUT", "/healthz").status == 405
    for method in ("GET", "DELETE", "PATCH", "OPTIONS"):
        answer = server.ask(method, "/alert/am", {"Authorization": f"Bearer {AM}", "X-HTTP-Method-Override": "POST"})
        assert (answer.status, answer.headers["allow"]) == (405, "POST, PUT")
    assert server.ask("PUT", "/once/ci", {"Authorization": f"Bearer {AM}"}).headers["allow"] == "POST"
    for path in ("/", "/alert", "/alert/", "/alert/am/", "/x/alert/am", "/healthz/", "/worker/am", "/robots.txt"):
        assert server.post(path, firing(), AM).status == 404, path
    assert world.sandbox.exchanges == []


@pytest.mark.parametrize(("target", "path"), [("alert", "/am"), ("alert", "/alert/am"), ("alert", "/any/way/am")])
def test_one_function_alone(world: World, target: str, path: str) -> None:
    with WebServer(environ(world.environ()), world.folder, target=target, command=FRAMEWORK) as server:
        assert server.post(path, firing(), AM).json["outcomes"][0]["outcome"] == "created"
        assert server.ask("GET", path).status == 405


def test_two_proofs_are_none_and_other_bodies_are_not_read(server: WebServer) -> None:
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), 5)) as line:
        proof = f"Authorization: Bearer {AM}\r\n"
        start = "POST /alert/am HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        line.sendall(f"{start}{proof}{proof}\r\n{{}}".encode())
        assert line.recv(100).startswith(b"HTTP/1.1 401")
    more = {"Authorization": f"Bearer {AM}"}
    assert server.ask("POST", "/alert/am", more | {"Content-Type": "text/plain"}, b"{}").status == 415
    assert server.post("/alert/am", b"\x1f\x8b", AM, **{"Content-Encoding": "gzip"}).status == 415
    assert server.post("/alert/am", b"{", AM).outcomes == [("refused", "malformed")]


# ── bodies ──


def test_a_body_of_the_limit_and_one_more(server: WebServer) -> None:
    body = json.dumps(firing()).encode()
    assert server.post("/alert/am", body.ljust(BODY_CAP), AM).outcomes[0][0] == "created"
    for large in (body.ljust(BODY_CAP + 1), b"x" * 2_000_000):
        assert (server.post("/alert/am", large, AM).status, server.post("/once/nobody", large).status) == (413, 413)


def test_an_address_without_measure_is_refused(server: WebServer) -> None:
    for path in (f"/alert/{'a' * HEAD_CAP}", f"/alert/am?{'a' * HEAD_CAP}"):
        assert server.post(path, b"{}", AM).status == 414
    assert server.deliveries == []


def test_a_huge_body_costs_no_memory(server: WebServer) -> None:
    server.post("/alert/am", firing(), AM)
    before = server.memory
    pieces = 200  # of one million bytes

    def stream() -> Iterator[bytes]:
        for _ in range(pieces):
            yield b"x" * 1_000_000

    for length in ({}, {"Content-Length": str(pieces * 1_000_000)}):
        with contextlib.suppress(OSError):  # the server hangs up long before the end
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {AM}", **length}
            assert server.ask("POST", "/alert/am", headers, stream()).status == 413
    assert [each["restore_points"][0]["reason"] for each in server.deliveries[1:]] == ["too_large", "too_large"]
    assert server.memory - before < 20_000


def test_a_chunked_body_is_a_body(server: WebServer) -> None:
    answer = server.ask(
        "POST",
        "/alert/am",
        {"Content-Type": "application/json", "Authorization": f"Bearer {AM}"},
        iter([json.dumps(firing()).encode()]),
    )
    assert answer.outcomes[0][0] == "created"


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "0x10", "2, 2"])
def test_a_length_that_is_none(server: WebServer, length: str) -> None:
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), 5)) as line:
        line.sendall(f"POST /alert/am HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{{}}".encode())
        assert line.recv(100).startswith(b"HTTP/1.1 400")


def test_a_body_that_does_not_come_is_not_waited_for(server: WebServer) -> None:
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), 20)) as line:
        began = time.monotonic()
        line.sendall(b"POST /alert/am HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert line.recv(100).startswith(b"HTTP/1.1 408")
        assert 9 < time.monotonic() - began < 15
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), 20)) as line:
        line.sendall(b"POST /alert/am HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        line.shutdown(socket.SHUT_WR)
        assert line.recv(100).startswith(b"HTTP/1.1 400")


# ── threads, start and end ──


def test_many_at_once_are_one_restore_point_and_nobody_gets_anothers_answer(server: WebServer, world: World) -> None:
    resolved, plain = firing(status="resolved"), firing()

    def send(number: int) -> tuple[int, int, str]:
        answer = server.post("/alert/am", resolved if number % 3 == 0 else plain, AM if number % 3 < 2 else MON)
        return number, answer.status, answer.outcomes[0][0]

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(send, range(90)))
    assert {(status, word) for number, status, word in answers if number % 3 == 0} == {(200, "skipped")}
    assert {(status, word) for number, status, word in answers if number % 3 == 2} == {(401, "refused")}
    words = [word for number, _, word in answers if number % 3 == 1]
    assert words.count("created") == 1
    assert set(words) <= {"created", "joined", "later"}
    assert len(world.posts()) == 1
    assert len({each["delivery"]["id"] for each in server.deliveries}) == 90


def test_later_says_when(server: WebServer, world: World) -> None:
    world.door.on(CREATE, fails("6125"))
    answer = server.post("/alert/am", firing(), AM)
    assert (answer.status, answer.outcomes) == (202, [("later", "busy")])
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("change", [{"DEBUG": "1"}, {"RESTORE_POINT_AM_TOKEN": ""}, {"RESTORE_POINT_AM_TOKEN": "short"}])
def test_the_start_refuses(world: World, change: dict[str, str]) -> None:
    given = environ(world.environ()) | {"PYTHONPATH": str(ROOT)} | change
    command = [sys.executable, "-m", "functions_framework", "--target", "main", "--source", str(WEB), "--port", "0"]
    ended = subprocess.run(command, env=given, cwd=world.folder, capture_output=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert b"Misconfigured" in ended.stderr
    assert all(len(each) < 10 or each.encode() not in ended.stderr for each in change.values())


def test_what_runs_at_sigterm_ends_well(server: WebServer, world: World) -> None:
    world.door.on(CREATE, executes_and(slowly))
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(server.post, "/alert/am", firing(), AM)
        until = time.monotonic() + 10
        while not world.door.came(CREATE) and time.monotonic() < until:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert answer.result(20).status in (200, 202)
    assert server.process.wait(20) == 0
    assert len(world.posts()) == 1


def slowly(it: Any) -> None:
    time.sleep(2)
    it.cut()
