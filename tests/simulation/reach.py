"""Which lines of the protocol the stories have reached: a branch no story takes is one nobody has tried."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import handlers.restore_point

FOLDER = Path(handlers.restore_point.__file__).parent


def executable() -> dict[str, set[int]]:
    """Per file, the lines inside its functions that do something."""
    found: dict[str, set[int]] = {}
    for file in sorted(FOLDER.glob("*.py")):
        module = compile(file.read_text(encoding="utf-8"), str(file), "exec")
        found[str(file)] = {
            line for code in _functions(module) for _, _, line in code.co_lines() if line and line > code.co_firstlineno
        }
    return found


def _functions(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_flags & 0x2:  # CO_NEWLOCALS: a function, not the body of a class
                yield each
            yield from _functions(each)


@contextmanager
def reached() -> Iterator[Counter[tuple[str, int]]]:
    """Counts lines on the threads begun inside the block."""
    lines = Counter[tuple[str, int]]()
    wanted = set(executable())

    def local(frame: FrameType, what: str, given: Any) -> Any:
        if what == "line":
            lines[frame.f_code.co_filename, frame.f_lineno] += 1
        return local

    def enter(frame: FrameType, what: str, given: Any) -> Any:
        return local if frame.f_code.co_filename in wanted else None

    before = sys.gettrace()
    threading.settrace(enter)
    try:
        yield lines
    finally:
        threading.settrace(before)  # type: ignore[arg-type]  # None switches it off
