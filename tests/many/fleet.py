"""Two instances of the Lambda function and two web servers, as processes of their own, and a queue all of them are fed from."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Self

from tests.many.cloud import BEARERS
from tests.runtime_api import LambdaFunction
from tests.web_server import WebServer

CONNECTIONS = 3
"""To each web server at a time. A Lambda process takes one event at a time."""
SECONDS = 20.0
"""A function's time-out."""


@dataclass(frozen=True)
class Delivery:
    """One arrival of an alert. ``body`` is what its sender says."""

    cause: int
    sender: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """What the sender got for it."""

    delivery: Delivery
    carrier: str
    status: int
    outcomes: tuple[Mapping[str, Any], ...]

    @property
    def word(self) -> str:
        """Of its only outcome."""
        (outcome,) = self.outcomes
        return str(outcome["outcome"])

    @property
    def reason(self) -> str:
        return str(self.outcomes[0]["reason"])

    @property
    def restore_point(self) -> str:
        return str(self.outcomes[0]["restore_point"])


def url_event(delivery: Delivery) -> dict[str, Any]:
    """The request as a Function URL hands it over."""
    path = f"/alert/{delivery.sender}"
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": "application/json", "authorization": f"Bearer {BEARERS[delivery.sender]}"},
        "requestContext": {"http": {"method": "POST", "path": path}},
        "body": json.dumps(delivery.body),
        "isBase64Encoded": False,
    }


class Fleet:
    """``with Fleet(environ, folder) as fleet: said = fleet.deliver(deliveries)``. All four are up before the first of them."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._open, self._folder = contextlib.ExitStack(), folder
        self._environ = environ
        self.rate = 0.0
        """Deliveries a second of the last ``deliver``."""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opening:
            servers = [opening.enter_context(self._server(number)) for number in range(2)]
            functions = [opening.enter_context(LambdaFunction("handlers.aws_lambda.alert", env=self._environ)) for _ in range(2)]
            self._open = opening.pop_all()
        self._servers, self._functions = servers, functions
        self._feeds = [(f"web {n}", self._web(server)) for n, server in enumerate(servers) for _ in range(CONNECTIONS)]
        self._feeds += [(f"lambda {n}", self._invoked(function)) for n, function in enumerate(functions)]
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def deliver(self, deliveries: Iterable[Delivery]) -> list[Said]:
        """All of them, in this order, each by whoever is free. The first of each carrier finds it with the others at once."""
        waiting: SimpleQueue[Delivery] = SimpleQueue()
        for delivery in deliveries:
            waiting.put(delivery)
        together = threading.Barrier(len(self._feeds))

        def feed(carrier: str, send: Callable[[Delivery], tuple[int, Any]]) -> list[Said]:
            together.wait()
            said = []
            with contextlib.suppress(Empty):
                while True:
                    delivery = waiting.get_nowait()
                    status, body = send(delivery)
                    outcomes = body.get("outcomes", ()) if isinstance(body, dict) else ()
                    said.append(Said(delivery, carrier, status, tuple(outcomes)))
            return said

        began = time.monotonic()
        with ThreadPoolExecutor(len(self._feeds)) as feeders:
            found = [said for each in feeders.map(lambda pair: feed(*pair), self._feeds) for said in each]
        self.rate = len(found) / (time.monotonic() - began)
        return found

    @property
    def degraded(self) -> int:
        """How many deliveries say in their log lines that they did without the ledger."""
        lines = [json.loads(line) for function in self._functions for line in function.stdout if line.startswith("{")]
        lines += [line for server in self._servers for line in server.deliveries]
        return sum("degraded" in each for line in lines for each in line.get("restore_points", ()))

    def _server(self, number: int) -> WebServer:
        own = self._folder / f"web-{number}"
        own.mkdir(parents=True)
        return WebServer(self._environ, own)

    @staticmethod
    def _web(server: WebServer) -> Callable[[Delivery], tuple[int, Any]]:
        def send(delivery: Delivery) -> tuple[int, Any]:
            answer = server.post(f"/alert/{delivery.sender}", delivery.body, BEARERS[delivery.sender])
            return answer.status, json.loads(answer.body)

        return send

    @staticmethod
    def _invoked(function: LambdaFunction) -> Callable[[Delivery], tuple[int, Any]]:
        def send(delivery: Delivery) -> tuple[int, Any]:
            answer = function.invoke(url_event(delivery), timeout=SECONDS)
            assert answer.error is None, answer.error
            return answer.payload["statusCode"], json.loads(answer.payload["body"])

        return send


def shares(said: Iterable[Said]) -> Counter[str]:
    """How many each of the four delivered."""
    return Counter(each.carrier for each in said)
