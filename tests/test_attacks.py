"""What an attack on the promise found, and what must hold since."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers.credentials import find
from handlers.errors import Misconfigured, NotTold
from handlers.outcome import Available, Broken, Failed, Partly
from handlers.report import Report
from handlers.restore_point import take
from handlers.sandbox import Sandbox, estate
from handlers.service import Service
from handlers.settings import load
from handlers.wire import Deadline
from tests.scripted import (
    BACKUPS,
    CREATE,
    PUBLISH,
    SHOW,
    START,
    Passing,
    World,
    answers,
    cuts,
    executes_and,
    executes_and_changes,
    fails,
    only,
    passes,
    world_in,
)

ROOT = Path(__file__).resolve().parents[1]
DAY = 86400.0
MADE = 61.0  # seconds the sandbox needs for a first backup


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


@pytest.fixture
def service(world: World) -> Service:
    return world.service()


def subjects(world: World) -> list[str]:
    return [message["subject"] for message in world.sandbox.published]


# ── nobody must be left untold ───────────────────────────────────────────────────────────────────────────────────────


def test_a_failure_of_the_watch_is_written_down_before_it_is_told(world: World, service: Service) -> None:
    """A run killed while it tells leaves a wish that is due, with the words that nobody has heard."""
    world.door.on(CREATE, *[fails("6125")] * 9)
    world.fire(service)
    world.clock.forward(7 * 3600)
    seen: list[dict[str, Any]] = []

    def look(it: Passing) -> None:
        seen.append(world.wish(service))
        passes(it)

    world.door.on(PUBLISH, look)
    assert isinstance(only(world.sweep(service)), Failed)
    (before,) = seen
    assert before["state"] == "failed"
    assert "There is no restore point of vault files" in before["untold"]
    assert world.wish(service)["untold"] == ""
    world.clock.forward(DAY)
    assert world.sweep(service).outcomes == []


@pytest.mark.parametrize(
    "act", [executes_and_changes(lambda document: document["checkpoint"].update(status="protecting")), answers(403), answers(401)]
)
def test_a_restore_point_without_an_end_is_told_once_after_a_day(world: World, service: Service, act: Any) -> None:
    world.fire(service)
    world.door.on(SHOW, act, always=True)
    world.clock.forward(DAY - 60)
    assert world.sweep(service).outcomes == []
    world.clock.forward(120)
    late = only(world.sweep(service))
    assert isinstance(late, Failed)
    assert late.reason == "not_finished"
    assert "has no end after 24 hours" in late.message
    for _ in range(5):
        world.clock.forward(2 * 3600)
        assert world.sweep(service).outcomes == []
    assert subjects(world).count("Restore point FAILED: vault files (not_finished)") == 1
    world.door.calm()
    world.clock.forward(2 * 3600)
    assert isinstance(only(world.sweep(service)), Available)


@pytest.mark.parametrize("status", ["deleting", "deleted", "error-deleting"])
def test_a_restore_point_that_was_deleted_is_gone(world: World, service: Service, status: str) -> None:
    world.fire(service)
    world.door.on(SHOW, executes_and_changes(lambda document: document["checkpoint"].update(status=status)))
    world.clock.forward(MADE)
    end = only(world.sweep(service))
    assert isinstance(end, Broken)
    assert end.reason == "gone"


def test_available_with_a_resource_in_error_is_not_complete(world: World, service: Service) -> None:
    def broken(document: Any) -> None:
        document["checkpoint"]["vault"]["resources"][0]["protect_status"] = "error"

    world.fire(service)
    world.door.on(SHOW, executes_and_changes(broken))
    world.clock.forward(MADE)
    end = only(world.sweep(service))
    assert isinstance(end, Partly)
    assert "in error" in end.message


def test_who_could_not_look_does_not_say_that_there_is_none(world: World, service: Service) -> None:
    world.door.on(CREATE, executes_and(cuts))
    world.fire(service)
    world.door.on(BACKUPS, answers(503), always=True)
    world.clock.forward(7 * 3600)
    failed = only(world.sweep(service))
    assert isinstance(failed, Failed)
    assert failed.message.startswith("It is not known whether there is a restore point of vault files")
    assert len(world.posts()) == 1


class Full(io.StringIO):
    """An output that takes nothing more, such as a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_topic_that_could_not_write_has_told_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    from handlers.message import compose

    message = compose(Failed(reason="rejected", message="no"))
    with pytest.raises(NotTold):
        Report((), Full()).write(message)
    assert capfd.readouterr() == ("", "")


def test_no_variable_turns_the_line_of_a_delivery_off() -> None:
    script = (
        "import sys; from handlers.message import compose; from handlers.outcome import Available;"
        "from handlers.report import Report;"
        "Report((), sys.stdout).write(compose(Available(reason='complete', message='there')))"
    )
    environ = {**os.environ, "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_LOGGER_SAMPLE_RATE": "garbage"}
    done = subprocess.run([sys.executable, "-c", script], env=environ, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["level"] == "INFO"


# ── never two ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_one_off_is_found_by_its_key_however_long_ago_it_was_taken(world: World) -> None:
    """Another machine's ledger knows nothing of it; the name at CBR does."""
    from handlers.plan import plan
    from handlers.trigger import Once
    from handlers.vault_backup import VaultBackup

    words = []
    for hours in (0, 1, 30):
        other = world.service({**world.environ(), "RESTORE_POINT_LEDGER": f"sqlite:{world.folder}/host-{hours}.sqlite3"})
        world.clock.forward(hours * 3600)
        once = Once("terminal", VaultBackup(vault_id=estate.FILES_VAULT_ID), "", "release-42", world.clock.now())
        (planned,) = plan([once], other.settings.rules, f"d{hours}", once.at)
        words.append(other.take(planned, Deadline.after(world.clock, 60.0)).word)  # type: ignore[arg-type]  # never skipped
        other.close()
    assert words == ["created", "joined", "joined"]
    assert len(world.posts()) == 1


def test_a_clock_that_is_moved_on_between_look_and_post_sends_nothing(world: World, service: Service) -> None:
    def step(it: Passing) -> None:
        answer = it.forward()
        world.clock.forward(600)
        it.say(*answer)

    world.door.on(BACKUPS, step)
    planned = world.planned(service)[0]
    outcome = take(
        planned,
        service.cbrs[planned.project],
        service.tools,
        Deadline(Still(world.clock.monotonic()), 57.0 + world.clock.monotonic()),
    )
    assert (outcome.word, outcome.reason) == ("later", "clock_moved"), outcome.message
    assert world.posts() == []
    world.clock.forward(600)
    world.sweep(service)
    assert len(world.posts()) == 1


class Still:
    """A monotonic clock that stands while the wall clock is moved: a laptop that slept."""

    def __init__(self, at: float) -> None:
        self._at = at

    def now(self) -> datetime:
        return START

    def monotonic(self) -> float:
        return self._at

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits here")


@pytest.mark.parametrize("parameters", ["incremental = false", "retention_duration_days = 365"])
def test_somebody_elses_restore_point_does_not_stand_for_a_special_one(world: World, parameters: str) -> None:
    world.write_rules(more=f"[rules.parameters]\n{parameters}\n")
    service = world.service()
    world.clock.forward(1)
    body = json.dumps({"checkpoint": {"vault_id": estate.FILES_VAULT_ID}}).encode()
    session, access = next(iter(service.sessions.values())), next(iter(service.settings.projects.values()))
    url = f"{access.cbr}/v3/{access.project_id}/checkpoints"
    assert session.request("POST", url, Deadline.after(world.clock, 9.0), body=body).status == 200
    outcome = only(world.fire(service))
    assert (outcome.word, outcome.reason) == ("later", "busy")


# ── nothing stops the others, nothing leaks ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00"])
def test_a_time_no_calendar_has_is_an_unreadable_answer(world: World, service: Service, time: str) -> None:
    world.door.on(CREATE, executes_and_changes(lambda document: document["checkpoint"].update(created_at=time)))
    outcome = only(world.fire(service))
    assert (outcome.word, outcome.reason) == ("later", "unclear")


@pytest.mark.parametrize("damage", [{"checkpoint_id": 7}, {"project": []}, {"occurred": "0001-01-01T00:00:00+08:00"}])
def test_a_damaged_wish_is_told_and_stops_no_sweep(world: World, service: Service, damage: dict[str, Any]) -> None:
    world.fire(service)
    record = service.ledger.due(float("1e12"), 9)[0]
    service.ledger.swap(replace(record, body=json.dumps(json.loads(record.body) | damage)))
    world.fire(service, START + timedelta(seconds=1))
    world.clock.forward(MADE)
    words = sorted(each.word for each in world.sweep(service).outcomes)
    assert "failed" in words
    assert len(words) == 2


def test_what_proved_us_is_struck_from_a_refusal(world: World, service: Service) -> None:
    """Gateways repeat an access key, and some a whole header, in their texts."""

    def repeats(it: Passing) -> None:
        text = f"ak:{estate.ACCESS_KEY} {it.seen.headers['authorization']}"
        it.say(401, {}, json.dumps({"error_code": "APIGW.0301", "error_msg": text}).encode())

    world.door.on(BACKUPS, repeats, always=True)
    outcome = only(world.fire(service))
    everything = json.dumps(outcome.to_dict()) + json.dumps(world.lines()) + json.dumps(world.sandbox.published)
    assert outcome.reason == "not_authorized"
    assert estate.ACCESS_KEY not in everything
    assert "Signature=***" in outcome.message


@pytest.mark.parametrize("value", ["SANDBOX\nKEY", "schl\u00fcssel", "\udcff\udcfe"])
@pytest.mark.parametrize("name", ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"])
def test_a_key_no_header_can_carry_is_named_at_start(name: str, value: str) -> None:
    environ = {"HUAWEICLOUD_SDK_AK": "a" * 20, "HUAWEICLOUD_SDK_SK": "b" * 40} | {name: value}
    with pytest.raises(Misconfigured) as caught:
        find(environ)
    assert caught.value.setting == name
    assert value not in str(caught.value)


def test_a_user_without_a_home_may_name_a_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    keys = {"HUAWEICLOUD_SDK_AK": "a" * 20, "HUAWEICLOUD_SDK_SK": "b" * 40, "HW_REGION_NAME": "eu-de"}
    assert load(keys | {"RESTORE_POINT_LEDGER": "memory"}).ledger == "memory"
    with pytest.raises(Misconfigured, match="name a file"):
        load(keys)


def test_a_ledger_that_ends_with_the_instance_makes_nothing_durable(world: World) -> None:
    """On Lambda no watch ever sees another instance's memory: what is not settled has to be delivered again."""
    platform = {"AWS_LAMBDA_FUNCTION_NAME": "timer", "RESTORE_POINT_LEDGER": "memory"}
    service = world.service({**world.environ(), **platform})
    world.door.on(CREATE, fails("6125"))
    delivered = world.fire(service)
    assert only(delivered).word == "later"
    assert (delivered.answer.status, delivered.answer.again) == (503, True)


COUNTING = """
import json, sys
connected = []
sys.addaudithook(lambda name, given: connected.append(given[1]) if name == "socket.connect" else None)
from handlers import aws_lambda

class Context:
    aws_request_id = "0f8fad5b-d9cb-469f-a165-70867728950e"
    def get_remaining_time_in_millis(self):
        return 30000

path = "/alert/" + sys.argv[1]
request = {"version": "2.0", "rawPath": path, "requestContext": {"http": {"method": "POST", "path": path}}, "body": sys.argv[2],
           "headers": {"content-type": "application/json", "authorization": "Bearer " + sys.argv[3]}}
answer = aws_lambda.alert(request, Context())
print(json.dumps([answer["statusCode"], json.loads(answer["body"])["outcomes"][0]["reason"], len(connected)]), file=sys.stderr)
"""


def connections(folder: Path, sandbox: Sandbox, sender: str, labels: dict[str, str]) -> tuple[int, str, int]:
    """The status and reason a Function URL's caller gets, and how often the interpreter saw the function call ``connect``."""
    lines = (ROOT / "events" / "senders.env").read_text("utf-8").splitlines()
    secrets = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    alert = {"status": "firing", "labels": {"alertname": "DatabaseCorrupt", "host": "erp-db", "severity": "critical"} | labels}
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "RESTORE_POINT_LEDGER": "memory"}
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, sender, json.dumps({"alerts": [alert]}), secrets["RESTORE_POINT_AM_TOKEN"]],
        env=own | sandbox.environment() | secrets | {"RESTORE_POINT_RULES": str(ROOT / "events" / "rules.toml")},
        cwd=folder, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    status, reason, connected = json.loads(done.stderr.splitlines()[-1])
    return status, reason, connected


@pytest.mark.parametrize(
    ("sender", "labels", "ends"),
    [
        ("am", {"vault_id": estate.EMPTY_VAULT_ID}, (403, "vault_not_listed")),  # of the project, and in no rule
        ("am", {"vault_id": estate.FILES_VAULT_ID}, (403, "vault_not_listed")),  # another rule's
        ("am", {"vault_id": "3b5816b5-f29c-4172-9d9a-76c719a659ce"}, (403, "vault_not_listed")),
        ("am", {"severity": "info"}, (200, "no_rule")),
        ("nobody", {}, (401, "bad_proof")),
    ],
)
def test_what_may_not_be_asked_opens_no_socket(
    tmp_path: Path, sender: str, labels: dict[str, str], ends: tuple[int, str]
) -> None:
    with Sandbox() as sandbox:
        assert connections(tmp_path, sandbox, sender, labels) == (*ends, 0)
        assert sandbox.exchanges == []


def test_and_what_may_be_asked_does(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        status, _, connected = connections(tmp_path, sandbox, "am", {"vault_id": estate.ERP_VAULT_ID})
        assert (status, len(sandbox.posts())) == (200, 1)
        assert connected > 0
