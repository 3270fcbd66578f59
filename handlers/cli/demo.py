"""See restore points come into being, against the embedded sandbox: nothing leaves this machine.

A timer event, an alert storm and a one-off go through the real entry functions, the restore points are followed to their end, and
what was logged, measured and published is shown.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handlers.cli import DONE, FAILED, print_json
from handlers.cli.carriers import Context, function_url
from handlers.cli.sandbox import misleading
from handlers.cli.send import environment, send
from handlers.cli.show import fold
from handlers.sandbox import Sandbox, estate

SPEED = 30.0
"""The first backup of a server takes the sandbox a minute; here two seconds."""
PATIENCE_SECONDS = 60.0
STORM = 1000
TOKEN = "demo-token-that-opens-nothing"  # noqa: S105 - it proves a sender that lives for one demo
_ENDS = ("available", "partly", "broken")
SCHEDULE = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"


def add(parser: argparse.ArgumentParser) -> None:
    """``demo`` has no arguments of its own."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """The whole way of an event: timer, alert storm, one-off."""
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
    there = [point["status"] for point in document["restore_points"]] == ["available"] * 3
    return DONE if there and document["posts"] == 3 and story.created == 3 else FAILED


class _Story:
    def __init__(self, sandbox: Sandbox, folder: Path, *, quiet: bool) -> None:
        self._sandbox, self._folder, self._quiet = sandbox, folder, quiet
        self.outcomes: list[dict[str, Any]] = []
        self._deliveries = 0

    def tell(self) -> None:
        rules = self._folder / "rules.toml"
        places = {"erp": estate.ERP_VAULT_ID, "files": estate.FILES_VAULT_ID, "urn": self._sandbox.topic_urn}
        rules.write_text(_RULES.format(schedule=SCHEDULE, **places), encoding="utf-8")
        others = [name for name in os.environ if name.startswith("RESTORE_POINT_")] + misleading(os.environ)
        settings: dict[str, str | None] = dict.fromkeys(others)
        settings |= self._sandbox.environment() | {
            "RESTORE_POINT_RULES": str(rules),
            "RESTORE_POINT_LEDGER": f"sqlite:{self._folder / 'ledger.sqlite3'}",
            "RESTORE_POINT_FOLLOW_SECONDS": "0",
            "DEMO_AM_TOKEN": TOKEN,
        }
        self._line(f"sandbox: CBR, IAM and SMN at {self._sandbox.endpoint}")
        with environment(settings):
            logged = self._timer() + self._storm() + self._once()
        self._line("\nlogged (one line per delivery, here the first):")
        self._line(fold("   " + logged[0][:260] + " …"))
        measured = [word for word in ("Created", "Joined", "Available") if any(f'"{word}":' in line for line in logged)]
        self._line(f"measured (CloudWatch embedded metrics): {', '.join(measured)}, Duration …")
        told = Counter(message["subject"] for message in self._sandbox.published)
        self._line("published to the SMN topic:")
        for subject, count in told.items():
            self._line(f"   {count} x {subject}")
        self._line(f"POST /checkpoints counted by the sandbox: {len(self._sandbox.posts())} for {self._deliveries} deliveries\n")
        self._line("next:  restore-point sandbox              a CBR to try things on")
        self._line("       restore-point init --from-cloud    write the rules for your vaults")
        self._line("       restore-point check                before the first event")

    def _timer(self) -> list[str]:
        event = {"schedule_arn": SCHEDULE, "scheduled_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        self._line("\n1. a timer event at handlers.aws_lambda.timer, twice, as schedules may fire")
        logged = self._send("timer", event) + self._send("timer", event)
        return logged + self._follow()

    def _storm(self) -> list[str]:
        """One cause, 1,000 deliveries from two threads, twice, and one payload of 1,000 alerts."""
        from handlers import aws_lambda

        labels = {"alertname": "DiskFailing", "host": "files-1", "severity": "critical"}
        firing = {"status": "firing", "labels": labels, "startsAt": datetime.now(UTC).isoformat()}
        bodies = (json.dumps({"version": "4", "alerts": [firing] * n}) for n in (1, STORM))
        proof = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
        one, thousand = (function_url("alert", "am", proof, body) for body in bodies)
        self._line(f"\n2. a storm: {STORM} deliveries of one alert by two threads, twice, and {STORM} in one")
        answers: list[dict[str, Any]] = []
        logged = io.StringIO()
        with contextlib.redirect_stdout(logged), ThreadPoolExecutor(2) as threads:
            for _ in range(2):
                answers += threads.map(lambda _: aws_lambda.alert(one, Context()), range(STORM))
            answers.append(aws_lambda.alert(thousand, Context()))
        found = [outcome for answer in answers for outcome in json.loads(answer["body"])["outcomes"]]
        self._deliveries += len(answers)
        for (word, reason), count in Counter((each["outcome"], each["reason"]) for each in found).items():
            first = next(each for each in found if (each["outcome"], each["reason"]) == (word, reason))
            self.outcomes.append({**first, "deliveries": count})
            self._line(f"   → {count} x {word} ({reason})")
        return logged.getvalue().splitlines() + self._follow()

    def _once(self) -> list[str]:
        """Two resources, one disk left out: the body CBR records has both."""
        app = {"id": estate.ERP_APP_ID, "type": "OS::Nova::Server"}
        db = {"id": estate.ERP_DB_ID, "type": "OS::Nova::Server"}
        details = [app, db | {"extra_info": {"exclude_volumes": [estate.ERP_DB_DATA_DISK_ID]}}]
        asked = {"vault_id": estate.ERP_VAULT_ID, "parameters": {"resource_details": details, "name": "before-release"}}
        self._line("\n3. a one-off at handlers.aws_lambda.once: two servers, one disk excluded")
        return self._send("once", {"checkpoint": asked, "idempotency_key": "release-42"}) + self._follow()

    @property
    def created(self) -> int:
        """Restore points the handlers say they made."""
        return sum(outcome["outcome"] == "created" for outcome in self.outcomes)

    def _send(self, door: str, event: object) -> list[str]:
        """The lines it logged."""
        output = io.StringIO()
        with contextlib.redirect_stderr(output):
            answer = send(door, event)
        self._deliveries += door != "watch"
        for outcome in answer.get("outcomes", ()):
            self.outcomes.append(outcome)
            self._line(fold(f"   → {outcome['outcome']} ({outcome['reason']}): {outcome['message']}"))
        return output.getvalue().splitlines()

    def _follow(self) -> list[str]:
        """What the watch logged."""
        logged: list[str] = []
        until = time.monotonic() + PATIENCE_SECONDS
        ended = len(self._sandbox.posts())
        while sum(each["outcome"] in _ENDS for each in self.outcomes) < ended and time.monotonic() < until:
            time.sleep(0.2)
            logged += self._send("watch", {})
        return logged

    def _line(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)


_RULES = """\
[vaults.erp]
id = "{erp}"

[vaults.files]
id = "{files}"

[timers.nightly]
source = "{schedule}"

[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:DEMO_AM_TOKEN"

[senders.ops]
dialect = "once"
proof = "platform"
may = ["name", "resource_details"]

[topics.ops]
kind = "smn"
urn = "{urn}"

[[rules]]
name = "nightly-erp"
timer = "nightly"
vaults = ["erp"]

[[rules]]
name = "disk-failing"
sender = "am"
match = {{ alertname = "Disk*", severity = "critical" }}
by = ["alertname", "host"]
vaults = ["files"]

[[rules]]
name = "by-hand"
sender = "ops"
vaults = ["erp"]
"""
