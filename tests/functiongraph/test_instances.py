"""Instances of a function that are frozen, killed, replaced or shared, under the fake of FunctionGraph's documented runtime."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.functiongraph.calls import Keys, Policy
from tests.functiongraph.stage import FILES, Stage, fired
from tests.ledger.servers import redis
from tests.scripted import BACKUPS, CREATE, Passing, fails


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, datetime.now(UTC)) as made:
        yield made


def swept(stage: Stage, minutes: int = 10) -> list[str]:
    """The watch, that much later."""
    stage.world.clock.forward(minutes * 60)
    watch = stage.function("watch", stage.variables(RESTORE_POINT_NOW=stage.world.clock.now().isoformat()))
    return [word for word, _ in watch.invoke(fired(trigger="every-five-minutes")).outcomes]


@pytest.mark.parametrize("executed", [True, False], ids=["after CBR took it", "before it reached CBR"])
def test_one_that_is_killed_in_the_middle_leaves_one_restore_point(stage: Stage, executed: bool) -> None:
    """As at its time-out: SIGKILL while its POST is under way. The policy brings the event again at once, to a cold instance."""
    function = stage.function("timer", policy=Policy(1))

    def kill(it: Passing) -> None:
        if executed:
            it.forward()
        function.expire()
        it.cut()

    stage.world.door.on(CREATE, kill)
    function.invoke_async(fired())
    killed, again = function.settle()
    assert "timed out" in killed.error
    assert function.starts == 2
    assert [word for word, _ in again.outcomes] == ["later"]  # the claim of the one that was killed
    settled = [word for _ in range(2) for word in swept(stage)]
    assert settled == (["joined", "available"] if executed else ["created", "available"])
    assert (len(stage.world.posts()), len(stage.names())) == (1, 1)


def test_one_that_is_frozen_between_calls_goes_on_though_its_connections_are_gone(stage: Stage) -> None:
    function = stage.function("once", freezes=True)
    assert function.invoke(FILES | {"idempotency_key": "a"}).outcomes == [("created", "accepted")]
    time.sleep(0.2)
    assert redis().say("CLIENT KILL TYPE normal").startswith(b":")
    stage.world.clock.forward(120)
    assert function.invoke(FILES | {"idempotency_key": "b"}).outcomes == [("created", "accepted")]
    assert (function.starts, len(stage.world.posts())) == (1, 2)
    assert not any(each["degraded"] for line in function.lines for each in line.get("restore_points", []) if "degraded" in each)


def test_one_that_is_frozen_in_a_call_goes_on_where_it_was(stage: Stage) -> None:
    function, melting = stage.function("timer"), list[threading.Timer]()

    def stop(it: Passing) -> None:
        function.freeze()
        melting.append(threading.Timer(1.5, function.thaw))
        melting[0].start()
        it.say(*it.forward())

    stage.world.door.on(CREATE, stop)
    assert function.invoke(fired()).outcomes == [("created", "accepted")]
    melting[0].join()
    assert len(stage.world.posts()) == 1


def test_instances_that_get_the_same_event_at_once_make_one_restore_point(stage: Stage) -> None:
    functions, event = [stage.function("timer") for _ in range(2)], fired()
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda number: functions[number % 2].invoke(event), range(8)))
    words = [result.outcomes[0][0] for result in results]
    assert words.count("created") == 1
    assert set(words) <= {"created", "joined", "later"}
    assert [each.starts for each in functions] == [1, 1]
    assert (len(stage.world.posts()), len(stage.names())) == (1, 1)


def test_a_call_that_is_overtaken_goes_on_with_the_newer_keys(tmp_path: Path) -> None:
    """Two calls overlap in one instance; while the first waits, its keys end and the second brings new ones."""
    issued_ago = 800  # keys are good for 900 seconds at least, signatures for as long
    with Stage(tmp_path, datetime.fromtimestamp(datetime.now(UTC).timestamp() - issued_ago, UTC)) as stage:
        old, looked, go_on = stage.agency(), threading.Event(), threading.Event()
        stage.world.clock.forward(issued_ago)
        handed = iter([old])
        function = stage.function("once", keys=lambda: next(handed, None) or stage.agency())

        def holds(it: Passing) -> None:
            answer = it.forward()
            looked.set()
            assert go_on.wait(15)
            it.say(*answer)

        stage.world.door.on(BACKUPS, holds)
        stage.world.door.on(CREATE, fails("6125"))  # for the second
        with ThreadPoolExecutor(1) as thread:
            first = thread.submit(function.invoke, FILES | {"idempotency_key": "first"})
            assert looked.wait(15)
            stage.world.clock.forward(120)
            second = function.invoke(FILES | {"idempotency_key": "second"})
            go_on.set()
            assert second.outcomes == [("later", "busy")]
            assert first.result().outcomes == [("created", "accepted")]
        assert function.starts == 1
        used = [seen.headers["x-security-token"] for seen in stage.world.door.came(CREATE)]
        new: Keys = stage.handed[-1]
        assert used == [new[2], new[2]]
        assert stage.world.door.seen[0].headers["x-security-token"] == old[2] != new[2]
