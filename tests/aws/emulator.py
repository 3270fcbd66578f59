"""An AWS on this machine: ministack in an environment and a process of its own, and signed requests to it.

It runs functions by its own python in processes of their own, and keeps what they print. RESTORE_POINT_AWS_EMULATOR names it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest

from handlers.clock import SystemClock
from handlers.signing import sign_aws
from handlers.wire import Deadline, Wire
from handlers.wire.reply import Reply
from tests.ledger.servers import KEYS, Process

REGION, ACCOUNT = "eu-central-1", "000000000000"
JSON = {"secretsmanager": ("secretsmanager", "1.1"), "sqs": ("AmazonSQS", "1.0"), "logs": ("Logs_20140328", "1.1")}
JSON |= {"dynamodb": ("DynamoDB_20120810", "1.0")}
"""Services that take JSON: the prefix of their actions, and which JSON."""


class AwsEmulator(Process):
    """What is asked of it is signed by our own signer, and its answers are read by our own wire."""

    def __init__(self) -> None:
        if not (python := os.environ.get("RESTORE_POINT_AWS_EMULATOR", "")):
            pytest.skip(
                "RESTORE_POINT_AWS_EMULATOR does not name the python of an environment with ministack and SAM's translator"
            )
        super().__init__()
        self._python, self._clock = python, SystemClock()
        self.origin = f"http://127.0.0.1:{self.port}"
        self._wire = Wire([self.origin], self._clock)

    @property
    def minor(self) -> str:
        """What its functions run on: 3.13."""
        command = [self._python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def environ(self) -> dict[str, str]:
        """Its functions inherit it, which is how they learn where AWS is."""
        own = {"GATEWAY_PORT": f"{self.port}", "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
        own |= {"MINISTACK_HOST": "127.0.0.1", "MINISTACK_REGION": REGION, "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2"}
        own |= {"RESTORE_POINT_FOLLOW_SECONDS": "0", "RESTORE_POINT_SECRETS_SECONDS": "1"}
        return (
            super().environ() | own | {f"RESTORE_POINT_{name}_ENDPOINT": self.origin for name in ("DYNAMODB", "SECRETSMANAGER")}
        )

    def command(self) -> list[str]:
        return [self._python, "-m", "ministack"]

    def ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
            connection.sendall(b"GET /_ministack/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b" 200 " in connection.recv(64)

    def stop(self) -> None:
        """In peace first: it ends the processes of its functions."""
        self._wire.close()
        if self.running is not None:
            self.send(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.running.wait(5)
        super().stop()

    def request(self, service: str, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= sign_aws(
            method, self.origin + path, sent, body, access_key=KEYS["AWS_ACCESS_KEY_ID"], secret_key="not-a-secret",
            region=REGION, service=service, now=self._clock.now(),
        )  # fmt: skip
        return self._wire.request(method, self.origin + path, headers=sent, body=body, deadline=Deadline.after(self._clock, 60))

    def ask(self, service: str, action: str, **wanted: Any) -> dict[str, Any]:
        """A service that takes JSON."""
        prefix, version = JSON[service]
        headers = {"Content_Type": f"application/x-amz-json-{version}", "X_Amz_Target": f"{prefix}.{action}"}
        return _document(self.request(service, "POST", "/", json.dumps(wanted).encode(), **headers))

    def rest(self, service: str, method: str, path: str, document: Any = None, **headers: str) -> dict[str, Any]:
        """A service whose paths say what is asked."""
        body = b"" if document is None else json.dumps(document).encode()
        return _document(self.request(service, method, path, body, Content_Type="application/json", **headers))

    def form(self, service: str, wanted: dict[str, str]) -> ET.Element:
        """A service that is asked by a form and answers in XML."""
        reply = self.request(service, "POST", "/", urlencode(wanted).encode(), Content_Type="application/x-www-form-urlencoded")
        assert reply.status == 200, reply.body
        return ET.fromstring(reply.body)

    def described(self, stack: str, action: str, entry: str, key: str, value: str) -> dict[str, str]:
        """What CloudFormation has of a stack."""
        answer = self.form("cloudformation", {"Action": action, "Version": "2010-05-15", "StackName": stack})
        found = answer.iterfind(f".//{{*}}{entry}/{{*}}member")
        return {each.findtext(f"{{*}}{key}", ""): each.findtext(f"{{*}}{value}", "") for each in found}


def _document(reply: Reply) -> dict[str, Any]:
    assert reply.status in (200, 202), reply.body
    document: dict[str, Any] = json.loads(reply.body) if reply.body.strip() else {}
    return document
