"""The bench may give a verdict: rows judge as they say, and a run counts what came to the server, not what it said."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.bench.cold import Run, once
from tests.bench.costs import events, lines
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


def test_costs_follow_from_what_was_measured_and_what_the_gate_counts() -> None:
    """By hand: a created one asks CBR twice and the ledger six times, so it runs for 1 + 100 + 30 ms of half a GB."""
    measured = {
        "warm, memory: event → created, CPU": 1000.0,
        "warm, memory: event → joined, own CPU": 300.0,
        "warm: refused event, log line and metrics, own CPU": 100.0,
        "cold, Lambda, byte code: init + first invocation": 200.0,
        "storm: webhooks a second, all joining": 500.0,
    }
    created, joined, refused = events(measured)
    assert (created.requests, created.reads + created.writes) == (2, 6)
    assert created.seconds == pytest.approx(0.131)
    assert created.on_lambda == pytest.approx(0.20 + 131_000 * 0.5 * 0.0000133334 + 3 * 0.125 + 3 * 0.625 + 0.75)
    assert created.on_a_cluster == pytest.approx(1000 / 3600 * 0.04)
    assert (refused.requests, refused.reads, refused.writes) == (0, 0, 0)
    assert joined.on_lambda < created.on_lambda
    told = "\n".join(lines(measured))
    assert "| 5 requests a second | 11.1 h |" in told
    assert "3.3 servers of 500 a second" in told
    assert "1,667 writes a second of one record" in told
