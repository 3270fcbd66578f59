"""Stages: one for a whole file whose events are all refused, a new one for each test that takes restore points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.hostile.forging import Forge, forge
from tests.hostile.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything a hostile event could reach, for as long as a file's tests run."""
    with Stage(tmp_path_factory.mktemp("hostile")) as made:
        yield made


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """A stage of the test's own, where nothing happened yet; one at a time."""
    with ExitStack() as stack:
        yield lambda **more: stack.enter_context(Stage(tmp_path, **more))


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    """A stage whose senders sign."""
    with forge(tmp_path_factory.mktemp("forged")) as made:
        yield made
