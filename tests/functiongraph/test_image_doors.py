"""Each door of the custom image, where test_image.py does not count: the real server, called as the platform is documented to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.sandbox import estate
from tests.functiongraph.image import ImageServer
from tests.functiongraph.stage import AM, FILES, SIMPLE, Stage, fired
from tests.functiongraph.test_worker import causes
from tests.scripted import CREATE, fails

LATER = 600.0
"""Seconds: beyond the wait after CBR's "busy", and what a first backup takes."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, datetime.now(UTC)) as made:
        yield made


def image(stage: Stage, door: str) -> ImageServer:
    """An event function, started at the stage's time."""
    now = stage.world.clock.now().isoformat()
    own = {"RESTORE_POINT_DOOR": door, "RUNTIME_PROJECT_ID": estate.PROJECT_ID, "RESTORE_POINT_NOW": now}
    return ImageServer(stage.variables(**own), stage.folder)


def left_over(stage: Stage) -> None:
    """A timer's restore point that CBR was too busy for."""
    stage.world.door.on(CREATE, fails("6125"))
    with image(stage, "timer") as timer:
        assert timer.invoke(fired(), stage.agency()).outcomes == [("later", "busy")]
    assert stage.world.posts() == []


def test_an_alert_by_the_gateway_makes_one(stage: Stage) -> None:
    with image(stage, "alert") as server:
        answers = [server.gateway("/alert/am", AM, json.dumps(SIMPLE).encode(), stage.agency()) for _ in range(2)]
    assert [json.loads(body)["outcomes"][0]["outcome"] for _, _, body in answers] == ["created", "joined"]
    assert (len(stage.world.posts()), len(stage.names())) == (1, 1)


def test_a_one_off_that_is_invoked_makes_one(stage: Stage) -> None:
    wanted = FILES | {"idempotency_key": "release-7"}
    with image(stage, "once") as server:
        assert [server.invoke(wanted, stage.agency()).outcomes[0][0] for _ in range(2)] == ["created", "joined"]
    assert (len(stage.world.posts()), len(stage.names())) == (1, 1)


def test_the_watch_takes_what_was_left_and_follows_it(stage: Stage) -> None:
    left_over(stage)
    for expected in (["created"], ["available"]):
        stage.world.clock.forward(LATER)
        with image(stage, "watch") as server:
            outcomes = server.invoke(fired(trigger="every-five-minutes"), stage.agency()).outcomes
        assert [word for word, _ in outcomes] == expected
    assert (len(stage.world.posts()), len(stage.names())) == (1, 1)


def test_a_message_makes_the_worker_take_what_was_left_once(stage: Stage) -> None:
    left_over(stage)
    (cause,) = causes(stage)
    stage.world.clock.forward(LATER)
    with image(stage, "worker") as server:
        found = [server.invoke({"wishes": [cause]}, stage.agency()).outcomes[0][0] for _ in range(2)]
        assert server.invoke({"wishes": [cause], "vault_id": "x"}, stage.agency()).json["status"] == 400
    assert found == ["created", "skipped"]
    assert (len(stage.world.posts()), len(stage.names())) == (1, 1)
