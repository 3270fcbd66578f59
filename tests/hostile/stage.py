"""A cloud, the line to it on which every connection is counted, and the entry functions of three platforms before it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from handlers import aws_lambda, functiongraph
from handlers.sandbox import Exchange, Sandbox, estate
from tests.sockets import Server, always, reply
from tests.test_functiongraph import FakeContext
from tests.web_server import WebServer

SCHEDULE = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:alarms"
TOPIC = "urn:smn:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:alarms"
SENDERS = ("am", "mon", "ci", "desk", "cron", "budget")
SECRETS = {f"HOSTILE_{name.upper()}_TOKEN": f"token-of-{name}-0123456789abcdef" for name in SENDERS}
PLATFORMS = ("web", "lambda", "functiongraph")
RULES = (Path(__file__).parent / "rules.toml").read_text("utf-8")
TOLD = """
[topics.ops]
kind = "smn"
urn = "{urn}"
outcomes = ["created", "joined", "skipped", "refused", "later", "failed", "available", "partly", "broken", "warning"]
"""


def token(sender: str) -> str:
    return SECRETS.get(f"HOSTILE_{sender.upper()}_TOKEN", "")


class Line:
    """A listener before the services that counts connections and keeps what was sent: no client can talk it over."""

    def __init__(self, beyond: str) -> None:
        host, _, port = beyond.removeprefix("http://").partition(":")
        self._beyond = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.sent = bytearray()
        self._noting, self._open = threading.Lock(), list[socket.socket]()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        with self._noting:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                with self._noting:
                    self.connections += 1
                far = socket.create_connection(self._beyond)
                with self._noting:
                    self._open += [near, far]
                for one, other, keep in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._pass, args=(one, other, keep), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, keep: bool) -> None:
        with contextlib.suppress(OSError):
            while some := one.recv(65536):
                if keep:
                    with self._noting:
                        self.sent += some
                other.sendall(some)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)


@dataclass(frozen=True)
class Said:
    """A platform's answer to a hostile request; header names in lower case."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def reasons(self) -> list[str]:
        return [each["reason"] for each in self.outcomes]

    @property
    def words(self) -> list[str]:
        return [each["outcome"] for each in self.outcomes]

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.text)["outcomes"]
        return found


class Context:
    """Lambda's."""

    def __init__(self) -> None:
        self.aws_request_id = f"{time.monotonic_ns():032x}"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Stage:
    """``ask`` brings one HTTP request to one of the platforms' entry functions; ``calls`` is what went out since the start."""

    def __init__(self, folder: Path, *, told: bool = False, more: str = "", speed: float = 1.0) -> None:
        self.folder = folder
        self.sandbox = Sandbox(well_behaved=True, speed=speed).start()
        self.line = Line(self.sandbox.endpoint)
        self.trap = Server(always(reply()))
        self._leaving = contextlib.ExitStack()
        self._web: WebServer | None = None
        topics = TOLD.format(urn=estate.TOPIC_URN) if told else ""
        rules = folder / "hostile.toml"
        rules.write_text(RULES + topics + more, encoding="utf-8")
        own = {
            name: value.replace(self.sandbox.endpoint, self.line.endpoint) for name, value in self.sandbox.environment().items()
        }
        files = {"RESTORE_POINT_RULES": str(rules), "RESTORE_POINT_LEDGER": "memory", "HW_REGION_NAME": estate.REGION}
        self.environ = own | SECRETS | files

    def __enter__(self) -> Self:
        self._leaving.callback(self.sandbox.stop)
        self._leaving.callback(self.line.close)
        self._leaving.enter_context(self.trap)
        patch = self._leaving.enter_context(pytest.MonkeyPatch.context())
        for name in os.environ:
            if name.startswith(("HUAWEICLOUD_", "HW_", "OS_", "RESTORE_POINT_")):
                patch.delenv(name)
        for name, value in self.environ.items():
            patch.setenv(name, value)
        cold()
        self._leaving.callback(cold)
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.close()

    @property
    def web(self) -> WebServer:
        """Started at the first use."""
        if self._web is None:
            self._web = self._leaving.enter_context(WebServer(self.environ, self.folder))
        return self._web

    @property
    def evil(self) -> str:
        """Where hostile URLs lead, without the scheme."""
        return f"127.0.0.1:{self.trap.port}"

    def calls(self) -> tuple[int, int, int]:
        """Requests the services saw, connections to them, connections to the place no event may lead to."""
        return len(self.sandbox.exchanges), self.line.connections, self.trap.accepted

    @contextlib.contextmanager
    def nothing_leaves(self) -> Iterator[None]:
        before = self.calls()
        yield
        assert self.calls() == before, [f"{each.method} {each.path}" for each in self.sandbox.exchanges[before[0] :]]

    def posts(self) -> list[Exchange]:
        return self.sandbox.posts()

    def ask(
        self,
        platform: str,
        path: str,
        body: bytes | str | object = b"{}",
        method: str = "POST",
        bearer: str | None = None,
        **headers: str | None,
    ) -> Said:
        """With the proof of the path's sender unless another is given; a header of None is left out."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode() if not isinstance(body, str) else body.encode()
        proof = token(path.partition("?")[0].rpartition("/")[2]) if bearer is None else bearer
        given: dict[str, str | None] = {"content-type": "application/json"}
        given |= {"authorization": f"Bearer {proof}"} if proof else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in given.items() if value is not None}
        if platform == "web":
            answer = self.web.ask(method, path, kept, sent)
            return Said(answer.status, answer.body.decode(), answer.headers)
        return self.hand(platform, path.split("/")[1], event_of(platform, path, method, kept, sent))

    def hand(self, platform: str, door: str, event: object) -> Said:
        """A platform's own form of it, straight to the entry function."""
        entry = getattr(aws_lambda if platform == "lambda" else functiongraph, door)
        context = Context() if platform == "lambda" else FakeContext(self.environ, project=estate.PROJECT_ID)
        answer = entry(event, context)
        if "statusCode" in answer:
            return Said(answer["statusCode"], answer["body"], {name.lower(): value for name, value in answer["headers"].items()})
        return Said(answer.get("status", 0), json.dumps(answer))

    def everywhere(self, path: str, body: Any = b"{}", **more: Any) -> list[Said]:
        """The same to all three."""
        return [self.ask(platform, path, body, **more) for platform in PLATFORMS]


def event_of(platform: str, path: str, method: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """A request as a Function URL or FunctionGraph's APIG hands it over; base64, as both do with what may be no text."""
    plain, _, query = path.partition("?")
    coded = {"body": base64.b64encode(body).decode(), "isBase64Encoded": True, "headers": dict(headers)}
    if platform == "lambda":
        http = {"method": method, "path": plain}
        return coded | {"version": "2.0", "rawPath": plain, "rawQueryString": query, "requestContext": {"http": http}}
    return coded | {"httpMethod": method, "path": plain, "queryStringParameters": {"q": query}, "requestContext": {"stage": "R"}}


def cold() -> None:
    """No warm instance of either platform, as at a cold start."""
    aws_lambda.warm.clear()
    functiongraph.warm.clear()


def firing(*several: Mapping[str, Any], **labels: Any) -> dict[str, Any]:
    """Alertmanager's body with one firing alert, or one for each of ``several`` sets of labels."""
    every = several or ({"alertname": "DatabaseCorrupt", "host": "erp-db", "severity": "critical"} | labels,)
    return {"version": "4", "status": "firing", "alerts": [{"status": "firing", "labels": dict(each)} for each in every]}


def simple(**labels: Any) -> dict[str, Any]:
    return {"status": "firing", "labels": {"host": "erp-db"} | labels}


def asked(**parameters: Any) -> dict[str, Any]:
    """A one-off of the API's own form."""
    return {"checkpoint": {"vault_id": estate.ERP_VAULT_ID} | ({"parameters": parameters} if parameters else {})}
