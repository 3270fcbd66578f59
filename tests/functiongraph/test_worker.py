"""The worker: wishes of one timer event that is too large for one run, brought to it by asynchronous invocations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.dispatch import ONE_RUN
from handlers.sandbox import estate
from tests.functiongraph.api import serving
from tests.functiongraph.stage import Stage, fired
from tests.ledger.servers import open_at
from tests.many.cloud import cloud
from tests.scripted import CREATE, fails

VAULTS = ONE_RUN + 8
ENDPOINT = f"HUAWEICLOUD_SDK_REGION_FUNCTIONGRAPH_{estate.REGION.replace('-', '_').upper()}"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, datetime.now(UTC)) as made:
        yield made


def causes(stage: Stage) -> list[str]:
    """Of the wishes in the ledger."""
    ledger = open_at(stage.ledger, lambda: stage.world.clock.now().timestamp())
    try:
        return [record.key for record in ledger.since("wish", 0)]
    finally:
        ledger.close()


def test_a_timer_for_many_vaults_invokes_the_worker_and_each_has_one_restore_point(tmp_path: Path) -> None:
    """Every invocation is brought twice."""
    with Stage(tmp_path, datetime.now(UTC), cloud(VAULTS)) as stage:
        stage.write_rules([vault.id for vault in cloud(VAULTS).vaults])
        worker = stage.function("worker")
        with serving(worker, times=2) as api:
            queue = {"RESTORE_POINT_QUEUE": f"functiongraph:{worker.urn}", ENDPOINT: api.endpoint}
            planned = stage.function("timer", stage.variables(**queue)).invoke(fired())
            assert {word for word, _ in planned.outcomes} == {"later"}
            assert len(planned.outcomes) == VAULTS
            results = worker.settle()
        assert len(results) == 2 * len(api.asked) > 2
        assert all(json.loads(body).keys() == {"wishes"} for _, _, body in api.asked)
        assert all(headers["X-Security-Token"] in {keys[2] for keys in stage.handed} for _, headers, _ in api.asked)
        assert [each.error for each in results if each.error] == []
        words = [word for each in results for word, _ in each.outcomes]
        assert words.count("created") == VAULTS
        assert set(words) <= {"created", "joined", "later", "skipped"}
        assert len(stage.world.posts()) == len(set(stage.names())) == VAULTS


def test_a_message_hurries_a_wish_and_asks_for_nothing_else(stage: Stage) -> None:
    stage.world.door.on(CREATE, fails("6125"))
    assert stage.function("timer").invoke(fired()).outcomes == [("later", "busy")]
    (cause,) = causes(stage)
    stage.world.clock.forward(600)
    worker = stage.function("worker", stage.variables(RESTORE_POINT_NOW=stage.world.clock.now().isoformat()))
    for _ in range(2):
        worker.invoke_async({"wishes": [cause]})
        worker.settle()
    assert [each.outcomes[0][0] for each in worker.attempts] == ["created", "skipped"]
    forged: list[object] = [{"wishes": [cause[::-1]]}, {"wishes": []}, {"wishes": [cause], "vault": "erp"}, fired(), "null"]
    for event in forged:
        result = worker.invoke(event)
        assert "created" not in result.body
        assert not result.error
    assert len(stage.world.posts()) == 1
