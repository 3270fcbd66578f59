"""One timer event for three hundred vaults, through a queue that brings everything twice; 10,000 by ``python -m tests.fleet``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.night import Fleet, Night

VAULTS = 300


def insist(night: Night) -> None:
    assert (night.posts, len(night.by_vault)) == (VAULTS, VAULTS)
    assert set(night.by_vault.values()) == {1}
    assert night.outcomes["created"] == VAULTS
    assert night.outcomes["failed"] == 0
    assert night.brought >= 2 * VAULTS
    assert night.last_post == pytest.approx(night.predicted, rel=0.1)


def test_every_vault_has_one_restore_point_when_it_was_said(tmp_path: Path) -> None:
    night = Fleet(tmp_path, VAULTS, per_second=5).run(patience=1000)
    insist(night)
    assert night.predicted == pytest.approx(VAULTS * 2 / (5 * 0.8), rel=0.02)


def test_where_cbr_takes_a_hundred_requests_a_minute(tmp_path: Path) -> None:
    faults = ("throttle:limit=100,times=0",)
    night = Fleet(tmp_path, VAULTS, per_second=1.6, faults=faults).run(patience=2000)
    insist(night)
    assert night.throttled == 0, "restore points and looks at others together stay below the rate"


def test_a_rate_that_was_set_too_high_costs_time_and_nothing_else(tmp_path: Path) -> None:
    faults = ("throttle:limit=100,times=0",)
    night = Fleet(tmp_path, 100, per_second=5, faults=faults).run(patience=2000)
    assert night.throttled > 0
    assert (night.posts, set(night.by_vault.values()), night.outcomes["failed"]) == (100, {1}, 0)
