"""What was packed, in bytes: the zip, and the report on it."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handlers.cli.pack.targets import Wanted
from handlers.cli.pack.tree import ZIP

_EPOCH = (1980, 1, 1, 0, 0, 0)


def zipped(tree: Path, target: Path, report: dict[str, Any]) -> Path:
    """The tree as one file: sorted, without times, so the same tree is the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in _files(tree):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), _EPOCH)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
            archive.writestr(entry, path.read_bytes())
    content = target.read_bytes()
    report["zip"] = str(Path(report["directory"]) / ZIP)
    report["zip_bytes"] = len(content)
    report["code_sha256"] = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return target


def _files(tree: Path) -> list[Path]:
    return sorted((path for path in tree.rglob("*") if path.is_file()), key=lambda path: path.relative_to(tree).as_posix())


def measured(tree: Path, wanted: Wanted, directory: str, bytecode: str | None) -> dict[str, Any]:
    """The report as ``--json`` prints it."""
    sizes = Counter[str]()
    for path in _files(tree):
        whose = path.relative_to(tree).parts[0].partition("-")[0]  # a .dist-info counts with its package
        sizes[whose.removesuffix(".py")] += path.stat().st_size
    return {
        "platform": wanted.target.name,
        "python": wanted.python,
        "arch": wanted.arch,
        "bytecode": bytecode,
        "directory": directory,
        "zip": None,
        "zip_bytes": None,
        "code_sha256": None,
        "files": len(_files(tree)),
        "bytes": sum(sizes.values()),
        "sizes": dict(sizes.most_common()),
    }


def too_large(report: dict[str, Any], wanted: Wanted) -> Iterator[str]:
    """What is beyond the platform's quotas. It may do all the same: by way of a bucket they take larger zips."""
    for what, size, limit in (("the zip has", "zip_bytes", "zip"), ("unpacked it has", "bytes", "tree")):
        takes = (wanted.target.limits or {}).get(limit, 0)
        if report["zip"] and takes and report[size] > takes:
            yield f"{what} {report[size]} bytes, and {wanted.target.called} takes {takes} directly"


def show(report: dict[str, Any], wanted: Wanted) -> None:
    """The report as people read it."""
    limits, called = wanted.target.limits, wanted.target.called
    for name, size in report["sizes"].items():
        print(f"{size / 1024:9.0f} KiB  {name}")
    takes = f" ({called} takes {limits['tree'] >> 10} KiB)" if limits else ""
    print(f"{report['bytes'] / 1024:9.0f} KiB  in {report['files']} files{takes}")
    if report["zip"]:
        takes = f" ({called} takes {limits['zip'] >> 10} KiB directly)" if limits else ""
        print(f"{report['zip_bytes'] / 1024:9.0f} KiB  {report['zip']}{takes}")
        print(f"CodeSha256 {report['code_sha256']}")
    compiled = f", with byte code of {report['bytecode']}" if report["bytecode"] else ""
    print(f"for Python {report['python']} on {report['arch']}{compiled}; every event is judged by the rules.toml in it")
    print("next:")
    for line in report["next"]:
        print(f"  {line}")
