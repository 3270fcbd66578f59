"""Which of the 84 hostile inputs a file tests, which are tested elsewhere, and which the product does not pass yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import pytest

Given = TypeVar("Given", bound=Callable[..., None])
_ROW = re.compile(r"H[1-9][0-9]?(?= |$)")


class Rows:
    """One file's part of the list.

    ``named`` says for a row which tests elsewhere are exactly that (``file::test``). ``waiting`` has cases, by their names in
    the tables, that are right and fail today, each with the reason: the tests leave them out.
    """

    def __init__(self, named: Mapping[str, Iterable[str]], waiting: Mapping[str, str]) -> None:
        self.named = {row: tuple(tests) for row, tests in named.items()}
        self.waiting = dict(waiting)
        self.tested: set[str] = set()
        self.known: set[str] = set()
        """Every case of the tables, whether it waits or not."""

    def __call__(self, *rows: str) -> Callable[[Given], Given]:
        """Says which rows a test without a table plays."""

        def note(test: Given) -> Given:
            assert all(_ROW.fullmatch(row) for row in rows), rows
            self.tested |= set(rows)
            return test

        return note

    def played(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """The cases that do not wait."""
        assert not self.known & set(table), "a case stands twice"
        self.known |= set(table)
        played = {name: case for name, case in table.items() if name not in self.waiting}
        for name in played:
            found = _ROW.match(name)
            assert found, name
            self.tested.add(found[0])
        return played

    def cases(self, argument: str, table: Mapping[str, Any]) -> pytest.MarkDecorator:
        """A test of every case of the table, whose names begin with the row's number."""
        return pytest.mark.parametrize(argument, [pytest.param(case, id=name) for name, case in self.played(table).items()])
