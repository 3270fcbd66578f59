"""``serve``, ``sign`` and ``send --platform``: the other doors, as people open them."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.sandbox import Sandbox, estate
from tests.cli.terminal import RULES, Terminal, event

TOKEN = "a-token-of-the-tests-opens-nothing"
SENDERS = """
[senders.mon]
dialect = "simple"
proof = "bearer"
secret = "env:MON_TOKEN"

[senders.ops]
dialect = "once"
proof = "platform"

[[rules]]
name = "mon-files"
sender = "mon"
vaults = ["files"]
"""


@pytest.fixture
def open_door(terminal: Terminal) -> Terminal:
    terminal.write("rules.toml", RULES + SENDERS)
    region = {"MON_TOKEN": TOKEN, "HW_REGION_NAME": estate.REGION}
    return Terminal(terminal.folder, {**terminal.environ, **region})


def alert(status: str = "firing") -> dict[str, Any]:
    return {"status": status, "labels": {"host": "a"}, "starts_at": datetime.now(UTC).isoformat()}


@pytest.mark.parametrize("platform", ["lambda", "functiongraph", "web"])
def test_every_platform_answers_alike(open_door: Terminal, sandbox: Sandbox, platform: str) -> None:
    lines = "\n".join(json.dumps(each) for each in (alert(), alert(), alert("resolved")))
    ran = open_door.run("send", "-", "--as", "alert", "--sender", "mon", "--platform", platform, "--json", stdin=lines)
    assert ran.code == 0
    assert [each["statusCode"] for each in ran.json["answer"]] == [200, 200, 200]
    assert [each["outcome"] for each in ran.json["outcomes"]] == ["created", "joined", "skipped"]
    assert len(sandbox.posts()) == 1
    assert {line["delivery"]["platform"] for line in ran.log if "delivery" in line} == {platform}
    assert TOKEN not in ran.out + ran.err


def test_a_timer_has_no_proof_over_http(open_door: Terminal, sandbox: Sandbox) -> None:
    ran = open_door.run("send", open_door.write("event.json", event()), "--as", "timer", "--platform", "web", "--json")
    assert (ran.code, ran.json["answer"]["statusCode"]) == (1, 401)
    assert sandbox.posts() == []


def test_the_web_does_not_start_with_debug(open_door: Terminal) -> None:
    file = open_door.write("alert.json", alert())
    for arguments in (["serve"], ["send", file, "--as", "alert", "--sender", "mon", "--platform", "web"]):
        ran = open_door.run(*arguments, DEBUG="1")
        assert ran.code == 2
        assert "DEBUG: is set" in ran.err


@pytest.mark.says_secrets("what signs prints the proof")
def test_sign(open_door: Terminal) -> None:
    file = open_door.write("alert.json", alert())
    ran = open_door.run("sign", file, "--sender", "mon", "--json")
    assert ran.code == 0
    assert ran.json == {"headers": {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}}
    assert open_door.run("sign", file, "--sender", "mon").out.splitlines()[1] == f"authorization: Bearer {TOKEN}"
    for sender in ("ops", "nobody", ""):
        assert open_door.run("sign", file, "--sender", sender).code == 2
    assert open_door.run("sign", "gone.json", "--sender", "mon").code == 2


@pytest.mark.says_secrets("what signs prints the proof")
def test_serve_what_was_signed(open_door: Terminal, sandbox: Sandbox) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    headers = open_door.run("sign", open_door.write("alert.json", alert()), "--sender", "mon", "--json").json["headers"]
    with open_door.start("serve", "--port", str(port), "--json") as server:
        try:
            until = time.monotonic() + 20
            while time.monotonic() < until:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            body = (open_door.folder / "alert.json").read_bytes()
            with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/alert/mon", body, headers)) as answer:
                assert json.load(answer)["outcomes"][0]["outcome"] == "created"
        finally:
            server.send_signal(signal.SIGTERM)
        out, _ = server.communicate(timeout=40)
    assert json.loads(out) == {"url": f"http://127.0.0.1:{port}"}
    assert server.returncode == 0
    assert len(sandbox.posts()) == 1
