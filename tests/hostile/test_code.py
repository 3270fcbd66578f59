"""What is built and shipped: reliability.md, 6.8, H83 and H84. Read from the files a build reads."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.hostile.rows import Rows
from tests.web_server import ROOT

rows = Rows(
    named={
        "H83": [
            "tests/cli/test_pack.py::test_the_same_bytes_over_what_pack_made_from_another_place_and_time",
            "tests/cli/test_pack_refused.py::test_where_the_wheels_cannot_be_had_nothing_changes",
            "tests/cli/test_pack.py::test_the_bill_of_materials_is_of_what_was_packed",
            "tests/supply/test_pins.py::test_pack_installs_nothing_that_is_not_pinned",
            "tests/supply/test_pins.py::test_the_pins_hold_all_that_is_asked_for_and_what_that_needs",
        ],
        "H84": [
            "tests/cli/test_pack.py::test_what_is_in_it",
            "tests/sandbox/test_sandbox.py::test_it_listens_on_loopback_only",
            "tests/sandbox/test_sandbox.py::test_it_does_not_start_where_services_run",
        ],
    },
    waiting={
        "H83 pip-audit": "nothing asks for known vulnerabilities: the advisories are not everywhere within reach",
    },
)
LOCKS = (*sorted((ROOT / "handlers").glob("requirements*.txt")), *sorted((ROOT / ".ci").glob("*.txt")))
CI = (ROOT / ".ci" / "run").read_text("utf-8")
_PIN = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)==([0-9][0-9a-z.+]*)((?: --hash=sha256:[0-9a-f]{64})+)")

# ── pins ──


def entries(lock: Path) -> list[str]:
    """One requirement a line, as pip reads them."""
    text = re.sub(r"\\\n\s*", "", lock.read_text("utf-8"))
    return [re.sub(r"\s+", " ", line.strip()) for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("lock", LOCKS, ids=[each.name for each in LOCKS])
@rows("H83")
def test_a_lock_names_versions_and_hashes_and_no_place(lock: Path) -> None:
    """No index, no URL, no folder and no range: pip with --require-hashes takes these bytes or none."""
    found = [_PIN.fullmatch(entry) for entry in entries(lock)]
    assert found
    assert None not in found, [entry[:60] for entry, match in zip(entries(lock), found, strict=True) if match is None]
    names = [match[1] for match in found if match]
    assert len(set(names)) == len(names)


@rows("H83")
def test_what_is_deployed_is_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = {
        entry.partition("==")[0]: entry.partition("==")[2].split()[0] for entry in entries(ROOT / "handlers/requirements.txt")
    }
    for wanted in project["dependencies"]:
        name, bounds = re.fullmatch(r"([a-z-]+)(.*)", wanted).groups()  # type: ignore[union-attr]
        assert name in pinned
        least = re.search(r">=([0-9.]+)", bounds)
        assert least
        assert tuple(map(int, pinned[name].split("."))) >= tuple(map(int, least[1].split(".")))
    for asked in sorted((ROOT / ".ci").glob("*.in")):  # the tools' own have none: pyproject.toml asks for them
        lock = "\n".join(entries(asked.with_suffix(".txt")))
        for line in asked.read_text("utf-8").splitlines():
            name = re.match(r"[A-Za-z0-9-]+", line)
            assert name
            assert re.search(rf"(?m)^{name[0].lower()}==", lock)


def installs() -> list[str]:
    """Each call of pip that fetches, with what stands behind its variable."""
    strict = re.search(r'(?m)^strict="(.*)"$', CI)
    lines = [line.replace("$strict", strict[1] if strict else "") for line in CI.splitlines()]
    return [line for line in lines if re.search(r"pip\S* (install|download) ", line)]


CHECKS = {
    "H83 every lock is installed by its hashes": all("--require-hashes" in line for line in installs() if " -r " in line),
    "H83 no other index and no trusted host": not re.search(r"index-url|find-links|trusted-host|PIP_INDEX", CI),
    "H83 the README's command finds only what came by its hash": bool(
        re.search(r'(?m)^PIP_NO_INDEX=1 PIP_FIND_LINKS="\$wheels" bash -c "\$\{test_command% && \*\}"$', CI)
    ),
    "H83 nothing is fetched and run": not re.search(r"curl|wget|npx|\|\s*(ba)?sh\b", CI),
    "H83 every tool of the checks is pinned": all("--require-hashes" in line for line in installs()),
    "H83 the checks install wheels only": all("--only-binary" in line for line in installs()),
    "H83 pip-audit": "pip-audit" in CI or "pip_audit" in CI,
    "H83 licences": "python .ci/licences.py" in CI,
}


@rows.cases("holds", CHECKS)
def test_the_checks_of_a_build(holds: bool) -> None:
    assert holds


@rows("H83")
def test_actions_are_named_by_their_digest() -> None:
    """There are none; the first one that comes has to be."""
    for workflow in (ROOT / ".github").rglob("*.y*ml"):
        for used in re.findall(r"uses:\s*(\S+)", workflow.read_text("utf-8")):
            assert re.search(r"@[0-9a-f]{40}$", used), used


def forged_wheel(folder: Path, name: str, version: str) -> None:
    """A release of that name and version with other bytes, as a mirror that was broken into would hand out."""
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('stolen')\n")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")


def forged_source(folder: Path, name: str, version: str) -> None:
    """The same as a source distribution, whose setup is a program."""
    files = {"setup.py": f"open({str(folder / 'ran')!r}, 'w').close()\n", "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\n"}
    with tarfile.open(folder / f"{name}-{version}.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


FORGERIES = {
    "H83 a wheel that was published again": (forged_wheel, "DO NOT MATCH THE HASHES"),
    "H83 a source distribution": (forged_source, "No matching distribution"),
}


@rows.cases("case", FORGERIES)
def test_a_forged_release_is_never_packed(tmp_path: Path, case: tuple[object, str]) -> None:
    make, says = case
    first = entries(ROOT / "handlers" / "requirements.txt")[0]
    name, _, rest = first.partition("==")
    folder, out = tmp_path / "index", tmp_path / "out"
    folder.mkdir()
    make(folder, name.replace("-", "_"), rest.split()[0])  # type: ignore[operator]
    rules = tmp_path / "rules.toml"
    rules.write_text((Path(__file__).parent / "rules.toml").read_text("utf-8"), encoding="utf-8")
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "handlers", "pack", "lambda", str(out), "--stage", "--rules", str(rules)],
        env=own | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull},
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert says in done.stderr
    assert not out.exists()
    assert not (folder / "ran").exists()


# ── what must not be deployed ──

VARIABLES = {
    "H84 Lambda": "AWS_LAMBDA_FUNCTION_NAME",
    "H84 Cloud Run": "K_SERVICE",
    "H84 FunctionGraph": "RUNTIME_FUNC_NAME",
    "H84 a cluster": "KUBERNETES_SERVICE_HOST",
}


@rows.cases("variable", VARIABLES)
def test_the_command_serves_no_cloud_where_a_platform_runs_it(tmp_path: Path, variable: str) -> None:
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), variable: "x"}
    done = subprocess.run(
        [sys.executable, "-m", "handlers", "sandbox", "--", sys.executable, "-c", "print('started')"],
        env=own, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert variable in done.stderr
    assert "started" not in done.stdout


@rows("H84")
def test_no_entry_that_is_deployed_loads_the_cloud_or_the_command() -> None:
    program = (
        "import sys, handlers.aws_lambda, handlers.functiongraph, handlers.web, handlers.service, handlers.watch\n"
        "found = [n for n in sys.modules if n.startswith(('handlers.sandbox', 'handlers.cli', 'tests', 'pytest'))]\n"
        "print(found)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
