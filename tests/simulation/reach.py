"""Which lines of the protocol the stories have reached: a branch no story takes is one nobody has tried."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import handlers.restore_point

FOLDER = Path(handlers.restore_point.__file__).parent
Line = tuple[str, int]
_ELSEWHERE = ("rest.py", "rehearsal.py")
"""Of storms of more than a thousand causes, which test_alert_storms.py plays; and of plan, which sends and writes nothing."""


def executable() -> set[Line]:
    """The lines inside the protocol's functions that do something: file's name and number."""
    found = set[Line]()
    for file in sorted(FOLDER.glob("*.py")):
        if file.name in _ELSEWHERE:
            continue
        for code in _functions(compile(file.read_text(encoding="utf-8"), str(file), "exec")):
            found |= {(file.name, line) for _, _, line in code.co_lines() if line and line > code.co_firstlineno}
    return {line for line in found if not source(line).partition("#")[0].rstrip().endswith("...")}  # of a Protocol


def source(line: Line) -> str:
    """A line as it stands in its file."""
    name, number = line
    return f"{name}:{number}: {(FOLDER / name).read_text(encoding='utf-8').splitlines()[number - 1].strip()}"


def _functions(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_flags & 0x2:  # CO_NEWLOCALS: a function, not the body of a class
                yield each
            yield from _functions(each)


@contextmanager
def reached() -> Iterator[Counter[Line]]:
    """Counts lines on the threads begun inside the block."""
    lines = Counter[Line]()

    def local(frame: FrameType, what: str, _: Any) -> Any:
        if what == "line":
            lines[Path(frame.f_code.co_filename).name, frame.f_lineno] += 1
        return local

    def enter(frame: FrameType, _: str, __: Any) -> Any:
        return local if frame.f_code.co_filename.startswith(str(FOLDER)) else None

    threading.settrace(enter)
    try:
        yield lines
    finally:
        threading.settrace(None)  # switches it off
