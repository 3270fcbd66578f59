"""What a delivery costs in things that can be counted, whatever the machine: modules, requests, round trips, lines, calls.

Each path is one delivery in a process of its own, over a folder like a function's zip. Requests are counted at the door that
the cloud stands behind, and what CBR was asked to make in the sandbox's own record: never by the client's word.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.stage import ROOT, packages, pinned
from tests.scripted import CREATE, World, event, fails, world_in

TABLE = Path(__file__).with_name("counts.toml")
MEASURED = Path(__file__).with_name("measured.py")
MARGIN = 0.03
"""Of calls: other versions of Python and of pydantic call our validators some times more or fewer."""
TOKEN = "example-token-of-the-gate-opens-nothing"
MORE = """\
[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:GATE_TOKEN"
[[rules]]
name = "disks"
sender = "am"
match = { severity = "critical" }
vaults = ["files"]
"""
OPS = '[topics.ops]\nkind = "smn"\nurn = "{urn}"\noutcomes = ["created", "failed"]\n'
Prepared = Callable[["Counting"], object]


@dataclass(frozen=True)
class Way:
    """An entry function, what it is given, and what happened before."""

    entry: str
    given: Callable[[datetime], Any]
    before: Prepared = lambda _: None


class Counting:
    """One cloud, one ledger on disk, and a package that is given: ours, or one with something planted in it."""

    def __init__(self, world: World, package: Path, libraries: Path) -> None:
        from handlers.sandbox import estate

        self.world, self._package, self._libraries = world, package, libraries
        world.write_rules(topics=OPS.format(urn=estate.TOPIC_URN), more=MORE)

    def run(self, way: Way) -> dict[str, Any]:
        """The counts of one delivery, as a row of the table has them."""
        way.before(self)
        seen, posts = len(self.world.door.seen), len(self.world.posts())
        lines, found = self._process(way)
        requests = Counter(f"{each.method} {_kind(each.target)}" for each in self.world.door.seen[seen:])
        logged = sum("restore_points" in line for line in lines)
        return {
            **found,
            "requests": dict(sorted(requests.items())),
            "posts": len(self.world.posts()) - posts,
            "lines": logged,
            "metrics": len(lines) - logged,
            "outcome": "/".join(each["outcome"] for line in lines for each in line.get("restore_points", ())),
        }

    def _process(self, way: Way) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        out = self.world.folder / "counted.json"
        about = {"GATE_OUT": str(out), "GATE_TOKEN": TOKEN, "GATE_PACKAGE": str(self._package / "handlers")}
        path = os.pathsep.join(map(str, (self._package, self._libraries)))
        around = self.world.environ(PATH=os.environ["PATH"], PYTHONPATH=path, **about)
        given = json.dumps(way.given(self.world.clock.now()))
        command = [sys.executable, "-S", "-s", str(MEASURED), way.entry, given]
        done = subprocess.run(command, env=around, cwd=self.world.folder, check=False, capture_output=True, text=True)
        assert not done.returncode, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()], json.loads(out.read_text(encoding="utf-8"))


def _kind(target: str) -> str:
    """What is asked for: the path without version, project and whose id."""
    return target.partition("?")[0].split("/")[3]


def _timer(now: datetime) -> Any:
    return event(now)


def _web(token: str, severity: str = "critical") -> Callable[[datetime], Any]:
    def given(now: datetime) -> Any:
        alert = {"status": "firing", "labels": {"alertname": "A", "severity": severity}, "startsAt": now.isoformat()}
        body = {"version": "4", "status": "firing", "alerts": [alert]}
        return {"path": "/alert/am", "headers": {"authorization": f"Bearer {token}"}, "body": body}

    return given


def _busy(code: str) -> Prepared:
    return lambda counting: counting.world.door.on(CREATE, fails(code))


def _created(counting: Counting) -> None:
    counting.run(WAYS["created"])


WAYS: Mapping[str, Way] = {
    "refused": Way("web", _web("wrong")),
    "skipped": Way("web", _web(TOKEN, severity="info")),
    "created": Way("timer", _timer),
    "joined": Way("timer", _timer, _created),
    "later": Way("timer", _timer, _busy("6125")),
    "failed": Way("timer", _timer, _busy("6114")),
}
"""By outcome. The timer comes to Lambda's door, the webhook to the web's."""


def table() -> dict[str, dict[str, Any]]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def counted(name: str, folder: Path, package: Path, libraries: Path) -> dict[str, Any]:
    """One way, in a world of its own."""
    with world_in(folder, datetime.now(UTC)) as world:
        return Counting(world, package, libraries).run(WAYS[name])


def differences(name: str, found: Mapping[str, Any]) -> list[str]:
    """What is not as the table has it: exactly, but for calls, which may be some per cent more or fewer."""
    wanted = {key: value for key, value in table()[name].items() if key != "why"}
    calls = wanted["calls"]
    told = [f"{name}: {key} {found[key]}, not {value}" for key, value in wanted.items() if key != "calls" and found[key] != value]
    if abs(found["calls"] - calls) > calls * MARGIN:
        told.append(f"{name}: {found['calls']} calls, not {calls} within {MARGIN:.0%}")
    return told


def copy(folder: Path) -> Path:
    """The package as a zip has it, to plant something in."""
    skip = shutil.ignore_patterns("__pycache__", "sandbox", "cli")
    shutil.copytree(ROOT / "handlers", folder / "handlers", ignore=skip)
    return folder


def libraries(folder: Path) -> Path:
    """What the package needs, and nothing that a developer has beside it."""
    return packages(pinned(), folder)
