"""A sample of events/ through ``restore-point send --expect``, by a platform that carries it, against a sandbox of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from handlers.sandbox import Sandbox
from tests.cli.terminal import Inside, Ran, Terminal, known
from tests.scripted import Clock

EVENTS = Path(__file__).parents[2] / "events"
SECRETS = dict(
    line.split("=", 1) for line in (EVENTS / "senders.env").read_text("utf-8").splitlines() if line and not line.startswith("#")
)
PLATFORMS = ("lambda", "functiongraph", "web")
UNLISTED = {"resource_not_held", "vault_not_listed"}
"""Refusals that may have needed a look at the cloud: which resources a vault holds, which vaults carry a rule's tags."""


def samples(*only: str) -> Iterator[tuple[str, str]]:
    for file in sorted(EVENTS.glob("*/*.outcome.json")):
        for platform in json.loads(file.read_text("utf-8"))["platforms"]:
            if platform not in only:
                continue
            yield str(file.relative_to(EVENTS)).removesuffix(".outcome.json"), platform


def excluded(post: Mapping[str, Any]) -> set[str]:
    details = post["parameters"].get("resource_details", [])
    return {volume for each in details for volume in each.get("extra_info", {}).get("exclude_volumes", [])}


def asked(post: Mapping[str, Any]) -> set[str]:
    parameters = post["parameters"]
    return {*parameters.get("resources", []), *(each["id"] for each in parameters.get("resource_details", []))}


def logged(ran: Ran, expected: Mapping[str, Any]) -> bool:
    """Whether the delivery's log line says all that is expected: over HTTP a sender hears less of it."""
    said = [outcome for line in ran.log for outcome in line.get("restore_points", [])]
    for wanted in expected["outcomes"]:
        keys = [key for key in ("outcome", "reason", "rule", "vault", "causes") if key in wanted]
        fitting = [each for each in said if all(each.get(key, "") == wanted[key] for key in keys)]
        fitting = [each for each in fitting if wanted.get("message_has", "") in each["message"]]
        if not fitting:
            return False
        said.remove(fitting[0])
    return said == []


def judge(name: str, platform: str, inside: Inside, folder: Path) -> None:
    expected = json.loads((EVENTS / f"{name}.outcome.json").read_text("utf-8"))
    with Sandbox(clock=Clock(datetime.fromisoformat(expected["now"])), well_behaved=True) as sandbox:
        environ = known(sandbox, folder) | SECRETS | {"RESTORE_POINT_LEDGER": "memory"}
        arguments = ("--expect", "--platform", platform, "--rules", str(EVENTS / "rules.toml"), "--json")
        ran = inside(Terminal(folder, environ), "send", str(EVENTS / f"{name}.json"), *arguments)
        posts = [each.body["checkpoint"] for each in sandbox.posts()]
        calls = len(sandbox.exchanges)
    assert (ran.code, ran.json["differences"]) == (0, [])
    assert logged(ran, expected), ran.err
    created = [each for each in expected["outcomes"] if each["outcome"] == "created"]
    wanted = sorted((sorted(each.get("resources", [])), sorted(each.get("exclude_volumes", []))) for each in created)
    assert sorted((sorted(asked(post)), sorted(excluded(post))) for post in posts) == wanted
    assert all(post["vault_id"] for post in posts)
    if all(each["outcome"] == "refused" and each["reason"] not in UNLISTED for each in expected["outcomes"]):
        assert calls == 0
    if all(each["outcome"] == "refused" for each in expected["outcomes"]):
        assert posts == []
