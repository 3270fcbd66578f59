"""A Secrets Manager that says what a test wants, on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.ledger.servers import KEYS

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:cbr-AbCdEf"
SECRET = "a-canary-that-no-message-may-sing"

ALERTS = """
[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "{secret}"
[[rules]]
name = "alerts"
sender = "am"
vaults = ["files"]
"""
RULES = '[vaults.files]\nid = "c93e6f18-0d27-4ab5-8f41-2b9a64d7e035"\n' + ALERTS


def environ_at(origin: str, **more: str) -> dict[str, str]:
    return {**KEYS, "RESTORE_POINT_SECRETSMANAGER_ENDPOINT": origin, **more}


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append({name.lower(): value for name, value in self.headers.items()})
        status, body = self.server.answers[min(len(self.server.asked), len(self.server.answers)) - 1]
        if status == 0:
            self.server.over.wait(20)
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Endpoint(ThreadingHTTPServer):
    """Gives these answers in their order, the last one for ever; a status of 0 is silence."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, str]] = []
        self.answers: list[tuple[int, bytes]] = [(200, said(SECRET))]
        self.over = threading.Event()
        self._serving = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._serving.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.over.set()
        self.shutdown()
        self._serving.join()
        self.server_close()


def said(value: object) -> bytes:
    return json.dumps({"ARN": ARN, "SecretString": value}).encode()


def refused(kind: str) -> bytes:
    return json.dumps({"__type": kind, "Message": f"about {SECRET}"}).encode()
