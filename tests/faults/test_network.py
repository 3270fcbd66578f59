"""The rows F1 to F23, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import identity, network
from tests.faults.rows import rows, together

TABLE = rows("expected.json")
PLAYED = together(identity.faults, network.faults)


@pytest.mark.parametrize("row", PLAYED)
def test_what_comes_of_a_fault_is_what_the_table_says(row: str, tmp_path: Path) -> None:
    PLAYED[row].play(TABLE[row], tmp_path)
