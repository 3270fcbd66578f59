"""A sandbox behind a door that misbehaves when told to, a clock that moves when told to, and the service between them.

Every request of the service passes the door on its way to a real Sandbox. Acts are used up one per matching request; without
one the request passes. What a client sends is counted at the door, what CBR executed by the sandbox.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import re
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from handlers.envelope import Door as DoorName
from handlers.envelope import Envelope
from handlers.errors import LedgerDown
from handlers.ledger import Ledger, Record
from handlers.outcome import Outcome
from handlers.plan import plan
from handlers.plan.planned import Planned
from handlers.reading import read
from handlers.restore_point import take
from handlers.restore_point.held import Taking
from handlers.sandbox import Exchange, Sandbox, estate
from handlers.service import Delivered, Service
from handlers.settings import Settings, load
from handlers.wire import Deadline

START = datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC)
SCHEDULE = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"
SECRETS = (estate.SECRET_KEY, estate.TEMPORARY_SECRET_KEY, estate.SECURITY_TOKEN, estate.ACCOUNT.password)

CREATE = ("POST", r"/checkpoints$")
BACKUPS = ("GET", r"/backups\?")
SHOW = ("GET", r"/checkpoints/")
LOGS = ("GET", r"/operation-logs\?")
VAULT = ("GET", r"/vaults/")
TOKENS = ("POST", r"/v3/auth/tokens")
PROJECTS = ("GET", r"/v3/projects\?")
PUBLISH = ("POST", r"/publish$")
Target = tuple[str, str]
Given = TypeVar("Given")


class Clock:
    """Stands still until it is moved; sleeping moves it. Called, it is the sandbox's clock."""

    def __init__(self, at: datetime = START) -> None:
        self._at, self._moved, self._moving = at, 0.0, threading.Lock()

    def now(self) -> datetime:
        return self._at + timedelta(seconds=self._moved)

    def monotonic(self) -> float:
        return 1000.0 + self._moved

    def sleep(self, seconds: float) -> None:
        self.forward(seconds)

    def forward(self, seconds: float) -> None:
        with self._moving:
            self._moved += seconds

    def __call__(self) -> float:
        return self.now().timestamp()


@dataclass(frozen=True)
class Seen:
    """A request as it came to the door; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    def matches(self, wanted: Target) -> bool:
        return self.method == wanted[0] and re.search(wanted[1], self.target) is not None


class Passing:
    """One request in the door's hands."""

    def __init__(self, handler: _Handler, seen: Seen) -> None:
        self.seen = seen
        self._handler = handler

    def forward(self) -> tuple[int, dict[str, str], bytes]:
        """Let it through; what the services answered."""
        beyond = http.client.HTTPConnection(self._handler.server.beyond, timeout=10)
        with contextlib.closing(beyond):
            beyond.request(self.seen.method, self.seen.target, self.seen.body, dict(self.seen.headers))
            answer = beyond.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in ("content-length", "connection")}
            return answer.status, kept, answer.read()

    def say(self, status: int, headers: Mapping[str, str], body: bytes, length: int | None = None) -> None:
        self._handler.send_response_only(status)
        for name, value in {**headers, "Content-Length": str(len(body) if length is None else length)}.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()
        self._handler.wfile.write(body)

    def cut(self) -> None:
        """RST: the client learns nothing."""
        self._handler.close_connection = True
        with contextlib.suppress(OSError):
            self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._handler.connection.close()

    def hang_up(self) -> None:
        """FIN after what was said."""
        self._handler.close_connection = True

    @property
    def connection(self) -> int:
        """Which one it came over: the client's port."""
        return int(self._handler.client_address[1])

    def wait(self) -> None:
        """Say nothing until the test is over."""
        self._handler.server.over.wait(20)
        self.cut()


Act = Callable[[Passing], None]


def passes(it: Passing) -> None:
    it.say(*it.forward())


def answers(status: int, document: Any = None, headers: Mapping[str, str] | None = None) -> Act:
    """Instead of the services; bytes go out as they are."""
    body = document if isinstance(document, bytes) else b"" if document is None else json.dumps(document).encode()
    return lambda it: it.say(status, headers or {}, body)


def fails(code: str, status: int = 400) -> Act:
    """CBR refuses, and executes nothing."""
    return answers(status, {"error_code": f"BackupService.{code}", "error_msg": f"Text for {code}."})


def executes_and(then: Act) -> Act:
    """The services get the request, the client another answer."""

    def act(it: Passing) -> None:
        it.forward()
        then(it)

    return act


def executes_and_changes(change: Callable[[Any], object]) -> Act:
    """``change`` edits the document of the answer, or returns another one."""

    def act(it: Passing) -> None:
        status, headers, body = it.forward()
        document = json.loads(body)
        changed = change(document)
        it.say(status, headers, json.dumps(document if changed is None else changed).encode())

    return act


def cuts(it: Passing) -> None:
    it.cut()


def says_half(it: Passing) -> None:
    status, headers, body = it.forward()
    it.say(status, headers, body[: len(body) // 2], len(body))
    it.hang_up()


def waits(it: Passing) -> None:
    it.wait()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        seen = Seen(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.server.act_for(seen)(Passing(self, seen))

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


class Door(ThreadingHTTPServer):
    """``on`` says what happens to the next requests of a kind."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, beyond: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.beyond = beyond.removeprefix("http://")
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        self.seen: list[Seen] = []
        self.over = threading.Event()
        self._acts: list[tuple[Target, list[Act], bool]] = []
        self._deciding = threading.Lock()
        self._serving: threading.Thread | None = None

    def on(self, target: Target, *acts: Act, always: bool = False) -> None:
        """The next requests of that kind meet these, in their order; with ``always`` the last one stays."""
        with self._deciding:
            self._acts.append((target, list(acts), always))

    def calm(self) -> None:
        """Let everything pass again."""
        with self._deciding:
            self._acts.clear()

    def unmet(self) -> list[Target]:
        """Kinds of requests that were to meet an act, and never came."""
        with self._deciding:
            return [target for target, acts, always in self._acts if acts and not always]

    def act_for(self, seen: Seen) -> Act:
        with self._deciding:
            self.seen.append(seen)
            for target, acts, always in self._acts:
                if seen.matches(target) and acts:
                    return acts[0] if always and len(acts) == 1 else acts.pop(0)
        return passes

    def came(self, target: Target) -> list[Seen]:
        with self._deciding:
            return [seen for seen in self.seen if seen.matches(target)]

    def open(self) -> None:
        self._serving = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._serving.start()

    def shut(self) -> None:
        """From now on connections are refused."""
        self.over.set()
        if self._serving:
            self.shutdown()
            self._serving.join()
            self._serving = None
            self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed, and connections that were cut, are what this is for."""


RULES = """\
[vaults.erp]
id = "{erp}"
[vaults.files]
id = "{files}"
[vaults.empty]
id = "{empty}"
[timers.nightly]
source = "{schedule}"
{topics}
[[rules]]
name = "nightly-backup"
timer = "nightly"
vaults = {vaults}
{more}
"""
TOPIC = f"""\
[topics.ops]
kind = "smn"
urn = "{estate.TOPIC_URN}"
"""


def only(delivered: Delivered) -> Outcome:
    (outcome,) = delivered.outcomes
    return outcome


class Flaky:
    """A ledger whose named verbs find the store down; ``name!`` lets the verb do its work first."""

    def __init__(self, ledger: Ledger, *down: str) -> None:
        self.ledger, self.down = ledger, set(down)

    def put_if_absent(self, record: Record) -> Record | None:
        return self._call("put_if_absent", lambda: self.ledger.put_if_absent(record))

    def get(self, kind: str, key: str) -> Record | None:
        return self._call("get", lambda: self.ledger.get(kind, key))

    def swap(self, record: Record) -> Record | None:
        return self._call("swap", lambda: self.ledger.swap(record))

    def due(self, now: float, limit: int) -> list[Record]:
        return self._call("due", lambda: self.ledger.due(now, limit))

    def since(self, kind: str, time: float) -> list[Record]:
        return self._call("since", lambda: self.ledger.since(kind, time))

    def close(self) -> None:
        self.ledger.close()

    def fail(self) -> None:
        raise LedgerDown("ledger: the disk is gone")

    def _call(self, verb: str, work: Callable[[], Given]) -> Given:
        if verb in self.down:
            self.fail()
        done = work()
        if f"{verb}!" in self.down:
            self.fail()
        return done


def event(at: datetime = START) -> dict[str, str]:
    return {"schedule_arn": SCHEDULE, "scheduled_time": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


class World:
    """One cloud, one rules file, one ledger on disk, and as many services as a test wants."""

    def __init__(self, folder: Path, at: datetime, cloud: estate.Estate = estate.DEFAULT) -> None:
        self.folder, self.clock = folder, Clock(at)
        self.sandbox = Sandbox(clock=self.clock, well_behaved=True, estate=cloud).start()
        self.door = Door(self.sandbox.endpoint)
        self.door.open()
        self.stream = io.StringIO()
        self._services: list[Service] = []
        self.write_rules()

    def write_rules(self, *vaults: str, topics: str = TOPIC, more: str = "") -> None:
        """What the services made from now on go by; the file share alone where no vault is named."""
        ids = {"erp": estate.ERP_VAULT_ID, "files": estate.FILES_VAULT_ID, "empty": estate.EMPTY_VAULT_ID}
        text = RULES.format(**ids, schedule=SCHEDULE, topics=topics, vaults=json.dumps(vaults or ("files",)), more=more)
        (self.folder / "rules.toml").write_text(text, encoding="utf-8")

    def environ(self, **more: str) -> dict[str, str]:
        """The sandbox's environment, by way of the door."""
        given, here = self.sandbox.environment(), (self.sandbox.endpoint, self.door.endpoint)
        own = {name: value.replace(*here) for name, value in given.items()}
        return own | {
            "RESTORE_POINT_RULES": str(self.folder / "rules.toml"),
            "RESTORE_POINT_LEDGER": f"sqlite:{self.folder / 'ledger.sqlite3'}",
            **more,
        }

    def password(self, **more: str) -> dict[str, str]:
        """The same with a user and a password instead of keys."""
        account = estate.ACCOUNT
        kept = {name: value for name, value in self.environ().items() if not name.endswith(("_AK", "_SK"))}
        user = {"OS_USERNAME": account.username, "OS_PASSWORD": account.password, "OS_USER_DOMAIN_NAME": account.domain_name}
        return kept | user | more

    def settings(self, environ: Mapping[str, str] | None = None) -> Settings:
        return load(self.environ() if environ is None else environ)

    def service(self, environ: Mapping[str, str] | None = None, **more: Any) -> Service:
        made = Service(self.settings(environ), self.clock, stream=self.stream, **more)
        self._services.append(made)
        return made

    def planned(self, service: Service, at: datetime = START) -> list[Planned]:
        triggers = read(self.envelope(at), "", None, self.clock.now())
        found = plan(triggers, service.settings.rules, "delivery-1", self.clock.now())
        return [each for each in found if isinstance(each, Planned)]

    def envelope(self, at: datetime = START, seconds: float = 60.0, door: DoorName = "timer") -> Envelope:
        return Envelope(door, "lambda", "delivery-1", event(at) if door == "timer" else {}, seconds)

    def fire(self, service: Service, at: datetime = START, seconds: float = 60.0) -> Delivered:
        return service.handle(self.envelope(at, seconds))

    def sweep(self, service: Service, seconds: float = 60.0) -> Delivered:
        return service.watch(self.envelope(seconds=seconds, door="watch"))

    def take(self, service: Service, ledger: Ledger, seconds: float = 57.0) -> Outcome:
        """What the timer's delivery does, with a ledger of the test's choice."""
        (planned,) = self.planned(service)
        tools = Taking(ledger, self.clock, lambda: secrets.token_hex(8), 120.0, 60.0)
        return take(planned, service.cbrs[planned.project], tools, Deadline.after(self.clock, seconds))

    def wish(self, service: Service) -> dict[str, Any]:
        """The only wish in the ledger."""
        (record,) = service.ledger.since("wish", 0)
        body: dict[str, Any] = json.loads(record.body)
        return body | {"due": record.due}

    def posts(self) -> list[Exchange]:
        """What CBR itself saw of attempts to create."""
        return self.sandbox.posts()

    def lines(self) -> list[dict[str, Any]]:
        """What was logged, parsed; metrics included."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def deliveries(self) -> list[dict[str, Any]]:
        return [line for line in self.lines() if "restore_points" in line]

    def close(self) -> None:
        for service in self._services:
            service.close()
        self.door.shut()
        self.sandbox.stop()


@contextlib.contextmanager
def world_in(folder: Path, at: datetime = START) -> Iterator[World]:
    world = World(folder, at)
    try:
        yield world
    finally:
        world.close()
