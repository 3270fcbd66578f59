"""Four processes that each deliver the same thousand causes over one ledger, in orders of their own, and some are killed.

With some killed there are a thousand only where nothing may be skipped (RESTORE_POINT_STRICT=1), otherwise two hundred.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers.clock import SystemClock
from handlers.envelope import Envelope
from handlers.restore_point.wish import Wish
from handlers.sandbox import Exchange, Sandbox
from handlers.service import Service
from handlers.settings import load
from tests.ledger.other_process import DEGRADED
from tests.ledger.servers import SHARED, WHERE, Place, open_at, start
from tests.many.cloud import Moving, alertmanager, environ_of, labels_of, rules_of, sandbox_of, schedule, vault_id
from tests.many.hurry import insist, used

CAUSES = 1000
CAUSES_OF_THE_KILLED = CAUSES if os.environ.get("RESTORE_POINT_STRICT") == "1" else 200
PROCESSES = 4
SECONDS = 10.0
"""For each delivery: a claim lasts as long and until CBR has settled, which is three seconds here."""
PATIENCE = 300.0


@pytest.fixture
def clock() -> Moving:
    return Moving()


def events_of(causes: int, clock: Moving) -> list[tuple[str, dict[str, Any]]]:
    """One for each vault, with its door: a schedule's for every other one, an alert's for the rest."""
    now = clock.text()
    fired = datetime.fromtimestamp(clock() - 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        ("alert", alertmanager(labels_of(number, number), now, number))
        if number % 2
        else ("timer", {"schedule_arn": schedule(number), "scheduled_time": fired})
        for number in range(causes)
    ]


class Four:
    """The processes over one ledger and one cloud."""

    def __init__(self, causes: int, sandbox: Sandbox, place: Place, folder: Path, clock: Moving) -> None:
        own = {"RESTORE_POINT_SETTLE_SECONDS": "3", "RESTORE_POINT_FOLLOW_SECONDS": "3600"}
        self.sandbox, self.clock, self.place = sandbox, clock, place
        self.environ = environ_of(sandbox, folder, rules_of(causes, timers=causes)) | own | dict(place)
        events = folder / "events.json"
        events.write_text(json.dumps(events_of(causes, clock)), encoding="utf-8")
        self.running = [start(self.environ, "deliver", str(events), f"{owner}", f"{SECONDS}") for owner in range(PROCESSES)]

    def go(self) -> None:
        """All at once."""
        for process in self.running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in self.running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

    def ends(self, *killed: int) -> Counter[str]:
        """How the deliveries ended, of all that were not killed; how many did without the ledger, of all."""
        found: Counter[str] = Counter()
        for owner, process in enumerate(self.running):
            said, _ = process.communicate(timeout=PATIENCE)
            lines = said.splitlines()
            found[DEGRADED] += lines.count(DEGRADED)
            if owner not in killed:
                assert process.returncode == 0
                found.update(json.loads(lines[-1]))
        return found

    def kill_at(self, posts: int, when: str) -> int:
        """Which one was killed over its POST, after CBR had seen so many; ``when`` says whether that one was executed.

        CBR leaves it without an answer, so that it cannot get any further.
        """
        self._until(lambda: self.sandbox.counts.posts >= posts)
        before = len(self._unanswered())
        self.sandbox.faults.add({"kind": "hang", "when": when, "method": "POST", "path": "/checkpoints"})
        self._until(lambda: len(self._unanswered()) > before)
        hung = self._unanswered()[-1]
        self.sandbox.faults.clear()
        owner = int(re.findall(r"delivery (\d)-", hung.body["checkpoint"]["parameters"]["description"])[0])
        self.running[owner].kill()
        assert self.running[owner].wait() == -signal.SIGKILL
        return owner

    def _unanswered(self) -> list[Exchange]:
        return [each for each in self.sandbox.posts() if each.fault]

    @staticmethod
    def _until(there: Callable[[], bool]) -> None:
        ends = time.monotonic() + PATIENCE
        while not there():
            assert time.monotonic() < ends
            time.sleep(0.02)

    def wishes(self) -> list[Wish]:
        with closing(open_at(self.place, self.clock)) as ledger:
            return [Wish.from_record(record) for record in ledger.since("wish", 0)]

    def at_work(self) -> list[Wish]:
        """Those in somebody's hands."""
        return [wish for wish in self.wishes() if wish.state in ("wanted", "claimed", "sent")]

    def stop(self) -> None:
        for process in self.running:
            process.kill()
            process.communicate()


@contextmanager
def four(causes: int, sandbox: Sandbox, place: Place, folder: Path, clock: Moving) -> Iterator[Four]:
    made = Four(causes, sandbox, place, folder, clock)
    try:
        yield made
    finally:
        made.stop()


def watch_once(service: Service) -> None:
    service.watch(Envelope("watch", "lambda", "sweep", {}, 60.0))


def deliver_again(service: Service) -> None:
    for door, document in json.loads((Path(service.settings.rules_file).parent / "events.json").read_text("utf-8")):
        service.handle(Envelope(door, "lambda", "again", document, SECONDS))


def one_each(causes: int, sandbox: Sandbox) -> None:
    """By CBR's own record every vault has one restore point, and no more POSTs than that were executed."""
    assert Counter(each["vault_id"] for each in sandbox.restore_points()) == {vault_id(number): 1 for number in range(causes)}
    assert sandbox.counts.applied == causes


@pytest.mark.parametrize("kind", SHARED)
def test_four_processes_that_deliver_the_same_causes_end_in_one_restore_point_each(
    kind: str, tmp_path: Path, clock: Moving
) -> None:
    insist(lambda folder: deliver_by_four(kind, folder, clock), tmp_path)


def deliver_by_four(kind: str, folder: Path, clock: Moving) -> None:
    with sandbox_of(CAUSES, clock) as sandbox, four(CAUSES, sandbox, WHERE[kind](folder), folder, clock) as processes:
        processes.go()
        began = time.monotonic()
        ended = processes.ends()
        took = time.monotonic() - began
        print(f"{kind}: {ended.total()} deliveries, {ended.total() / took:.0f} a second: {dict(ended)}")
        used(ended.pop(DEGRADED), CAUSES, sandbox)
        one_each(CAUSES, sandbox)
        assert sandbox.counts.posts == CAUSES
        assert ended.total() == PROCESSES * CAUSES
        assert ended["created accepted"] == CAUSES
        assert ended.keys() <= {"created accepted", "joined already_taken", "later in_progress"}
        assert processes.at_work() == []


@pytest.mark.parametrize("kind", SHARED)
@pytest.mark.parametrize("then", [watch_once, deliver_again])
def test_what_two_of_them_were_at_when_they_were_killed_is_made_up_for_once(
    kind: str, then: Callable[[Service], None], tmp_path: Path, clock: Moving
) -> None:
    insist(lambda folder: kill_two_of_four(kind, then, folder, clock), tmp_path)


def kill_two_of_four(kind: str, then: Callable[[Service], None], folder: Path, clock: Moving) -> None:
    causes = CAUSES_OF_THE_KILLED
    with sandbox_of(causes, clock) as sandbox, four(causes, sandbox, WHERE[kind](folder), folder, clock) as processes:
        processes.go()
        killed = [processes.kill_at(causes // 3, "after"), processes.kill_at(causes // 2, "before")]
        ended = processes.ends(*killed)
        used(ended.pop(DEGRADED), causes, sandbox)
        left = processes.at_work()
        assert {(wish.state, int(wish.planned.delivery_id[0])) for wish in left} == {("claimed", owner) for owner in killed}
        assert len(sandbox.restore_points()) == causes - 1, "nobody could take the one that was not executed"
        clock.ahead += SECONDS + 10
        ahead = SystemClock(datetime.fromtimestamp(clock(), UTC))
        with closing(Service(load(processes.environ), ahead, stream=io.StringIO())) as service:
            then(service)
        one_each(causes, sandbox)
        assert sandbox.counts.posts == causes + 1
        assert ended["created accepted"] <= causes - 2
        assert processes.at_work() == []
