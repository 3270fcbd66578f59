"""What ships and what checks it comes by hash: every requirements file is whole, and nothing else is ever installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from handlers.cli.sbom import pinned

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "handlers"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
NOT_SHIPPED = {"terminal": "rich draws at a terminal; pack leaves the command out", "dev": "tests", "lint": "tools"}
FILES = sorted([*SHIPPED.glob("requirements*.txt"), *(ROOT / ".ci").glob("*-requirements.txt")])
TOGETHER = {
    "what every function needs": (["requirements.txt"], PROJECT["project"]["dependencies"]),
    **{
        f"the extra {extra}": (["requirements.txt", f"requirements-{extra}.txt"], PROJECT["project"]["dependencies"] + wanted)
        for extra, wanted in EXTRAS.items()
        if extra not in NOT_SHIPPED
    },
    "the tools of the checks": (
        ["../.ci/checks-requirements.txt"],
        PROJECT["project"]["dependencies"] + EXTRAS["dev"] + EXTRAS["lint"] + PROJECT["build-system"]["requires"] + ["editables"],
    ),
}
"""Files that are installed together, and what they have to hold."""


def logical(file: Path) -> Iterator[str]:
    """Lines as pip reads them."""
    for line in re.sub(r"\\\n\s*", "", file.read_text("utf-8")).splitlines():
        if line.strip():
            yield line.strip()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_line_is_one_version_with_its_hashes(file: Path) -> None:
    """No range, option, comment, URL or second file: nothing that says where a package comes from."""
    one = r"[a-z0-9]+(-[a-z0-9]+)*==[0-9][0-9a-z.]*( ; [^:/]+)?( +--hash=sha256:[0-9a-f]{64})+"
    lines = [*logical(file)]
    assert lines
    assert [line[:80] for line in lines if not re.fullmatch(one, line)] == []
    assert len(pinned([file])) == len(lines)


def closed(name: str, pins: dict[str, str], extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """Names of what a pinned distribution needs here and is not pinned, as far as it is installed here."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return
    for line in lines:
        needs = Requirement(line)
        applies = needs.marker is None or any(needs.marker.evaluate({"extra": extra}) for extra in (extras or {""}))
        if applies and canonicalize_name(needs.name) not in pins:
            yield f"{name} needs {needs.name}"


@pytest.mark.parametrize("together", TOGETHER.values(), ids=list(TOGETHER))
def test_the_pins_hold_all_that_is_asked_for_and_what_that_needs(together: tuple[list[str], list[str]]) -> None:
    names, wanted = together
    pins = {name: version for name, (version, _) in pinned(SHIPPED / each for each in names).items()}
    for line in wanted:
        asked = Requirement(line)
        assert asked.specifier.contains(pins[canonicalize_name(asked.name)]), line
    assert [missing for name in pins for missing in closed(name, pins)] == []


def test_the_tools_check_what_ships() -> None:
    """The versions that are tested are those that are deployed."""
    tested = pinned([ROOT / ".ci" / "checks-requirements.txt"])
    shipped = pinned(SHIPPED.glob("requirements*.txt"))
    assert {name: tested[name][0] for name in shipped} == {name: version for name, (version, _) in shipped.items()}
    assert all(tested[name][1] == hashes for name, (_, hashes) in shipped.items())


def test_each_extra_ships_or_says_why_not() -> None:
    files = {each.stem.removeprefix("requirements-") for each in SHIPPED.glob("requirements-*.txt")}
    assert files | set(NOT_SHIPPED) == set(EXTRAS)
    assert not files & set(NOT_SHIPPED)


def test_the_checks_install_nothing_that_is_not_pinned() -> None:
    """Each call of pip in .ci/run is strict, but the README's own, which finds nothing but what was fetched by hash."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    strict = re.search(r'(?m)^strict="(.*)"$', script)
    assert strict
    assert set(strict[1].split()) == {"--require-hashes", "--no-deps", "--only-binary", ":all:"}
    calls = [line for line in script.splitlines() if re.search(r"pip\S*\s+(install|download|wheel)\b", line)]
    assert len(calls) >= 4
    assert [line for line in calls if "$strict -r " not in line] == []
    half = next(line for line in script.splitlines() if "${test_command% && *}" in line)
    assert half.startswith('PIP_NO_INDEX=1 PIP_FIND_LINKS="$wheels" bash -c ')
    assert not re.search(r"uv |pipx|npm|easy_install", script)


SPOILED = {
    "without a hash": ("some-part==1.0\n", "Hashes are required in --require-hashes mode"),
    "without a version": (f"some-part>=1.0 --hash=sha256:{'0' * 64}\n", "must have their versions pinned"),
    "from another place": ("some-part @ {place}\n", "Hashes are required in --require-hashes mode"),
    "with another hash": (f"some-part==1.0 --hash=sha256:{'0' * 64}\n", "DO NOT MATCH THE HASHES"),
}


@pytest.mark.parametrize("case", SPOILED.values(), ids=list(SPOILED))
def test_pack_installs_nothing_that_is_not_pinned(tmp_path: Path, case: tuple[str, str]) -> None:
    """From a copy of the package whose requirements somebody has spoiled, by a pip that finds what they ask for."""
    line, says = case
    shutil.copytree(SHIPPED, tmp_path / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    wheel = tmp_path / "index" / "some_part-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("some_part-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: some-part\nVersion: 1.0\n")
        archive.writestr("some_part-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("some_part-1.0.dist-info/RECORD", "")
    (tmp_path / "handlers" / "requirements.txt").write_text(line.format(place=wheel.as_uri()), encoding="utf-8")
    rules = ROOT / "tests" / "hostile" / "rules.toml"
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.parent), "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        [sys.executable, "-m", "handlers", "pack", "lambda", str(tmp_path / "out"), "--stage", "--rules", str(rules)],
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | index,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "out").exists()
