"""What these tests started and wrote for all of them ends with the test process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functiongraph import code
from tests.ledger.servers import stop_all

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _servers() -> Iterator[None]:
    yield
    stop_all()
    code.remove()
