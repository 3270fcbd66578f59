"""Every sample in events/ by the functions of Lambda and FunctionGraph; test_events_web.py takes the rest, on another core."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.events import EVENTS, PLATFORMS, judge, samples
from tests.cli.terminal import Inside


def test_every_event_has_its_outcome_and_every_outcome_its_event() -> None:
    files = {str(file.relative_to(EVENTS)).removesuffix(".json") for file in EVENTS.glob("*/*.json")}
    outcomes = {name.removesuffix(".outcome") for name in files if name.endswith(".outcome")}
    assert outcomes == {name for name in files if not name.endswith(".outcome")}
    assert len(outcomes) > 140
    assert {platform for _, platform in samples(*PLATFORMS)} == set(PLATFORMS)


@pytest.mark.parametrize(("name", "platform"), [*samples("lambda", "functiongraph")])
def test_an_event_comes_to_what_its_outcome_file_says(name: str, platform: str, inside: Inside, tmp_path: Path) -> None:
    judge(name, platform, inside, tmp_path)
