"""The failures other clients were measured against, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import clients
from tests.faults.rows import rows, together

TABLE = rows("expected_clients.json")
PLAYED = together(clients.faults)


@pytest.mark.parametrize("row", PLAYED)
def test_what_comes_of_a_fault_is_what_the_table_says(row: str, tmp_path: Path) -> None:
    PLAYED[row].play(TABLE[row], tmp_path)
