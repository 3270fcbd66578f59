"""``python -m tests.bench.creates``: creates a second from one sandbox process, against the same server with a fixed reply.

The load comes from another process: raw sockets that are kept, each waiting for its answer before it asks again. Requests are
made, and signed where they are to be, before the clock starts. On two cores the server has one of them for itself.

What limits it is one interpreter on one core, and nothing in particular: a create with two backups takes some 110 µs of processor
time, of which the fixed reply (sockets, event loop, parser) has 25, the way to the service and the record 20, and the vaults with
the wire forms the rest; checking a signature adds 30. With ``state`` a sixth of the time at most goes into writing; ``keep``
bounds that, too.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import select
import socket
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from typing import Any
from urllib.parse import urlsplit

from handlers.sandbox import Sandbox, estate
from handlers.sandbox.estate import Estate
from handlers.sandbox.exchange import Answer
from handlers.sandbox.server import Server
from handlers.sandbox.vaults import Disk, Resource, Vault
from handlers.signing import sign

VAULTS = 16
LARGEST_VAULT_GB = 10_485_760
SECONDS = 5.0
INSTANT = 1e9
"""A speed at which a backup is over before the next one is asked for."""


def roomy() -> Estate:
    """Vaults of two servers with two disks each that do not fill up."""
    plain = estate.DEFAULT
    vaults = tuple(_vault(number) for number in range(VAULTS))
    return Estate(plain.region, plain.project_id, plain.account, plain.keys, vaults, plain.topic_urns)


def _id(*about: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(map(str, about))))


def _vault(number: int) -> Vault:
    servers = tuple(
        Resource(
            id=_id("server", number, place),
            name=f"server-{number}-{place}",
            type="OS::Nova::Server",
            disks=tuple(Disk(_id("disk", number, place, disk), f"disk-{disk}", 40, 1, system=not disk) for disk in range(2)),
        )
        for place in range(2)
    )
    return Vault(_id("vault", number), f"vault-{number}", "server", LARGEST_VAULT_GB, servers, 1_767_225_600.0)


class Fixed:
    """The floor: the same server, and nothing behind it. The answer is as long as a real one."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.clock = time.time

    def answer(self, *_: object) -> Answer:
        return self._answer


def serve(what: str, pipe: Pipe) -> None:
    """A process of its own: tells where it is, and at the end how many creates it has really taken."""
    if what == "floor":
        server = Server("127.0.0.1", 0)
        body = b'{"checkpoint": "' + b"x" * 1100 + b'"}'
        fixed: Any = Fixed(Answer(200, {"Content-Type": "application/json", "X-Request-Id": "0" * 32}, body))
        server.start(fixed)
        pipe.send(server.endpoint)
        pipe.recv()
        server.stop()
        pipe.send(None)
        return
    with Sandbox(speed=INSTANT, estate=roomy()) as sandbox:
        pipe.send(sandbox.endpoint)
        pipe.recv()
        pipe.send(sandbox.counts.applied)


def requests(endpoint: str, how: str, count: int) -> list[bytes]:
    """Complete, each with a name of its own."""
    token = {"X-Auth-Token": sign_in(endpoint)} if how == "token" else {}
    return [_request(endpoint, number, token) for number in range(count)]


def _request(endpoint: str, number: int, token: dict[str, str]) -> bytes:
    path = f"/v3/{estate.PROJECT_ID}/checkpoints"
    asked = {"vault_id": _id("vault", number % VAULTS), "parameters": {"name": f"bench-{number}", "incremental": True}}
    body = json.dumps({"checkpoint": asked}).encode()
    headers = {"Content-Type": "application/json", **token}
    if not token:
        keys = {"access_key": estate.ACCESS_KEY, "secret_key": estate.SECRET_KEY}
        headers |= sign("POST", endpoint + path, headers, body, now=datetime.now(UTC), **keys)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    host = urlsplit(endpoint).netloc
    return f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def sign_in(endpoint: str) -> str:
    import http.client

    account = estate.ACCOUNT
    user = {"name": account.username, "password": account.password, "domain": {"name": account.domain_name}}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = json.dumps({"auth": {"identity": identity, "scope": {"project": {"id": account.project_id}}}})
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc)
    connection.request("POST", "/v3/auth/tokens?nocatalog=1", body)
    token = connection.getresponse().headers["X-Subject-Token"]
    connection.close()
    return token


def load(endpoint: str, made: list[bytes], clients: int, seconds: float) -> tuple[int, float]:
    """How many answers with status 200 came, and in how many seconds. Ends early if the requests run out."""
    address = urlsplit(endpoint)
    poll, sockets = select.poll(), {}
    for _ in range(clients):
        connected = socket.create_connection((address.hostname or "", address.port or 0))
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[connected.fileno()] = connected
        poll.register(connected, select.POLLIN)
    began = time.perf_counter()
    for connected in sockets.values():
        connected.sendall(made.pop())
    good = 0
    while made and time.perf_counter() - began < seconds:
        for number, _event in poll.poll():
            answer = sockets[number].recv(65536)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"not what was asked for: {answer[:1000]!r}")
            good += 1
            if made:
                sockets[number].sendall(made.pop())
    elapsed = time.perf_counter() - began
    for connected in sockets.values():
        connected.close()
    return good, elapsed


def measure(what: str, how: str, clients: int, seconds: float) -> float:
    """Creates a second."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(what, there))
    process.start()
    endpoint = here.recv()
    if what == "floor":
        real = "token" if how == "token" else "signed"
        made = [_request(endpoint, number, {"X-Auth-Token": "M" * 2003} if real == "token" else {}) for number in range(60_000)]
    else:
        made = requests(endpoint, how, int(12_000 * seconds))
    good, elapsed = load(endpoint, made, clients, seconds)
    here.send("end")
    applied = here.recv()
    process.join()
    if applied is not None and not good <= applied <= good + clients:
        raise SystemExit(f"{good} answers with 200, but {applied} creates were applied")
    return good / elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of each measurement (default: {SECONDS:g})")
    parser.add_argument("--clients", type=int, default=16, help="kept connections (default: 16)")
    parser.add_argument("--profile", action="store_true", help="show where the time of 20,000 creates goes, without any socket")
    arguments = parser.parse_args()
    if arguments.profile:
        profile()
        return
    print(f"{'proof':10} {'floor':>12} {'creates':>12} {'ratio':>7}")
    for how in ("token", "signature"):
        floor = measure("floor", how, arguments.clients, min(arguments.seconds, 2.0))
        ours = measure("creates", how, arguments.clients, arguments.seconds)
        print(f"{how:10} {floor:>10,.0f}/s {ours:>10,.0f}/s {floor / ours:>6.2f}x")


def profile() -> None:
    """By function, on this thread."""
    import cProfile
    import pstats

    sandbox = Sandbox(speed=INSTANT, estate=roomy())
    with sandbox:
        made = requests(sandbox.endpoint, "token", 20_000)
        answer: Callable[..., Answer] = sandbox.answer
        parts = [(raw.partition(b"\r\n\r\n")[2], raw) for raw in made]
        token = next(line.partition(": ")[2] for line in parts[0][1].decode().split("\r\n") if line.startswith("X-Auth-Token"))
        profiler = cProfile.Profile()
        profiler.enable()
        for body, _ in parts:
            answer("POST", f"/v3/{estate.PROJECT_ID}/checkpoints", {"x-auth-token": token, "host": "x"}, body)
        profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(20)


if __name__ == "__main__":
    main()
