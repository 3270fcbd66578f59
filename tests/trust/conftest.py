"""Keys for a whole run of a file, and a world whose clock is within their certificates' days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handlers.service import Service
from tests.scripted import World, world_in
from tests.trust.making import AT, Signer

Serving = Callable[..., Service]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """The topic's, or the issuer's."""
    return Signer(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """Somebody else's."""
    return Signer(tmp_path_factory.mktemp("other"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path, AT) as made:
        yield made


@pytest.fixture
def serving(world: World) -> Serving:
    """A service with these rules beside the usual ones, and this environment."""

    def make(more: str, **environ: str) -> Service:
        world.write_rules(topics="", more=more)
        return world.service(world.environ(**environ))

    return make
