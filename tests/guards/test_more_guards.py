"""The check on the tests: without any one of its guards the product fails a test that is named beforehand (second half)."""

from __future__ import annotations

import pytest

from tests.guards.taking_out import STRICT, Guard, asked, copied, take_out, tried

pytestmark = pytest.mark.says_secrets("what a test prints that fails, as these have to")

ROWS = tried(1)


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
