"""A process that dispatches: ``python dispatching.py EVENTS NAME [KILLED]``, for several at once and for one that is killed.

It says "ready", waits for a line, hands over every event of the file, and prints the slots it was given. With ``KILLED`` it kills
itself before it writes down that many wishes.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path

from handlers.envelope import Envelope
from handlers.ledger import Record
from handlers.outcome import Later
from handlers.service import Service
from handlers.settings import load
from tests.scripted import Clock, Flaky


class Deadly(Flaky):
    """Its user dies at the write that makes a wish wait, after so many of them."""

    left = 0

    def swap(self, record: Record) -> Record | None:
        if record.kind == "wish" and '"queued"' in record.body:
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().swap(record)


def main(events: str, name: str, killed: str = "") -> None:
    clock = Clock()
    service = Service(load(), clock, stream=io.StringIO())
    if killed:
        ledger = Deadly(service.ledger)
        ledger.left = int(killed)
        service = Service(load(), clock, stream=io.StringIO(), ledger=ledger)
    print("ready", flush=True)
    sys.stdin.readline()
    slots: dict[str, list[str]] = {}
    for number, document in enumerate(json.loads(Path(events).read_text(encoding="utf-8"))):
        delivered = service.handle(Envelope("alert", "lambda", f"{name}-{number}", document, 60.0))
        slots |= {each.cause: [each.reason, each.slot] for each in delivered.outcomes if isinstance(each, Later)}
    service.close()
    print(json.dumps(slots))


if __name__ == "__main__":
    main(*sys.argv[1:])
