"""``restore-point send`` and ``watch``: events through the real entry functions."""

from __future__ import annotations

import json
import socket
import time

from handlers.sandbox import Sandbox, estate
from tests.cli.terminal import RULES, SCHEDULE, Terminal, event


def test_a_document(ruled: Terminal, sandbox: Sandbox) -> None:
    file = ruled.write("event.json", event())
    first, second = (ruled.run("send", file, "--as", "timer", "--json") for _ in range(2))
    assert (first.code, second.code) == (0, 0)
    assert set(first.json) == {"answer", "outcomes"}
    assert first.json["answer"] == {"status": 200, "outcomes": first.json["outcomes"], "not_told": []}
    assert [each["outcome"] for each in first.json["outcomes"]] == ["created", "created"]
    assert [each["outcome"] for each in second.json["outcomes"]] == ["joined", "joined"]
    assert [each["vault"] for each in first.json["outcomes"]] == ["erp", "files"]
    assert len(sandbox.posts()) == 2
    assert {point["vault_id"] for point in sandbox.restore_points()} == {estate.ERP_VAULT_ID, estate.FILES_VAULT_ID}
    assert [message["subject"] for message in sandbox.published] == [
        "Restore point started: vault erp",
        "Restore point started: vault files",
    ]
    # one log line and one of metrics per delivery, both on standard error
    assert [line.get("message") for line in first.log] == ["timer: 2 created", None]
    assert first.log[1]["Created"] == [2.0]


def test_lines(ruled: Terminal, sandbox: Sandbox) -> None:
    """Each line is a delivery of its own; blank ones are none."""
    lines = "\n".join(
        ["", json.dumps(event()), "", json.dumps(event(attempt_number="2")), json.dumps(event(schedule_arn=SCHEDULE + "2")), ""]
    )
    ran = ruled.run("send", "-", "--as", "timer", "--json", stdin=lines)
    assert ran.code == 1  # the third is no timer we know
    assert [each["status"] for each in ran.json["answer"]] == [200, 200, 403]
    words = [each["outcome"] for each in ran.json["outcomes"]]
    assert words == ["created", "created", "joined", "joined", "refused"]
    assert ran.json["outcomes"][-1]["reason"] == "unknown_timer"
    assert len({each["delivery_id"] for each in ran.json["outcomes"]}) == 3
    assert len(sandbox.posts()) == 2


def test_a_document_over_many_lines_is_one_shown_to_people(ruled: Terminal, sandbox: Sandbox) -> None:
    ran = ruled.run("send", "-", "--as", "timer", stdin=json.dumps(event(), indent=2))
    assert ran.code == 0
    assert ran.out.count("+ created (accepted)") == 2
    assert len(sandbox.posts()) == 2


def test_the_watch_follows_to_the_end(ruled: Terminal, sandbox: Sandbox) -> None:
    quick = {"RESTORE_POINT_FOLLOW_SECONDS": "0"}
    assert ruled.run("send", ruled.write("event.json", event()), "--as", "timer", **quick).code == 0
    time.sleep(0.4)  # 60 seconds at 200 times the speed of life
    ran = ruled.run("watch", "--json", **quick)
    assert ran.code == 0
    assert sorted(each["outcome"] for each in ran.json["outcomes"]) == ["available", "available"]
    asked = len(sandbox.exchanges)
    ran = ruled.run("send", "event.json", "--as", "watch", "--json", **quick)
    assert (ran.code, ran.json["answer"]["status"], ran.json["outcomes"]) == (0, 200, [])  # a timer event is none at this door
    assert len(sandbox.exchanges) == asked
    subjects = [message["subject"] for message in sandbox.published]
    assert sorted(subjects[2:]) == ["Restore point available: vault erp", "Restore point available: vault files"]


def test_a_failure_nobody_was_told_of_is_not_settled(ruled: Terminal, sandbox: Sandbox) -> None:
    """The platform must deliver it again, or keep it in its dead-letter queue."""
    gone = RULES.replace(estate.ERP_VAULT_ID, "3b5816b5-f29c-4172-9d9a-76c719a659ce")
    ruled.write("rules.toml", gone.partition("[topics")[0] + RULES[RULES.index("[[rules]]") :])
    ran = ruled.run("send", ruled.write("event.json", event()), "--as", "timer", "--json")
    assert ran.code == 1
    assert ran.json["answer"]["error"]["type"] == "Redeliver"
    assert [each["outcome"] for each in ran.json["outcomes"]] == ["failed", "created"]
    assert "deliver" in ran.err
    assert len(sandbox.restore_points()) == 1


def test_what_has_to_wait_is_recorded_and_taken_up(ruled: Terminal, sandbox: Sandbox) -> None:
    ruled.write("rules.toml", RULES.replace('vaults = ["erp", "files"]', 'vaults = ["erp"]'))
    file = ruled.write("event.json", event())
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and does not listen
        nobody = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        ran = ruled.run("send", file, "--as", "timer", "--json", HUAWEICLOUD_SDK_REGION_CBR_SANDBOX_1=nobody)
    assert ran.code == 75
    assert ran.json["answer"]["status"] == 202
    assert [each["outcome"] for each in ran.json["outcomes"]] == ["later"]
    assert sandbox.posts() == []
    again = ruled.run("send", file, "--as", "timer", "--json")
    assert (again.code, [each["outcome"] for each in again.json["outcomes"]]) == (0, ["created"])
    assert len(sandbox.posts()) == 1


def test_rules_from_another_place(ruled: Terminal, sandbox: Sandbox) -> None:
    ruled.write("mine.toml", RULES.replace('vaults = ["erp", "files"]', 'vaults = ["files"]'))
    ran = ruled.run("send", ruled.write("event.json", event()), "--as", "timer", "--json", "--rules", "mine.toml")
    assert [each["vault"] for each in ran.json["outcomes"]] == ["files"]
    assert len(sandbox.posts()) == 1
