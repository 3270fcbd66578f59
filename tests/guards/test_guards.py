"""The check on the tests: without any one of its guards the product fails a test that is named beforehand (first half)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guards.taking_out import STRICT, TABLE, Guard, asked, copied, table, take_out, tried

pytestmark = pytest.mark.says_secrets("what a test prints that fails, as these have to")

ROWS = tried(0)


def test_the_table_is_sound() -> None:
    rows = table()
    assert len(rows) >= 50
    assert len({each.name for each in rows}) == len({(each.file, each.out, each.instead) for each in rows}) == len(rows)
    assert all(each.keeps and each.noticed and each.out != each.instead for each in rows)


def test_every_row_fits_the_product_as_it_is() -> None:
    for guard in table():
        with_it = (Path(__file__).parents[2] / "handlers" / guard.file).read_text(encoding="utf-8")
        assert with_it.count(guard.out) == 1, f"{guard.name}: write its row in {TABLE.name} anew"


def test_a_text_that_is_not_there_is_no_guard() -> None:
    with copied() as folder, pytest.raises(LookupError, match="stands 0 times"):
        take_out(Guard("none", "nothing", "iam.py", "no such text", ()), folder)


def test_a_product_that_cannot_be_imported_is_not_noticed() -> None:
    broken = Guard("broken", "nothing", "plan/planned.py", "import hashlib", ("tests/test_plan.py",), "import nothing_like_it")
    with copied() as folder:
        take_out(broken, folder)
        said = asked(folder, broken.noticed, "-x")
    assert said.code not in (0, 5)
    assert not broken.noticed_by(said)


def test_with_all_guards_these_tests_pass() -> None:
    with copied() as folder:
        said = asked(folder, sorted({test for guard in ROWS for test in guard.noticed}))
    assert (said.code, said.trouble) == (0, ()), said.output
    assert said.ran >= (20 if STRICT else 5)


@pytest.mark.parametrize("guard", ROWS, ids=[each.name for each in ROWS])
def test_a_guard_that_is_gone_is_missed(guard: Guard) -> None:
    with copied() as folder:
        take_out(guard, folder)
        said = asked(folder, guard.noticed, "-x")
    assert guard.noticed_by(said), f"without it nobody notices {guard.keeps}: {said.trouble}\n{said.output}"
