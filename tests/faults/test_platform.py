"""The rows F41 to F52, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.platform import faults
from tests.faults.rows import rows

TABLE = rows("expected.json")


@pytest.mark.parametrize("row", faults.of)
def test_what_comes_of_a_fault_is_what_the_table_says(row: str, tmp_path: Path) -> None:
    faults.play(TABLE[row], tmp_path)
