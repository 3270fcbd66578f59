"""F43 to F48 and F52: processes of the real runtime client of Lambda, and of the real functions-framework server."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.faults.clocks import real_time
from tests.faults.rows import Faults
from tests.faults.stage import POST, Stage
from tests.runtime_api import LambdaFunction
from tests.scripted import CREATE, event, executes_and, waits
from tests.web_server import WebServer

faults = Faults()
ROOT = Path(__file__).parents[2]
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:alerts"
LISTED = f'sources = ["{QUEUE}"]'


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


@faults("F43b", real=True)
def less_than_telling_takes(stage: Stage) -> None:
    with function(stage, "timer") as timer:
        invoke(stage, timer, just_now(), seconds=2.9)
    assert stage.world.sandbox.exchanges == []


SMALL = """\
import resource
resource.setrlimit(resource.RLIMIT_DATA, (192 << 20, 192 << 20))
from handlers.aws_lambda import timer
"""


@faults("F44a", real=True)
def large_event(stage: Stage) -> None:
    folder = stage.world.folder
    (folder / "small.py").write_text(SMALL, encoding="utf-8")
    with LambdaFunction("small.timer", env=stage.environ(PYTHONPATH=str(ROOT)), cwd=folder) as small:
        invoke(stage, small, just_now() | {"filling": "a" * (5 << 20)})


@faults("F45", real=True)
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


@faults("F46", real=True)
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


@faults("F47a", real=True)
def poison_in_a_batch(stage: Stage) -> None:
    stage.alert_rules(sender=LISTED)
    with function(stage, "alert") as alert:
        again = batch(stage, alert, *(record(number, "{poison" if number == 4 else firing()) for number in range(10)))
    stage.failures = len(again)


@faults("F47b", real=True)
def unsettled_in_a_batch(stage: Stage) -> None:
    stage.alert_rules(sender=LISTED)
    stage.strike(f"error:code=6125,times=0,{POST}")
    (stage.world.folder / "ledger.sqlite3").mkdir()
    with function(stage, "alert") as alert:
        again = batch(stage, alert, record(1, "{poison"), record(2, firing()))
    assert again == ["message-2"]
    stage.failures = len(again)


@faults("F48", real=True)
def poison_for_ever(stage: Stage) -> None:
    stage.alert_rules(sender=LISTED)
    with function(stage, "alert") as alert:
        for _ in range(3):
            assert batch(stage, alert, record(1, "{poison")) == []
    template = (ROOT / "template.yaml").read_text("utf-8")
    assert template.count("!GetAtt DeadLetters.Arn") >= 4, "what is raised for ever ends in a queue"


# ── webhooks ──

TOKEN = "a-token-that-opens-nothing-elsewhere"


def webhook(stage: Stage) -> WebServer:
    """The real functions-framework server; its sender proves itself by a token."""
    stage.alert_rules()
    stage.edit_rules(lambda text: text.replace('proof = "platform"', 'proof = "bearer"\nsecret = "env:TOKEN"'))
    return WebServer(stage.environ(TOKEN=TOKEN), stage.world.folder)


@faults("F44b", real=True)
def large_body(stage: Stage) -> None:
    with webhook(stage) as server:
        before = server.memory
        answer = server.post("/alert/am", firing() | {"filling": "a" * 2_000_000}, TOKEN)
        assert server.memory - before < 32_000
    stage.note_documents(answer.json["outcomes"])
    stage.answer = answer.status


@faults("F52", real=True)
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
