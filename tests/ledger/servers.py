"""Real stores for the ledgers on the network, started once per test process and stopped with it; loopback only.

Valkey: Debian's redis-server. DynamoDB: ministack in an environment of its own; RESTORE_POINT_DYNAMODB_EMULATOR is its python.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from handlers.clock import SystemClock
from handlers.ledger import Ledger, open_ledger
from handlers.settings.aws import Aws
from handlers.settings.ledger import find_ledger
from handlers.signing import sign_aws
from handlers.wire import Deadline, Wire

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
"""Seconds a server may take to start."""
DATABASES = 512
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_SESSION_TOKEN": "not-a-token"}

Place = Mapping[str, str]
"""The variables that name a ledger."""


def open_at(place: Place, now: Callable[[], float]) -> Ledger:
    """As a service opens it. A short name of a file or of memory will do too."""
    where, access = find_ledger(place)
    return open_ledger(where, now, SystemClock(), access)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A server that can be killed, stopped dead and started again on its port."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="restore-point-test-"))
        self.port = free_port()
        self.running: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TMPDIR": str(self.folder)}

    def ready(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.running = subprocess.Popen(
                self.command(), cwd=self.folder, env=self.environ(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        ends = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > ends or self.running.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.ready()
        return False

    def send(self, number: signal.Signals) -> None:
        assert self.running is not None
        self.running.send_signal(number)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        self.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    def kill(self) -> None:
        if self.running is not None:
            self.send(signal.SIGKILL)  # also ends one that is stopped
            self.running.wait()
            self.running = None

    def stop(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis(Process):
    """``options`` are lines of redis.conf. Every write is on the disk before it is acknowledged, unless they say otherwise."""

    def __init__(self, *options: str, password: str = "") -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("redis-server is not installed")
        super().__init__()
        self.password, self._databases = password, count()
        lines = [
            f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}", f"databases {DATABASES}", "save ''",
            "appendonly yes", "appendfsync always", "daemonize no", *options,
        ]  # fmt: skip
        lines += [f"requirepass {password}"] if password else []
        (self.folder / "redis.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def command(self) -> list[str]:
        return ["redis-server", str(self.folder / "redis.conf")]

    def ready(self) -> bool:
        return self.say("PING") == b"+PONG"

    def say(self, *lines: str) -> bytes:
        """The first line of the answer to the last of these inline commands."""
        login = [f"AUTH {self.password}"] if self.password else []
        with socket.create_connection(("127.0.0.1", self.port), 2) as connection, connection.makefile("rb") as answers:
            found = b""
            for line in (*login, *lines):
                connection.sendall(line.encode() + b"\r\n")
                found = answers.readline().strip()
            return found

    def number(self, *lines: str) -> int:
        return int(self.say(*lines).removeprefix(b":"))

    def place(self, db: int | None = None) -> dict[str, str]:
        """An empty database, or that one as it is."""
        if db is None:
            db = next(self._databases) % DATABASES
            assert self.say(f"SELECT {db}", "FLUSHDB") == b"+OK"
        login = f":{self.password}@" if self.password else ""
        return {"RESTORE_POINT_LEDGER": f"valkey://{login}127.0.0.1:{self.port}/{db}"}


class Emulator(Process):
    """ministack's DynamoDB. Its other listener, MQTT on 8883, binds every interface: it is turned off."""

    def __init__(self) -> None:
        self._python = os.environ.get("RESTORE_POINT_DYNAMODB_EMULATOR", "")
        if not self._python:
            pytest.skip("RESTORE_POINT_DYNAMODB_EMULATOR does not name the python of an environment with ministack")
        super().__init__()
        self._tables = count()

    def command(self) -> list[str]:
        return [self._python, "-m", "ministack"]

    def environ(self) -> dict[str, str]:
        own = {"GATEWAY_PORT": f"{self.port}", "BIND_HOST": "127.0.0.1", "SERVICES": "dynamodb", "LOG_LEVEL": "WARNING"}
        return super().environ() | own | {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}

    def ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
            connection.sendall(b"GET /_ministack/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b" 200 " in connection.recv(64)

    def place(self, table: str | None = None) -> dict[str, str]:
        """A new table, as template.yaml creates it, or that one as it is."""
        environ = {
            "RESTORE_POINT_LEDGER": f"dynamodb:{table or f'ledger-{next(self._tables)}'}",
            "RESTORE_POINT_DYNAMODB_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": "eu-central-1",
            **KEYS,
        }
        if table is None:
            create_table(environ)
        return environ


def ask(environ: Place, action: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """One request to the table's endpoint that is no verb of a ledger's."""
    where, access = find_ledger(environ)
    assert isinstance(access.aws, Aws)
    clock, origin = SystemClock(), access.aws.origin
    body = json.dumps({"TableName": where.removeprefix("dynamodb:")} | wanted).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{action}"}
    keys = access.aws.keys()
    headers |= sign_aws(
        "POST", f"{origin}/", headers, body, access_key=keys.access_key, secret_key=keys.secret_key.reveal(),
        region=access.aws.region, service="dynamodb", now=clock.now(),
    )  # fmt: skip
    wire = Wire([origin], clock)
    try:
        reply = wire.request("POST", f"{origin}/", headers=headers, body=body, deadline=Deadline.after(clock, 20))
    finally:
        wire.close()
    assert reply.status == 200, reply.body
    found: dict[str, Any] = json.loads(reply.body)
    return found


def table_properties() -> dict[str, Any]:
    """What CreateTable is told, from template.yaml; without what CloudFormation sets by other calls."""
    yaml: Any = pytest.importorskip("yaml", reason="PyYAML comes with cfn-lint, from the dev extra")

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
        pass

    Loader.add_multi_constructor("!", lambda *_: None)
    template = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), Loader)
    properties: dict[str, Any] = template["Resources"]["LedgerTable"]["Properties"]
    names = ("AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes", "BillingMode")
    return {name: properties[name] for name in names}


def create_table(environ: Place) -> None:
    ask(environ, "CreateTable", table_properties())


_running: dict[str, Process] = {}


def redis() -> Redis:
    """The one that tests share which leave it running."""
    found = _running.get("redis")
    if not isinstance(found, Redis):
        found = Redis()
        _running["redis"] = found
        found.start()
    return found


def emulator() -> Emulator:
    """The one that tests share which leave it running."""
    found = _running.get("emulator")
    if not isinstance(found, Emulator):
        found = Emulator()
        _running["emulator"] = found
        found.start()
    return found


def stop_all() -> None:
    for process in _running.values():
        process.stop()
    _running.clear()


WHERE: dict[str, Callable[[Path], Place]] = {
    "memory": lambda _: {"RESTORE_POINT_LEDGER": "memory"},
    "sqlite": lambda folder: {"RESTORE_POINT_LEDGER": f"sqlite:{folder / 'ledger.db'}"},
    "valkey": lambda _: redis().place(),
    "dynamodb": lambda _: emulator().place(),
}
"""A new, empty ledger of each kind."""
SHARED = [name for name in WHERE if name != "memory"]


def start(place: Place, verb: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process that opens the same ledger."""
    script = str(Path(__file__).with_name("other_process.py"))
    return subprocess.Popen(
        [sys.executable, "-W", "error", script, verb, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT), **place},
    )  # fmt: skip
