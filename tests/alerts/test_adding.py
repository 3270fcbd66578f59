"""What the README says of adding a dialect, done to a copy: its file as it stands there, one word in the table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.web_server import ROOT

READING = """
import json, sys
from handlers.alerts import reader
from handlers.errors import Refusal
from handlers.rules import Sender

read = reader(Sender(dialect="acme", proof="platform"))
for document in json.load(sys.stdin):
    try:
        (found,) = read(document, "s")
        print(found.status, dict(found.labels), found.identity, found.starts_at)
    except Refusal as refusal:
        print(refusal.reason)
"""


def test_a_dialect_is_one_file_and_one_word(tmp_path: Path) -> None:
    _, _, section = (ROOT / "README.md").read_text("utf-8").partition("## Adding a dialect\n")
    code = section.partition("```python\n")[2].partition("```")[0]
    copy = tmp_path / "handlers"
    shutil.copytree(ROOT / "handlers", copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "alerts" / "acme.py").write_text(code, encoding="utf-8")
    table = copy / "rules" / "tables.py"
    text = table.read_text("utf-8")
    assert text.count('"alertmanager", "aom"') == 1
    table.write_text(text.replace('"alertmanager", "aom"', '"acme", "alertmanager", "aom"'), encoding="utf-8")
    opened = {"incident": "7", "state": "open", "since": "2026-11-23T02:00:00Z", "unknown": {"a": 1}}
    sent = [opened, opened | {"state": "closed", "since": None}, opened | {"state": "?"}, {"alerts": []}, {"incident": 7}]
    done = subprocess.run(
        [sys.executable, "-c", READING],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, input=json.dumps(sent),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    labels, since = "{'incident': '7'} ('incident',)", "2026-11-23 02:00:00+00:00"
    said = [f"firing {labels} {since}", f"resolved {labels} None", f"other {labels} {since}", "wrong_dialect", "malformed"]
    assert done.stdout.splitlines() == said, done.stderr
