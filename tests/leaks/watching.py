"""The whole suite watched: nothing that any test makes the product write, answer, send or keep holds a secret.

A plugin of pytest (``-p tests.leaks.watching``; strict runs have it). After each test it looks for the secrets of the sandbox's
cloud and of the senders most tests have in all that was captured, printed by processes or logged by any logger at DEBUG, in what
went through this process's sockets either way (messages, answers of servers, requests of functions in processes of their own,
ledgers on servers), and in the files the test left (ledgers, logs of servers). What has to say a secret (``sign``, which prints
proofs) is marked ``says_secrets``; the sandbox's own tests, which are about the cloud that knows them all, are left out.
"""

from __future__ import annotations

import logging
import socket
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from _pytest.capture import MultiCapture

from handlers.sandbox import estate
from tests.leaks.canaries import forms
from tests.web_server import ROOT

SECRETS = {
    "password": estate.ACCOUNT.password,
    **{f"secret key {name}": key.secret for name, key in estate.DEFAULT.keys.items()},
    "token of a sender": "a-token-of-the-tests-opens-nothing",
    "secret of a sender": "a-secret-of-this-sender-0123456789",
}
LARGEST = 1 << 22
"""Bytes of one text that are searched; larger ones are what tests fill memory with."""
PIECE = 16
"""Characters: a secret of the sandbox is made of words, and a shorter piece of one may be said by chance."""
SIGNING_IN = b'{"auth": {"identity":', b'{"auth":{"identity":'
"""How the body begins that has to hold the password."""


CLOUD = ROOT / "tests" / "sandbox"


class Watching:
    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.pieces = {
            form[at : at + PIECE].encode(): name
            for name, secret in SECRETS.items()
            for form in forms(secret)
            for at in range(0, len(form) - PIECE + 1, PIECE)
        }
        assert set(self.pieces.values()) == set(SECRETS), "a secret that is too short to be looked for"

    def hear(self, channel: str, said: str | bytes | None) -> None:
        if said:
            text = said.encode("utf-8", "replace") if isinstance(said, str) else bytes(said)
            if len(text) <= LARGEST and (found := {name for piece, name in self.pieces.items() if piece in text}):
                self.heard += [(f"{channel}: {name}", text[:300]) for name in found]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        for _, content in report.sections:
            self.hear("captured", content)
        folder = getattr(item, "funcargs", {}).get("tmp_path")
        if report.when == "call" and isinstance(folder, Path):
            for each in folder.rglob("*"):
                if each.is_symlink() or not each.is_file() or "sandbox" in each.relative_to(folder).parts:
                    continue  # copies of the sandbox's own files, where its secrets stand
                if each.stat().st_size <= LARGEST:
                    self.hear(f"file {each.name}", each.read_bytes())
        heard, self.heard = self.heard, []
        if heard and CLOUD not in item.path.parents and item.get_closest_marker("says_secrets") is None:
            report.outcome = "failed"
            report.longrepr = "\n".join(f"a secret is in {where}: {text!r}" for where, text in heard[:10])
        return report


class Loggers(logging.Handler):
    def __init__(self, watching: Watching) -> None:
        super().__init__(logging.DEBUG)
        self.watching = watching

    def emit(self, record: logging.LogRecord) -> None:
        self.watching.hear(f"logger {record.name}", self.format(record))


def _listening(owner: Any, name: str, hear: Callable[[Any, tuple[Any, ...]], None]) -> None:
    """Whatever is given to and returned by a function that is not ours."""
    inner = getattr(owner, name)

    def outer(*arguments: Any, **named: Any) -> Any:
        returned = inner(*arguments, **named)
        hear(returned, arguments)
        return returned

    setattr(owner, name, outer)


def pytest_configure(config: pytest.Config) -> None:
    watching = Watching()
    config.pluginmanager.register(watching, "restore-point-leaks")
    logging.getLogger().addHandler(Loggers(watching))
    logging.getLogger().setLevel(logging.DEBUG)

    def captured(returned: Any, _: tuple[Any, ...]) -> None:
        for said in returned:
            watching.hear("output", said)

    def printed(returned: Any, _: tuple[Any, ...]) -> None:
        for said in returned:
            watching.hear("a process", said)

    def passed(data: bytes) -> None:
        if not any(each in data for each in SIGNING_IN):
            watching.hear("a socket", data)

    _listening(MultiCapture, "readouterr", captured)
    _listening(subprocess.Popen, "communicate", printed)
    for name in ("send", "sendall"):
        _listening(socket.socket, name, lambda _, arguments: passed(bytes(arguments[1])))
    _listening(socket.socket, "recv", lambda returned, _: passed(returned))
    _listening(socket.socket, "recv_into", lambda returned, arguments: passed(bytes(arguments[1][:returned])))
