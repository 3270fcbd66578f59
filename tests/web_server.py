"""The real server on a free port: the one that is deployed, or functions-framework's own start of ``handlers/web.py``."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[1]
WEB = ROOT / "handlers" / "web.py"
PATIENCE = 20.0
OURS = ("-m", "handlers.web_server")
FRAMEWORK = ("-m", "functions_framework", "--source", str(WEB))
"""How functions-framework is started where others start it, such as Cloud Run functions' buildpack."""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@dataclass(frozen=True)
class Answered:
    """An answer over HTTP; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(each["outcome"], each["reason"]) for each in self.json["outcomes"]]


class WebServer:
    """``with WebServer(environ, folder) as server: server.post("/alert/am", …)``. ``process`` may be killed by a test."""

    def __init__(
        self,
        environ: Mapping[str, str],
        folder: Path,
        target: str = "main",
        *,
        command: Sequence[str] = OURS,
        host: str = "127.0.0.1",
    ) -> None:
        self.port = free_port()
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        around = kept | {"PYTHONPATH": str(ROOT), "HOME": str(folder), "PYTHONUNBUFFERED": "1"}
        around |= {"FUNCTION_TARGET": target, "HOST": "127.0.0.1", "PORT": str(self.port)} | dict(environ)
        self._stdout, self._stderr = folder / "web.out", folder / "web.err"
        with self._stdout.open("ab") as out, self._stderr.open("ab") as err:
            self.process = subprocess.Popen([sys.executable, *command], env=around, cwd=folder, stdout=out, stderr=err)

    def __enter__(self) -> Self:
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            time.sleep(0.02)
        raise AssertionError(f"the server did not start: {self.stderr}")

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None) -> Answered:
        """``body`` as bytes, as an iterator of bytes (then it is chunked), or anything else as JSON."""
        sent = body if body is None or isinstance(body, bytes) or hasattr(body, "__next__") else json.dumps(body).encode()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, sent, dict(headers or {}), encode_chunked=hasattr(body, "__next__"))
            answer = connection.getresponse()
            return Answered(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def post(self, path: str, body: Any, bearer: str = "", **headers: str) -> Answered:
        proof = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return self.ask("POST", path, {"Content-Type": "application/json", **proof, **headers}, body)

    @property
    def stderr(self) -> str:
        return self._stderr.read_text("utf-8")

    @property
    def stdout(self) -> str:
        return self._stdout.read_text("utf-8")

    @property
    def deliveries(self) -> list[dict[str, Any]]:
        """What was logged of deliveries."""
        lines = [json.loads(line) for line in self.stdout.splitlines() if line.startswith("{")]
        return [line for line in lines if "restore_points" in line]

    @property
    def memory(self) -> int:
        """Kilobytes the largest of its processes has ever held."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii").split()
        texts = [Path(f"/proc/{each}/status").read_text("ascii") for each in (str(self.process.pid), *children)]
        return max(int(line.split()[1]) for text in texts for line in text.splitlines() if line.startswith("VmHWM"))
