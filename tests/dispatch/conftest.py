"""The stage of these tests, set up and cleared away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dispatch.stage import Stage, stage_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handlers.service import Service


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with stage_in(tmp_path) as made:
        yield made


@pytest.fixture
def service(stage: Stage) -> Service:
    return stage.service()
