"""How a document reaches the entry functions of each platform from a terminal, and what they answer."""

from __future__ import annotations

import base64
import contextlib
import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from handlers.errors import Misconfigured, Redeliver
from handlers.rules import Rules
from handlers.settings import Key, served
from handlers.trust import authorization

RUN_SECONDS = 60.0
"""The time-out a function at a terminal pretends to have."""
START_SECONDS = 20.0
_NOT_FOR_US = ("FUNCTION_TARGET", "FUNCTION_SOURCE", "FUNCTION_SIGNATURE_TYPE", "ENTRY_POINT")
"""Variables of functions-framework that would make another kind of server of it."""

Ask = Callable[[str, object], dict[str, Any]]


class Context:
    """The context object of Lambda and that of FunctionGraph, as far as the entry functions use them."""

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self._ends = time.monotonic() + RUN_SECONDS

    def get_remaining_time_in_millis(self) -> int:
        """As Lambda counts it."""
        return max(round((self._ends - time.monotonic()) * 1000), 0)

    def getRequestID(self) -> str:  # noqa: N802 - FunctionGraph's names, from here on
        """The invocation."""
        return self.aws_request_id

    def getRemainingTimeInMilliSeconds(self) -> int:  # noqa: N802
        """As FunctionGraph counts it."""
        return self.get_remaining_time_in_millis()

    def getUserData(self, key: str) -> str | None:  # noqa: N802
        """At a terminal the environment says it all."""
        return os.environ.get(key)

    def getProjectID(self) -> str:  # noqa: N802
        """No function, no project."""
        return ""

    def _no_agency(self) -> str | None:
        return None

    getSecurityAccessKey = getSecuritySecretKey = getSecurityToken = _no_agency  # noqa: N815


def invoked(module: str) -> Ask:
    """Calls the entry functions of ``module``. An error raised so as to be called again is told as its platform would."""

    def ask(door: str, document: object) -> dict[str, Any]:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                answer: dict[str, Any] = getattr(importlib.import_module(module), door)(document, Context())
        except Redeliver as error:
            return {"error": {"type": "Redeliver", "message": str(error)}, **error.answer}
        return filled(answer) if "statusCode" in answer else answer

    return ask


def function_url(door: str, sender: str, proof: Mapping[str, str], body: str) -> dict[str, Any]:
    """A body as a Lambda Function URL brings it (payload format 2.0), with the sender's proof."""
    http = {"method": "POST", "path": f"/{door}/{sender}"}
    headers = {name.lower(): value for name, value in proof.items()}
    return {"version": "2.0", "rawPath": http["path"], "headers": headers, "requestContext": {"http": http}, "body": body}


def apig(door: str, sender: str, proof: Mapping[str, str], body: str) -> dict[str, Any]:
    """The same as FunctionGraph's gateway brings it: in base64."""
    coded = {"body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True}
    place = {"httpMethod": "POST", "path": f"/{door}/{sender}", "requestContext": {"stage": "RELEASE"}}
    return {**place, "headers": {name.lower(): value for name, value in proof.items()}, **coded}


def filled(answer: dict[str, Any]) -> dict[str, Any]:
    """An HTTP answer beside the outcomes in it, which say less over HTTP."""
    more = {"message": "", "name": "", "skipped_resources": []}
    outcomes = [more | {"checkpoint_id": each["restore_point"]} | each for each in json.loads(answer["body"])["outcomes"]]
    return {**answer, "outcomes": outcomes, "not_told": []}


def server_command(host: str, port: int) -> list[str]:
    """The server of ``handlers.web.main``. Raises Misconfigured where it would not start."""
    if importlib.util.find_spec("functions_framework") is None:
        raise Misconfigured("functions-framework", "is not installed: pip install 'cbr-restore-point[web]'")
    if not 1 <= port <= 65535:
        raise Misconfigured("--port", "must be 1 to 65535")
    served()
    for name in _NOT_FOR_US:
        os.environ.pop(name, None)
    return [sys.executable, "-m", "handlers.web_server", "--host", host, "--port", str(port)]


@contextlib.contextmanager
def posted() -> Iterator[Callable[[str, Mapping[str, str], bytes], dict[str, Any]]]:
    """Posts path, headers and body to a functions-framework server of its own, which ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(server_command("127.0.0.1", port), stdout=sys.stderr) as server:  # noqa: S603 - our own
        try:
            _wait(server, port)
            yield partial(_post, port)
        finally:
            server.send_signal(signal.SIGTERM)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise Misconfigured("functions-framework", "did not start; what it said stands above")


def _post(port: int, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=RUN_SECONDS)) as connection:
        try:
            connection.request("POST", path, body, headers)
        except (ValueError, http.client.HTTPException) as error:
            raise Misconfigured("headers", f"cannot be sent over HTTP: {error}") from None
        answer = connection.getresponse()
        given, text = dict(answer.getheaders()), answer.read().decode(errors="replace")
    found = {"statusCode": answer.status, "headers": given, "body": text}
    if given.get("Content-Type") == "application/json":
        return filled(found)
    why = f"the server answered {answer.status} without saying what came of it"  # it crashed, or something else answered
    failed = {
        "outcome": "failed",
        "reason": "unanswered",
        "message": why,
        "name": "",
        "checkpoint_id": "",
        "rule": "",
        "vault": "",
    }
    return {**found, "outcomes": [failed | {"skipped_resources": []}], "not_told": []}


def proof(keys: Mapping[str, Sequence[Key]], rules: Rules, name: str, body: bytes, now: datetime | None = None) -> dict[str, str]:
    """The headers a sender sends with this body. Raises Misconfigured."""
    if name not in rules.senders:
        known = ", ".join(sorted(each for each, sender in rules.senders.items() if sender.secret)) or "none"
        raise Misconfigured("--sender", f"must name one of the rules' senders with a secret: {known}")
    if name not in keys:
        raise Misconfigured("--sender", f"{name} is proven by its platform or cloud, which nobody else can do in its place")
    sender, key = rules.senders[name], keys[name][0]
    kind = {"content-type": "application/json"}
    if sender.signed_by is not None:
        from handlers.trust.signed import sign

        return kind | sign(body, sender.signed_by, key, now or datetime.now(UTC), f"msg_{uuid.uuid4().hex}")
    return kind | {"authorization": authorization(key, sender)}
