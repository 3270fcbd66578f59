"""``restore-point check``: all that can be known before the first event."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from handlers.cli.check import Check, queued
from handlers.sandbox import Sandbox, estate
from handlers.settings import load
from tests.cli.terminal import RULES, Inside, Terminal

GONE = "3b5816b5-f29c-4172-9d9a-76c719a659ce"


def failing(document: Any) -> dict[str, str]:
    assert set(document) == {"ok", "checks"}
    assert all(set(check) == {"what", "ok", "message", "warning"} for check in document["checks"])
    assert document["ok"] == all(check["ok"] for check in document["checks"])
    return {check["what"]: check["message"] for check in document["checks"] if not check["ok"]}


def test_all_is_well(ruled: Terminal, sandbox: Sandbox) -> None:
    ran = ruled.run("check", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert failing(ran.json) == {}
    looked = [check["what"] for check in ran.json["checks"]]
    assert looked == ["rules", "rules.nightly-all", "ledger", "projects.sandbox", "vaults.erp", "vaults.files", "topics.ops"]
    assert {seen.method for seen in sandbox.exchanges} == {"GET"}
    assert sandbox.published == []


def test_vaults_known_by_their_tags_are_shown(ruled: Terminal, inside: Inside) -> None:
    ruled.write("rules.toml", RULES.replace('vaults = ["erp", "files"]', 'vault_tags = { backup = "yes" }'))
    checks = inside(ruled, "check", "--json").json["checks"]
    said = {check["what"]: check["message"] for check in checks if not check["warning"]}
    assert said["rules.nightly-all"] == "vaults with its tags: erp, files"


def test_for_people(ruled: Terminal, inside: Inside) -> None:
    ran = inside(ruled, "check")
    assert ran.code == 0
    assert all(line.startswith(("ok   ", "warn ", "    ")) for line in ran.out.splitlines())
    assert all(len(line) <= 80 for line in ran.out.splitlines())


def test_without_a_rules_file(terminal: Terminal, inside: Inside) -> None:
    ran = inside(terminal, "check", "--json")
    assert ran.code == 0
    assert "take" in ran.json["checks"][0]["message"]


@pytest.mark.parametrize(
    ("rules", "what", "says"),
    [
        (RULES.replace(estate.ERP_VAULT_ID, GONE), "vaults.erp", "BackupService.6105"),
        (RULES.replace(estate.FILES_VAULT_ID, estate.EMPTY_VAULT_ID), "vaults.files", "no resource"),
        (
            RULES.replace('vaults = ["erp", "files"]', 'vault_tags = { team = "x" }'),
            "rules.nightly-all",
            "no vault carries these tags",
        ),
        (RULES.partition("[topics")[0] + RULES[RULES.index("[[rules]]") :], "topics", "nobody is told"),
        (RULES.replace("urn =", 'outcomes = ["created"]\nurn ='), "topics", "nobody is told"),
        (RULES.replace("urn =", 'vaults = ["erp"]\nurn ='), "topics", "every topic has a filter"),
        (RULES + '[timers.idle]\nsource = "idle"\n', "timers.idle", "no rule uses it"),
    ],
)
def test_something_is_wrong(terminal: Terminal, inside: Inside, rules: str, what: str, says: str) -> None:
    terminal.write("rules.toml", rules)
    ran = inside(terminal, "check", "--json")
    assert ran.code == 1
    found = failing(ran.json)
    assert list(found) == [what]
    assert says in found[what]


def test_wrong_keys_are_found_without_being_repeated(ruled: Terminal, inside: Inside, sandbox: Sandbox) -> None:
    ran = inside(ruled, "check", "--json", HUAWEICLOUD_SDK_SK="hush-7f3a")
    assert ran.code == 1
    assert set(failing(ran.json)) == {"projects.sandbox", "vaults.erp", "vaults.files"}
    assert "hush-7f3a" not in ran.out + ran.err
    assert {seen.method for seen in sandbox.exchanges} == {"GET"}


def test_a_project_that_is_not_there_is_said_to_be_so(ruled: Terminal, inside: Inside) -> None:
    text = ruled.folder.joinpath("rules.toml").read_text()
    ruled.write("rules.toml", text.replace(estate.PROJECT_ID, "0" * 32))
    found = failing(inside(ruled, "check", "--json", HUAWEICLOUD_SDK_PROJECT_ID="0" * 32).json)
    assert set(found) == {"projects.sandbox", "vaults.erp", "vaults.files"}
    says = "; the project's id does not exist or belongs to other credentials: correct project_id of its [projects] in the rules"
    assert all(says in each for each in found.values())


def test_nobody_at_the_endpoint(ruled: Terminal, inside: Inside, sandbox: Sandbox) -> None:
    sandbox.stop()
    ran = inside(ruled, "check")
    assert ran.code == 1
    assert "FAIL projects.sandbox" in ran.out


def test_a_ledger_that_cannot_be_used(ruled: Terminal, inside: Inside) -> None:
    ruled.write("file", "")
    ran = inside(ruled, "check", "--json", RESTORE_POINT_LEDGER=f"sqlite:{ruled.folder}/file/ledger.sqlite3")
    assert ran.code == 1
    assert list(failing(ran.json)) == ["ledger"]


@pytest.mark.parametrize(
    ("environ", "what"),
    [
        ({"HUAWEICLOUD_SDK_SK": ""}, "HUAWEICLOUD_SDK_SK"),
        ({"HW_ACCESS_KEY": "another", "HW_SECRET_KEY": "hush-7f3a"}, "HUAWEICLOUD_SDK_AK and HW_ACCESS_KEY"),
        ({"RESTORE_POINT_RULES": "missing.toml"}, "RESTORE_POINT_RULES"),
        ({"RESTORE_POINT_CA_FILE": "/nowhere.pem"}, "RESTORE_POINT_CA_FILE"),
        ({"HUAWEICLOUD_SDK_IAM_ENDPOINT": "http://iam.example.com"}, "HUAWEICLOUD_SDK_IAM_ENDPOINT"),
    ],
)
def test_wrong_configuration(ruled: Terminal, inside: Inside, sandbox: Sandbox, environ: dict[str, str], what: str) -> None:
    ran = inside(ruled, "check", "--json", **environ)
    assert ran.code == 2
    assert list(failing(ran.json)) == [what]
    assert "hush-7f3a" not in ran.out + ran.err
    assert sandbox.exchanges == []


def test_what_of_a_proof_is_over_is_said(ruled: Terminal, inside: Inside) -> None:
    old = 'secret = "env:NEW"\nretiring = [{ secret = "env:OLD", until = 2020-01-01T00:00:00Z }]\n'
    arn = "arn:aws:sns:eu-central-1:123456789012:alarms"
    topic = f'[senders.mon]\ndialect = "simple"\nproof = "sns"\nsources = ["{arn}"]\ncertificate = "file:/gone/topic.pem"\n'
    ruled.write("rules.toml", RULES + f'[senders.ci]\ndialect = "once"\nproof = "bearer"\n{old}{topic}')
    ran = inside(ruled, "check", "--json", NEW="n" * 24, OLD="o" * 24)
    said = {each["what"]: each["message"] for each in ran.json["checks"] if not each["ok"]}
    assert ran.code == 1
    assert said["senders.ci"] == "env:OLD ended at 2020-01-01T00:00Z: take it out of `retiring`"
    assert "pinned certificate is not there" in said["senders.mon"]
    ruled.write("key.pem", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n")
    ruled.write("rules.toml", RULES + topic.replace("/gone/topic.pem", str(ruled.folder / "key.pem")))
    failed = [each["message"] for each in inside(ruled, "check", "--json").json["checks"] if not each["ok"]]
    assert any("is no certificate" in each for each in failed)


def many(count: int) -> str:
    names = [f"vault-{number:02}" for number in range(count)]
    tables = "".join(f'[vaults.{name}]\nid = "{uuid.uuid5(uuid.NAMESPACE_OID, name)}"\n' for name in names)
    rules = RULES.replace('vaults = ["erp", "files"]', f"vaults = {json.dumps(names)}").replace("= 200", "= 1")
    return rules + tables


def queues(ruled: Terminal, **more: str) -> list[Check]:
    """Without asking the cloud for forty vaults, one a second."""
    return list(queued(load(dict(ruled.environ) | more, str(ruled.folder / "rules.toml"))))


def test_an_event_that_wants_more_than_one_run_can_take_needs_a_queue(ruled: Terminal) -> None:
    ruled.write("rules.toml", many(40))
    why = "40 vaults take 80 s at requests_per_second = 1, longer than one run lasts: set RESTORE_POINT_QUEUE (README, Deploy)"
    assert queues(ruled) == [Check("rules.nightly-all", ok=False, message=why)]
    ruled.write("rules.toml", many(20))
    assert queues(ruled) == []


def test_a_queue_is_named(ruled: Terminal) -> None:
    ruled.write("rules.toml", many(40))
    what = "sink at http://127.0.0.1:9, for events that want more than 32 restore points"
    assert queues(ruled, RESTORE_POINT_QUEUE="sink:http://127.0.0.1:9/default") == [Check("queue", ok=True, message=what)]
