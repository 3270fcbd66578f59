"""README's table of platforms is that of platforms.toml, each cell backed by tests. ``python -m tests.test_platforms`` prints it.

Whether these tests pass is for the run they are part of; that none of them is skipped there, for tests/conftest.py.
"""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from handlers.envelope import Door

ROOT = Path(__file__).parents[1]
PLATFORMS: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("platforms.toml").read_text("utf-8"))["platforms"]
DOORS = ("timer", "alert", "once", "watch", "worker")
HEADING = "## Platforms\n"
RECORD = {"posts", "restore_points", "names", "by_vault", "one_each"}
"""What of the stages asks for the sandbox's own record."""
WORDS = {"timer": "timer|pingsource"}
"""How a test says which door it is, where not by the door's name alone."""
CELLS = [
    pytest.param(row, door, test, id=f"{row['platform']}, {door}: {test.rpartition('::')[2]}")
    for row in PLATFORMS
    for door in DOORS
    for test in row.get(door, {}).get("tests", [])
]


def table() -> str:
    """As it stands in README.md."""
    rows = [[row["platform"], row["run"], *(row[door]["by"] for door in DOORS)] for row in PLATFORMS]
    first, *others = (f"| {' | '.join(row)} |\n" for row in (["platform", "how it was run", *DOORS], *rows))
    return first + "|---" * (len(DOORS) + 2) + "|\n" + "".join(others)


def section() -> str:
    """README's own, up to the next heading."""
    _, heading, after = (ROOT / "README.md").read_text("utf-8").partition(HEADING)
    assert heading
    return after.partition("\n## ")[0]


@cache
def parts(file: str) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    """Functions and classes of a file of tests, by name."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert not [name for node in tree.body if "pytestmark" in (name := ast.unparse(node)) or "importorskip" in name], file
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def used(file: str, name: str) -> set[str]:
    """All names in a test and in what it uses of its file, fixtures included; no keys of log lines, no words of docstrings."""
    known, wanted, done, found = parts(file), [name], set[str](), set[str]()
    while wanted:
        done.add(each := wanted.pop())
        inside = {word for node in ast.walk(known[each]) for word in words(node)}
        wanted += (inside & known.keys()) - done
        found |= inside
    return found


def words(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word):
            return [word]
    return []


# ── README ──


def test_the_readme_has_this_table_and_no_other() -> None:
    there = "".join(line for line in section().splitlines(keepends=True) if line.startswith("|"))
    assert there == table(), "python -m tests.test_platforms prints it"


def test_it_can_be_read() -> None:
    lines = table().splitlines()
    assert len(lines) <= 8
    assert max(map(len, lines)) <= 130


def test_what_the_readme_refers_to_is_there() -> None:
    prose = "".join(line for line in section().splitlines(keepends=True) if not line.startswith("|"))
    named = re.findall(r"`([\w/]+\.\w+)`", prose)
    assert {"tests/platforms.toml", "tests/functiongraph/README.md"} <= {*named}
    assert [each for each in named if not (ROOT / each).exists()] == []


# ── the tests of each cell ──


def test_every_platform_has_a_test_of_every_door() -> None:
    assert set(DOORS) == set(get_args(Door))
    for row in PLATFORMS:
        assert row.keys() == {"platform", "run", "started_by", *DOORS}
        assert all(row[door].keys() == {"by", "tests"} and row[door]["tests"] for door in DOORS)


@pytest.mark.parametrize(("row", "door", "test"), CELLS)
def test_a_cell_is_backed_by_a_test(row: dict[str, Any], door: str, test: str) -> None:
    """It is there, nothing lets it be skipped or fail, it runs that door on that platform, and asks the sandbox what was made."""
    file, _, name = test.partition("::")
    node = parts(file)[name]
    assert name.startswith("test_")
    assert isinstance(node, ast.FunctionDef)
    names = used(file, name)
    assert not names & {"skip", "skipif", "xfail"}
    assert re.search(rf"({WORDS.get(door, door)})(?![a-z])", ast.unparse(node).lower().replace("_", " ")), "it is of another door"
    assert names & {*row["started_by"]}, "it starts something else"
    assert names & RECORD, "it counts nothing"


if __name__ == "__main__":
    print(table(), end="")
