"""Clocks at the edges of the calendar, and ids that do not depend on when one looks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.sandbox import Sandbox, estate
from tests.sandbox.cloud import FILES, Cloud
from tests.sandbox.plain import PROJECT, Plain


def at(year: int, month: int, day: int) -> float:
    return datetime(year, month, day, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("start", [at(9999, 12, 31), at(9999, 12, 31) + 400 * 86_400, at(1, 1, 1), at(1, 1, 1) - 400 * 86_400])
def test_a_clock_at_the_end_of_the_calendar_stops_nothing(clock: Any, start: float) -> None:
    clock.now = start
    with Sandbox(clock=clock) as sandbox:
        plain = Plain(sandbox).sign_in()
        assert plain.create().status == 200
        for what in ("backups", "vaults", "operation-logs"):
            assert plain.list(what).status == 200
        sandbox.faults.add("throttle:retry_after=date")
        assert plain.list("vaults").headers["retry-after"].endswith(" GMT")
        assert plain.call("POST", f"/v2/{estate.PROJECT_ID}/notifications/topics", {"name": "n"}).status == 201
        urn = f"{sandbox.topic_urn.rpartition(':')[0]}:n"
        assert plain.call("GET", f"/v2/{estate.PROJECT_ID}/notifications/topics/{urn}").status == 200
        plain.close()


def test_a_backup_may_be_kept_beyond_the_calendar(clock: Any) -> None:
    clock.now = at(9950, 12, 31)
    with Sandbox(clock=clock, well_behaved=True) as sandbox:
        plain = Plain(sandbox).sign_in()
        body = {"checkpoint": {"vault_id": FILES, "parameters": {"retention_duration_days": 36_500}}}
        made = plain.call("POST", f"{PROJECT}/checkpoints", body)
        assert made.status == 200
        (backup,) = plain.list("backups").json["backups"]
        assert backup["expired_at"].startswith("9999-12-31T23:59:59")
        plain.close()


def test_ids_do_not_depend_on_when_one_looks() -> None:
    """A deletion that is over in between is none of the things a number is given to."""

    def second(wait: float) -> str:
        cloud = Cloud()
        cloud.create(FILES)
        cloud.forward(61)
        (backup,) = cloud.backups()
        cloud.ask("DELETE", f"/backups/{backup['id']}")
        cloud.forward(wait)
        return str(cloud.create(FILES)["id"])

    assert second(4.9) == second(5.1)
