"""What is deployed to FunctionGraph, as a folder: the package without its tools, an index.py at the root, the rules beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.web_server import ROOT

INDEX = "from handlers.functiongraph import alert, once, timer, watch, worker\n"
LEFT_OUT = ("sandbox", "cli", "__pycache__", "__main__.py", "aws_lambda.py", "web.py", "functiongraph_image.py", "Makefile")


def folder(at: Path, rules: str, index: str = INDEX) -> Path:
    """A new one in ``at``."""
    code = at / "code"
    shutil.copytree(ROOT / "handlers", code / "handlers", ignore=shutil.ignore_patterns(*LEFT_OUT))
    (code / "index.py").write_text(index, encoding="utf-8")
    (code / "rules.toml").write_text(rules, encoding="utf-8")
    return code
