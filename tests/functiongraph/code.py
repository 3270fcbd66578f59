"""What is deployed to FunctionGraph, as a folder: the package without its tools, and an index.py at the root."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.web_server import ROOT

INDEX = "from handlers.functiongraph import alert, once, timer, watch, worker\n"
LEFT_OUT = ("sandbox", "cli", "__pycache__", "__main__.py", "aws_lambda.py", "web.py", "functiongraph_image.py", "Makefile")


@cache
def folder() -> Path:
    """One for all tests of a process, which ``remove`` takes away."""
    code = Path(tempfile.mkdtemp(prefix="functiongraph-code-"))
    shutil.copytree(ROOT / "handlers", code / "handlers", ignore=shutil.ignore_patterns(*LEFT_OUT))
    (code / "index.py").write_text(INDEX, encoding="utf-8")
    return code


def remove() -> None:
    if folder.cache_info().currsize:
        shutil.rmtree(folder())
        folder.cache_clear()
