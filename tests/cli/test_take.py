"""``restore-point take``: a one-off from a terminal or a pipeline."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from handlers.sandbox import Sandbox, estate
from tests.cli.terminal import RULES, Inside, Terminal, known

ERP = estate.ERP_VAULT_ID


def test_a_vault_by_its_id_needs_no_rules_and_no_home(terminal: Terminal, sandbox: Sandbox) -> None:
    """The first command on a fresh machine."""
    ran = terminal.run("take", ERP)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("+ created (accepted)")
    (point,) = sandbox.restore_points()
    assert point["id"] in ran.out
    assert point["vault_id"] == ERP
    assert sorted(point["resources"]) == sorted([estate.ERP_APP_ID, estate.ERP_DB_ID])
    (line,) = ran.log
    assert line["restore_points"][0]["checkpoint_id"] == point["id"]
    assert len(sandbox.posts()) == 1


def test_by_name_with_everything_given(ruled: Terminal, sandbox: Sandbox) -> None:
    ran = ruled.run(
        *("take", "erp", "--resource", estate.ERP_DB_ID, "--name", "before-upgrade", "--description", "ticket 4711"),
        *("--full", "--json"),
    )
    assert ran.code == 0, ran.err
    outcome = ran.json
    assert (outcome["outcome"], outcome["vault"], outcome["vault_id"], outcome["rule"]) == ("created", "erp", ERP, "")
    assert (outcome["trigger"], outcome["sender"]) == ("once", "terminal")
    assert [each["id"] for each in outcome["resources"]] == [estate.ERP_DB_ID]
    (post,) = sandbox.posts()
    assert post.body == {
        "checkpoint": {
            "parameters": {
                "description": "ticket 4711",
                "incremental": False,
                "name": outcome["name"],
                "resources": [estate.ERP_DB_ID],
            },
            "vault_id": ERP,
        }
    }
    assert outcome["name"].startswith("before-upgrade-")
    assert len(outcome["name"]) == len("before-upgrade-") + 16
    # whoever wrote topics into the rules is told of one-offs, too
    assert [message["subject"] for message in sandbox.published] == ["Restore point started: vault erp"]


def test_a_key_used_again_joins(terminal: Terminal, sandbox: Sandbox) -> None:
    first = terminal.run("take", ERP, "--key", "pipeline-7", "--json")
    second = terminal.run("take", ERP, "--key", "pipeline-7", "--json")
    assert (first.code, second.code) == (0, 0)
    assert (first.json["outcome"], second.json["outcome"]) == ("created", "joined")
    assert first.json["checkpoint_id"] == second.json["checkpoint_id"]
    assert first.json["cause_names"] == ["pipeline-7"]
    assert len(sandbox.posts()) == 1


def test_without_the_ledger_a_key_joins_what_is_found_at_cbr(terminal: Terminal, sandbox: Sandbox) -> None:
    """Another machine, whose ledger knows nothing: the cause stands in the name."""
    first = terminal.run("take", ERP, "--key", "pipeline-7", "--json")
    second = terminal.run("take", ERP, "--key", "pipeline-7", "--json", XDG_STATE_HOME=str(terminal.folder / "other"))
    assert (first.json["outcome"], second.json["outcome"]) == ("created", "joined")
    assert first.json["checkpoint_id"] == second.json["checkpoint_id"]
    assert len(sandbox.posts()) == 1


def test_wait_follows_it_to_its_end(terminal: Terminal, sandbox: Sandbox) -> None:
    """Of one that is there already, too; test_sandbox.py waits for a new one."""
    assert terminal.run("take", estate.FILES_VAULT_ID, "--key", "pipeline-7").code == 0
    time.sleep(0.4)  # 60 seconds at 200 times the speed of life
    ran = terminal.run("take", estate.FILES_VAULT_ID, "--key", "pipeline-7", "--wait", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["outcome"], ran.json["end"]["outcome"]) == ("joined", "available")
    assert ran.json["end"]["checkpoint_id"] == ran.json["checkpoint_id"]
    assert sandbox.restore_points()[0]["status"] == "available"
    assert "restore point: 100 %" in ran.err


def test_wait_that_runs_out_of_time_is_to_be_tried_again(slow: Sandbox, terminal: Terminal, tmp_path: Path) -> None:
    busy = replace(terminal, environ=known(slow, tmp_path))
    assert busy.run("take", ERP, "--key", "pipeline-7").code == 0
    ran = busy.run("take", ERP, "--key", "pipeline-7", "--wait", "--timeout", "1s", "--json")
    assert ran.code == 75
    assert ran.json["outcome"] == "joined"
    assert ran.json["end"] is None


def test_a_vault_that_is_busy_is_to_be_tried_again(slow: Sandbox, terminal: Terminal, tmp_path: Path) -> None:
    busy = replace(terminal, environ=known(slow, tmp_path))
    assert busy.run("take", ERP).code == 0
    ran = busy.run("take", ERP, "--timeout", "10s", "--json")
    assert ran.code == 75
    assert (ran.json["outcome"], ran.json["reason"]) == ("later", "busy")
    assert ran.json["error_code"] == "BackupService.6125"
    assert len(slow.restore_points()) == 1
    assert len(slow.posts()) == 2


def test_a_resource_that_is_busy_is_said_to_be_skipped(slow: Sandbox, terminal: Terminal, tmp_path: Path) -> None:
    busy = replace(terminal, environ=known(slow, tmp_path))
    assert busy.run("take", ERP, "--resource", estate.ERP_DB_ID).code == 0
    ran = busy.run("take", ERP, "--json")
    assert ran.code == 3
    assert (ran.json["outcome"], ran.json["reason"]) == ("created", "partly_skipped")
    assert [each["id"] for each in ran.json["resources"]] == [estate.ERP_APP_ID]
    (skipped,) = ran.json["skipped_resources"]
    assert skipped["id"] == estate.ERP_DB_ID
    assert skipped["name"] == "erp-db"
    assert skipped["code"].startswith("BackupService.")
    assert skipped["reason"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("3b5816b5-f29c-4172-9d9a-76c719a659ce",), "BackupService.6105"),  # no such vault
        ((ERP, "--resource", estate.FILES_SHARE_ID), "BackupService.6135"),  # not in this vault
    ],
)
def test_what_cbr_refuses_for_good_is_a_failure(
    terminal: Terminal, sandbox: Sandbox, arguments: tuple[str, ...], code: str
) -> None:
    ran = terminal.run("take", *arguments, "--json")
    assert ran.code == 1
    assert (ran.json["outcome"], ran.json["error_code"]) == ("failed", code)
    assert ran.json["request_id"]
    assert sandbox.restore_points() == []


def test_an_empty_vault_is_a_failure_with_the_way_out(ruled: Terminal, sandbox: Sandbox) -> None:
    ran = ruled.run("take", estate.EMPTY_VAULT_ID)
    assert ran.code == 1
    assert "associate" in " ".join(ran.out.split())
    assert sandbox.restore_points() == []
    assert [message["subject"] for message in sandbox.published] == [f"Restore point FAILED: vault {estate.EMPTY_VAULT_ID}"]


def test_nobody_at_the_endpoint_is_to_be_tried_again(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.stop()
    ran = terminal.run("take", ERP, "--json", "--timeout", "5s")
    assert ran.code == 75
    assert ran.json["outcome"] == "later"


def test_the_rules_of_another_place(terminal: Terminal, inside: Inside, sandbox: Sandbox) -> None:
    terminal.write("mine.toml", RULES.replace("vaults.erp", "vaults.enterprise").replace('"erp"', '"enterprise"'))
    assert inside(terminal, "take", "enterprise").code == 2
    assert terminal.run("take", "enterprise", "--rules", "mine.toml").code == 0
    assert inside(terminal, "take", "erp", RESTORE_POINT_RULES="mine.toml").code == 2
    assert len(sandbox.posts()) == 1
