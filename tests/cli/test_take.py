"""``restore-point take``: a one-off from a terminal or a pipeline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
    """Here, by the ledger; on another machine, whose ledger knows nothing, by the cause in the name at CBR."""
    again = ("take", ERP, "--key", "pipeline-7", "--json")
    first, second = terminal.run(*again), terminal.run(*again)
    third = terminal.run(*again, XDG_STATE_HOME=str(terminal.folder / "other"))
    assert [each.code for each in (first, second, third)] == [0, 0, 0]
    assert [each.json["outcome"] for each in (first, second, third)] == ["created", "joined", "joined"]
    assert len({each.json["checkpoint_id"] for each in (first, second, third)}) == 1
    assert first.json["cause_names"] == ["pipeline-7"]
    assert len(sandbox.posts()) == 1


def test_what_is_not_finished_or_busy_is_to_be_tried_again(slow: Sandbox, terminal: Terminal, tmp_path: Path) -> None:
    """test_sandbox.py waits for one that ends."""
    busy = replace(terminal, environ=known(slow, tmp_path))
    assert busy.run("take", ERP, "--key", "pipeline-7").code == 0

    ran = busy.run("take", ERP, "--key", "pipeline-7", "--wait", "--timeout", "1s", "--json")
    assert ran.code == 75
    assert ran.json["outcome"] == "joined"
    assert ran.json["end"] is None

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


def test_what_cbr_refuses_for_good_is_a_failure(terminal: Terminal, sandbox: Sandbox) -> None:
    ran = terminal.run("take", ERP, "--resource", estate.FILES_SHARE_ID, "--json")
    assert ran.code == 1
    assert (ran.json["outcome"], ran.json["error_code"]) == ("failed", "BackupService.6135")  # not in this vault
    assert ran.json["request_id"]
    assert sandbox.restore_points() == []


def test_an_empty_vault_is_a_failure_with_the_way_out(ruled: Terminal, sandbox: Sandbox) -> None:
    ran = ruled.run("take", estate.EMPTY_VAULT_ID)
    assert ran.code == 1
    assert "associate" in " ".join(ran.out.split())
    assert sandbox.restore_points() == []
    assert [message["subject"] for message in sandbox.published] == [
        f"Restore point FAILED: vault {estate.EMPTY_VAULT_ID} (empty_vault BackupService.0001)"
    ]


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


def test_what_no_ledger_remembers_is_not_said_to_be_followed(ruled: Terminal, tmp_path: Path) -> None:
    (tmp_path / "damaged").write_bytes(b"damaged")
    ran = ruled.run("take", "erp", "--wait", RESTORE_POINT_LEDGER=f"sqlite:{tmp_path / 'damaged'}")
    assert ran.code == 3
    assert "degraded: the ledger could not be used" in ran.out
    assert "nothing here can follow it" in ran.err
    assert "is not finished after" not in ran.err
