"""A client made of a socket: it sees what really comes, and how it ends."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from handlers.sandbox import Sandbox, estate

PROJECT = f"/v3/{estate.PROJECT_ID}"
CREATE = {"checkpoint": {"vault_id": estate.FILES_VAULT_ID, "parameters": {"name": "nightly"}}}


@dataclass
class Came:
    """``end`` is how the connection stood afterwards: open, closed or reset."""

    raw: bytes
    end: str
    seconds: float = 0.0

    @property
    def status(self) -> int:
        return int(self.raw.split(b" ", 2)[1]) if self.raw else 0

    @property
    def headers(self) -> dict[str, str]:
        head = self.raw.partition(b"\r\n\r\n")[0].decode("latin-1")
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])}

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Plain:
    """Speaks with a token, on a connection of its own that is kept from call to call."""

    sandbox: Sandbox
    token: str = ""
    socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.socket = socket.socket()
        self.connect()

    def connect(self) -> None:
        self.socket.close()
        address = urlsplit(self.sandbox.endpoint)
        self.socket = socket.create_connection((address.hostname or "", address.port or 0), timeout=5)

    def sign_in(self) -> Plain:
        account = estate.ACCOUNT
        user = {"name": account.username, "password": account.password, "domain": {"name": account.domain_name}}
        scope = {"project": {"name": account.project_name}}
        identity = {"methods": ["password"], "password": {"user": user}}
        self.token = self.call("POST", "/v3/auth/tokens", {"auth": {"identity": identity, "scope": scope}}).headers[
            "x-subject-token"
        ]
        return self

    def create(self, **options: Any) -> Came:
        return self.call("POST", PROJECT + "/checkpoints", CREATE, **options)

    def list(self, what: str = "backups") -> Came:
        return self.call("GET", f"{PROJECT}/{what}")

    def control(self, method: str, path: str, body: Any = None) -> Came:
        return self.call(method, f"/_sandbox{path}", body)

    def call(self, method: str, target: str, body: Any = None, *, patience: float = 5.0) -> Came:
        raw = b"" if body is None else json.dumps(body).encode()
        token = f"X-Auth-Token: {self.token}\r\n" if self.token else ""
        host = urlsplit(self.sandbox.endpoint).netloc
        head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{token}Content-Length: {len(raw)}\r\n\r\n"
        return self.send(head.encode("latin-1") + raw, bodiless=method == "HEAD", patience=patience)

    def send(self, raw: bytes, *, bodiless: bool = False, patience: float = 5.0) -> Came:
        """What comes until there is a whole answer, the connection ends, or ``patience`` does."""
        began = time.monotonic()
        self.socket.settimeout(patience)
        if raw:
            self.socket.sendall(raw)
        came = Came(b"", "open")
        while not _whole(came, bodiless=bodiless):
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionResetError:
                came.end = "reset"
                break
            except TimeoutError:
                came.end = "silent"
                break
            if not more:
                came.end = "closed"
                break
            came.raw += more
        came.seconds = time.monotonic() - began
        return came

    def rest(self, patience: float = 5.0) -> Came:
        """What else comes."""
        return self.send(b"", patience=patience)

    def close(self) -> None:
        self.socket.close()


def _whole(came: Came, *, bodiless: bool) -> bool:
    if b"\r\n\r\n" not in came.raw:
        return False
    length = 0 if bodiless else int(came.headers.get("content-length", "0"))
    return len(came.body) >= length
