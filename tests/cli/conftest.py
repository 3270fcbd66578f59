"""A sandbox whose backups take a fraction of a second, and a terminal that is set up for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.cli import main
from handlers.sandbox import Sandbox
from tests.cli.terminal import RULES, Inside, Ran, Terminal, bare, known


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(speed=200, well_behaved=True) as running:
        yield running


@pytest.fixture
def slow() -> Iterator[Sandbox]:
    """One whose backups do not end during a test."""
    with Sandbox(well_behaved=True) as running:
        yield running


@pytest.fixture
def terminal(sandbox: Sandbox, tmp_path: Path) -> Terminal:
    folder = tmp_path / "work"
    folder.mkdir()
    return Terminal(folder, known(sandbox, tmp_path))


@pytest.fixture
def offline(tmp_path: Path) -> Terminal:
    """A terminal that knows no cloud."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return Terminal(folder, bare(tmp_path))


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Inside:
    def run(terminal: Terminal, *arguments: str, **environ: str) -> Ran:
        with monkeypatch.context() as patch:
            patch.chdir(terminal.folder)
            for name in os.environ:
                patch.delenv(name)
            for name, value in {**terminal.environ, **environ}.items():
                patch.setenv(name, value)
            capfd.readouterr()
            code = main(list(arguments))
        return Ran(code, *capfd.readouterr())

    return run


@pytest.fixture
def ruled(terminal: Terminal) -> Terminal:
    """With a rules.toml for two vaults."""
    terminal.write("rules.toml", RULES)
    return terminal
