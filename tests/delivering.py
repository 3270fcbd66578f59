"""One delivery of the timer in a process of its own, that may die on the way: ``python -m tests.delivering '{…}'``.

``environ``, ``at`` (seconds since 1970, where its clock stands) and ``dies``: a verb of the ledger, with ``!`` after its work.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from handlers.envelope import Envelope
from handlers.ledger import open_ledger
from handlers.plan import plan
from handlers.plan.planned import Planned
from handlers.reading import read
from handlers.restore_point import take
from handlers.restore_point.held import Taking
from handlers.service import Service
from handlers.settings import load
from handlers.wire import Deadline
from tests.scripted import START, Clock, Flaky, World, event

ROOT = Path(__file__).parents[1]


def start(world: World, *dies: str) -> subprocess.Popen[str]:
    """Such a process, over this world's cloud and ledger."""
    asked = {"environ": world.environ(), "at": world.clock(), "dies": dies}
    command = [sys.executable, "-m", "tests.delivering", json.dumps(asked)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Dying(Flaky):
    """Where the other only fails, this one takes the process with it."""

    def fail(self) -> None:
        os._exit(9)


def main() -> None:
    asked = json.loads(sys.argv[1])
    clock = Clock(datetime.fromtimestamp(asked["at"], UTC))
    service = Service(load(asked["environ"]), clock, stream=sys.stderr)
    ledger = Dying(open_ledger(service.settings.ledger, clock), *asked.get("dies", []))
    envelope = Envelope("timer", "lambda", f"delivery-{os.getpid()}", event(START), 60.0)
    (planned,) = plan(read(envelope, "", None, clock.now()), service.settings.rules, envelope.delivery_id, clock.now())
    assert isinstance(planned, Planned)
    tools = Taking(ledger, clock, lambda: os.urandom(8).hex(), 120.0, 60.0)
    outcome = take(planned, service.cbrs["default"], tools, Deadline.after(clock, 57.0))
    service.report.log(envelope, service.told([outcome], Deadline.after(clock, 3.0)))
    print(json.dumps(outcome.to_dict()))
    ledger.close()
    service.close()


if __name__ == "__main__":
    main()
