"""F60 to F62: our own parts."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from handlers.ledger import Record
from tests.faults.clocks import within
from tests.faults.rows import Faults
from tests.faults.stage import POST, Stage
from tests.ledger.servers import Redis
from tests.scripted import PUBLISH, answers

faults = Faults()
ROOT = Path(__file__).parents[2]
INTERNAL = answers(500, {"request_id": "1", "code": "SMN.0018", "message": "internal"})


# ── the ledger ──


@contextmanager
def valkey(stage: Stage, *options: str) -> Iterator[Redis]:
    """A store of the row's own, that may be ill-treated."""
    server = Redis(*options)
    server.start()
    try:
        stage.environ(**server.place(0))
        yield server
    finally:
        stage.closing.append(server.stop)


def degraded(stage: Stage) -> None:
    for _ in range(2):
        with within(4):
            assert stage.fire().degraded
        stage.world.clock.forward(10)


def well_again(stage: Stage) -> None:
    assert not stage.fire().degraded


@faults("F60a")
def ledger_down(stage: Stage) -> None:
    with valkey(stage) as server:
        server.kill()
        degraded(stage)
        server.start()
        well_again(stage)


@faults("F60b")
def ledger_silent(stage: Stage) -> None:
    with valkey(stage) as server:
        stage.in_real_time()  # how long it is waited for is measured by the clock
        with server.paused():
            degraded(stage)
        well_again(stage)


@faults("F60c")
def ledger_full(stage: Stage) -> None:
    with valkey(stage) as server:
        server.say("CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1")
        degraded(stage)
        server.say("CONFIG SET maxmemory 0")
        well_again(stage)


@faults("F60d")
def ledger_garbage(stage: Stage) -> None:
    (planned,) = stage.world.planned(stage.service)
    now = stage.world.clock()
    stage.service.ledger.put_if_absent(Record("wish", planned.cause, now, None, '{"state": [', now + 86400))
    degraded(stage)


# ── the topic ──


@faults("F61a")
def topic_down_after_created(stage: Stage) -> None:
    stage.door.on(PUBLISH, INTERNAL)
    stage.fire()
    assert stage.delivered is not None
    assert not stage.delivered.answer.again
    assert stage.world.deliveries()[-1]["restore_points"][0]["outcome"] == "created"


@faults("F61b")
def topic_down_after_failed(stage: Stage) -> None:
    stage.strike(f"error:code=6114,{POST}")
    stage.door.on(PUBLISH, INTERNAL)
    stage.fire()
    assert stage.delivered is not None
    assert not stage.delivered.answer.again


@faults("F61c")
def topic_and_ledger_down(stage: Stage) -> None:
    stage.strike(f"error:code=6114,times=2,{POST}")
    (stage.world.folder / "ledger.sqlite3").mkdir()
    stage.door.on(PUBLISH, INTERNAL, INTERNAL)  # the failure, and that there is no ledger
    stage.fire()
    assert stage.delivered is not None
    assert (stage.delivered.answer.status, stage.delivered.answer.again) == (500, True)
    stage.world.door.calm()
    stage.world.clock.forward(3600)
    stage.fire()


# ── standard output ──


class Stream(io.StringIO):
    """What is done at every write."""

    def __init__(self, at_write: Callable[[], None]) -> None:
        super().__init__()
        self.at_write = at_write

    def write(self, text: str) -> int:
        self.at_write()
        return super().write(text)


@faults("F62a")
def output_closed(stage: Stage) -> None:
    def gone() -> None:
        raise ValueError("I/O operation on closed file.")

    stage.world.stream = Stream(gone)
    stage.service = stage.world.service(stage.environ(), metrics=True)
    stage.fire()


@faults("F62b")
def slow_sink(stage: Stage) -> None:
    stage.world.stream = Stream(lambda: stage.world.clock.forward(30))
    stage.fire()


@faults("F62c")
def error_closed(stage: Stage) -> None:
    """``tests.delivering`` logs to standard error, and to standard output where there is none; its outcome stands last there."""
    asked = {"environ": stage.environ(), "at": stage.world.clock()}
    command = [sys.executable, "-m", "tests.delivering", json.dumps(asked)]
    closed = ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    done = subprocess.run(closed, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=30, check=True)
    stage.note_documents([json.loads(done.stdout.splitlines()[-1])])
