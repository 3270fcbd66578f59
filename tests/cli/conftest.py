"""A sandbox whose backups take a fraction of a second, and a terminal that is set up for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.sandbox import Sandbox
from tests.cli.terminal import RULES, Terminal, known


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(speed=200) as running:
        yield running


@pytest.fixture
def slow() -> Iterator[Sandbox]:
    """One whose backups do not end during a test."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def terminal(sandbox: Sandbox, tmp_path: Path) -> Terminal:
    folder = tmp_path / "work"
    folder.mkdir()
    return Terminal(folder, known(sandbox, tmp_path))


@pytest.fixture
def ruled(terminal: Terminal) -> Terminal:
    """With a rules.toml for two vaults."""
    terminal.write("rules.toml", RULES)
    return terminal
