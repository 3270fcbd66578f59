"""The stack of template.yaml, built and deployed by SAM into an emulated AWS: what starts its functions, and what they make.

What was made is counted by the sandbox, which is the cloud here. tests/aws/deployed.py says what the emulator lacks.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.aws.deployed import Deployed, deploy, minute, stop, until
from tests.aws.rules import GONE, STACK, TOKEN, VAULTS, schedule
from tests.aws.template import DOORS, RESOURCES, ROOT
from tests.many.cloud import alertmanager, vault_id

TRIES = RESOURCES["Wishes"]["Properties"]["RedrivePolicy"]["maxReceiveCount"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    deployed = deploy(tmp_path_factory.mktemp("stack"))
    try:
        yield deployed
    finally:
        stop(deployed)


def fired(name: str, at: datetime) -> dict[str, str]:
    return {"schedule_arn": schedule(name), "scheduled_time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}


def firing(host: str) -> dict[str, Any]:
    return alertmanager({"alertname": "DiskFailing", "host": host}, f"{minute() - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}", 1)


@pytest.mark.says_secrets("the stack's secrets are put into Secrets Manager before the first test")
def test_every_function_is_what_pack_makes(stack: Deployed, tmp_path: Path) -> None:
    target = ("--python", stack.aws.minor, "--arch", "x86_64", "--rules", str(stack.rules))
    command = [sys.executable, "-m", "handlers", "pack", "lambda", str(tmp_path / "tree"), "--stage", *target]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120, check=True)
    made = contents(tmp_path / "tree")
    assert {each.name for each in stack.built.iterdir()} == {*DOORS, "template.yaml"}
    for name in DOORS:
        assert contents(stack.built / name) == made


def contents(tree: Path) -> dict[str, bytes]:
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def posted(stack: Deployed, token: str) -> tuple[int, dict[str, Any]]:
    """What the URL answers to the alert of host-1."""
    address = stack.outputs["AlertUrl"].removeprefix("https://").partition(".")[0]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"{stack.aws.origin}/_aws/lambda-url/{address}/alert/am"
    request = urllib.request.Request(url, json.dumps(firing("host-1")).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_an_alert_at_the_url_makes_one_and_a_stranger_none(stack: Deployed) -> None:
    assert posted(stack, "x" * 32)[0] == 401
    assert stack.posts(vault_id(1)) == 0
    (status, first), (_, second) = posted(stack, TOKEN), posted(stack, TOKEN)
    assert (status, first["outcomes"][0]["outcome"], second["outcomes"][0]["outcome"]) == (200, "created", "joined")
    assert (stack.posts(vault_id(1)), stack.restore_points(vault_id(1))) == (1, 1)


def test_an_alert_on_the_topic_makes_one(stack: Deployed) -> None:
    stack.publish(firing("host-2"))
    until(lambda: stack.restore_points(vault_id(2)), "a restore point by the topic")
    stack.publish(firing("host-2"))
    until(lambda: "alert: 1 joined" in stack.messages_printed("Alert"), "the second message")
    assert (stack.posts(vault_id(2)), stack.restore_points(vault_id(2))) == (1, 1)


def test_somebody_asks_for_one_and_gets_one(stack: Deployed) -> None:
    wanted = {"rule": "by-hand", "idempotency_key": "before-the-upgrade"}
    found = [stack.invoke("Once", wanted)["outcomes"][0] for _ in range(2)]
    assert [each["outcome"] for each in found] == ["created", "joined"], found
    assert (stack.posts(vault_id(3)), stack.restore_points(vault_id(3))) == (1, 1)


def test_an_event_that_fails_is_tried_three_times_and_kept(stack: Deployed) -> None:
    event = fired("poison", minute())
    stack.invoke_later("Timer", event)
    (letter,) = until(lambda: stack.messages("DeadLetters"), "the dead letter")
    assert json.loads(letter)["requestPayload"] == event
    until(lambda: stack.messages_printed("Timer").count("timer: 1 failed") == 3, "the third try's line")
    assert stack.restore_points(GONE) == 0


def test_a_batch_of_ten_with_one_poison_makes_nine_and_only_the_poison_comes_back(stack: Deployed) -> None:
    stack.source(Enabled=False)
    queued = {each["vault_id"]: each["cause"] for each in stack.invoke("Timer", fired("many", minute()))["outcomes"]}
    sent = stack.messages("Wishes")
    assert sorted(sent) == sorted(wishes(*queued.values()))
    assert len(sent) == VAULTS - 4
    assert stack.posts(*queued) == 0
    (nine, others), poison = (list(queued)[:9], list(queued)[9:]), "f" * 64
    stack.unreadable_wish(poison)
    causes = [queued[each] for each in nine]
    stack.send("Wishes", *wishes(*causes[:4], poison, *causes[4:]))
    stack.hand_out_again_after(5)  # longer than a cold run takes, on most machines
    stack.source(Enabled=True)
    until(lambda: stack.restore_points(*nine) == len(nine), "the nine")
    stack.hand_out_again_after(1)
    (letter,) = until(lambda: stack.messages("DeadLetters"), "the dead letter")
    assert [letter] == wishes(poison)
    until(lambda: stack.messages_printed("Worker").count("worker: 1 later") == TRIES, "the end of its last try")
    assert (stack.posts(*nine), stack.restore_points(*nine)) == (9, 9)
    lines = [line for line in stack.printed("Worker") if "restore_points" in line]
    made = [line["restore_points"][0]["cause"] for line in lines if line["message"] == "worker: 1 created"]
    assert sorted(made) == sorted(causes)
    again = [line["restore_points"][0] for line in lines if line["message"] not in ("worker: 1 created", "worker: 1 later")]
    assert {each["reason"] for each in again} <= {"not_yet"}  # a slow run is overtaken by its own batch
    for start in range(0, len(others), 5):
        some = wishes(*(queued[each] for each in others[start : start + 5]))
        stack.send("Wishes", *some, *some)  # a queue may hand out everything twice
    until(lambda: stack.restore_points(*others) == len(others), "what was left")
    assert stack.posts(*others) == len(others)


def test_a_secret_that_was_rotated_needs_no_deployment(stack: Deployed) -> None:
    """The functions, warm from the tests before, look every second here."""
    new = "another-token-of-am-opens-nothing"
    stack.rotate("alerts", {"RESTORE_POINT_ALERT_TOKEN": new})
    until(lambda: posted(stack, TOKEN)[0] == 401, "the old secret is refused")
    status, body = posted(stack, new)
    assert (status, body["outcomes"][0]["outcome"]) in ((200, "created"), (200, "joined"))
    environment = stack.aws.rest("lambda", "GET", f"/2015-03-31/functions/{stack.names['Alert']}/configuration")["Environment"]
    assert not [value for value in environment["Variables"].values() if new in value or TOKEN in value]


def test_scheduler_fires_and_one_restore_point_is_made_however_often_it_delivers(stack: Deployed) -> None:
    """The last of them: the schedule was made when the stack was, and is looked at every ten seconds."""
    until(lambda: stack.restore_points(vault_id(0)), "a restore point by the schedule")
    stack.invoke_later("Timer", fired(f"{STACK}-timer", stack.fired_at))  # at least once is what Scheduler promises
    until(lambda: "timer: 1 joined" in stack.messages_printed("Timer"), "the second delivery")
    assert (stack.posts(vault_id(0)), stack.restore_points(vault_id(0))) == (1, 1)
    followed = stack.invoke("Watch", {})["outcomes"]
    assert vault_id(0) in [each["vault_id"] for each in followed if each["outcome"] == "available"]
    assert any("Available" in line for line in stack.printed("Watch") if line.get("door") == "watch")


def wishes(*causes: str) -> list[str]:
    """Messages of the dispatch."""
    return [json.dumps({"wishes": [each]}) for each in causes]
