"""A cloud and the server that is deployed, as a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.scripted import World, world_in
from tests.server.stage import RULES, TOKENS
from tests.web_server import WebServer


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The server's clock is the machine's, so the sandbox's begins there."""
    with world_in(tmp_path, datetime.now(UTC)) as made:
        made.write_rules(more=RULES)
        yield made


@pytest.fixture
def server(world: World) -> Iterator[WebServer]:
    with WebServer(world.environ(**TOKENS), world.folder) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """For the tests that take no restore point."""
    with world_in(tmp_path_factory.mktemp("connections"), datetime.now(UTC)) as made:
        made.write_rules(more=RULES)
        with WebServer(made.environ(**TOKENS), made.folder) as running:
            yield running
