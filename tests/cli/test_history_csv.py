"""``restore-point history --csv``: a table as RFC 4180 has it, in which no spreadsheet calculates anything."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.cli.history import COLUMNS, harmless, rows_of, table
from handlers.overview.asked import answers
from handlers.overview.plain import plain
from tests.cli.test_history import wish

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BEFORE = " '\"\ufffd\t\r\n"
PARTS = st.lists(
    st.sampled_from(["=", "+1", "-1", "@A", ";", "; ", ",", '"', "'", " ", "\t", "\r\n", "a", "\uff1d", "\x00"]), max_size=8
)


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", '"=1', "\uff1d1", "\x00=1", "'=1"]
)
def test_a_cell_that_begins_like_a_formula_is_text(cell: str) -> None:
    shown = harmless(cell)
    assert shown.startswith("'")
    assert not set(shown) & set("\t\r\n\x00")


@pytest.mark.parametrize("separator", [",", ";"])
@given(cells=st.lists(PARTS.map("".join), min_size=2, max_size=4))
def test_no_cell_of_any_table_is_calculated_whichever_separator_a_spreadsheet_goes_by(separator: str, cells: list[str]) -> None:
    """RFC 4180 has commas; where lists are written with semicolons a spreadsheet parts the same lines at those."""
    text = io.StringIO(newline="")
    table([COLUMNS, cells], text)
    found = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=separator))
    assert len(found) == 2
    calculated = [cell for row in found for cell in row if cell.lstrip(BEFORE).startswith(FORMULA) and cell[:1] != "'"]
    assert calculated == []
    if separator == ",":
        assert [len(row) for row in found] == [len(COLUMNS), len(cells)]
        assert found[1] == [harmless(cell) for cell in cells]
        assert [cell.replace("'", "") for cell in found[1]] == [plain(cell).replace("'", "") for cell in cells]


def test_names_of_causes_with_semicolons_stay_one_cell_and_text() -> None:
    names = ("disk; full", "=HYPERLINK(1)", 'say "a", b')
    planned = replace(wish().planned, cause_names=names, link="https://x.example/?a=1;b=2,-3", sender="")
    text = io.StringIO(newline="")
    table(rows_of(answers([wish(planned=planned)])), text)
    (row,) = csv.DictReader(io.StringIO(text.getvalue(), newline=""))
    assert row["cause_names"] == 'disk; full;\' =HYPERLINK(1); say "a", b'
    assert row["link"] == "https://x.example/?a=1;b=2,-3"
    assert (row["sender"], row["trigger"]) == ("", "timer")
    parted = next(csv.reader([text.getvalue().splitlines()[1]], delimiter=";"))
    assert [cell for cell in parted if cell.lstrip().startswith(FORMULA)] == []


@pytest.mark.parametrize("cell", ["nightly-erp", "", "2026-11-23T02:00:00+00:00", "a=1", "3", "a;b=1", "https://x/?a=1,-2"])
def test_any_other_cell_is_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell
