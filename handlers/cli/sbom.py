"""What a deployment is made of, as a CycloneDX 1.5 document: from what was installed, the same for the same wheels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from handlers import __version__
from handlers.errors import Misconfigured

NAME = "sbom.cdx.json"
_PIN = re.compile(r"(?m)^([A-Za-z0-9._-]+)==([^\s;\\]+)([^#]*?)(?=^\S|\Z)")
_REQUIRED = re.compile(r"[A-Za-z0-9._-]+")
_CLASSIFIED = "License :: OSI Approved :: "
_ID = {"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MPL-2.0", "PSF-2.0", "ISC", "0BSD"}
"""Names of licences that are SPDX identifiers; others are written as the names they are."""


def bill(tree: Path, requirements: Iterable[Path], report: Mapping[str, Any]) -> dict[str, Any]:
    """Of every distribution in the tree; ``report`` is pip's own of what it installed. Raises Misconfigured where they disagree.

    No time and no random number: a bill that differs is one of different wheels. The hash is of the wheel that was taken, which
    has to be one of those the pins allow.
    """
    pins, wheels = pinned(requirements), _wheels(report)
    found = {_plain(about["Name"]): about for about in map(_metadata, sorted(tree.glob("*.dist-info/METADATA")))}
    for name, about in found.items():
        if (pin := pins.get(name)) is None or pin[0] != about["Version"] or wheels.get(name, "") not in pin[1]:
            raise Misconfigured(name, f"{about['Version']} was installed, and that is not what the requirements pin")
    if missing := sorted(pins.keys() - found.keys()):
        raise Misconfigured(missing[0], "is pinned, and was not installed")
    ours = f"pkg:generic/restore-point@{__version__}"
    needs = {name: sorted(_needed(about) & found.keys()) for name, about in found.items()}
    inner = {each for names in needs.values() for each in names}
    refs = {name: _purl(name, about["Version"]) for name, about in found.items()}
    graph = [{"ref": ours, "dependsOn": sorted(refs[name] for name in found.keys() - inner)}]
    graph += [{"ref": refs[name], "dependsOn": [refs[each] for each in names]} for name, names in sorted(needs.items())]
    application = {"type": "application", "bom-ref": ours, "name": "restore-point", "version": __version__, "purl": ours}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": application | {"licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": [_component(name, about, wheels[name]) for name, about in sorted(found.items())],
        "dependencies": graph,
    }


def write(tree: Path, requirements: Iterable[Path], report: Mapping[str, Any]) -> None:
    """The bill, at the tree's root."""
    (tree / NAME).write_text(json.dumps(bill(tree, requirements, report), indent=2) + "\n", encoding="utf-8")


def pinned(requirements: Iterable[Path]) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and allowed SHA-256 hashes by name. Two files must not pin one name to two versions: pip would say so."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for each in requirements:
        for name, version, rest in _PIN.findall(each.read_text(encoding="utf-8")):
            found[_plain(name)] = version, frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", rest))
    return found


def licence(about: Message) -> str:
    """What a distribution says its licence is: an SPDX expression (PEP 639), a short name, or its classifiers."""
    for header in ("License-Expression", "License"):
        said = str(about.get(header) or "").strip()
        if said and said.upper() != "UNKNOWN" and "\n" not in said and len(said) <= 100:
            return said
    classifiers = [str(each) for each in about.get_all("Classifier", [])]
    return " AND ".join(sorted(each.removeprefix(_CLASSIFIED) for each in classifiers if each.startswith(_CLASSIFIED)))


def _metadata(path: Path) -> Message:
    return HeaderParser().parsestr(path.read_text(encoding="utf-8"), headersonly=True)


def _component(name: str, about: Message, sha256: str) -> dict[str, Any]:
    purl = _purl(name, about["Version"])
    component = {"type": "library", "bom-ref": purl, "name": name, "version": about["Version"], "purl": purl}
    return component | {"licenses": _licences(about), "hashes": [{"alg": "SHA-256", "content": sha256}]}


def _licences(about: Message) -> list[dict[str, Any]]:
    said = licence(about)
    if not said:
        return []
    if about.get("License-Expression") == said and said not in _ID:
        return [{"expression": said}]
    return [{"license": {"id" if said in _ID else "name": said}}]


def _needed(about: Message) -> set[str]:
    """What it always needs; what only its extras need is here only where somebody else needs it."""
    lines = [str(each) for each in about.get_all("Requires-Dist", []) if not re.search(r";.*\bextra\b", str(each))]
    return {_plain(match[0]) for match in map(_REQUIRED.match, lines) if match}


def _wheels(report: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of the wheel of each, from pip's report (its documentation, "Installation report")."""
    return {
        _plain(str(each["metadata"]["name"])): str(
            each["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256", "")
        )
        for each in report["install"]
    }


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _plain(name: str) -> str:
    """A name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
