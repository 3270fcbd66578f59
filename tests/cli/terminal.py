"""The command as people start it: a process with an empty home, an environment of its own, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from handlers.sandbox import Sandbox, estate

COMMAND = str(Path(sysconfig.get_path("scripts")) / "restore-point")
ROOT = Path(__file__).parents[2]
"""The package under test, wherever another copy of it is installed."""
PATIENCE = 30.0
SCHEDULE = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"
RULES = f"""\
[projects.sandbox]
requests_per_second = 200

[vaults.erp]
id = "{estate.ERP_VAULT_ID}"

[vaults.files]
id = "{estate.FILES_VAULT_ID}"

[timers.nightly]
source = "{SCHEDULE}"

[topics.ops]
kind = "smn"
urn = "{estate.TOPIC_URN}"

[[rules]]
name = "nightly-all"
timer = "nightly"
vaults = ["erp", "files"]
"""


def event(**more: str) -> dict[str, str]:
    """A timer event for this minute."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return {"schedule_arn": SCHEDULE, "scheduled_time": now.strftime("%Y-%m-%dT%H:%M:%SZ")} | more


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The JSON lines on standard error."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]


@dataclass(frozen=True)
class Terminal:
    """A folder and an environment to run commands in."""

    folder: Path
    environ: Mapping[str, str]

    def run(self, *arguments: str, stdin: str = "", **environ: str) -> Ran:
        """``restore-point`` with these arguments. A traceback is never an answer."""
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            input=stdin.encode(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ran.err, ran.err
        assert estate.SECRET_KEY not in ran.err
        return ran

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """One that goes on; whoever starts it stops it."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=dict(self.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, name: str, content: str | object) -> str:
        """A file in the folder: text, or anything else as JSON."""
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder / name).write_text(text, encoding="utf-8")
        return name


class Inside(Protocol):
    """The same command without a process of its own: quicker, for verbs that write no log line."""

    def __call__(self, terminal: Terminal, *arguments: str, **environ: str) -> Ran: ...


def bare(folder: Path) -> dict[str, str]:
    """An environment that says nothing about a cloud."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    own = {"HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "TMPDIR": str(folder)}
    return kept | own


def known(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    """The sandbox's settings and nobody else's."""
    return bare(folder) | sandbox.environment()
