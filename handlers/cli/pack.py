"""Stage what a platform deploys: this package without its tools, the pinned wheels and the checked rules.

The same sources, pins and rules give the same bytes, on any machine; `sam build` comes here too (handlers/Makefile).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from handlers import __version__
from handlers.cli import DONE, print_json, sbom
from handlers.errors import Misconfigured
from handlers.rules.proofs import WITH_LIBRARY
from handlers.settings import find_rules, read_rules

MARK = "packed.json"
"""In every tree made here: what it was made of. By this a tree is known again, and may be replaced."""
ZIP = "function.zip"
LEFT_OUT = frozenset({"sandbox", "cli", "__main__.py", "functiongraph", "functiongraph.py", "web", "web.py", "web_server"})
"""Tools and the other platforms' entries. Of the rest only Python's own files go: nobody's notes or keys are deployed."""
LIMITS = {"zip": 50 << 20, "tree": 250 << 20}
"""Lambda's quotas in bytes: a zip that is uploaded directly, and what it unfolds to."""

_PACKAGE = Path(__file__).parents[1]
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
_NO_GLIBC_228 = frozenset({"3.11"})
"""Runtimes on Amazon Linux 2 (glibc 2.26); the later ones are on Amazon Linux 2023 (glibc 2.34)."""
_OF_ONE_MACHINE = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""What pip notes about an installation. Nobody uninstalls from a deployment, and RECORD knows scripts by this machine's paths."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``pack``."""
    parser.add_argument("platform", choices=("lambda",), help="what is deployed to")
    parser.add_argument("directory", metavar="DIR", help="where it goes: an empty or new directory, or one that pack made")
    parser.add_argument("--stage", action="store_true", help=f"leave the tree in DIR instead of {ZIP}")
    parser.add_argument("--python", choices=("3.11", "3.12", "3.13"), default="3.13", help="of the function (default: 3.13)")
    parser.add_argument("--arch", choices=tuple(_MACHINES), default="arm64", help="of the function (default: arm64)")
    parser.add_argument(
        "--with",
        dest="extras",
        action="append",
        choices=("valkey", "verify"),
        default=[],
        help="a library to pack as well; verify comes by itself where a sender's proof needs it",
    )


def run(arguments: argparse.Namespace) -> int:
    """Everything that can be wrong is found before anything is fetched, and DIR changes only when all of it is there."""
    directory = Path(arguments.directory)
    rules = _rules(arguments.rules)
    old = _replaceable(directory)
    try:
        with TemporaryDirectory(prefix="restore-point-pack-") as folder:
            tree = Path(folder) / "tree"
            _stage(tree, rules, arguments.python, arguments.arch, sorted({*arguments.extras, *_needed(rules)}))
            report = _report(tree, arguments)
            made = sorted(tree.iterdir()) if arguments.stage else [_zipped(tree, Path(folder) / ZIP, report)]
            directory.mkdir(parents=True, exist_ok=True)
            for path in old:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            for path in made:
                shutil.move(path, directory / path.name)
    except OSError as error:
        raise Misconfigured(str(directory), f"cannot be written: {error.strerror}") from None
    print_json(report) if arguments.json else _show(report)
    return DONE


def _rules(given: str | None) -> Path:
    found = find_rules(os.environ, given)
    if found is None:
        raise Misconfigured("--rules", "is not given and there is no rules.toml: a function without rules skips every event")
    rules = read_rules(found)
    if not rules.rules:
        raise Misconfigured("--rules", f"{found.name} has no [[rules]]: a function with it skips every event")
    for name, sender in rules.senders.items():
        if sender.secret and sender.secret.startswith("file:"):
            print(f"restore-point: senders.{name}.secret: this file is not packed; put it there by other means", file=sys.stderr)
    return found


def _needed(rules: Path) -> list[str]:
    """The extras without which a function with these rules would not start."""
    return ["verify"] if any(each.proof in WITH_LIBRARY for each in read_rules(rules).senders.values()) else []


def _replaceable(directory: Path) -> list[Path]:
    """What stands in DIR, all of it made by this verb and nothing of it by anybody else."""
    if directory.resolve().is_relative_to(_PACKAGE):
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


def _stage(tree: Path, rules: Path, python: str, arch: str, extras: list[str]) -> None:
    """The whole tree, each file readable by everybody: Lambda runs as another user."""
    requirements = [_PACKAGE / "requirements.txt", *(_PACKAGE / f"requirements-{extra}.txt" for extra in extras)]
    sbom.write(tree, requirements, _install(requirements, tree, python, arch))
    for source in own_files(_PACKAGE):
        target = tree / "handlers" / source.relative_to(_PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    shutil.copyfile(rules, tree / "rules.toml")
    made_of = {
        "restore_point": __version__,
        "platform": "lambda",
        "python": python,
        "arch": arch,
        "requirements_sha256": hashlib.sha256(b"".join(each.read_bytes() for each in requirements)).hexdigest(),
        "rules_sha256": hashlib.sha256(rules.read_bytes()).hexdigest(),
        "holds": sorted([MARK, *(path.name for path in tree.iterdir())]),
    }
    (tree / MARK).write_text(json.dumps(made_of, indent=2) + "\n", encoding="utf-8")
    for path in tree.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def own_files(package: Path) -> Iterator[Path]:
    """The package's own files that are deployed. Raises Misconfigured for a link."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).parts
        if parts[0] in LEFT_OUT or any(each.startswith(".") for each in parts):  # an editor's copies
            continue
        if path.is_symlink():
            raise Misconfigured(str(path), "is a link, and might lead to anything: only files of the package itself are packed")
        yield path


def _install(requirements: list[Path], tree: Path, python: str, arch: str) -> Any:
    """The pinned wheels for the target, whatever this machine is, and pip's report. The pins are whole: no more is looked for."""
    tags = ("manylinux2014", "manylinux_2_17") + (() if python in _NO_GLIBC_228 else ("manylinux_2_28", "manylinux_2_34"))
    target = ["--implementation", "cp", "--python-version", python, "--target", str(tree)]
    for tag in tags:
        target += ["--platform", f"{tag}_{_MACHINES[arch]}"]
    target += ["--report", str(tree.parent / "installed.json")]
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
            *(word for each in requirements for word in ("-r", str(each))),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write((done.stdout + done.stderr).decode(errors="replace"))
        raise Misconfigured("pip", f"did not fetch the pinned wheels for Python {python} on {arch}; its own words are above")
    shutil.rmtree(tree / "bin", ignore_errors=True)  # scripts that begin with this machine's path of Python
    for name in _OF_ONE_MACHINE:
        for note in tree.glob(f"*.dist-info/{name}"):
            note.unlink()
    return json.loads((tree.parent / "installed.json").read_text(encoding="utf-8"))


def _zipped(tree: Path, target: Path, report: dict[str, Any]) -> Path:
    """The tree as one file: sorted, without times, so the same tree is the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in _files(tree):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), _EPOCH)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
            archive.writestr(entry, path.read_bytes())
    content = target.read_bytes()
    report["zip"] = str(Path(report["directory"]) / ZIP)
    report["zip_bytes"] = len(content)
    report["code_sha256"] = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return target


def _files(tree: Path) -> list[Path]:
    return sorted((path for path in tree.rglob("*") if path.is_file()), key=lambda path: path.relative_to(tree).as_posix())


def _report(tree: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    sizes = Counter[str]()
    for path in _files(tree):
        whose = path.relative_to(tree).parts[0].partition("-")[0]  # a .dist-info counts with its package
        sizes[whose.removesuffix(".py")] += path.stat().st_size
    return {
        "platform": arguments.platform,
        "python": arguments.python,
        "arch": arguments.arch,
        "directory": arguments.directory,
        "zip": None,
        "zip_bytes": None,
        "code_sha256": None,
        "files": len(_files(tree)),
        "bytes": sum(sizes.values()),
        "sizes": dict(sizes.most_common()),
    }


def _show(report: dict[str, Any]) -> None:
    for name, size in report["sizes"].items():
        print(f"{size / 1024:9.0f} KiB  {name}")
    print(f"{report['bytes'] / 1024:9.0f} KiB  in {report['files']} files (Lambda takes {LIMITS['tree'] >> 10} KiB)")
    if report["zip"]:
        print(f"{report['zip_bytes'] / 1024:9.0f} KiB  {report['zip']} (Lambda takes {LIMITS['zip'] >> 10} KiB directly)")
        print(f"CodeSha256 {report['code_sha256']}")
    print(f"for Python {report['python']} on {report['arch']}; every event is judged by the rules.toml in it")
