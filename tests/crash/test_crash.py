"""A run is killed with SIGKILL at every point of its work, and its event comes again: one restore point, and somebody is told.

Real runtime clients in processes of their own, a real Redis or a file as the ledger, CBR and SMN on real sockets. The points are
reached exactly, because gates hold back the request or the answer at which the process dies. What is counted is what CBR did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from handlers.watch.telling import TELL_SECONDS
from tests.crash.gate import asks, writes
from tests.crash.stage import TURNS, Door, Point, Stage, new_ledger
from tests.ledger.servers import Redis

CLAIM, RECORD = writes("claimed"), writes("done")
LIST, CREATE, PUBLISH = asks("GET", r"/backups\?"), asks("POST", r"/checkpoints$"), asks("POST", r"/publish$")

BEFORE_CLAIM = Point("before claim", "ledger", CLAIM, "before", 0, "")
AFTER_CLAIM = Point("after claim", "ledger", CLAIM, "after", 0, "claimed")
BEFORE_LIST = Point("before list", "cloud", LIST, "before", 0, "claimed")
AFTER_LIST = Point("after list", "cloud", LIST, "after", 0, "claimed")
BEFORE_POST = Point("before POST", "cloud", CREATE, "before", 0, "claimed")
AFTER_POST = Point("after POST", "cloud", CREATE, "after", 1, "claimed")
UNHEARD_POST = Point("after a POST applied late", "cloud", CREATE, "after", 0, "claimed")
AFTER_LIST_OF_THE_SECOND = Point("after the second run's list", "cloud", LIST, "after", 1, "claimed")
BEFORE_RECORD = Point("before record", "ledger", RECORD, "before", 1, "claimed")
BEFORE_TOPIC = Point("before topic", "cloud", PUBLISH, "before", 1, "done")
BEFORE_LOG = Point("before log", "cloud", PUBLISH, "after", 1, "done", told=1)
BEFORE_ANSWER = Point("before the answer", "runtime", None, "before", 1, "done", told=1, lines=1)
FAILED_UNTOLD = Point("before topic, with a failure", "cloud", PUBLISH, "before", 0, "failed")
AFTER_THE_WATCHS_POST = Point("after the watch's POST", "cloud", CREATE, "after", 1, "claimed", by="watch")
BEFORE_THE_END = Point("before the end is told", "cloud", PUBLISH, "before", 1, "done", by="watch")
AFTER_THE_END = Point("after the end is told", "cloud", PUBLISH, "after", 1, "done", told=1, by="watch")


@dataclass(frozen=True)
class Story:
    """Who is killed where, one after the other; after each the event comes again at once. ``finisher`` is whoever takes up the
    wish once nobody's claim on it holds any more: the watch, or the sender with one more delivery.
    """

    name: str
    kills: tuple[Point, ...]
    finisher: str = "watch"
    ledger: str = "valkey"
    door: Door = "timer"
    faults: tuple[str, ...] = ()
    ahead: float = 0.0
    """By how much the clock of the last watch is ahead: nobody waits five minutes here."""
    last: tuple[str, str] = ("joined", "already_taken")
    """What the last delivery says."""
    ends_told: int = 1

    def play(self, stage: Stage) -> None:
        for point in self.kills:
            with TURNS:
                stage.kill_at(point)
                stage.deliver()
            if point.state == "claimed":
                stage.wait_for_the_claim()
        with TURNS:
            if self.kills[-1].state == "claimed" and self.finisher == "sender":
                stage.deliver()
            stage.watch(self.ahead)
            if self.kills[-1].state == "claimed" and self.finisher == "watch":
                stage.deliver()


LATE = "late_apply:after=4,answer=504"
STORIES = [
    Story("before claim", (BEFORE_CLAIM,), last=("created", "accepted")),
    Story("after claim", (AFTER_CLAIM,)),
    Story("after list", (AFTER_LIST,)),
    Story("before POST", (BEFORE_POST,)),
    Story("after POST", (AFTER_POST,)),
    Story("before record", (BEFORE_RECORD,)),
    Story("before topic", (BEFORE_TOPIC,)),
    Story("before log", (BEFORE_LOG,)),
    Story("before the answer", (BEFORE_ANSWER,)),
    Story("after claim, sqlite", (BEFORE_LIST,), "sender", "sqlite", last=("created", "accepted")),
    Story("after list, sqlite", (AFTER_LIST,), "sender", "sqlite", last=("created", "accepted")),
    Story("after POST, sqlite", (AFTER_POST,), "sender", "sqlite", last=("joined", "found")),
    Story("before topic, sqlite", (BEFORE_TOPIC,), ledger="sqlite"),
    Story("after claim, an alert", (AFTER_CLAIM,), "sender", door="alert", last=("created", "accepted")),
    Story("after POST, an alert", (AFTER_POST,), door="alert"),
    Story("before topic, an alert", (BEFORE_TOPIC,), door="alert"),
    Story("after POST, then after list", (AFTER_POST, AFTER_LIST_OF_THE_SECOND)),
    Story("after a POST applied late", (UNHEARD_POST,), faults=(LATE,)),
    Story("after a POST applied late, to the sender", (UNHEARD_POST,), "sender", faults=(LATE,), last=("joined", "found")),
    Story("after claim, then after the watch's POST", (AFTER_CLAIM, AFTER_THE_WATCHS_POST)),
    Story("before topic, then before the watch tells", (BEFORE_TOPIC, BEFORE_THE_END), ahead=TELL_SECONDS),
    Story("before topic, then after the watch has told", (BEFORE_TOPIC, AFTER_THE_END), ahead=TELL_SECONDS, ends_told=2),
]
Stages = Callable[[Story], Stage]


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    server = Redis()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def played(
    redis: Redis, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[Story], Stage]]:
    """Every story that was asked for, all at the same time; each test waits for the end of its own."""
    wanted = {item.name for item in request.session.items if item.path == request.path}
    asked = [each for each in STORIES if any(f"[{each.name}]" in name for name in wanted)]

    def play(story: Story, folder: Path) -> Stage:
        with Stage(folder, new_ledger(story.ledger, folder, redis), story.door, story.faults) as stage:
            story.play(stage)
        return stage

    with ThreadPoolExecutor(len(STORIES)) as pool:
        begun = {each.name: pool.submit(play, each, tmp_path_factory.mktemp("story")) for each in asked}
        yield lambda story: begun[story.name].result()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_killed_at_any_point_one_restore_point_is_made_and_its_end_is_told(story: Story, played: Stages) -> None:
    stage = played(story)
    # I1, I4: what CBR knows.
    (made,) = stage.sandbox.restore_points()
    assert made["status"] == "available"
    assert (stage.sandbox.counts.posts, stage.sandbox.counts.applied) == (1, 1)
    # I2: one of the six ends for each delivery of the event, and a settled one for the event.
    mine = [each for each in stage.deliveries if each.door == story.door]
    assert all(len(each.outcomes) == 1 for each in mine)
    assert {word for each in mine for word, _ in each.ends} <= {"created", "joined", "later"}
    # While a claim holds nobody else works; once it is over the last one says the truth.
    if story.kills[0].state == "claimed":
        assert mine[0].ends == [("later", "in_progress")]
    assert mine[-1].ends == [story.last]
    assert (mine[-1].status, mine[-1].outcomes[0]["degraded"]) == (200, False)
    assert (mine[-1].outcomes[0]["checkpoint_id"], mine[-1].outcomes[0]["name"]) == (made["id"], made["name"])
    # I3: whoever says created or joined names what is there; created only who was answered so by CBR.
    said = [each for delivery in stage.deliveries for each in delivery.outcomes if each["outcome"] in ("created", "joined")]
    answered = [each.reply["checkpoint"]["id"] for each in stage.posts() if each.reply]
    assert {each["checkpoint_id"] for each in said} == {made["id"]}
    assert [each["checkpoint_id"] for each in said if each["outcome"] == "created"] in ([], answered)
    # Told at least once, by the topic's own record.
    told = [each["outcome"] for each in stage.messages() if each["checkpoint_id"] == made["id"]]
    assert told.count("available") == story.ends_told
    assert told.count("created") <= 1


def test_a_failure_that_was_written_down_and_not_told_is_told_when_the_event_comes_again(redis: Redis, tmp_path: Path) -> None:
    with Stage(tmp_path, redis.place(), faults=("full",)) as stage:
        stage.kill_at(FAILED_UNTOLD)
        again = stage.deliver()
        assert (again.status, again.ends) == (200, [("failed", "rejected")])
        assert [(each["outcome"], each["error_code"]) for each in stage.messages()] == [("failed", "BackupService.6114")]
        assert stage.sandbox.restore_points() == []
