"""A sandbox on a real socket with a clock that moves when told, and a plain client for it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from handlers.sandbox import Sandbox, estate
from handlers.signing import query_string, sign
from tests.sandbox.plain import Plain


@dataclass
class Clock:
    now: float = datetime(2026, 11, 23, 7, 4, 51, 304116, UTC).timestamp()

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Client:
    """One kept-open connection; signs unless told otherwise."""

    endpoint: str
    clock: Clock
    keys: dict[str, str] = field(default_factory=lambda: {"access_key": estate.ACCESS_KEY, "secret_key": estate.SECRET_KEY})

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=5)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: list[tuple[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        signed: bool = True,
    ) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        target = f"{path}?{query_string(query)}" if query else path
        sent = {"Content-Type": "application/json", **(headers or {})}
        if signed:
            now = datetime.fromtimestamp(self.clock.now, UTC)
            sent |= sign(method, self.endpoint + target, sent, raw, now=now, **self.keys)
        self.connection.request(method, target, raw, sent)
        reply = self.connection.getresponse()
        return Answer(reply.status, reply.headers, reply.read())

    def cbr(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call(method, f"/v3/{estate.PROJECT_ID}{path}", body, **options)

    def create(self, vault_id: str = estate.ERP_VAULT_ID, **parameters: Any) -> Answer:
        checkpoint = {"vault_id": vault_id} | ({"parameters": parameters} if parameters else {})
        return self.cbr("POST", "/checkpoints", {"checkpoint": checkpoint})

    def list(self, what: str, *query: tuple[str, str]) -> Any:
        answer = self.cbr("GET", f"/{what}", query=list(query))
        assert answer.status == 200, answer.raw
        return answer.json


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock, well_behaved=True) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox, clock: Clock) -> Iterator[Client]:
    connected = Client(sandbox.endpoint, clock)
    yield connected
    connected.connection.close()


@pytest.fixture
def another(sandbox: Sandbox, clock: Clock) -> Iterator[Any]:
    """More clients, with keys of their own."""
    made: list[Client] = []

    def connect(**keys: str) -> Client:
        made.append(Client(sandbox.endpoint, clock, keys) if keys else Client(sandbox.endpoint, clock))
        return made[-1]

    yield connect
    for each in made:
        each.connection.close()


@pytest.fixture
def plain(sandbox: Sandbox) -> Iterator[Plain]:
    """A socket with a token on it; what it took to get one is in the record, too."""
    made = Plain(sandbox).sign_in()
    yield made
    made.close()
