"""Real stand-ins for the services, started once per test process and stopped with it; loopback only.

SNS and SQS: ministack, whose python RESTORE_POINT_DYNAMODB_EMULATOR names. Pub/Sub: Google's own emulator, whose jar
RESTORE_POINT_PUBSUB_EMULATOR names; without it a fake of the documented REST, which is that and no more.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

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


JAR = os.environ.get("RESTORE_POINT_PUBSUB_EMULATOR", "")


class PubSub(Process):
    """Google's emulator. It keeps no filters of subscriptions."""

    def command(self) -> list[str]:
        return ["java", "-XX:TieredStopAtLevel=1", "-jar", JAR, "--host=127.0.0.1", f"--port={self.port}"]

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


class FakePubSub(PubSub):
    """Topics, subscriptions, publish and pull, by the REST reference."""

    def start(self) -> None:
        self._topics: dict[str, list[str]] = {}
        self._waiting: dict[str, list[dict[str, Any]]] = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status, document = fake.answer(self.command, self.path.removeprefix("/v1/"), json.loads(body))
                answer = json.dumps(document).encode()
                self.send_response_only(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_PUT = do_POST  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._serving.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()
        super().stop()

    def answer(self, method: str, path: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name, _, verb = path.partition(":")
        assert re.fullmatch(r"projects/[a-z0-9-]+/(topics|subscriptions)/[A-Za-z][A-Za-z0-9-]{2,254}", name)
        if method == "PUT" and "/topics/" in name:
            self._topics[name] = []
        elif method == "PUT":
            self._topics[document["topic"]].append(name)
            self._waiting[name] = []
        elif verb == "pull":
            taken, self._waiting[name] = self._waiting[name], []
            return 200, {"receivedMessages": [{"ackId": "a", "message": each} for each in taken]}
        elif name not in self._topics:
            return 404, {"error": {"code": 404, "message": "Topic not found", "status": "NOT_FOUND"}}
        else:
            for subscription in self._topics[name]:
                self._waiting[subscription] += document["messages"]
            return 200, {"messageIds": [str(number) for number, _ in enumerate(document["messages"])]}
        return 200, {"name": name}


def pubsub_server() -> PubSub:
    """Google's where it can be had."""
    return PubSub() if JAR else FakePubSub()


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
