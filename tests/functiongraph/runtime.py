"""A fake of FunctionGraph's documented runtime: what calls a function, kills it, tries it again and says where it failed.

There is no local runtime of FunctionGraph to run instead. Every rule has its source here, in ``calls`` or in ``instance`` (the
process a function's code runs in); what no page says is in README.md. The end of a run: functiongraph_03_0250 of Huawei Cloud's
help centre, "if you set the timeout of a function to 3s, it will be terminated after 3s".
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Self

from tests.functiongraph.calls import (
    ASYNC_BYTES,
    NO_KEYS,
    RESULT_BYTES,
    SYNC_BYTES,
    VARIABLES_CHARACTERS,
    Keys,
    Policy,
    Result,
    apig,
    from_apig,
    record,
)  # fmt: skip

PROCESS, INIT_SECONDS, ONCE = Path(__file__).with_name("instance.py"), 20.0, Policy()


@dataclass
class _Instance:
    """One process, and who waits for what of it."""

    process: subprocess.Popen[bytes]
    line: socket.socket
    said: SimpleQueue[dict[str, Any]] = field(default_factory=SimpleQueue)
    waiting: dict[str, SimpleQueue[dict[str, Any]]] = field(default_factory=dict)
    why: str = "the instance is gone"

    def say(self, document: Mapping[str, Any]) -> None:
        self.line.sendall(json.dumps(document).encode() + b"\n")

    def end(self, why: str = "") -> None:
        self.why = why or self.why
        self.process.kill()
        self.process.wait()

    def listen(self) -> None:
        with contextlib.suppress(OSError), self.line.makefile("r", encoding="utf-8") as lines:  # it may be killed at any time
            for text in lines:
                document = json.loads(text)
                (self.waiting.pop(document["call"]) if "call" in document else self.said).put(document)
        self.end()
        for each in [self.said, *self.waiting.values()]:
            each.put({"error": self.why})


class Function:
    """``with Function(code, "index.timer", variables) as function: function.invoke(event)``.

    At most one instance at a time, cold, warm or stopped; ``keys`` is asked for every call. Variables are handed out by
    getUserData, and stand in the environment as well only where ``visible``.
    """

    def __init__(
        self,
        code: Path,
        handler: str,
        variables: Mapping[str, str] | None = None,
        *,
        seconds: float = 30,
        keys: Callable[[], Keys] = lambda: NO_KEYS,
        project_id: str = "",
        initializer: str = "",
        policy: Policy = ONCE,
        freezes: bool = False,
        visible: bool = False,
    ) -> None:
        variables = dict(variables or {})
        assert sum(len(name) + len(value) for name, value in variables.items()) <= VARIABLES_CHARACTERS, "too many variables"
        self.seconds, self.policy, self.keys, self.freezes = seconds, policy, keys, freezes
        self.urn = f"urn:fss:sandbox-1:{project_id or '0' * 32}:function:default:{handler.replace('.', '-')}:latest"
        self._function: dict[str, Any] = {
            "root": str(code), "handler": handler, "initializer": initializer, "user_data": variables, "seconds": seconds,
            "project_id": project_id, "name": handler.replace(".", "-"), "memory": 256,
        }  # fmt: skip
        self._folder = tempfile.TemporaryDirectory(prefix="functiongraph-")
        self.log = Path(self._folder.name, "log")
        self._environ = {
            "PATH": os.environ["PATH"], "HOME": self._folder.name, "RUNTIME_PROJECT_ID": project_id, "RUNTIME_PACKAGE": "default",
            "RUNTIME_FUNC_NAME": handler.replace(".", "-"), "RUNTIME_FUNC_VERSION": "latest", "RUNTIME_HANDLER": handler,
            "RUNTIME_TIMEOUT": str(round(seconds)), "RUNTIME_MEMORY": "256", "RUNTIME_CPU": "400",
            "RUNTIME_MAX_RESP_BODY_SIZE": str(RESULT_BYTES), "RUNTIME_CODE_ROOT": str(code),
            "RUNTIME_USERDATA": json.dumps(variables),
            **(variables if visible else {}),
        }  # fmt: skip
        self._instance: _Instance | None = None
        self._starting, self._running = threading.Lock(), list[threading.Thread]()
        self.attempts: list[Result] = []  # of asynchronous invocations, in the order of their ends
        self.said: list[str] = []  # all that any caller got
        self.starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.settle()
        self.kill()
        self._folder.cleanup()

    # ── how it is called ──

    def invoke(self, event: object, request_id: str = "") -> Result:
        """Synchronously. A text is the event as it stands, anything else becomes JSON."""
        text = event if isinstance(event, str) else json.dumps(event)
        if len(text.encode()) > SYNC_BYTES:
            return Result(request_id, error="the request is too large")
        return self._once(text, request_id or str(uuid.uuid4()))

    def invoke_async(self, event: object) -> str:
        """Answered at once by a request id (202), and run by the policy; ``settle`` waits for the end."""
        text = event if isinstance(event, str) else json.dumps(event)
        assert len(text.encode()) <= ASYNC_BYTES, "an asynchronous request is 256 KB at most"
        request_id = str(uuid.uuid4())
        runner = threading.Thread(target=self._by_policy, args=(text, request_id))
        self._running.append(runner)
        runner.start()
        return request_id

    def settle(self) -> list[Result]:
        while self._running:
            self._running.pop().join()
        return self.attempts

    def gateway(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """By an APIG trigger: the request as the function sees it, and what of its result reaches the caller."""
        return from_apig(self.invoke(apig(path, headers, body)))

    # ── what happens to its instance ──

    def freeze(self) -> None:
        self._alive().process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._alive().process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Without a word; the next call is a cold start."""
        instance, self._instance = self._instance, None
        if instance:
            instance.end()
            instance.line.close()

    def expire(self) -> None:
        """The time of what runs is over, now: killed as ``seconds`` later."""
        self._alive().end(f"the function timed out after {self.seconds:g} seconds")

    @property
    def pid(self) -> int:
        return self._alive().process.pid

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it logged as JSON."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines() if line.startswith("{")]

    def _alive(self) -> _Instance:
        assert self._instance, "an instance starts with the first call"
        return self._instance

    def _once(self, text: str, request_id: str) -> Result:
        result = self._run(text, request_id)
        self.said.append(result.body + result.error)
        return result

    def _run(self, text: str, request_id: str) -> Result:
        """Its time runs from when the instance is there; at its end the process is killed, whatever it is doing."""
        keys = self.keys()
        with self._starting:
            instance = self._instance
            if instance is None or instance.process.poll() is not None:
                self.kill()
                self._instance = instance = self._started(keys)
                problem = self._readiness(instance)
                if problem:
                    self.kill()
                    return Result(request_id, error=problem)
        if self.freezes:
            instance.process.send_signal(signal.SIGCONT)
        call, mine = uuid.uuid4().hex, SimpleQueue[dict[str, Any]]()
        instance.waiting[call] = mine
        try:
            instance.say({"call": call, "request_id": request_id, "event": text, "keys": keys})
            answer = mine.get(timeout=self.seconds)
        except (Empty, OSError):
            instance.end()
            return Result(request_id, error=f"the function timed out after {self.seconds:g} seconds")
        if self.freezes and instance.process.poll() is None:
            instance.process.send_signal(signal.SIGSTOP)
        if "error" in answer:
            return Result(request_id, error=answer["error"])
        if len(answer["body"].encode()) > RESULT_BYTES:
            return Result(request_id, error=f"the result is larger than {RESULT_BYTES} bytes")
        return Result(request_id, answer["body"], answer["type"])

    def _started(self, keys: Keys) -> _Instance:
        ours, its = socket.socketpair()
        self.starts += 1
        with its, self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-u", str(PROCESS), str(its.fileno())], pass_fds=[its.fileno()], cwd=self._function["root"],
                env=self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        instance = _Instance(process, ours)
        instance.say({**self._function, "keys": keys})
        threading.Thread(target=instance.listen, daemon=True).start()
        return instance

    def _readiness(self, instance: _Instance) -> str:
        try:
            return str(instance.said.get(timeout=INIT_SECONDS).get("error", ""))
        except Empty:
            return f"the function was not ready after {INIT_SECONDS:g} seconds"

    def _by_policy(self, text: str, request_id: str) -> None:
        began, tries = time.time(), 0
        while True:
            tries += 1
            result = self._once(text, str(uuid.uuid4()) if self.policy.new_ids and tries > 1 else request_id)
            self.attempts.append(result)
            if not result.error or tries > self.policy.retries or time.time() - began > self.policy.age_seconds:
                break
        destination = self.policy.on_failure if result.error else self.policy.on_success
        if destination:
            destination(record(began, request_id, self.urn, tries, text, result))
