"""That the watch over the whole suite notices: a test that leaks by each way fails, and one that does not passes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handlers.sandbox import estate
from tests.web_server import ROOT

pytestmark = pytest.mark.says_secrets("planted ones")
PLANTED = {
    "captured: password": "print(SECRET)",
    "output: password": "print(SECRET); capsys.readouterr()",
    "a process: password": "subprocess.run(['echo', SECRET], capture_output=True)",
    "logger some.library: password": "logging.getLogger('some.library').error('it is %s', SECRET)",
    "a socket: password": "one, two = socket.socketpair(); one.sendall(SECRET.encode()); one.close(); two.close()",
    "a socket: password, answered": (
        "one, two = socket.socketpair(); os.write(one.fileno(), SECRET.encode()); two.recv(99); one.close(); two.close()"
    ),
    "a socket: password, read": (
        "one, two = socket.socketpair(); os.write(one.fileno(), SECRET.encode()); one.close(); "
        "two.makefile('rb').read(); two.close()"
    ),
    "file ledger: password": "(tmp_path / 'ledger').write_text(base64.b64encode(SECRET.encode()).decode())",
    "": "print('nothing')",
}


@pytest.mark.parametrize(("where", "line"), PLANTED.items(), ids=[each or "nothing" for each in PLANTED])
def test_a_planted_leak_fails_its_test(tmp_path: Path, where: str, line: str) -> None:
    parts = "".join(f"{part!r}, " for part in (estate.ACCOUNT.password[:5], estate.ACCOUNT.password[5:]))
    planted = (
        "import base64, logging, os, socket, subprocess\n"
        f"SECRET = ''.join([{parts}])\n"
        f"def test_it(tmp_path{', capsys' if 'capsys' in line else ''}):\n    {line}\n"
    )
    (tmp_path / "test_planted.py").write_text(planted, encoding="utf-8")
    words = ["-q", "-p", "tests.leaks.watching", "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={tmp_path}", "--tb=line"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, f"--basetemp={tmp_path / 'base'}", str(tmp_path / "test_planted.py")],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == (1 if where else 0), done.stdout + done.stderr
    assert ("1 failed" if where else "1 passed") in done.stdout
    assert where.partition(",")[0] in done.stdout
