"""A queue that speaks SQS's SendMessageBatch over a real socket, and holds messages back as told.

Its rules are those of the SQS API reference: at most ten entries, ids of their own, a delay of 0 to 900 whole seconds.
"""

from __future__ import annotations

import heapq
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/wishes"
ARN = "arn:aws:sqs:eu-central-1:123456789012:wishes"
AGAIN = 20.0
"""Seconds after which a message that was not settled is brought once more."""


class Queue:
    """``clock`` says what time it is; ``refuses`` is how many of the next batches are answered 500."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._changing = clock, threading.Lock()
        self._held: list[tuple[float, int, str]] = []
        self.sent, self.brought, self.refuses = 0, 0, 0
        self.longest = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True
            wbufsize = -1
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = outer._answer({name.lower(): value for name, value in self.headers.items()}, json.loads(body))
                said = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.environ = {
            "RESTORE_POINT_QUEUE": f"sqs:{URL}",
            "RESTORE_POINT_SQS_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example-secret-that-opens-nothing",
        }

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, headers: dict[str, str], asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.refuses:
            self.refuses -= 1
            return 500, {"__type": "com.amazonaws.sqs#InternalFailure", "message": "in words"}
        assert headers["x-amz-target"] == "AmazonSQS.SendMessageBatch"
        assert "/eu-central-1/sqs/aws4_request" in headers["authorization"]
        assert asked["QueueUrl"] == URL
        entries = asked["Entries"]
        assert 1 <= len(entries) <= 10
        assert len({each["Id"] for each in entries}) == len(entries)
        for each in entries:
            self.put(each["MessageBody"], each["DelaySeconds"])
        return 200, {"Successful": [{"Id": each["Id"]} for each in entries]}

    def put(self, body: str, delay: int = 0) -> None:
        """From anybody who may send."""
        assert isinstance(delay, int)
        assert 0 <= delay <= 900
        with self._changing:
            self.sent += 1
            self.longest = max(self.longest, delay)
            heapq.heappush(self._held, (self._clock() + delay, self.sent, body))

    def receive(self) -> list[dict[str, Any]]:
        """A batch of at most ten, as Lambda's event source hands it to a function."""
        records: list[dict[str, Any]] = []
        with self._changing:
            while self._held and len(records) < 10 and self._held[0][0] <= self._clock():
                _, number, body = heapq.heappop(self._held)
                self.brought += 1
                records.append({"messageId": f"message-{number}", "body": body, "eventSource": "aws:sqs", "eventSourceARN": ARN})
        return records

    def back(self, records: list[dict[str, Any]], failed: set[str]) -> None:
        """What was not settled comes again."""
        with self._changing:
            for each in records:
                if each["messageId"] in failed:
                    number = int(each["messageId"].rpartition("-")[2])
                    heapq.heappush(self._held, (self._clock() + AGAIN, number, each["body"]))

    @property
    def next_at(self) -> float:
        """When the next message may be handed out."""
        with self._changing:
            return self._held[0][0] if self._held else float("inf")

    @property
    def empty(self) -> bool:
        with self._changing:
            return not self._held
