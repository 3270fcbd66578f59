"""``restore-point plan``: what an event would ask of CBR, and why. Calls nothing, and needs no credentials."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from handlers.sandbox import Sandbox, estate
from handlers.vault_backup import read_vault_backup
from tests.cli.terminal import RULES, SCHEDULE, Inside, Terminal, event


@pytest.fixture
def asking(offline: Terminal) -> Terminal:
    """With rules, and without a cloud."""
    offline.write("rules.toml", RULES)
    return offline


def test_what_is_planned(asking: Terminal) -> None:
    ran = asking.run("plan", asking.write("event.json", event()), "--as", "timer", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert set(ran.json) == {"planned", "skipped", "refused", "explained"}
    assert [each["vault_id"] for each in ran.json["planned"]] == [estate.ERP_VAULT_ID, estate.FILES_VAULT_ID]
    assert (ran.json["skipped"], ran.json["refused"]) == ([], [])
    for each in ran.json["planned"]:
        read_vault_backup({"checkpoint": each})
        assert set(each) == {"vault_id", "parameters"}


def test_for_people(asking: Terminal) -> None:
    ran = asking.run("plan", "-", "--as", "timer", stdin=json.dumps(event()))
    assert ran.code == 0
    for word in ("vault erp", "vault files", "rule nightly-all", "rp-timer-", '{"checkpoint": {'):
        assert word in ran.out


def test_what_send_asks_is_what_plan_said(ruled: Terminal, sandbox: Sandbox) -> None:
    file = ruled.write("event.json", event())
    names = [each["parameters"]["name"] for each in ruled.run("plan", file, "--as", "timer", "--json").json["planned"]]
    assert sandbox.exchanges == []
    assert ruled.run("send", file, "--as", "timer").code == 0
    asked = {post.body["checkpoint"]["vault_id"]: post.body["checkpoint"]["parameters"]["name"] for post in sandbox.posts()}
    assert [asked[estate.ERP_VAULT_ID], asked[estate.FILES_VAULT_ID]] == names


def test_what_is_skipped(asking: Terminal, inside: Inside) -> None:
    old = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ran = inside(asking, "plan", asking.write("event.json", event(scheduled_time=old)), "--as", "timer", "--json")
    assert ran.code == 0
    assert (ran.json["planned"], ran.json["refused"]) == ([], [])
    assert [(each["outcome"], each["reason"], each["rule"], each["vault"]) for each in ran.json["skipped"]] == [
        ("skipped", "stale", "nightly-all", "erp"),
        ("skipped", "stale", "nightly-all", "files"),
    ]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (event(schedule_arn=SCHEDULE + "2"), "unknown_timer"),
        (event(scheduled_time="2126-11-23T02:00:00Z"), "from_the_future"),
        (event(scheduled_time="tonight"), "malformed"),
        (event(schedule_arn="<aws.scheduler.schedule-arn>"), "unreplaced_placeholder"),
        ({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification"}, "not_a_timer"),
        ({"checkpoint": {"vault_id": estate.ERP_VAULT_ID}}, "not_a_timer"),
        ([event()], "malformed"),
    ],
)
def test_what_is_refused(asking: Terminal, inside: Inside, document: object, reason: str) -> None:
    ran = inside(asking, "plan", asking.write("event.json", document), "--as", "timer", "--json")
    assert ran.code == 1
    assert (ran.json["planned"], ran.json["skipped"]) == ([], [])
    (refused,) = ran.json["refused"]
    assert (refused["outcome"], refused["reason"], refused["trigger"]) == ("refused", reason, "timer")
    assert refused["message"].isprintable()


def test_without_rules_nobody_may_ask(asking: Terminal, inside: Inside) -> None:
    (asking.folder / "rules.toml").unlink()
    ran = inside(asking, "plan", asking.write("event.json", event()), "--as", "timer")
    assert ran.code == 1
    assert "refused (unknown_timer)" in ran.out


TAGGED = RULES.replace('vaults = ["erp", "files"]', 'vault_tags = { team = "files" }')


def test_vaults_known_by_their_tags(ruled: Terminal, sandbox: Sandbox) -> None:
    ruled.write("rules.toml", TAGGED)
    file = ruled.write("event.json", event())
    alone = ruled.run("plan", file, "--as", "timer", "--json")
    assert (alone.code, alone.json["planned"]) == (0, [])
    assert alone.json["skipped"] == []
    assert [each["reason"] for each in alone.json["unresolved"]] == ["vaults_by_tag"]
    assert "--resolve" in alone.json["unresolved"][0]["message"]
    assert sandbox.exchanges == []
    resolved = ruled.run("plan", file, "--as", "timer", "--resolve", "--json")
    assert [each["vault_id"] for each in resolved.json["planned"]] == [estate.FILES_VAULT_ID]
    assert {each.method for each in sandbox.exchanges} == {"GET"}
    ruled.write("rules.toml", TAGGED.replace('"files" }', '"nobody" }'))
    nobody = ruled.run("plan", file, "--as", "timer", "--resolve", "--json")
    assert (nobody.code, [each["reason"] for each in nobody.json["failed"]]) == (1, ["no_vault_tagged"])
