"""F41 to F52: platform and delivery. Rows about Lambda run in processes of the real runtime client."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.delivering import start
from tests.faults.rows import Faults
from tests.faults.stage import POST, Stage, real_time
from tests.runtime_api import LambdaFunction
from tests.scripted import CREATE, START, event, executes_and, waits
from tests.web_server import WebServer

faults = Faults()
ROOT = Path(__file__).parents[2]
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:alerts"
LISTED = f'sources = ["{QUEUE}"]'


@faults("F41a", 0)
@faults("F41c", 6 * 3600)
def twice(stage: Stage, apart: int) -> None:
    stage.fire()
    stage.world.clock.forward(apart)
    stage.fire()


@faults("F41b")
def sixteen_at_once(stage: Stage) -> None:
    service, together = stage.service, threading.Barrier(16)

    def go(_: int) -> Any:
        together.wait(10)
        return stage.world.fire(service)

    with ThreadPoolExecutor(16) as threads:
        for delivered in sorted(threads.map(go, range(16)), key=lambda each: each.outcomes[0].word != "created"):
            stage.note(delivered)


@faults("F42")
def killed_before_the_record(stage: Stage) -> None:
    stage.door.calm()
    victim = start(stage.world, "swap")
    victim.communicate(timeout=30)
    assert victim.returncode == 9
    stage.ends.append("killed")
    stage.fire()


@faults("F43a")
def three_hundred_milliseconds(stage: Stage) -> None:
    stage.fire(seconds=0.3)
    assert stage.world.sandbox.exchanges == []


# ── Lambda ──


@contextmanager
def function(stage: Stage, name: str, **more: str) -> Iterator[LambdaFunction]:
    with LambdaFunction(f"handlers.aws_lambda.{name}", env=stage.environ() | more) as made:
        yield made


def just_now() -> dict[str, str]:
    return event(real_time() - timedelta(seconds=5))


def invoke(stage: Stage, one: LambdaFunction, document: Any, seconds: float = 10.0) -> dict[str, Any]:
    """A delivery that returns; what it answered."""
    answer = one.invoke(document, timeout=seconds)
    assert answer.error is None, answer.error
    payload: dict[str, Any] = answer.payload
    stage.note_documents(payload.get("outcomes", []))
    stage.answer = payload.get("status")
    return payload


@faults("F43b", real_time=True)
def less_than_telling_takes(stage: Stage) -> None:
    with function(stage, "timer") as timer:
        invoke(stage, timer, just_now(), seconds=2.9)
    assert stage.world.sandbox.exchanges == []


SMALL = """\
import resource
resource.setrlimit(resource.RLIMIT_DATA, (192 << 20, 192 << 20))
from handlers.aws_lambda import timer
"""


@faults("F44a", real_time=True)
def large_event(stage: Stage) -> None:
    folder = stage.world.folder
    (folder / "small.py").write_text(SMALL, encoding="utf-8")
    with LambdaFunction("small.timer", env=stage.environ(PYTHONPATH=str(ROOT)), cwd=folder) as small:
        invoke(stage, small, just_now() | {"filling": "a" * (5 << 20)})


@faults("F45", real_time=True)
def warm_after_failures(stage: Stage) -> None:
    stage.strike(f"error:code=6114,{POST}")
    fired = just_now()
    with function(stage, "timer") as timer:
        for document in ({"schedule_arn": 1}, fired, fired):
            invoke(stage, timer, document)
        lines = [json.loads(line) for line in timer.stdout]
        assert timer.stderr == []
    refused, failed, created = (line for line in lines if "delivery" in line)
    assert len({line["delivery"]["id"] for line in (refused, failed, created)}) == 3
    assert "6114" in json.dumps(failed)
    for stranger in ("6114", "malformed", failed["delivery"]["id"], refused["delivery"]["id"]):
        assert stranger not in json.dumps(created)


@faults("F46", real_time=True)
def two_cold_starts(stage: Stage) -> None:
    environ, fired = stage.environ(), just_now()

    def go(_: int) -> Any:
        with LambdaFunction("handlers.aws_lambda.timer", env=environ) as one:
            return one.invoke(fired).payload["outcomes"]

    with ThreadPoolExecutor(2) as threads:
        both = sorted(threads.map(go, range(2)), key=lambda each: each[0]["outcome"] != "created")
    stage.note_documents(outcome for outcomes in both for outcome in outcomes)


# ── batches ──


def record(number: int, body: Any) -> dict[str, Any]:
    """As Lambda hands over a message of a queue."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": f"message-{number}", "eventSource": "aws:sqs", "eventSourceARN": QUEUE, "body": text, "attributes": {}}


def firing() -> dict[str, Any]:
    labels = {"alertname": "DiskFailing", "host": "erp-1"}
    return {"alerts": [{"status": "firing", "labels": labels, "startsAt": real_time().isoformat()}]}


def batch(stage: Stage, one: LambdaFunction, *records: dict[str, Any]) -> list[str]:
    """Message ids that must come again. What became of each stands in the log."""
    answer = one.invoke({"Records": list(records)}, timeout=20)
    assert answer.error is None, answer.error
    lines = [json.loads(line) for line in one.stdout]
    points = [point for line in lines for point in line.get("restore_points", [])]
    order = ["refused", "created", "joined", "later"]
    already = len(stage.ends)
    stage.note_documents(sorted(points, key=lambda each: order.index(each["outcome"]))[already:])
    return [each["itemIdentifier"] for each in answer.payload["batchItemFailures"]]


@faults("F47a", real_time=True)
def poison_in_a_batch(stage: Stage) -> None:
    stage.alert_rules(sender=LISTED)
    with function(stage, "alert") as alert:
        again = batch(stage, alert, *(record(number, "{poison" if number == 4 else firing()) for number in range(10)))
    stage.failures = len(again)


@faults("F47b", real_time=True)
def unsettled_in_a_batch(stage: Stage) -> None:
    stage.alert_rules(sender=LISTED)
    stage.strike(f"error:code=6125,times=0,{POST}")
    (stage.world.folder / "ledger.sqlite3").mkdir()
    with function(stage, "alert") as alert:
        again = batch(stage, alert, record(1, "{poison"), record(2, firing()))
    assert again == ["message-2"]
    stage.failures = len(again)


@faults("F48", real_time=True)
def poison_for_ever(stage: Stage) -> None:
    stage.alert_rules(sender=LISTED)
    with function(stage, "alert") as alert:
        for _ in range(3):
            assert batch(stage, alert, record(1, "{poison")) == []
    template = (ROOT / "template.yaml").read_text("utf-8")
    assert template.count("!GetAtt DeadLetters.Arn") >= 4, "what is raised for ever ends in a queue"


# ── late and strange times ──


@faults("F49a", 'max_event_age = "12h"')
@faults("F49b", "")
def late(stage: Stage, more: str) -> None:
    stage.world.write_rules(more=more)
    stage.world.clock.forward(23 * 3600)
    stage.fire()


@faults("F50a")
def fires_twice(stage: Stage) -> None:
    stage.fire()
    stage.world.clock.forward(50)
    stage.fire()


@faults("F50b", (3, 2, 1, 0))
@faults("F50c", (0, 1, 2, 3))
def missed(stage: Stage, hours: tuple[int, ...]) -> None:
    stage.world.clock.forward(3 * 3600 + 60)
    for hour in hours:
        stage.fire(START + timedelta(hours=hour))
        stage.world.clock.forward(1)


@faults("F51a", "2026-11-22T23:59:60Z")
@faults("F51b", "9999-12-31T23:59:59Z")
@faults("F51c", "0001-01-01T00:00:00Z")
def strange_time(stage: Stage, text: str) -> None:
    stage.deliver("timer", event() | {"scheduled_time": text})


@faults("F51d")
def not_ended(stage: Stage) -> None:
    stage.alert_rules()
    labels = {"alertname": "DiskFailing", "host": "erp-1"}
    alert = {"status": "firing", "labels": labels, "startsAt": "2026-11-23T01:59:00Z", "endsAt": "0001-01-01T00:00:00Z"}
    stage.deliver("alert", {"alerts": [alert]})


@faults("F51e", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00")
@faults("F51f", "2026-11-23T10:00:00+08:00", "2026-11-23T02:00:00Z")
def two_offsets(stage: Stage, *moments: str) -> None:
    """FunctionGraph's timer fires by local time."""
    stage.edit_rules(
        lambda text: text.replace(event()["schedule_arn"], "nightly").replace("[[rules]]", '[[rules]]\nmax_event_age = "60d"')
    )
    for moment in moments:
        timer = {"version": "v1.0", "time": moment, "trigger_type": "TIMER", "trigger_name": "nightly", "user_event": ""}
        stage.deliver("timer", timer, platform="functiongraph")
        stage.world.clock.forward(3600)


# ── webhooks ──

TOKEN = "a-token-that-opens-nothing-elsewhere"


def webhook(stage: Stage) -> WebServer:
    """The real functions-framework server; its sender proves itself by a token."""
    stage.alert_rules()
    stage.edit_rules(lambda text: text.replace('proof = "platform"', 'proof = "bearer"\nsecret = "env:TOKEN"'))
    return WebServer(stage.environ(TOKEN=TOKEN), stage.world.folder)


@faults("F44b", real_time=True)
def large_body(stage: Stage) -> None:
    with webhook(stage) as server:
        before = server.memory
        answer = server.post("/alert/am", firing() | {"filling": "a" * 2_000_000}, TOKEN)
        assert server.memory - before < 32_000
    stage.note_documents(answer.json["outcomes"])
    stage.answer = answer.status


@faults("F52", real_time=True)
def never_answers_a_webhook(stage: Stage) -> None:
    """SMN waits for five seconds; the function's own budget is four."""
    stage.door.on(CREATE, executes_and(waits))
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    with webhook(stage) as server:
        try:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)) as sender:
                sender.request("POST", "/alert/am", json.dumps(firing()), headers)
                answer = sender.getresponse()
                stage.answer, body = answer.status, json.loads(answer.read())
        finally:
            stage.world.door.over.set()
        logged = server.deliveries
    assert logged[0]["restore_points"][0]["duration_ms"] <= 4000
    stage.note_documents(body["outcomes"])
