"""``pack --bytecode``: byte code that is used as it is, made by the function's own Python, the same wherever it is made."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
import zipfile
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType

import pytest

from handlers.cli.pack.bytecode import compile_tree, find_interpreter
from handlers.errors import Misconfigured
from tests.cli.packing import HERE, ROOT, Packed, ask, elsewhere, fetch, pack
from tests.cli.terminal import RULES

MINOR = HERE[1]
OTHER = "3.13" if MINOR != "3.13" else "3.12"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return pack(tmp_path_factory.mktemp("pack"), RULES, "lambda", *HERE, "--bytecode")


def codes(code: CodeType) -> list[CodeType]:
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return [code, *(found for each in inner for found in codes(each))]


def test_every_source_has_its_byte_code_and_none_of_it_is_held_against_the_source(packed: Packed) -> None:
    with zipfile.ZipFile(packed.zip) as archive:
        compiled = {name: archive.read(name) for name in archive.namelist() if name.endswith(".pyc")}
        sources = [name for name in archive.namelist() if name.endswith(".py")]
    tag = sys.implementation.cache_tag
    wanted = {f"{folder}{slash}__pycache__/{stem}.{tag}.pyc": name for name in sources for folder, slash, stem in [_parts(name)]}
    assert set(compiled) == set(wanted)
    for name, content in compiled.items():
        assert content[:4] == MAGIC_NUMBER
        assert content[4:8] == b"\1\0\0\0", "PEP 552: bit 0 says a hash, bit 1 that it is to be checked"
        assert {each.co_filename for each in codes(marshal.loads(content[16:]))} == {wanted[name]}
    assert packed.report["bytecode"] == ".".join(map(str, sys.version_info[:3]))


def _parts(name: str) -> tuple[str, str, str]:
    folder, slash, file = name.rpartition("/")
    return folder, slash, file.removesuffix(".py")


def test_nothing_of_this_machine_is_in_it(packed: Packed) -> None:
    with zipfile.ZipFile(packed.zip) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    for place in (str(packed.folder), str(ROOT), "restore-point-pack-", sys.prefix):
        assert place.encode() not in everything, place


def test_the_same_bytes_from_another_place_and_time(packed: Packed, tmp_path: Path) -> None:
    source = elsewhere(tmp_path / "a" / "longer" / "way" / "to" / "it")
    report = fetch("lambda", "made", "--rules", str(packed.rules), *HERE, "--bytecode", cwd=tmp_path, source=source)
    assert (tmp_path / "made" / "function.zip").read_bytes() == packed.zip.read_bytes()
    assert report["code_sha256"] == packed.report["code_sha256"]


def test_a_cold_start_reads_it_and_not_the_sources(packed: Packed, tmp_path: Path) -> None:
    """Every source is replaced by one that fails; and the folder is read-only, as platforms have it."""
    with zipfile.ZipFile(packed.zip) as archive:
        archive.extractall(tmp_path)
    for source in tmp_path.rglob("*.py"):
        source.write_text("raise SystemExit('compiled anew')\n", encoding="utf-8")
    script = "import sys; sys.path.insert(0, sys.argv[1]); import handlers.aws_lambda, httpx; print(handlers.aws_lambda.__file__)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", script, str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(tmp_path / "handlers" / "aws_lambda.py")


def script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "echo 'command not found' >&2; exit 127",
        f'exec "{sys.executable}" "$@"',
        f"printf '{OTHER}\\npypy\\nfinal\\n{OTHER}.0\\n/x\\n'",
    ],
    ids=["no such", "a version manager's that does not run", "another version", "no CPython"],
)
def test_without_the_functions_own_python_nothing_is_packed(tmp_path: Path, text: str | None) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES, encoding="utf-8")
    if text:
        script(tmp_path / "bin", f"python{OTHER}", text)
    environ = {"PATH": str(tmp_path / "bin"), "PIP_NO_INDEX": "1"}
    done = ask("lambda", "out", "--python", OTHER, "--bytecode", "--rules", str(rules), cwd=tmp_path, environ=environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--bytecode: needs a CPython {OTHER} to compile with" in done.stderr
    assert f"no python{OTHER} on PATH that runs" in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_interpreter_is_found_by_what_it_says_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first on PATH that is of that version and runs; a stand-in says so here, since only one version is sure to be there."""
    script(tmp_path / "first", f"python{OTHER}", "exit 127")
    script(tmp_path / "second", f"python{OTHER}", f"printf '{OTHER}\\ncpython\\nfinal\\n{OTHER}.9\\n/usr/bin/that-python\\n'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'first'}{os.pathsep}{tmp_path / 'second'}")
    assert find_interpreter(OTHER) == ("/usr/bin/that-python", f"{OTHER}.9")
    assert find_interpreter(MINOR)[0] == sys.executable


def test_what_cannot_be_compiled_is_said(tmp_path: Path) -> None:
    (tmp_path / "fine.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "spoiled.py").write_text("x = = 1\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"could not compile what is packed: spoiled\.py: SyntaxError$"):
        compile_tree(tmp_path, MINOR)


def test_an_image_compiles_for_itself(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    done = ask("web", "out", "--bytecode", cwd=tmp_path, environ={"PIP_NO_INDEX": "1"})
    assert done.returncode == 2
    assert "--bytecode: is not for web" in done.stderr
