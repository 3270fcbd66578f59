"""``restore-point pack`` for senders whose proof needs a library: by what pip is asked for, with nothing fetched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import ROOT, RULES, Terminal

PIP = """
import json, os, sys
with open(os.environ["ASKED"], "w") as file:
    json.dump(sys.argv[1:], file)
sys.exit(1)
"""


@pytest.mark.parametrize(
    ("sender", "given", "extras"),
    [
        ("", [], set()),
        ('[senders.s]\ndialect = "simple"\nproof = "hmac"\nscheme = "github"\nsecret = "env:S"\n', [], set()),
        (f'[senders.s]\ndialect = "simple"\nproof = "smn"\nsources = ["urn:smn:eu-de:{"0" * 32}:a"]\n', [], {"verify"}),
        ('[senders.s]\ndialect = "simple"\nproof = "oidc"\ntoken = { audience = "us", email = "a@b" }\n', [], {"verify"}),
        ("", ["--with", "verify", "--with", "valkey"], {"verify", "valkey"}),
    ],
    ids=["no sender", "hmac", "smn", "oidc", "asked for"],
)
def test_what_a_proof_needs_is_packed_with_it(offline: Terminal, sender: str, given: list[str], extras: set[str]) -> None:
    """By what pip is asked for: a stand-in of it is found first, and says that it failed."""
    (offline.folder / "stand-in" / "pip").mkdir(parents=True)
    (offline.folder / "stand-in" / "pip" / "__init__.py").touch()
    (offline.folder / "stand-in" / "pip" / "__main__.py").write_text(PIP, encoding="utf-8")
    asked = offline.folder / "asked.json"
    offline.write("rules.toml", sender + RULES)
    environ = {
        **offline.environ,
        "ASKED": str(asked),
        "PIP_NO_INDEX": "1",
        "PYTHONPATH": f"{offline.folder / 'stand-in'}{os.pathsep}{ROOT}",
    }
    done = subprocess.run(
        [sys.executable, "-m", "handlers", "pack", "lambda", "out", *given],
        cwd=offline.folder, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    words = json.loads(asked.read_text(encoding="utf-8"))
    files = [Path(words[place + 1]).name for place, word in enumerate(words) if word == "-r"]
    assert files == ["requirements.txt", *sorted(f"requirements-{extra}.txt" for extra in extras)]
    assert "--require-hashes" in words
