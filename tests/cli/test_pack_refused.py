"""``restore-point pack`` where it must not pack: nothing is fetched, and nothing that stands there is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from handlers.cli.pack.targets import LAMBDA
from handlers.cli.pack.tree import own_files
from handlers.errors import Misconfigured
from tests.cli.packing import ROOT
from tests.cli.terminal import RULES, Inside, Terminal


def test_nobodys_notes_are_packed_and_no_link_is_followed(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / ".checkpoints").mkdir(parents=True)
    for name in ("a.py", ".checkpoints/b.py", "c.txt"):
        (package / name).write_text("", encoding="utf-8")
    assert [*own_files(package, LAMBDA)] == [package / "a.py"]
    (package / "d.py").symlink_to("/etc/hostname")
    with pytest.raises(Misconfigured, match="is a link"):
        [*own_files(package, LAMBDA)]


def test_rules_that_are_wrong_are_not_deployed(offline: Terminal, inside: Inside) -> None:
    offline.write("wrong.toml", RULES.replace("vaults = [", "valuts = ["))
    ran = inside(offline, "pack", "lambda", "out", "--rules", "wrong.toml")
    assert ran.code == 2
    assert ran.err.startswith("restore-point: wrong.toml: ")
    assert "valuts" in ran.err
    assert not (offline.folder / "out").exists()


def test_a_function_without_rules_is_not_deployed(offline: Terminal, inside: Inside) -> None:
    ran = inside(offline, "pack", "lambda", "out", "--json")
    assert ran.code == 2
    assert ran.json["error"]["field"] == "--rules"


def test_rules_that_want_nothing_are_not_deployed(offline: Terminal, inside: Inside) -> None:
    offline.write("rules.toml", RULES.partition("[[rules]]")[0])
    ran = inside(offline, "pack", "lambda", "out")
    assert ran.code == 2
    assert "rules.toml has no [[rules]]" in ran.err


def test_nothing_of_anybody_elses_is_replaced(offline: Terminal, inside: Inside) -> None:
    offline.write("rules.toml", RULES)
    out = offline.folder / "out"
    out.mkdir()
    (out / "function.zip").write_bytes(b"somebody's")
    for directory, why in (
        ("out", "holds what pack did not make"),
        (".", "holds what pack did not make"),
        ("rules.toml", "no directory"),
        (str(ROOT / "handlers" / "build"), "inside the package"),
    ):
        ran = inside(offline, "pack", "lambda", directory)
        assert ran.code == 2, directory
        assert why in ran.err
    assert (out / "function.zip").read_bytes() == b"somebody's"
    assert not (ROOT / "handlers" / "build").exists()


def test_where_the_wheels_cannot_be_had_nothing_changes(offline: Terminal) -> None:
    offline.write("rules.toml", RULES)
    environ = {**offline.environ, "PIP_NO_INDEX": "1", "PYTHONPATH": str(ROOT)}
    del environ["PYTHONWARNINGS"]  # pip's own are none of ours
    done = subprocess.run(
        [sys.executable, "-m", "handlers", "pack", "lambda", "out"],
        cwd=offline.folder, env=environ,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "restore-point: pip: did not fetch the pinned wheels for Python 3.13 on arm64" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (offline.folder / "out").exists()
