"""The tree that is deployed: this package without its tools, the pinned wheels, the rules, and what it was made of."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from handlers import __version__
from handlers.cli import sbom
from handlers.cli.pack.targets import Target, Wanted
from handlers.errors import Misconfigured

MARK = "packed.json"
"""In every tree made here: what it was made of. By this a tree is known again, and may be replaced."""
ZIP = "function.zip"
PACKAGE = Path(__file__).parents[2]

_OF_ONE_MACHINE = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""What pip notes about an installation. Nobody uninstalls from a deployment, and RECORD knows scripts by this machine's paths."""


def replaceable(directory: Path) -> list[Path]:
    """What stands in DIR, all of it made by this verb and nothing of it by anybody else."""
    if directory.resolve().is_relative_to(PACKAGE):
        raise Misconfigured(str(directory), "is inside the package that is to be packed; choose another directory")
    try:
        standing = sorted(directory.iterdir()) if directory.exists() else []
    except OSError as error:
        raise Misconfigured(str(directory), f"is no directory that can be read: {error.strerror}") from None
    if {path.name for path in standing} - _made_here(directory):
        raise Misconfigured(str(directory), "is not empty, and holds what pack did not make; choose another directory")
    return standing


def _made_here(directory: Path) -> set[str]:
    """The names in DIR that pack wrote there, by the mark in the tree or in the zip."""
    names = set[str]()
    with suppress(OSError, ValueError, KeyError, TypeError):
        names |= set(json.loads((directory / MARK).read_text(encoding="utf-8"))["holds"])
    with suppress(OSError, KeyError, zipfile.BadZipFile), zipfile.ZipFile(directory / ZIP) as archive:
        archive.getinfo(MARK)
        names.add(ZIP)
    return names


def requirements(wanted: Wanted) -> list[Path]:
    """The files of pins: what every function needs, and what the extras need beside it."""
    return [PACKAGE / "requirements.txt", *(PACKAGE / f"requirements-{extra}.txt" for extra in wanted.extras)]


def copy_own(tree: Path, target: Target, rules: Path) -> None:
    """This package's own files, and the rules beside it."""
    for source in own_files(PACKAGE, target):
        copy = tree / "handlers" / source.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    shutil.copyfile(rules, tree / "rules.toml")


def own_files(package: Path, target: Target) -> Iterator[Path]:
    """Of the package what is deployed: Python's own files, so nobody's notes or keys. Raises Misconfigured for a link."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).parts
        if target.leaves_out(parts[0].removesuffix(".py")) or any(each.startswith(".") for each in parts):  # an editor's copies
            continue
        if path.is_symlink():
            raise Misconfigured(str(path), "is a link, and might lead to anything: only files of the package itself are packed")
        yield path


def mark(tree: Path, wanted: Wanted, rules: Path, more: Mapping[str, str | None]) -> None:
    """Says what the tree was made of, and makes each of its files readable by everybody: platforms run as another user."""
    made_of = {
        "restore_point": __version__,
        "platform": wanted.target.name,
        "python": wanted.python,
        "arch": wanted.arch,
        "requirements_sha256": hashlib.sha256(b"".join(each.read_bytes() for each in requirements(wanted))).hexdigest(),
        "rules_sha256": hashlib.sha256(rules.read_bytes()).hexdigest(),
        **more,
        "holds": sorted([MARK, *(path.name for path in tree.iterdir())]),
    }
    (tree / MARK).write_text(json.dumps(made_of, indent=2) + "\n", encoding="utf-8")
    for path in tree.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def install(wanted: Wanted, tree: Path) -> None:
    """The pinned wheels for the target, whatever this machine is, and their bill. The pins are whole: no more is looked for."""
    files = requirements(wanted)
    target = ["--implementation", "cp", "--python-version", wanted.python, "--target", str(tree)]
    for tag in wanted.target.tags(wanted.python, wanted.arch):
        target += ["--platform", tag]
    told = tree.parent / "installed.json"
    target += ["--report", str(told)]
    strict = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile", "--no-input"]
    done = subprocess.run(  # noqa: S603 - no shell, and the only words from outside are two that were chosen from a list
        [
            sys.executable,
            "-P",
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            *strict,
            *target,
            *(word for each in files for word in ("-r", str(each))),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write((done.stdout + done.stderr).decode(errors="replace"))
        why = f"did not fetch the pinned wheels for Python {wanted.python} on {wanted.arch}; its own words are above"
        raise Misconfigured("pip", why)
    shutil.rmtree(tree / "bin", ignore_errors=True)  # scripts that begin with this machine's path of Python
    for name in _OF_ONE_MACHINE:
        for note in tree.glob(f"*.dist-info/{name}"):
            note.unlink()
    report: Any = json.loads(told.read_text(encoding="utf-8"))
    sbom.write(tree, files, report)
