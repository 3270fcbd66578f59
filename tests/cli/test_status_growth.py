"""What never ends and what fills up: ``check`` and ``status`` warn of it."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

import pytest

from handlers.sandbox import Sandbox, estate
from tests.cli.terminal import RULES, Inside, Terminal

NO_END = "its restore points never expire by themselves"


def set_state(endpoint: str, state: dict[str, Any]) -> None:
    asked = Request(f"{endpoint}/_sandbox/state", json.dumps(state).encode(), method="POST")
    with urlopen(asked, timeout=5) as reply:
        assert reply.status == 200


@pytest.mark.parametrize(
    ("parameters", "warned"),
    [
        ("", True),
        ("parameters = { auto_trigger = false }", True),
        ("parameters = { auto_trigger = true }", False),
        ("parameters = { retention_duration_days = 30 }", False),
        ("parameters = { retention_duration_days = -1 }", False),
    ],
)
def test_a_rule_without_an_end_is_warned_of(ruled: Terminal, inside: Inside, parameters: str, warned: bool) -> None:
    ruled.write("rules.toml", RULES + parameters)
    ran = inside(ruled, "check", "--json")
    said = [each for each in ran.json["checks"] if each["warning"]]
    assert ran.code == 0
    assert [(each["what"], each["ok"], NO_END in each["message"]) for each in said] == [
        ("rules.nightly-all", True, True)
    ] * warned
    notes = inside(ruled, "status", "--json").json["notes"]
    assert [note.startswith(f"Rule nightly-all: {NO_END}") for note in notes] == [True] * warned


def test_a_filling_vault_is_warned_of_by_both(ruled: Terminal, inside: Inside, sandbox: Sandbox) -> None:
    set_state(sandbox.endpoint, {"fill": {"vault_id": estate.ERP_VAULT_ID, "percent": 85}})
    ran = inside(ruled, "check")
    assert ran.code == 0
    (at,) = [number for number, line in enumerate(ran.out.splitlines()) if line.startswith("warn vaults.erp: ")]
    assert "425.0 of 500 GB used (85 %): enlarge it" in ran.out.splitlines()[at]
    vaults = {each["vault"]: each for each in inside(ruled, "status", "--json").json["vaults"]}
    assert [each["word"] for each in vaults["erp"]["problems"]] == ["filling", "empty"]
    assert vaults["erp"]["fill"]["percent"] == 85.0
    assert [each["word"] for each in vaults["files"]["problems"]] == ["empty"]


def test_restore_points_that_expire_are_known_from_those_that_do_not(ruled: Terminal, inside: Inside) -> None:
    ruled.write("rules.toml", ONE_OFFS)
    body = {"checkpoint": {"vault_id": estate.FILES_VAULT_ID, "parameters": {"retention_duration_days": 7}}}
    ruled.write("once.json", body)
    assert ruled.run("send", "once.json", "--as", "once", "--sender", "ops").code == 0
    assert ruled.run("take", "files", "--timeout", "20s").code == 0
    (files,) = inside(ruled, "status", "files", "--json").json["vaults"]
    assert sorted(each["expires"] for each in files["restore_points"]) == [False, True]


ONE_OFFS = f"""{RULES}
[senders.ops]
dialect = "once"
proof = "platform"
may = ["retention_duration_days"]
[[rules]]
name = "ops"
sender = "ops"
vaults = ["files"]
"""
