"""Every sample in events/ that arrives over HTTP, each by a functions-framework server of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.events import judge, samples
from tests.cli.terminal import Inside


@pytest.mark.parametrize(("name", "platform"), [*samples("web")])
def test_an_event_comes_to_what_its_outcome_file_says(name: str, platform: str, inside: Inside, tmp_path: Path) -> None:
    judge(name, platform, inside, tmp_path)
