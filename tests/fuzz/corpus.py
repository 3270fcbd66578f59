"""What inputs are made from: the samples of events/, and other people's documents where RESTORE_POINT_PAYLOADS names them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[2] / "events"
LARGEST = 65_536
"""Bytes of a seed: larger ones only take longer."""


@dataclass(frozen=True)
class Seed:
    """A document that arrives somewhere, as it was written."""

    name: str
    document: Any
    headers: Mapping[str, str]


@cache
def corpus() -> Sequence[Seed]:
    """Always in the same order."""
    found = []
    for file in sorted(EVENTS.glob("*/*.json")):
        if not file.name.endswith(".outcome.json"):
            outcome = json.loads(file.with_suffix(".outcome.json").read_text("utf-8"))
            headers = {name.lower(): value for name, value in outcome.get("headers", {}).items()}
            found += _seed(file, f"{file.parent.name}/{file.name}", headers)
    if folder := os.environ.get("RESTORE_POINT_PAYLOADS", ""):
        for file in sorted(Path(folder).rglob("*")):
            if file.is_file():
                found += _seed(file, str(file.relative_to(folder)), {"content-type": "application/json"})
    return found


def _seed(file: Path, name: str, headers: Mapping[str, str]) -> list[Seed]:
    """Nothing where it is no document, as some samples are on purpose: byte changes make those anyway."""
    with suppress(ValueError, RecursionError):
        content = file.read_bytes()
        return [Seed(name, json.loads(content), headers)] if len(content) <= LARGEST else []
    return []
