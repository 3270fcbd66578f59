"""See restore points come into being, against the embedded sandbox: nothing leaves this machine.

A timer event goes through the real entry function twice, the restore point is followed to its end, and what was logged, measured
and published is shown.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handlers.cli import DONE, FAILED, print_json
from handlers.cli.sandbox import misleading
from handlers.cli.send import environment, send
from handlers.cli.show import fold
from handlers.sandbox import Sandbox

SPEED = 30.0
"""The first backup of a server takes the sandbox a minute; here two seconds."""
PATIENCE_SECONDS = 60.0
SCHEDULE = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"


def add(parser: argparse.ArgumentParser) -> None:
    """``demo`` has no arguments of its own."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """The whole way of an event, once."""
    with Sandbox(speed=SPEED) as sandbox, tempfile.TemporaryDirectory() as folder:
        story = _Story(sandbox, Path(folder), quiet=arguments.json)
        story.tell()
        document: dict[str, Any] = {
            "outcomes": story.outcomes,
            "restore_points": sandbox.restore_points(),
            "topic": sandbox.published,
            "posts": len(sandbox.posts()),
        }
    if arguments.json:
        print_json(document)
    good = [point["status"] for point in document["restore_points"]] == ["available"] and document["posts"] == 1
    return DONE if good and [each["outcome"] for each in story.outcomes] == ["created", "joined", "available"] else FAILED


class _Story:
    def __init__(self, sandbox: Sandbox, folder: Path, *, quiet: bool) -> None:
        self._sandbox, self._folder, self._quiet = sandbox, folder, quiet
        self.outcomes: list[dict[str, Any]] = []

    def tell(self) -> None:
        vault = self._sandbox.settings()["vaults"][0]
        rules = self._folder / "rules.toml"
        rules.write_text(_RULES.format(vault_id=vault["id"], schedule=SCHEDULE, urn=self._sandbox.topic_urn), encoding="utf-8")
        others = [name for name in os.environ if name.startswith("RESTORE_POINT_")] + misleading(os.environ)
        settings: dict[str, str | None] = dict.fromkeys(others)
        settings |= self._sandbox.environment() | {
            "RESTORE_POINT_RULES": str(rules),
            "RESTORE_POINT_LEDGER": f"sqlite:{self._folder / 'ledger.sqlite3'}",
            "RESTORE_POINT_FOLLOW_SECONDS": "0",
        }
        self._line(f"sandbox: CBR, IAM and SMN at {self._sandbox.endpoint}, vault {vault['name']}")
        with environment(settings):
            event = {"schedule_arn": SCHEDULE, "scheduled_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
            self._line(f"\n1. a timer event arrives at handlers.aws_lambda.timer\n   {json.dumps(event)[:76]}…")
            logged = self._send("timer", event)
            self._line("\n2. the same event again: schedules fire at least once")
            logged += self._send("timer", event)
            self._line("\n3. handlers.aws_lambda.watch follows the restore point to its end")
            logged += self._follow()
        self._line("\nlogged (one line per delivery, here the first):")
        self._line(fold("   " + logged[0][:320] + " …"))
        measured = [word for word in ("Created", "Joined", "Available") if any(f'"{word}":' in line for line in logged)]
        self._line(f"measured (CloudWatch embedded metrics): {', '.join(measured)}, Duration …")
        self._line("published to the SMN topic:")
        for message in self._sandbox.published:
            self._line(f"   {message['subject']}")
        posts = len(self._sandbox.posts())
        self._line(f"POST /checkpoints counted by the sandbox: {posts} for 2 deliveries\n")
        self._line("next:  restore-point sandbox              a CBR to try things on")
        self._line("       restore-point init --from-cloud    write the rules for your vaults")
        self._line("       restore-point check                before the first event")

    def _send(self, door: str, event: object) -> list[str]:
        """The lines it logged."""
        output = io.StringIO()
        with contextlib.redirect_stderr(output):
            answer = send(door, event)
        for outcome in answer.get("outcomes", ()):
            self.outcomes.append(outcome)
            self._line(fold(f"   → {outcome['outcome']} ({outcome['reason']}): {outcome['message']}"))
        return output.getvalue().splitlines()

    def _follow(self) -> list[str]:
        """What the watch logged."""
        logged: list[str] = []
        until = time.monotonic() + PATIENCE_SECONDS
        while self.outcomes[-1]["outcome"] not in ("available", "partly", "broken") and time.monotonic() < until:
            time.sleep(0.2)
            logged += self._send("watch", {})
        return logged

    def _line(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)


_RULES = """\
[vaults.erp]
id = "{vault_id}"

[timers.nightly]
source = "{schedule}"

[topics.ops]
kind = "smn"
urn = "{urn}"

[[rules]]
name = "nightly-erp"
timer = "nightly"
vaults = ["erp"]
"""
