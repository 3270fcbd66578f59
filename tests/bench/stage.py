"""What a run needs around it: folders like a function's zip, a fixed server in a process of its own, and rules."""

from __future__ import annotations

import compileall
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
SCHEDULE = "arn:aws:events:eu-central-1:123456789012:rule/bench"
VAULT = "a4d1c7e2-58b3-4f06-9c2d-71e8b50f3a96"
PROJECT = "7c9e0d5ab1f84b6f9d27e34a60c81f52"
TOKEN = "token-of-the-bench-0123456789abcdef"
RULES = f"""\
[projects.bench]
requests_per_second = 200
[vaults.erp]
id = "{VAULT}"
[timers.bench]
source = "{SCHEDULE}"
[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:BENCH_TOKEN"
[[rules]]
name = "bench"
timer = "bench"
vaults = ["erp"]
max_event_age = "365d"
[[rules]]
name = "alerts"
sender = "am"
vaults = ["erp"]
by = ["alertname", "host"]
"""
KINDS = ("byte code", "no byte code")


def packages(names: Iterable[str], folder: Path) -> Path:
    """The files of installed distributions, as they lie in a zip."""
    for name in names:
        found = distribution(name)
        for file in found.files or ():
            if file.suffix != ".pyc" and ".." not in file.parts:
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(Path(str(file.locate())), target)
    return folder


def pinned() -> list[str]:
    """What ``handlers/requirements.txt`` names."""
    lines = (ROOT / "handlers" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line]


def stage(folder: Path, *, compiled: bool) -> Path:
    """What a function's zip holds: our package and the pinned ones, without the sandbox and the command."""
    skip = shutil.ignore_patterns("__pycache__", "sandbox", "cli")
    shutil.copytree(ROOT / "handlers", folder / "handlers", ignore=skip)
    packages(pinned(), folder)
    if compiled:
        compileall.compile_dir(folder, quiet=2)
    return folder


def both(folder: Path) -> dict[str, Path]:
    """One with byte code, one without."""
    return {kind: stage(folder / kind.replace(" ", "-"), compiled=kind == KINDS[0]) for kind in KINDS}


def environ(kind: str, path: Iterable[Path], **more: str) -> dict[str, str]:
    """Of a measured process: nothing of this one's. Where there is no byte code, none must be written at the first start."""
    unwritten = {"PYTHONDONTWRITEBYTECODE": "1"} if kind == KINDS[1] else {}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, path)), **unwritten, **more}


class Fixed:
    """The fixed server: where it is, and what came to it."""

    def __init__(self, delay: float = 0.0, certificate: tuple[Path, Path] | None = None, ca_file: str = "") -> None:
        files = [str(each) for each in certificate or ()]
        command = [sys.executable, str(HERE / "fixed_server.py"), str(delay), *files]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._port, self._ca_file = int(self._process.stdout.readline()), ca_file
        self.endpoint = f"https://localhost:{self._port}" if files else f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def environment(self) -> dict[str, str]:
        """The official SDK's names, which ours are; and the floor's."""
        return {
            "HUAWEICLOUD_SDK_AK": "EXAMPLEACCESSKEY0001",
            "HUAWEICLOUD_SDK_SK": "example-secret-key-of-the-bench",
            "HUAWEICLOUD_SDK_PROJECT_ID": PROJECT,
            "HUAWEICLOUD_SDK_REGION_CBR_EU_DE": self.endpoint,
            "HUAWEICLOUD_SDK_REGION_SMN_EU_DE": self.endpoint,
            "HUAWEICLOUD_SDK_IAM_ENDPOINT": self.endpoint,
            "BENCH_URL": f"{self.endpoint}/v3/{PROJECT}",
            "BENCH_VAULT": VAULT,
            "BENCH_SCHEDULE": SCHEDULE,
            "BENCH_TOKEN": TOKEN,
        } | ({"RESTORE_POINT_CA_FILE": self._ca_file, "BENCH_CA_FILE": self._ca_file} if self._ca_file else {})

    def record(self) -> Mapping[str, float]:
        """``posts``, ``gets``, and when the last POST was there whole, by this machine's monotonic clock."""
        context = ssl.create_default_context(cafile=self._ca_file) if self._ca_file else None
        asked = http.client.HTTPSConnection("localhost", self._port, context=context) if context else None
        asking = asked or http.client.HTTPConnection("127.0.0.1", self._port)
        asking.request("GET", "/_record")
        found: dict[str, float] = json.loads(asking.getresponse().read())
        asking.close()
        return found
