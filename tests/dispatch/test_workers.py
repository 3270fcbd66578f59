"""Several workers at once, and workers without a ledger."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from handlers.answers import batch_answer
from handlers.carriers.batches import sqs_records
from handlers.envelope import Envelope
from handlers.ledger import Record
from handlers.outcome import Later
from handlers.service import Service
from tests.dispatch.stage import Stage, queued, stage_in, wishes, words
from tests.fleet.queue import ARN
from tests.scripted import BACKUPS, Flaky, Passing, only, passes

CAUSE = "ab" * 32

# ── several workers ──


def test_two_workers_with_the_same_message_at_once_send_one_post(stage: Stage, service: Service) -> None:
    cause = queued(stage, service)[0]
    looks, done = threading.Event(), threading.Event()

    def hold(it: Passing) -> None:
        looks.set()
        assert done.wait(10)
        passes(it)

    stage.door.on(BACKUPS, hold)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(stage.work, service, cause)
        assert looks.wait(10)
        second = stage.work(stage.service(), cause)
        done.set()
        assert words(first.result().outcomes) == {"created/accepted": 1}
    assert only(second).word in ("later", "skipped")
    assert not second.answer.again
    assert stage.sandbox.counts.posts == 1


def test_eight_workers_and_a_watch_over_the_same_wishes_make_one_each(tmp_path: Path) -> None:
    with stage_in(tmp_path, per_second=200) as stage:
        services = [stage.service() for _ in range(4)]
        causes = queued(stage, services[0])
        stage.clock.forward(30)
        with ThreadPoolExecutor(9) as pool:
            for number in range(8):
                pool.submit(stage.work, services[number % 4], *(causes if number % 2 else causes[::-1]))
            pool.submit(stage.sweep, services[0])
        stage.one_each()


# ── the ledger is down ──


class Lost(Flaky):
    """Down for one cause."""

    cause = ""

    def get(self, kind: str, key: str) -> Record | None:
        if key == self.cause:
            self.fail()
        return super().get(kind, key)


def test_without_a_ledger_a_message_has_to_come_again(stage: Stage, service: Service) -> None:
    cause = queued(stage, service)[0]
    delivered = stage.work(stage.service(ledger=Flaky(service.ledger, "get", "put_if_absent", "swap", "due", "since")), cause)
    outcome = only(delivered)
    assert isinstance(outcome, Later)
    assert not outcome.durable
    assert (delivered.answer.status, delivered.answer.again) == (503, True)
    assert stage.asked() == []


def test_of_a_batch_only_what_is_not_settled_comes_again(stage: Stage, service: Service) -> None:
    causes = queued(stage, service)
    ledger = Lost(service.ledger)
    ledger.cause = causes[1]
    bodies = [json.dumps({"wishes": [each]}) for each in causes[:3]] + ["no JSON", json.dumps({"wishes": [CAUSE]})]
    records = [
        {"messageId": f"message-{number}", "body": body, "eventSource": "aws:sqs", "eventSourceARN": ARN}
        for number, body in enumerate(bodies)
    ]
    envelope = Envelope("worker", "lambda", "batch", {"Records": records}, 60.0)
    answer = batch_answer(stage.service(ledger=ledger), sqs_records(envelope), lambda: 60.0)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    assert stage.sandbox.counts.posts == 2


def test_a_claim_that_cannot_be_written_is_no_post_behind_the_ledgers_back(stage: Stage, service: Service) -> None:
    """The store fails between the look and the claim."""
    cause = queued(stage, service)[0]
    delivered = stage.work(stage.service(ledger=Flaky(service.ledger, "swap")), cause)
    assert stage.sandbox.counts.posts <= 1
    if stage.sandbox.counts.posts == 0:
        assert delivered.answer.again
    stage.clock.forward(1200)
    stage.work(service, cause)
    stage.sweep(service)
    made = [each for each in stage.sandbox.restore_points() if each["vault_id"] == wishes(service)[cause].planned.backup.vault_id]
    assert len(made) == 1


def test_a_record_that_is_no_wish_is_told_and_breaks_nothing(stage: Stage, service: Service) -> None:
    causes = queued(stage, service)
    record = service.ledger.get("wish", causes[0])
    assert record is not None
    assert service.ledger.swap(replace(record, body='{"state": "wanted"}'))
    stage.clock.forward(601)
    delivered = stage.work(service, *causes[:2])
    assert delivered.answer.status in (200, 202)
    assert words(delivered.outcomes)["created/accepted"] == 1
