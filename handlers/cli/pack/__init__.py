"""Stage what a platform deploys: this package without its tools, the pinned wheels and the checked rules.

The same sources, pins and rules give the same bytes, on any machine; `sam build` comes here too (handlers/Makefile).
For web it is a folder that an image is built from, with manifests for Knative and Cloud Run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from handlers.cli import DONE, print_json
from handlers.cli.pack import functiongraph, web
from handlers.cli.pack.bytecode import compile_tree, find_interpreter
from handlers.cli.pack.sizes import measured, show, too_large, zipped
from handlers.cli.pack.targets import FUNCTIONGRAPH, MACHINES, PYTHONS, TARGETS, WEB, Wanted
from handlers.cli.pack.tree import ZIP, copy_own, install, mark, replaceable
from handlers.errors import Misconfigured
from handlers.rules import Rules
from handlers.rules.proofs import WITH_LIBRARY
from handlers.settings import find_rules, read_rules


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``pack``."""
    parser.add_argument("platform", choices=tuple(TARGETS), help="what is deployed to")
    parser.add_argument("directory", metavar="DIR", help="where it goes: an empty or new directory, or one that pack made")
    parser.add_argument("--stage", action="store_true", help=f"leave the tree in DIR instead of {ZIP}; of web there is only that")
    parser.add_argument("--python", choices=PYTHONS, help="of the function (default: 3.13; FunctionGraph has 3.12)")
    parser.add_argument("--arch", choices=tuple(MACHINES), help="of the function (default: arm64 for Lambda, else x86_64)")
    parser.add_argument(
        "--bytecode",
        action="store_true",
        help="byte code as well: a cold start imports in half the time, the zip grows by four fifths. "
        "Needs an interpreter of --python's version here; an image compiles for itself",
    )
    parser.add_argument(
        "--with",
        dest="extras",
        action="append",
        choices=("valkey", "verify"),
        default=[],
        help="a library to pack as well; verify comes by itself where a sender's proof needs it, valkey with all but Lambda",
    )


def run(arguments: argparse.Namespace) -> int:
    """Everything that can be wrong is found before anything is fetched, and DIR changes only when all of it is there."""
    directory = Path(arguments.directory)
    file = _rules_file(arguments.rules)
    rules = _checked(file)
    wanted = Wanted.of(arguments.platform, arguments.python, arguments.arch, {*arguments.extras, *_needed(rules)})
    if arguments.bytecode:
        if wanted.target is WEB:
            raise Misconfigured("--bytecode", "is not for web: the Dockerfile compiles in the image, with the image's own Python")
        find_interpreter(wanted.python)
    old = replaceable(directory)
    try:
        with TemporaryDirectory(prefix="restore-point-pack-") as folder:
            tree = Path(folder) / "tree"
            compiled = _stage(tree, wanted, file, rules, bytecode=arguments.bytecode)
            report = measured(tree, wanted, arguments.directory, compiled)
            as_tree = arguments.stage or wanted.target is WEB
            made = sorted(tree.iterdir()) if as_tree else [zipped(tree, Path(folder) / ZIP, report)]
            directory.mkdir(parents=True, exist_ok=True)
            for path in old:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            for path in made:
                shutil.move(path, directory / path.name)
    except OSError as error:
        raise Misconfigured(str(directory), f"cannot be written: {error.strerror}") from None
    for sentence in (*too_large(report, wanted), *(web.missing(rules) if wanted.target is WEB else ())):
        print(f"restore-point: {sentence}", file=sys.stderr)
    report["next"] = _steps(wanted, report)
    print_json(report) if arguments.json else show(report, wanted)
    return DONE


def _rules_file(given: str | None) -> Path:
    found = find_rules(os.environ, given)
    if found is None:
        raise Misconfigured("--rules", "is not given and there is no rules.toml: a function without rules skips every event")
    return found


def _checked(file: Path) -> Rules:
    rules = read_rules(file)
    if not rules.rules:
        raise Misconfigured("--rules", f"{file.name} has no [[rules]]: a function with it skips every event")
    for name, sender in rules.senders.items():
        if sender.secret and sender.secret.startswith("file:"):
            print(f"restore-point: senders.{name}.secret: this file is not packed; put it there by other means", file=sys.stderr)
    return rules


def _needed(rules: Rules) -> list[str]:
    """The extras without which a function with these rules would not start."""
    return ["verify"] if any(each.proof in WITH_LIBRARY for each in rules.senders.values()) else []


def _stage(tree: Path, wanted: Wanted, file: Path, rules: Rules, *, bytecode: bool) -> str | None:
    """The whole tree; returns the version that compiled it."""
    if wanted.target is WEB:
        web.add(tree, wanted, rules)
    else:
        install(wanted, tree)
    copy_own(tree, wanted.target, file)
    if wanted.target is FUNCTIONGRAPH:
        functiongraph.add(tree)
    compiled = compile_tree(tree, wanted.python) if bytecode else None
    mark(tree, wanted, file, {"bytecode": compiled})
    return compiled


def _steps(wanted: Wanted, report: dict[str, Any]) -> list[str]:
    """What to do with what was packed, in a few lines."""
    where = report["zip"] or f"{report['directory']}"
    if wanted.target is WEB:
        return web.steps(where)
    if wanted.target is FUNCTIONGRAPH:
        return functiongraph.steps(where)
    entries = " ".join(f"handlers.aws_lambda.{each}" for each in functiongraph.ENTRIES)
    return [
        "the whole stack:  sam build && sam deploy --guided   (packs by itself, from template.yaml)",
        f"one function's code:  aws lambda update-function-code --function-name NAME --zip-file fileb://{where}",
        f"runtime python{wanted.python}, architecture {wanted.arch}, handlers {entries}",
        "variables: RESTORE_POINT_LEDGER=dynamodb:TABLE, the cloud's keys, and what the rules say by env:…",
    ]
