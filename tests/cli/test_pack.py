"""``restore-point pack lambda``: what is deployed, and that it is that and nothing else. Wheels come from the package index."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from handlers.cli.pack.targets import LAMBDA
from handlers.cli.sbom import pinned
from handlers.sandbox import estate
from tests.cli.packing import FETCHING, HERE, ROOT, Packed, ask, contents, elsewhere, fetch, pack
from tests.cli.terminal import RULES

ALONE = """
import sys
tree = sys.argv[1]
sys.path.insert(0, tree)
import handlers.aws_lambda

class Context:
    aws_request_id = "0f8fad5b-d9cb-469f-a165-70867728950e"
    def get_remaining_time_in_millis(self):
        return 30000

answer = handlers.aws_lambda.timer({}, Context())
assert (answer["status"], answer["outcomes"][0]["reason"]) == (400, "not_a_timer"), answer
handlers.aws_lambda.service()
import httpx, pydantic_core
rules = handlers.aws_lambda.service().settings.rules_file
assert rules == tree + "/rules.toml", rules
ours = {"handlers", "httpx", "pydantic", "pydantic_core", "aws_lambda_powertools", "certifi", "anyio"}
elsewhere = [name for name, module in sys.modules.items()
             if name.partition(".")[0] in ours and not (module.__file__ or "").startswith(tree)]
assert not elsewhere, elsewhere
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return pack(tmp_path_factory.mktemp("pack"), RULES, "lambda", *HERE)


def test_the_same_bytes_over_what_pack_made_from_another_place_and_time(packed: Packed, tmp_path: Path) -> None:
    before = packed.zip.read_bytes()
    source = elsewhere(tmp_path / "another" / "place")
    again = fetch("lambda", str(packed.folder / "out"), "--rules", str(packed.rules), *HERE, cwd=tmp_path, source=source)
    assert again == packed.report
    assert packed.zip.read_bytes() == before
    assert [path.name for path in (packed.folder / "out").iterdir()] == ["function.zip"]


def test_what_is_in_it(packed: Packed) -> None:
    names = packed.names()
    assert names == sorted(names)
    ours = {name.split("/")[1] for name in names if name.startswith("handlers/")}
    assert {"aws_lambda.py", "service.py", "restore_point", "ledger", "wire"} <= ours
    assert not ours & {
        "sandbox",
        "cli",
        "__main__.py",
        "Makefile",
        "requirements.txt",
        "web.py",
        "web_server",
        "functiongraph.py",
    }
    tops = {name.split("/")[0].partition("-")[0] for name in names}
    assert tops >= {"handlers", "rules.toml", "packed.json", "sbom.cdx.json", "httpx", "pydantic_core", "certifi"}
    assert not tops & {"tests", "events", "bin", "pip", "boto3", "botocore", "functions_framework", "valkey"}
    assert not [name for name in names if name.endswith((".pyc", "/RECORD", "/INSTALLER", "/direct_url.json"))]
    with zipfile.ZipFile(packed.zip) as archive:
        assert archive.read("rules.toml") == packed.rules.read_bytes()
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {oct(info.external_attr >> 16) for info in archive.infolist()} == {"0o100644"}
        assert str(packed.folder).encode() not in b"".join(archive.read(name) for name in names)
        assert str(ROOT).encode() not in b"".join(archive.read(name) for name in names)


def test_the_bill_of_materials_is_of_what_was_packed(packed: Packed) -> None:
    with zipfile.ZipFile(packed.zip) as archive:
        bill = json.loads(archive.read("sbom.cdx.json"))
    pins = pinned([ROOT / "handlers" / "requirements.txt"])
    assert [each["name"] for each in bill["components"]] == sorted(pins)
    for each in bill["components"]:
        version, hashes = pins[each["name"]]
        assert (each["version"], each["purl"]) == (version, f"pkg:pypi/{each['name']}@{version}")
        assert {found["content"] for found in each["hashes"]} <= hashes
        assert each["licenses"]
    assert packed.report["sizes"]["sbom.cdx.json"] > 1000


def test_a_ledgers_library_is_packed_only_where_it_is_asked_for(packed: Packed, tmp_path: Path) -> None:
    report = fetch("lambda", str(tmp_path / "tree"), "--stage", "--rules", str(packed.rules), *HERE, "--with", "valkey")
    assert set(report["sizes"]) - set(packed.report["sizes"]) == {"valkey"}
    assert (tmp_path / "tree" / "valkey" / "__init__.py").exists()
    marks = [json.loads((tmp_path / "tree" / "packed.json").read_text(encoding="utf-8"))]
    with zipfile.ZipFile(packed.zip) as archive:
        marks.append(json.loads(archive.read("packed.json")))
    assert marks[0]["requirements_sha256"] != marks[1]["requirements_sha256"]


def test_the_report_says_what_lambda_will_measure(packed: Packed) -> None:
    report = packed.report
    content = packed.zip.read_bytes()
    with zipfile.ZipFile(packed.zip) as archive:
        assert report["bytes"] == sum(info.file_size for info in archive.infolist()) == sum(report["sizes"].values())
        assert report["files"] == len(archive.infolist())
    assert LAMBDA.limits
    assert report["zip"] == str(packed.zip)
    assert report["zip_bytes"] == len(content) < LAMBDA.limits["zip"]
    assert report["bytes"] < LAMBDA.limits["tree"] // 10  # a cold start reads it
    assert report["code_sha256"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert {"handlers", "pydantic_core", "httpx", "rules.toml"} <= set(report["sizes"])


def test_it_answers_from_the_unpacked_tree_alone(packed: Packed, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    with zipfile.ZipFile(packed.zip) as archive:
        archive.extractall(tree)
    environ = {
        "HUAWEICLOUD_SDK_AK": estate.ACCESS_KEY,
        "HUAWEICLOUD_SDK_SK": estate.SECRET_KEY,
        "HW_REGION_NAME": "eu-de",
        "RESTORE_POINT_LEDGER": "memory",
        "AWS_LAMBDA_FUNCTION_NAME": "timer",
    }
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-P", "-B", "-c", ALONE, str(tree)],
        cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[0])["message"] == "timer: 1 refused"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is what sam build runs")
def test_sam_builds_the_same_tree(packed: Packed, tmp_path: Path) -> None:
    """As SAM does: from a copy of handlers/ elsewhere, by the Makefile's own path."""
    copy, artifacts = tmp_path / "copy", tmp_path / "artifacts"
    copy.mkdir()
    artifacts.mkdir()
    given = {"ARTIFACTS_DIR": str(artifacts), "PYTHON": sys.executable, "RULES": str(packed.rules)}
    done = subprocess.run(
        ["make", "--makefile", str(ROOT / "handlers" / "Makefile"), "build-Watch"],
        cwd=copy, env={**os.environ, **given, "TARGET_PYTHON": HERE[1], "ARCH": HERE[3]},
        capture_output=True, text=True, timeout=FETCHING, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(packed.zip) as archive:
        assert contents(artifacts) == {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(("given", "machine"), [((), "aarch64"), (("--arch", "x86_64"), "x86_64")], ids=["default", "x86_64"])
def test_the_zip_stays_below_five_megabytes(tmp_path: Path, given: tuple[str, ...], machine: str) -> None:
    """The default is the template's: Python 3.13 on arm64."""
    made = pack(tmp_path, RULES, "lambda", *given)
    assert (made.report["python"], made.report["bytecode"]) == ("3.13", None)
    assert made.report["zip_bytes"] == made.zip.stat().st_size < 5_000_000
    assert len(made.report["next"]) <= 10
    compiled = [name for name in made.names() if name.endswith(".so")]
    assert compiled
    assert all(f"cpython-313-{machine}" in name for name in compiled)


def test_a_tree_that_somebody_put_something_into_is_theirs(packed: Packed, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    with zipfile.ZipFile(packed.zip) as archive:
        archive.extractall(tree)
    (tree / "mine.txt").write_text("precious")
    done = ask("lambda", str(tree), "--rules", str(packed.rules), environ={"PIP_NO_INDEX": "1"})
    assert done.returncode == 2
    assert "holds what pack did not make" in done.stderr
    assert (tree / "mine.txt").exists()
