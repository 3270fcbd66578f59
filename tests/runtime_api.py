"""A Lambda function on this machine: the real runtime client in a process of its own, against an emulated Runtime API.

The API: docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. As on Lambda the process starts with the first invocation,
stays warm between invocations, is killed at its deadline, and is replaced by a fresh one once it has died. Not emulated: the
read-only code folder, the memory limit, and any freezing that the test does not ask for.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[1]
PREFIX = "/2018-06-01/runtime/"
INIT_SECONDS = 10.0  # docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html: the init phase has 10 seconds
ANSWER_BYTES = 6_291_556  # what Lambda names in Function.ResponseSizeTooLarge


@dataclass(frozen=True)
class Answer:
    """What the caller of the function gets: one of the two, as decoded JSON."""

    payload: Any
    error: dict[str, Any] | None
    request_id: str


@dataclass(frozen=True)
class _Call:
    request_id: str
    body: bytes
    seconds: float
    start: float | None


class _Sandbox(ThreadingHTTPServer):
    """One process and the Runtime API it talks to. ``heard`` collects what happened, in that order."""

    daemon_threads = True

    def __init__(
        self, handler: str, environment: Mapping[str, str], cwd: Path, output: tuple[Path, Path], python: Sequence[str]
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.calls: SimpleQueue[_Call | None] = SimpleQueue()
        self.heard: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        self.warm = False  # has answered before
        self.arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{environment['AWS_LAMBDA_FUNCTION_NAME']}"
        environment = {**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server_port}"}
        with output[0].open("ab") as stdout, output[1].open("ab") as stderr:
            self.process = subprocess.Popen(
                [*python, "-m", "awslambdaric", handler],
                cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
            )  # fmt: skip
        self._workers = [threading.Thread(target=work, daemon=True) for work in (self._serve, self._watch)]
        for thread in self._workers:
            thread.start()

    def _serve(self) -> None:
        self.serve_forever(poll_interval=0.02)  # how long stop() waits

    def _watch(self) -> None:
        code = self.process.wait()
        self.heard.put(("exit", f"signal: {signal.Signals(-code).name}".encode() if code < 0 else f"exit status {code}".encode()))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A process that was killed leaves its connection in a mess; everything else is a mistake of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.calls.put(None)
        self.shutdown()
        self.server_close()
        for thread in self._workers:
            thread.join()


class _Api(BaseHTTPRequestHandler):
    server: _Sandbox
    protocol_version = "HTTP/1.1"
    # Without these two every trip waits about 44 ms for a delayed ACK.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path != f"{PREFIX}invocation/next":
            return self._say(404)
        if (call := self.server.calls.get()) is None:
            self.close_connection = True
            return None
        self.server.heard.put(("taken", b""))
        trace = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0"
        return self._say(200, call.body, {
            "Lambda-Runtime-Aws-Request-Id": call.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(((call.start or time.time()) + call.seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.server.arn,
            "Lambda-Runtime-Trace-Id": trace,
        })  # fmt: skip

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        match self.path.removeprefix(PREFIX).split("/"):
            case ["invocation", _, "response"] if len(body) > ANSWER_BYTES:
                text = f"Response payload size exceeded maximum allowed payload size ({ANSWER_BYTES} bytes)."
                error = {"errorMessage": text, "errorType": "Function.ResponseSizeTooLarge"}
                self.server.heard.put(("error", json.dumps(error).encode()))
                self._say(413, b"{}")
            case ["invocation", _, ("response" | "error") as what]:
                self.server.heard.put((what, body))
                self._say(202, b'{"status":"OK"}')
            case ["init", "error"]:
                self.server.heard.put(("error", body))
                self._say(202, b'{"status":"OK"}')
            case _:
                self._say(404)

    def _say(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class LambdaFunction:
    """``with LambdaFunction("handlers.aws_lambda.timer", env={...}) as function: answer = function.invoke(event)``.

    The process sees Lambda's variables and ``env``, nothing of this process's environment.
    """

    def __init__(
        self, handler: str, *, env: Mapping[str, str] | None = None, cwd: Path = ROOT, python: Sequence[str] = (sys.executable,)
    ) -> None:
        self._handler, self._cwd, self._python = handler, cwd, python
        self._environment = {**_lambda_environment(handler, cwd), **(env or {})}
        self._folder = tempfile.TemporaryDirectory(prefix="lambda-")
        # Files, not pipes: what was printed before the answer is readable once the answer is there, and nothing blocks.
        self._stdout, self._stderr = Path(self._folder.name, "stdout"), Path(self._folder.name, "stderr")
        self._sandbox: _Sandbox | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()
        self._folder.cleanup()

    def invoke(self, event: object, timeout: float = 10, request_id: str | None = None) -> Answer:
        """One synchronous invocation at a time. Give ``request_id`` again for what Lambda calls a retry of the same event.

        ``timeout`` is the function's: a process that has not answered by then is killed and the answer is Sandbox.Timedout.
        """
        if self._sandbox is None or self._sandbox.process.poll() is not None:
            self._drop()
            self._sandbox = _Sandbox(self._handler, self._environment, self._cwd, (self._stdout, self._stderr), self._python)
        sandbox, start = self._sandbox, time.time()
        # The clock of a warm function runs from here, that of a cold one from the moment it takes the event.
        call = _Call(request_id or str(uuid.uuid4()), json.dumps(event).encode(), timeout, start if sandbox.warm else None)
        sandbox.calls.put(call)
        until, taken = start + (timeout if sandbox.warm else INIT_SECONDS), False
        while True:
            try:
                what, body = sandbox.heard.get(timeout=max(0, until - time.time()))
            except Empty:
                self.kill()
                taken = taken or sandbox.warm
                return _failed(
                    call, "Sandbox.Timedout", f"Error: Task timed out after {timeout if taken else INIT_SECONDS:.2f} seconds"
                )
            if what == "taken":
                taken, until = True, until if sandbox.warm else time.time() + timeout
            elif what == "exit" and sandbox.warm and not taken:  # it still died of the invocation before
                return self.invoke(event, timeout, call.request_id)
            elif what == "exit":
                return _failed(call, "Runtime.ExitError", f"Error: Runtime exited with error: {body.decode()}")
            else:
                sandbox.warm = True
                decoded = json.loads(body)
                return Answer(decoded, None, call.request_id) if what == "response" else Answer(None, decoded, call.request_id)

    @property
    def stdout(self) -> list[str]:
        return _lines(self._stdout)

    @property
    def stderr(self) -> list[str]:
        return _lines(self._stderr)

    @property
    def process_id(self) -> int:
        return self._process.pid

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Without a word, as when the sandbox is taken away; the next invocation is a cold start."""
        self._process.kill()
        self._process.wait()

    @property
    def _process(self) -> subprocess.Popen[bytes]:
        if self._sandbox is None:
            raise RuntimeError("the process starts with the first invocation")
        return self._sandbox.process

    def _drop(self) -> None:
        if self._sandbox is not None:
            self._sandbox.stop()
            self._sandbox = None


def _failed(call: _Call, kind: str, text: str) -> Answer:
    return Answer(None, {"errorType": kind, "errorMessage": f"RequestId: {call.request_id} {text}"}, call.request_id)


def _lambda_environment(handler: str, cwd: Path) -> dict[str, str]:
    """What a function always sees (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)."""
    return {
        "_HANDLER": handler,
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_FUNCTION_NAME": "restore-point",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/restore-point",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
        "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_SESSION_TOKEN": "example",
        "LAMBDA_TASK_ROOT": str(cwd),
        "LANG": "en_US.UTF-8",
        "PATH": os.environ.get("PATH", os.defpath),
        "TZ": ":UTC",
    }


def _lines(path: Path) -> list[str]:
    return (
        path.read_bytes().decode("utf-8", "replace").removesuffix("\n").split("\n")
        if path.exists() and path.stat().st_size
        else []
    )
