"""What manifests of Knative and Cloud Run share: what a server needs to know by these rules, and how YAML is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from handlers.rules import Project, Rules

Documents = Iterable[tuple[str, Mapping[str, Any]]]
"""Each with the comment that stands above it."""

NAME = "restore-point"
IMAGE = "REGISTRY/restore-point:TAG"
INSTANCES = 5
CONCURRENCY = 8
"""Requests of one instance at a time: they wait for the cloud, mostly."""
SECONDS = 60
"""For one request; the server itself stops after 25."""

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_LINES = re.compile(r"[!-~]([ -~]*[!-~])?\n(([ -~]*[!-~])?\n)*[ -~]*[!-~]\n")
"""Two lines or more, the first not indented, none with blanks at its end: what YAML lets stand as it is."""
_NOT_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
"""Words that YAML 1.1 reads as something else."""


def secrets(rules: Rules) -> list[str]:
    """Variables that hold secrets: the cloud's keys, senders' proofs, topics' signing keys, the ledger's address."""
    names = [f"{prefix}HUAWEICLOUD_SDK_{which}" for prefix, _ in _projects(rules) for which in ("AK", "SK")]
    kept = [each for sender in rules.senders.values() for each in (sender.secret, *(old.secret for old in sender.retiring))]
    kept += [topic.secret for topic in rules.topics.values()]
    names += [each.removeprefix("env:") for each in kept if each and each.startswith("env:")]
    return list(dict.fromkeys([*names, "RESTORE_POINT_LEDGER"]))


def regions(rules: Rules) -> list[str]:
    """Variables that say a project's region, where the rules do not."""
    return list(dict.fromkeys(f"{prefix}HW_REGION_NAME" for prefix, project in _projects(rules) if not project.region))


def _projects(rules: Rules) -> Iterator[tuple[str, Project]]:
    for project in rules.projects.values() or [Project()]:
        yield project.credentials.removeprefix("env").removeprefix(":"), project


def written(documents: Documents) -> str:
    """YAML, block style, the same for the same documents."""
    parts = []
    for comment, document in documents:
        lines = [f"# {line}" if line else "#" for line in comment.splitlines()]
        parts.append("\n".join([*lines, *_block(document)]) + "\n")
    return "---\n".join(parts)


def _block(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _under(f"{_scalar(key)}:", each)
    elif isinstance(value, list):
        for each in value:
            inner = [*_block(each)] if isinstance(each, Mapping | list) and each else [_scalar(each)]
            yield f"- {inner[0]}"
            yield from (f"  {line}" for line in inner[1:])


def _under(key: str, value: object) -> Iterator[str]:
    if isinstance(value, Mapping | list) and value:
        yield key
        yield from (f"  {line}" for line in _block(value))
    elif isinstance(value, str) and _LINES.fullmatch(value):
        yield f"{key} |"
        yield from (f"  {line}" if line else "" for line in value[:-1].split("\n"))
    else:
        yield f"{key} {_scalar(value)}"


def _scalar(value: object) -> str:
    """Plain where nothing can be meant but these letters, else as JSON, which YAML understands."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return value
    # Beyond the first 65,536 characters JSON writes two halves, YAML one.
    return re.sub(r"\\u(d[89ab]..)\\u(d[c-f]..)", _whole, json.dumps(value))


def _whole(halves: re.Match[str]) -> str:
    high, low = (int(each, 16) for each in halves.groups())
    return f"\\U{0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF):08x}"
