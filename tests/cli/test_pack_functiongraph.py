"""``restore-point pack functiongraph``: the zip, and that it takes a restore point from where the platform unpacks it.

There is no local runtime of FunctionGraph: what calls ``index`` here does what its documents say one does.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.cli.pack.bytecode import find_interpreter
from handlers.cli.pack.functiongraph import ENTRIES
from handlers.cli.pack.sizes import too_large
from handlers.cli.pack.targets import Wanted
from handlers.cli.sbom import pinned
from handlers.errors import Misconfigured
from handlers.sandbox import Sandbox, estate
from tests.cli.packing import HERE, ROOT, Packed, ask, elsewhere, fetch, pack
from tests.ledger.servers import redis, stop_all

TIMER = "restore_point_nightly"
RULES = f"""\
[projects.sandbox]
region = "{estate.REGION}"

[vaults.erp]
id = "{estate.ERP_VAULT_ID}"

[timers.nightly]
source = "{TIMER}"

[[rules]]
name = "nightly"
timer = "nightly"
vaults = ["erp"]
"""
RUNTIME = """
import json, sys, time
tree, user_data, door, event = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
sys.path[:] = [tree, *sys.path]
import index

class Context:
    def getRequestID(self): return "5d9c1f70-2b64-4e8a-93f1-a0c7e6d8b352"
    def getRemainingTimeInMilliSeconds(self): return 30000
    def getUserData(self, key): return user_data.get(key)
    def getProjectID(self): return user_data["HUAWEICLOUD_SDK_PROJECT_ID"]
    def getSecurityAccessKey(self): return None
    getSecuritySecretKey = getSecurityToken = getSecurityAccessKey

answer = getattr(index, door)(event, Context())
sys.stderr.write(json.dumps(answer))
ours = {"handlers", "httpx", "pydantic", "valkey", "aws_lambda_powertools", "index"}
elsewhere = [name for name, module in sys.modules.items()
             if name.partition(".")[0] in ours and not (module.__file__ or "").startswith(tree)]
assert not elsewhere, elsewhere
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return pack(tmp_path_factory.mktemp("pack"), RULES, "functiongraph")


@pytest.fixture(scope="module", autouse=True)
def _servers() -> Iterator[None]:
    yield
    stop_all()


def test_it_is_for_the_one_machine_that_is_documented(packed: Packed) -> None:
    report = packed.report
    assert (report["platform"], report["python"], report["arch"]) == ("functiongraph", "3.12", "x86_64")
    compiled = [name for name in packed.names() if name.endswith(".so")]
    assert compiled
    assert [name for name in compiled if "cpython-312-x86_64" not in name] == []
    with zipfile.ZipFile(packed.zip) as archive:
        wheels = b"".join(archive.read(name) for name in packed.names() if name.endswith("/WHEEL")).decode()
    newest = {tuple(map(int, each)) for each in re.findall(r"manylinux_([0-9]+)_([0-9]+)_", wheels)}
    assert max(newest) <= (2, 17), "what CentOS 7 and EulerOS can load"
    assert set(re.findall(r"-(\w+)$", wheels, re.MULTILINE)) <= {"any", "manylinux_2_17_x86_64", "manylinux2014_x86_64"}


def test_the_zip_stays_below_ten_megabytes_with_everything_that_can_go_with_it(packed: Packed, tmp_path: Path) -> None:
    assert packed.report["zip_bytes"] == packed.zip.stat().st_size < 6_000_000
    full = fetch("functiongraph", str(tmp_path / "out"), "--rules", str(packed.rules), "--with", "verify")
    assert full["zip_bytes"] < 10_000_000
    assert len(full["next"]) <= 10


def test_what_the_platform_does_not_take_directly_is_said(packed: Packed) -> None:
    """Its console takes 10 MB in some regions; a bucket takes more, so it is no refusal."""
    wanted = Wanted.of("functiongraph", None, None, set())
    assert [*too_large(packed.report, wanted)] == []
    larger = packed.report | {"zip_bytes": (10 << 20) + 1}
    assert [*too_large(larger, wanted)] == ["the zip has 10485761 bytes, and FunctionGraph takes 10485760 directly"]


def test_what_is_in_it(packed: Packed) -> None:
    names = packed.names()
    with zipfile.ZipFile(packed.zip) as archive:
        index = archive.read("index.py").decode()
        made_of = json.loads(archive.read("packed.json"))
        bill = json.loads(archive.read("sbom.cdx.json"))
        assert archive.read("rules.toml").decode() == RULES
    assert f"from handlers.functiongraph import {', '.join(ENTRIES)}" in index
    ours = {name.split("/")[1].removesuffix(".py") for name in names if name.startswith("handlers/")}
    assert {"functiongraph", "service", "ledger"} <= ours
    assert not {each for each in ours if each.startswith(("sandbox", "cli", "__main__", "aws_lambda", "web", "functiongraph_"))}
    assert made_of["platform"] == "functiongraph"
    pins = pinned([ROOT / "handlers" / "requirements.txt", ROOT / "handlers" / "requirements-valkey.txt"])
    assert [each["name"] for each in bill["components"]] == sorted(pins), "valkey goes with it: no disk is shared there"


def test_the_entries_are_all_that_the_platform_has() -> None:
    """Each function of the module that is an entry; index.py names them by hand."""
    source = (ROOT / "handlers" / "functiongraph.py").read_text("utf-8")
    assert set(re.findall(r"(?m)^def ([a-z]+)\(event: object, context: Context\)", source)) == set(ENTRIES)


def test_the_same_bytes_from_another_place_and_time(packed: Packed, tmp_path: Path) -> None:
    source = elsewhere(tmp_path / "another")
    fetch("functiongraph", "made", "--rules", str(packed.rules), cwd=tmp_path, source=source)
    assert (tmp_path / "made" / "function.zip").read_bytes() == packed.zip.read_bytes()


@pytest.mark.parametrize("given", [("--python", "3.13"), ("--arch", "arm64")])
def test_a_machine_that_the_platform_has_not_is_refused(packed: Packed, tmp_path: Path, given: tuple[str, str]) -> None:
    done = ask("functiongraph", "out", "--rules", str(packed.rules), *given, cwd=tmp_path, environ={"PIP_NO_INDEX": "1"})
    assert done.returncode == 2
    assert f"{given[0]}: {given[1]} is nothing that FunctionGraph runs" in done.stderr
    assert not (tmp_path / "out").exists()


def unpacked(packed: Packed, tree: Path) -> str:
    """An interpreter for the zip's tree: of its own version, else this one, with this one's wheel of the one compiled part."""
    with zipfile.ZipFile(packed.zip) as archive:
        archive.extractall(tree)
    try:
        return find_interpreter("3.12")[0]
    except Misconfigured:
        fetch("lambda", str(tree.parent / "here"), "--stage", "--rules", str(packed.rules), *HERE)
        shutil.rmtree(tree / "pydantic_core")
        shutil.move(tree.parent / "here" / "pydantic_core", tree)
        return sys.executable


def test_a_timer_takes_a_restore_point_from_the_unpacked_zip_alone(packed: Packed, tmp_path: Path) -> None:
    """Nothing is in the process's environment: all of it comes by the context, as does what the event says."""
    interpreter = unpacked(packed, tmp_path / "opt")
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {"version": "v1.0", "time": at, "trigger_type": "TIMER", "trigger_name": TIMER, "user_event": ""}
    with Sandbox(speed=200, well_behaved=True) as sandbox:
        user_data = json.dumps(sandbox.environment() | redis().place())
        command = [interpreter, "-I", "-S", "-B", "-c", RUNTIME, str(tmp_path / "opt"), user_data, "timer", json.dumps(event)]
        answers = []
        for _ in range(2):
            done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            answers += json.loads(done.stderr)["outcomes"]
            assert json.loads(done.stdout.splitlines()[0])["restore_points"]
        assert [each["outcome"] for each in answers] == ["created", "joined"], "the ledger in Valkey knows it in the next process"
        assert len(sandbox.posts()) == len(sandbox.restore_points()) == 1
