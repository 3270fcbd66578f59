"""The bill of materials that pack writes, and the licences of what ships. No package index is asked here; test_pack.py does."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from handlers.cli import sbom
from handlers.errors import Misconfigured

ROOT = Path(__file__).parents[2]
WHEEL = {"first": "a" * 64, "second-part": "b" * 64}
METADATA = {
    "first": "Metadata-Version: 2.4\nName: first\nVersion: 1.0\nLicense-Expression: Apache-2.0 OR MIT\n"
    "Requires-Dist: Second.Part>=2; python_version>'3'\nRequires-Dist: absent; extra == 'more'\n\nLicense: a README\n",
    "second-part": "Metadata-Version: 2.1\nName: Second_Part\nVersion: 2.0\nLicense: UNKNOWN\n"
    "Classifier: License :: OSI Approved :: MIT License\n",
}


def installed(folder: Path, **versions: str) -> tuple[Path, list[Path], dict[str, Any]]:
    """A tree as pip leaves it, the pins it was told, and its report."""
    pins = "".join(
        f"{name}=={versions.get(name, version)} \\\n    --hash=sha256:{'c' * 64} \\\n    --hash=sha256:{WHEEL[name]}\n"
        for name, version in (("second-part", "2.0"), ("first", "1.0"))
    )
    (folder / "requirements.txt").write_text(pins, encoding="utf-8")
    for name, text in METADATA.items():
        about = folder / "tree" / f"{name.replace('-', '_')}-1.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(text, encoding="utf-8")
    install = [
        {"metadata": {"name": name}, "download_info": {"url": "somewhere", "archive_info": {"hashes": {"sha256": WHEEL[name]}}}}
        for name in METADATA
    ]
    return folder / "tree", [folder / "requirements.txt"], {"install": install}


def test_it_says_what_was_installed_by_which_wheel_under_which_licence(tmp_path: Path) -> None:
    tree, requirements, report = installed(tmp_path)
    bill = sbom.bill(tree, requirements, report)
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.5", 1)
    assert bill["components"] == [
        {
            "type": "library", "bom-ref": "pkg:pypi/first@1.0", "name": "first", "version": "1.0", "purl": "pkg:pypi/first@1.0",
            "licenses": [{"expression": "Apache-2.0 OR MIT"}], "hashes": [{"alg": "SHA-256", "content": "a" * 64}],
        },
        {
            "type": "library", "bom-ref": "pkg:pypi/second-part@2.0", "name": "second-part", "version": "2.0",
            "purl": "pkg:pypi/second-part@2.0",
            "licenses": [{"license": {"name": "MIT License"}}], "hashes": [{"alg": "SHA-256", "content": "b" * 64}],
        },
    ]  # fmt: skip
    ours, *others = bill["dependencies"]
    assert ours["dependsOn"] == ["pkg:pypi/first@1.0"]
    assert {each["ref"]: each["dependsOn"] for each in others} == {
        "pkg:pypi/first@1.0": ["pkg:pypi/second-part@2.0"],
        "pkg:pypi/second-part@2.0": [],
    }


def test_it_holds_no_time_no_chance_and_no_place(tmp_path: Path) -> None:
    tree, requirements, report = installed(tmp_path)
    sbom.write(tree, requirements, report)
    first = (tree / sbom.NAME).read_bytes()
    report["install"].reverse()
    sbom.write(tree, requirements, report)
    assert (tree / sbom.NAME).read_bytes() == first
    text = first.decode()
    assert not re.search(r"serialNumber|timestamp|://|somewhere|\d{4}-\d\d-\d\d", text)
    assert str(tmp_path) not in text


def test_another_version_than_the_pinned_is_no_deployment(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"first: 1\.0 was installed, and that is not what the requirements pin"):
        sbom.bill(*installed(tmp_path, first="1.1"))


def test_a_wheel_of_another_hash_is_no_deployment(tmp_path: Path) -> None:
    tree, requirements, report = installed(tmp_path)
    report["install"][0]["download_info"]["archive_info"]["hashes"]["sha256"] = "d" * 64
    with pytest.raises(Misconfigured, match="first: "):
        sbom.bill(tree, requirements, report)


def test_what_is_pinned_and_was_not_installed_is_missed(tmp_path: Path) -> None:
    tree, requirements, report = installed(tmp_path)
    (tree / "first-1.dist-info" / "METADATA").unlink()
    with pytest.raises(Misconfigured, match="first: is pinned, and was not installed"):
        sbom.bill(tree, requirements, report)


def test_what_nobody_pinned_is_found(tmp_path: Path) -> None:
    tree, requirements, report = installed(tmp_path)
    (tree / "third-1.dist-info").mkdir()
    (tree / "third-1.dist-info" / "METADATA").write_text("Name: third\nVersion: 1\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match="third: "):
        sbom.bill(tree, requirements, report)


# ── licences ──


@pytest.fixture(scope="module")
def licences() -> Any:
    spec = importlib.util.spec_from_file_location("licences", ROOT / ".ci" / "licences.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_licence_that_is_allowed_has_its_reason() -> None:
    table = tomllib.loads((ROOT / ".ci" / "licences.toml").read_text("utf-8"))
    assert all(len(reason) > 10 for reason in table["allowed"].values())
    assert set(table["said_otherwise"].values()) <= set(table["allowed"])


@pytest.mark.parametrize(
    ("said", "fine"),
    [
        ("MIT", True), ("Apache-2.0 OR GPL-3.0-only", True), ("MIT AND Apache-2.0", True), ("(MIT OR X) AND Apache-2.0", True),
        ("GPL-3.0-only", False), ("MIT AND GPL-3.0-only", False), ("", False), ("Apache", False), ("mit or similar", False),
        ("MIT WITH x", False),
    ],
)  # fmt: skip
def test_an_expression_is_allowed_by_what_it_asks(licences: Any, said: str, fine: bool) -> None:
    assert licences.allowed(said, {"MIT", "Apache-2.0"}) is fine


def test_a_licence_that_is_not_in_the_list_fails_the_checks(
    licences: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By what is installed here: with the MIT licence struck from the list, pydantic may not ship any more."""
    table = tmp_path / "licences.toml"
    own = (ROOT / ".ci" / "licences.toml").read_text("utf-8")
    for text, words in ((own, ""), (own.replace('"MIT" =', '"other" ='), "NOT ALLOWED: ")):
        table.write_text(text, encoding="utf-8")
        code = licences.main(table)
        (line,) = (line for line in capsys.readouterr().out.splitlines() if "annotated-types" in line)
        assert line.startswith(f"{words}annotated-types")
        assert code or not words


def test_the_checks_list_the_licences() -> None:
    assert re.search(r"(?m)^PYTHONPATH=\. \.venv/pinned/bin/python \.ci/licences\.py$", (ROOT / ".ci" / "run").read_text("utf-8"))


def test_a_bill_is_json_that_any_reader_reads(tmp_path: Path) -> None:
    tree, requirements, report = installed(tmp_path)
    sbom.write(tree, requirements, report)
    assert json.loads((tree / sbom.NAME).read_text("ascii"))["metadata"]["component"]["name"] == "restore-point"
