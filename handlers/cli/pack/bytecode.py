"""Byte code beside the sources, so that a cold start need not compile them: it imports in about half the time (190 ms for 350).

Platforms unpack every file with one date and keep the folder read-only: byte code that is checked against its source by date
would be stale for ever, and new one could not be kept. So it is of the kind that is not checked (PEP 552, ``unchecked-hash``).

It is made on demand only: it needs an interpreter of the function's own version here, other patch releases of which may compile
to other bytes, and it adds four fifths to the zip.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from handlers.errors import Misconfigured

_WHO = (
    "import sys; v = sys.version_info; print('%d.%d' % v[:2], sys.implementation.name, v.releaselevel, "
    "'%d.%d.%d' % v[:3], sys.executable, sep='\\n')"
)
_COMPILE = """
import os, py_compile, sys
os.chdir(sys.argv[1])
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
for folder, folders, names in os.walk("."):
    folders.sort()
    for name in sorted(names):
        if name.endswith(".py"):
            path = os.path.normpath(os.path.join(folder, name))
            try:
                py_compile.compile(path, dfile=path, doraise=True, invalidation_mode=unchecked)
            except py_compile.PyCompileError as error:
                sys.exit(f"{path}: {error.exc_type_name}")
"""
"""In sorted order, by paths within the tree, so that nothing of this machine gets into it."""


def compile_tree(tree: Path, python: str) -> str:
    """Compiles all of it; returns the exact version that did. Raises Misconfigured where there is no such interpreter."""
    interpreter, exact = find_interpreter(python)
    # The seed of hashes decides the order of sets, and with it bytes.
    environ = {"PYTHONHASHSEED": "0"} | {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    done = subprocess.run(  # noqa: S603 - found by its version, and told our own words
        [interpreter, "-s", "-S", "-P", "-W", "ignore", "-c", _COMPILE, str(tree)],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise Misconfigured("--bytecode", f"Python {exact} could not compile what is packed: {last}")
    return exact


def find_interpreter(python: str) -> tuple[str, str]:
    """A CPython of this minor version: its path, and its exact version. Each minor version has byte code of its own."""
    for candidate in _candidates(python):
        try:
            done = subprocess.run(  # noqa: S603 - asks who it is
                [candidate, "-I", "-S", "-c", _WHO], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        said = done.stdout.decode(errors="replace").splitlines()
        if done.returncode == 0 and said[:3] == [python, "cpython", "final"]:
            return said[4], said[3]
    why = f"needs a CPython {python} to compile with: this is not one, and there is no python{python} on PATH that runs. "
    raise Misconfigured("--bytecode", why + "Install it, or leave --bytecode out: then every cold start compiles")


def _candidates(python: str) -> Iterator[str]:
    yield sys.executable
    for folder in os.get_exec_path():
        path = Path(folder) / f"python{python}"
        if path.is_file():
            yield str(path)
