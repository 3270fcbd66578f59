"""A function of a custom image: the real functions-framework server, started by the environment alone, as its container is.

What the platform sends is the fake of it: POST /init and /invoke with the headers its documents name (Huawei Cloud's help centre,
functiongraph_04_0104 and functiongraph_01_1047; Open Telekom Cloud's "Common Request Headers of HTTP Functions" and "Transferring
Secret Keys through the request header").
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

from tests.functiongraph.calls import Keys, Result, apig, from_apig
from tests.web_server import PATIENCE, ROOT, Answered, WebServer

SOURCE = ROOT / "handlers" / "functiongraph_image.py"
NULLS: Keys = ("null", "null", "null", "null")
"""Without an agency, or where "Include Keys" is off."""


class ImageServer(WebServer):
    """The server, and the platform before it. ``environ`` is all the container has."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        framework = {"FUNCTION_TARGET": "main", "FUNCTION_SOURCE": str(SOURCE), "HOST": "127.0.0.1", "PORT": str(self.port)}
        around = kept | framework | {"PYTHONPATH": str(ROOT), "HOME": "/nonexistent", "PYTHONUNBUFFERED": "1"} | dict(environ)
        self._stdout, self._stderr = folder / "image.out", folder / "image.err"
        with self._stdout.open("ab") as out, self._stderr.open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "functions_framework"], env=around, cwd=folder, stdout=out, stderr=err
            )

    def call(self, path: str, body: bytes, keys: Keys = NULLS, **more: str) -> Answered:
        """One request of the platform's."""
        names = ("security-access-key", "security-secret-key", "security-token", "auth-token")
        function = {
            "request-id": str(uuid.uuid4()), "timeout": "30", "memory": "256", "func-name": "0@default@restore-point",
            "func-version": "latest", "project-id": "sn", "region": "cn", "package": "default",
        }  # fmt: skip
        given = function | {name: key for name, key in zip(names, keys, strict=True) if key is not None} | more
        headers = {"Content-Type": "application/json"} | {f"X-Cff-{name.title()}": value for name, value in given.items()}
        return self.ask("POST", path, headers, body)

    def invoke(self, event: object, keys: Keys = NULLS, **more: str) -> Result:
        """An event; an answer other than 200 is a failure."""
        answered = self.call("/invoke", event if isinstance(event, bytes) else json.dumps(event).encode(), keys, **more)
        text = answered.body.decode()
        if answered.status != 200:
            return Result("", error=text or "failed")
        return Result("", text, answered.headers["content-type"])

    def gateway(self, path: str, headers: Mapping[str, str], body: bytes, keys: Keys) -> tuple[int, dict[str, str], bytes]:
        """An event function's APIG trigger."""
        return from_apig(self.invoke(apig(path, headers, body), keys))

    @property
    def logs(self) -> list[str]:
        return [self._stdout.read_text("utf-8"), self._stderr.read_text("utf-8")]


def refused_start(environ: Mapping[str, str], folder: Path) -> str:
    """What a server says that ends at its start."""
    server = ImageServer(environ, folder)
    try:
        assert server.process.wait(PATIENCE) != 0
    finally:
        server.process.kill()
        server.process.wait()
    return server.stderr
