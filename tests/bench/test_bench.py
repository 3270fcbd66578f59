"""The bench may give a verdict: rows judge as they say, and a run counts what came to the server, not what it said."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.bench.cold import Run, once
from tests.bench.stage import KINDS, ROOT, RULES, Fixed
from tests.bench.table import Row, row


def test_a_row_is_judged_by_its_ratio_or_by_itself_where_it_has_no_floor() -> None:
    assert Row("slow", "ms", 160.0, 100.0, must=1.55).met is False
    assert Row("fast", "ms", 150.0, 100.0, must=1.55).met is True
    assert Row("joined", "µs", 351.0, must=350.0).met is False
    assert Row("storm", "/s", 40.0, 100.0, must=0.5, at_least=True).met is False
    assert Row("open", "ms", 1.0).met is None


def test_a_row_has_medians_and_says_what_else_ran_beside() -> None:
    found = row("cold", "ms", {"ours": [1, 9, 2], "httpx": [1, 1, 5], "sdk": [3, 3, 3]}, floor="httpx")
    assert (found.ours, found.floor, found.others) == (2, 1, {"sdk": 3})


def test_one_cold_start_is_measured_at_the_server(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    libraries = Path(pytest.__file__).parents[1]
    with Fixed() as server:
        began = time.monotonic()
        took, held = once(Run("ours", "once_ours.py", path=(ROOT, libraries)), KINDS[1], server, tmp_path)
        assert 0 < took < (time.monotonic() - began) * 1000
        assert held > 10
        assert (server.record()["posts"], server.record()["gets"]) == (1, 1)


def test_a_process_that_posts_nothing_is_no_measurement(tmp_path: Path) -> None:
    with Fixed() as server, pytest.raises(SystemExit, match="ours ended with 1, 0 POSTs"):
        once(Run("ours", "once_ours.py"), KINDS[1], server, tmp_path)
