"""Real stand-ins for the services, started once per test process and stopped with it; loopback only.

SNS and SQS: ministack, whose python RESTORE_POINT_DYNAMODB_EMULATOR names. Pub/Sub: Google's own emulator, whose jar
RESTORE_POINT_PUBSUB_EMULATOR names.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from handlers.clock import SystemClock
from handlers.signing import sign_aws
from tests.ledger.servers import Emulator, Process
from tests.topics.stage import AWS

REGION = "eu-central-1"


class Ministack(Emulator):
    """SNS with its queues."""

    def environ(self) -> dict[str, str]:
        return super().environ() | {"SERVICES": "sns,sqs"}

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, service: str, **parameters: str) -> str:
        """One request by the query protocol; the answer's XML."""
        body = urlencode(parameters).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        headers |= sign_aws(
            "POST", f"{self.origin}/", headers, body, access_key=AWS["AWS_ACCESS_KEY_ID"],
            secret_key=AWS["AWS_SECRET_ACCESS_KEY"], region=REGION, service=service, now=SystemClock().now(),
        )  # fmt: skip
        status, answer = asked("POST", self.port, "/", headers, body)
        assert status == 200, answer
        return answer.decode()


class PubSub(Process):
    """Google's emulator."""

    def __init__(self) -> None:
        self._jar = os.environ.get("RESTORE_POINT_PUBSUB_EMULATOR", "")
        if not self._jar or shutil.which("java") is None:
            pytest.skip("RESTORE_POINT_PUBSUB_EMULATOR names no jar of the Pub/Sub emulator, or there is no java")
        super().__init__()

    def command(self) -> list[str]:
        return ["java", "-XX:TieredStopAtLevel=1", "-jar", self._jar, "--host=127.0.0.1", f"--port={self.port}"]

    def ready(self) -> bool:
        return asked("GET", self.port, "/", {}, b"")[0] == 200

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, document: object) -> dict[str, Any]:
        status, answer = asked(method, self.port, path, {"Content-Type": "application/json"}, json.dumps(document).encode())
        assert status == 200, answer
        found: dict[str, Any] = json.loads(answer)
        return found


def asked(method: str, port: int, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def form_of(body: bytes) -> dict[str, str]:
    """A form as it was posted, no name twice."""
    pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)
