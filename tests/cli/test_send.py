"""``restore-point send`` and ``watch``: events through the real entry functions."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.sandbox import Sandbox, estate
from tests.cli.terminal import RULES, SCHEDULE, Inside, Terminal, event, known
from tests.scripted import Clock


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


OUTCOME = {
    "as": "timer",
    "now": "2026-03-02T02:00:05Z",
    "platforms": ["lambda"],
    "not_on": {"web": "timers are proven by their platform"},
    "status": 200,
    "outcomes": [
        {"outcome": "created", "rule": "nightly-all", "vault": "erp"},
        {"outcome": "created", "rule": "nightly-all", "vault": "files", "causes": 1, "message_has": "restore point"},
    ],
}


def then(ruled: Terminal, **changes: object) -> None:
    """An event of long ago, and what it must come to, with changes."""
    ruled.write("rules.toml", RULES)
    ruled.write("event.json", event(scheduled_time="2026-03-02T02:00:00Z"))
    ruled.write("event.outcome.json", OUTCOME | changes)


def test_what_must_come_of_it(terminal: Terminal, tmp_path: Path, inside: Inside) -> None:
    with Sandbox(clock=Clock(datetime(2026, 3, 2, 2, 0, 5, tzinfo=UTC)), well_behaved=True) as sandbox:
        there = Terminal(terminal.folder, known(sandbox, tmp_path) | {"RESTORE_POINT_LEDGER": "memory"})
        then(there)
        met = inside(there, "send", "event.json", "--expect")
        assert (met.code, met.out.splitlines()[-1]) == (0, "as expected")
        assert len(sandbox.posts()) == 2
        again = inside(there, "send", "event.json", "--expect", "--json")  # a new ledger, but CBR knows the two by their names
        assert again.code == 1
        assert sum("came and was not expected: outcome 'joined'" in each for each in again.json["differences"]) == 2
        assert len(sandbox.posts()) == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"status": 403}, "the answer is 200 and should be 403"),
        ({"outcomes": OUTCOME["outcomes"][:1]}, "came and was not expected: outcome 'created', reason 'accepted'"),  # type: ignore[index]
        (
            {"outcomes": [{"outcome": "skipped", "reason": "stale"}]},
            "did not come: outcome 'skipped', reason 'stale'",
        ),
        ({"outcomes": [{"outcome": "created", "vault": "erp", "resources": ["x"]}]}, "resources ('x',)"),
        ({"outcomes": [{"outcome": "created", "vault": "erp", "message_has": "x\ny"}]}, "message_has"),
    ],
)
def test_what_came_instead_is_said(
    terminal: Terminal, tmp_path: Path, inside: Inside, changes: dict[str, object], says: str
) -> None:
    with Sandbox(clock=Clock(datetime(2026, 3, 2, 2, 0, 5, tzinfo=UTC)), well_behaved=True) as sandbox:
        there = Terminal(terminal.folder, known(sandbox, tmp_path) | {"RESTORE_POINT_LEDGER": "memory"})
        then(there, **changes)
        ran = inside(there, "send", "event.json", "--expect", "--json")
    assert ran.code == 1
    assert any(says in each for each in ran.json["differences"]), ran.json["differences"]


@pytest.mark.parametrize(
    ("changes", "platform", "field", "says"),
    [
        ({}, "web", "--platform", "timers are proven by their platform"),
        ({}, "functiongraph", "--platform", "it can arrive by lambda"),
        ({"statsu": 1}, "lambda", "event.outcome.json: statsu", "did you mean 'status'"),
        ({"as": "watch"}, "lambda", "event.outcome.json: as", "'timer', 'alert' or 'once'"),
        ({"now": "soon"}, "lambda", "RESTORE_POINT_NOW", "must be a time with its zone"),
    ],
)
def test_an_outcome_file_that_is_wrong(
    ruled: Terminal, sandbox: Sandbox, inside: Inside, changes: dict[str, object], platform: str, field: str, says: str
) -> None:
    then(ruled, **changes)
    ran = inside(ruled, "send", "event.json", "--expect", "--platform", platform, "--json")
    assert ran.code == 2
    assert ran.json["error"]["field"] == field
    assert says in ran.json["error"]["message"]
    assert sandbox.exchanges == []


def test_without_an_outcome_file_the_entry_must_be_named(ruled: Terminal, inside: Inside) -> None:
    ruled.write("event.json", event())
    assert inside(ruled, "send", "event.json").err == "restore-point: --as: is required: timer, alert, once, watch or worker\n"
    assert "event.outcome.json cannot be read" in inside(ruled, "send", "event.json", "--expect").err


def test_a_clock_that_is_wrong_on_purpose_never_meets_a_real_cloud(ruled: Terminal, inside: Inside) -> None:
    ruled.write("event.json", event())
    real = {"HUAWEICLOUD_SDK_REGION_SMN_SANDBOX_1": "https://smn.eu-de.otc.t-systems.com"}
    ran = inside(ruled, "send", "event.json", "--as", "timer", "--now", "2026-03-02T02:00:05Z", **real)
    assert ran.code == 2
    assert "it is for a sandbox only" in ran.err


def test_an_outcome_file_need_not_say_what_its_sender_sends(ruled: Terminal, inside: Inside) -> None:
    """Address and proof are the sender's own where nothing else is written, and the platform is the only one there is."""
    mine = '[senders.am]\ndialect = "simple"\nproof = "bearer"\nsecret = "env:TOKEN"\n'
    ruled.write("rules.toml", RULES + mine + '[[rules]]\nname = "a"\nsender = "am"\nvaults = ["erp"]\n')
    ruled.write("alert.json", {"status": "resolved", "labels": {"a": "b"}})
    soon = datetime.now(UTC).isoformat()
    for platform in ("web", "lambda", "functiongraph"):
        expected = {"as": "alert", "sender": "am", "now": soon, "platforms": [platform], "status": 200}
        ruled.write("alert.outcome.json", expected | {"outcomes": [{"outcome": "skipped", "reason": "resolved"}]})
        ran = inside(ruled, "send", "alert.json", "--expect", TOKEN="t" * 24, HW_REGION_NAME=estate.REGION)
        assert (ran.code, ran.out.splitlines()[-1]) == (0, "as expected"), ran.err


@pytest.mark.parametrize("wrong", [{"outcom": "created"}, {"outcome": "created", "vault_id": "x"}, {"outcome": "done"}, {}])
def test_an_expectation_that_is_mistyped_is_none(ruled: Terminal, inside: Inside, wrong: dict[str, str]) -> None:
    then(ruled, outcomes=[wrong])
    ran = inside(ruled, "send", "event.json", "--expect", "--json")
    assert ran.code == 2
    assert ran.json["error"]["field"].startswith("event.outcome.json: outcomes[0].")


def test_what_the_outcome_file_says_is_not_said_twice(ruled: Terminal, inside: Inside) -> None:
    then(ruled)
    assert "the outcome file says both" in inside(ruled, "send", "event.json", "--expect", "--as", "timer").err
    assert "is no file" in inside(ruled, "send", ".", "--expect").err
    for now in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00Z"):
        assert "must be a time with its zone" in inside(ruled, "send", "event.json", "--expect", "--now", now).err


def batch(*bodies: str) -> dict[str, object]:
    """As Lambda takes messages from a queue."""
    about = {"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:timers"}
    return {"Records": [{"messageId": f"m-{number}", "body": body, **about} for number, body in enumerate(bodies)]}


def test_a_batch_says_which_messages_come_again(ruled: Terminal, sandbox: Sandbox) -> None:
    file = ruled.write("batch.json", batch(json.dumps(event()), "{ no JSON"))
    ran = ruled.run("send", file, "--as", "timer", "--json")
    assert ran.code == 0
    assert ran.json == {"answer": {"batchItemFailures": []}, "outcomes": []}
    assert [line["message"] for line in ran.log if "delivery" in line] == ["timer: 2 created", "timer: 1 refused"]
    shown = ruled.run("send", file, "--as", "timer")
    assert (shown.code, shown.out) == (0, "all of the batch is settled; the log has a line for each message\n")
    assert len(sandbox.posts()) == 2


def test_a_message_that_is_not_settled_is_named(ruled: Terminal, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "damaged").write_bytes(b"damaged")
    sandbox.faults.add("busy:times=0")
    file = ruled.write("batch.json", batch(json.dumps(event())))
    ran = ruled.run("send", file, "--as", "timer", RESTORE_POINT_LEDGER=f"sqlite:{tmp_path / 'damaged'}")
    assert ran.code == 75
    assert ran.out.startswith("to be handed out again: m-0;")


def test_a_batch_is_planned_message_by_message(ruled: Terminal) -> None:
    file = ruled.write("batch.json", batch(json.dumps(event())))
    ran = ruled.run("plan", file, "--as", "timer", "--json")
    assert ran.code == 0
    assert len(ran.json["planned"]) == 2


@pytest.mark.parametrize("platform", ["lambda", "functiongraph", "web"])
def test_a_message_of_the_queue_asks_for_nothing_that_is_not_wanted(ruled: Terminal, sandbox: Sandbox, platform: str) -> None:
    ruled.write("message.json", json.dumps({"wishes": ["0" * 64]}))
    asked = ("send", "message.json", "--as", "worker", "--platform", platform, "--json")
    ran = ruled.run(*asked, RESTORE_POINT_QUEUE="sink:http://127.0.0.1:9/nobody")
    assert ran.code == 0
    assert [(each["outcome"], each["reason"]) for each in ran.json["outcomes"]] == [("skipped", "unknown_wish")]
    ran = ruled.run(*asked)
    assert ran.code == 1
    assert [(each["outcome"], each["reason"]) for each in ran.json["outcomes"]] == [("refused", "no_queue")]
    assert {(seen.method, seen.path.rpartition("/")[2]) for seen in sandbox.exchanges} <= {("POST", "publish")}
