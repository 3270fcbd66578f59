"""``python -m tests.bench.server``: requests a second, start and memory of the servers that can run ``handlers/web.py``.

WSGI is gunicorn's threads, as functions-framework starts them and as ``handlers.web_server`` does; ASGI is uvicorn as
functions-framework starts it, with a function made here that reads the body and hands our synchronous pipeline to threads.
Each is one process beside a cloud that answers from memory, asked by ten connections that are kept; in turns, so that a noisy
machine is noisy for all. The figure in brackets is the ratio to a function that returns "ok" under functions-framework's WSGI.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from tests.scripted import World, world_in
from tests.server.stage import AM, HEALTH, RULES, TOKENS, firing, request
from tests.web_server import FRAMEWORK, OURS, WebServer

CONNECTIONS = 10
NOTHING = "def main(request):\n    return 'ok'\n"
ASGI = """
from functools import cache
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from handlers.answers import http_response
from handlers.envelope import Envelope, Http
from handlers.service import Service, delivery_id
from handlers.settings import load

@cache
def service():
    return Service(load())

def handle(request, body):
    http = Http(request.method, request.url.path, {name.lower(): value for name, value in request.headers.items()}, body)
    return http_response(service().handle(Envelope("alert", "web", delivery_id(), None, 25.0, http)))

async def main(request):
    if request.url.path == "/healthz":
        return Response("ok")
    answer = await run_in_threadpool(handle, request, await request.body())
    return Response(answer["body"], answer["statusCode"], answer["headers"])
"""
ALERT = request(json.dumps(firing()).encode())
KINDS = {"GET /healthz": (HEALTH, b"200"), "refused": (ALERT.replace(b"Bearer ", b"Bearer x"), b"401"), "joined": (ALERT, b"200")}


def servers(folder: Path) -> Mapping[str, tuple[str, ...]]:
    (folder / "nothing.py").write_text(NOTHING, encoding="utf-8")
    (folder / "on_asgi.py").write_text(ASGI, encoding="utf-8")
    plain = ("-m", "functions_framework", "--source")
    return {
        "ok, WSGI": (*plain, str(folder / "nothing.py")),
        "ok, ASGI": (*plain, str(folder / "nothing.py"), "--asgi"),
        "framework, WSGI": FRAMEWORK,
        "framework, ASGI": (*plain, str(folder / "on_asgi.py"), "--asgi"),
        "web_server": OURS,
    }


def load(port: int, sent: bytes, wanted: bytes, seconds: float) -> float:
    """Answers a second over connections that each wait for theirs before they ask again."""
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 10)) for _ in range(CONNECTIONS)]
        held, poll, answered = {each.fileno(): b"" for each in lines}, select.poll(), 0
        by_file = {each.fileno(): each for each in lines}
        for each in lines:
            poll.register(each, select.POLLIN)
            each.sendall(sent)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            for file, _ in poll.poll(1000):
                held[file] += by_file[file].recv(65_536)
                if is_whole(held[file]):
                    assert held[file][9:12] == wanted, held[file]
                    answered, held[file] = answered + 1, b""
                    by_file[file].sendall(sent)
        return answered / (time.perf_counter() - began)


def is_whole(held: bytes) -> bool:
    head, there, body = held.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return bool(there) and len(body) >= int(length)


def started(world: World, name: str, command: tuple[str, ...]) -> tuple[WebServer, float]:
    """The server, and seconds until its first answer."""
    folder = world.folder / name.replace(", ", "-")
    folder.mkdir(exist_ok=True)
    began = time.perf_counter()
    server = WebServer(world.environ(**TOKENS), folder, command=command).__enter__()
    assert server.ask("GET", "/healthz").status == 200
    return server, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each kind at each server (default: 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="each of them (default: 2)")
    arguments = parser.parse_args()
    figures: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder, world_in(Path(folder), datetime.now(UTC)) as world, ExitStack() as stack:
        world.write_rules(more=RULES)
        running = {}
        for name, command in servers(Path(folder)).items():
            found = figures.setdefault(name, {kind: [] for kind in ("start", *KINDS, "memory")})
            for _ in range(arguments.rounds):
                server, took = started(world, name, command)
                found["start"].append(took * 1000)
                server.__exit__()
            running[name] = stack.enter_context(started(world, name, command)[0])
        for _ in range(2):
            running["web_server"].post("/alert/am", firing(), AM)  # what the others join
        for kind, (sent, wanted) in [*KINDS.items()] * arguments.rounds:
            for name, server in running.items():
                said = b"200" if name.startswith("ok") else wanted
                figures[name][kind].append(load(server.port, sent, said, arguments.seconds))
        for name, server in running.items():
            figures[name]["memory"].append(server.memory / 1024)
        assert len(world.sandbox.restore_points()) == 1
    show({name: {kind: statistics.median(each) for kind, each in found.items()} for name, found in figures.items()})


def show(medians: Mapping[str, Mapping[str, float]]) -> None:
    floor, units = medians["ok, WSGI"], {"start": " ms", "memory": " MB"}
    print(f"{'':17}" + "".join(f"{kind:>20}" for kind in floor))
    for name, each in medians.items():
        cells = (f"{value:.0f}{units.get(kind, '/s')} ({value / floor[kind]:.2f})" for kind, value in each.items())
        print(f"{name:17}" + "".join(f"{cell:>20}" for cell in cells))


if __name__ == "__main__":
    main()
