"""The failures other clients were measured against, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.clients import faults
from tests.faults.rows import rows

TABLE = rows("expected_clients.json")


@pytest.mark.parametrize("row", faults.of)
def test_what_comes_of_a_fault_is_what_the_table_says(row: str, tmp_path: Path) -> None:
    faults.play(TABLE[row], tmp_path)
