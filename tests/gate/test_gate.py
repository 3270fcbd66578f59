"""Counts that no busy machine can spoil: what each outcome may cost, exactly, and that more than that is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gate.counting import WAYS, copy, counted, differences, libraries, table


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return libraries(tmp_path_factory.mktemp("libraries"))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy(tmp_path_factory.mktemp("package"))


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A copy of the package in a folder of its own."""
    (tmp_path / "planted").mkdir()
    return copy(tmp_path / "planted")


@pytest.mark.parametrize("name", WAYS)
def test_each_outcome_costs_what_the_table_says(name: str, tmp_path: Path, ours: Path, others: Path) -> None:
    found = counted(name, tmp_path, ours, others)
    assert found["outcome"] == name
    assert not differences(name, found)


def test_the_table_says_why_for_every_outcome() -> None:
    assert {name: bool(each["why"]) for name, each in table().items()} == dict.fromkeys(WAYS, True)


def test_an_import_that_the_path_does_not_need_is_noticed(tmp_path: Path, planted: Path, others: Path) -> None:
    plant(planted / "handlers/trust/__init__.py", "import base64\n", "import base64\n\nimport httpx\n")
    told = " ".join(differences("refused", counted("refused", tmp_path, planted, others)))
    assert "libraries" in told
    assert "httpx" in told


def test_a_module_of_ours_that_the_path_does_not_need_is_noticed(tmp_path: Path, planted: Path, others: Path) -> None:
    plant(planted / "handlers/trust/__init__.py", "import base64\n", "import base64\nimport handlers.ledger.sqlite\n")
    told = " ".join(differences("refused", counted("refused", tmp_path, planted, others)))
    assert "handlers" in told
    assert "sqlite3" in told


def test_a_second_post_is_noticed(tmp_path: Path, planted: Path, others: Path) -> None:
    line = '        reply = self._call("POST", "checkpoints", deadline, body=backup.to_bytes())\n'
    again = "        with contextlib.suppress(Exception):\n    " + line
    plant(planted / "handlers/cbr/__init__.py", line, line + "        import contextlib\n" + again.replace("reply =", "_ ="))
    (told,) = [each for each in differences("created", counted("created", tmp_path, planted, others)) if "requests" in each]
    assert "'POST checkpoints': 2" in told


def test_one_more_round_trip_to_the_ledger_is_noticed(tmp_path: Path, planted: Path, others: Path) -> None:
    line = "            stored = self.tools.ledger.swap(changed.to_record())\n"
    plant(planted / "handlers/restore_point/held.py", line, '            self.tools.ledger.get("wish", "x")\n' + line)
    told = " ".join(differences("created", counted("created", tmp_path, planted, others)))
    assert "ledger {'get': 4" in told


def plant(file: Path, old: str, new: str) -> None:
    """Instead of a text that stands there once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands in {file.name} {text.count(old)} times"
    file.write_text(text.replace(old, new), encoding="utf-8")
