"""A worker takes what a message names, if the ledger wants it now and today's rules allow it: what that is, no message says."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.answers import batch_answer
from handlers.carriers.batches import sqs_records
from handlers.envelope import Envelope
from handlers.ledger import Record
from handlers.outcome import Later
from handlers.service import Service
from tests.dispatch.stage import Stage, rules_of, slots_of, stage_in, wishes, words
from tests.fleet.queue import ARN
from tests.many.cloud import vault_id, vault_name
from tests.scripted import BACKUPS, CREATE, Flaky, Passing, answers, fails, only, passes

CAUSE = "ab" * 32


def queued(stage: Stage, service: Service) -> list[str]:
    """The causes of a delivery that waits, soonest first."""
    outcomes = stage.fire(service).outcomes
    assert words(outcomes) == {"later/queued": stage.vaults}
    return [cause for _, cause in sorted(zip(slots_of(outcomes), (each.cause for each in outcomes), strict=True))]


# ── what a message may say ──


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        None,
        7,
        "text",
        [CAUSE],
        {"wishes": None},
        {"wishes": CAUSE},
        {"wishes": []},
        {"wishes": {}},
        {"wishes": [CAUSE, None]},
        {"wishes": [[CAUSE]]},
        {"wishes": [CAUSE[1:]]},
        {"wishes": [CAUSE + "a"]},
        {"wishes": [CAUSE.upper()]},
        {"wishes": [CAUSE + "\n"]},
        {"wishes": ["g" * 64]},
        {"wishes": ["٣" * 64]},
        {"wishes": [f"{number:064x}" for number in range(101)]},
        {"wishes": [CAUSE], "more": 1},
        {"Wishes": [CAUSE]},
        {"wishes": [CAUSE], "vault_id": vault_id(0)},
        {"wishes": [{"cause": CAUSE, "vault_id": vault_id(0)}]},
        {"checkpoint": {"vault_id": vault_id(0)}},
        {"wishes": [CAUSE], "checkpoint": {"vault_id": vault_id(0)}},
        {"wishes": [CAUSE], "project": "cloud", "endpoint": "http://127.0.0.1:1"},
        {"wishes": [CAUSE], "slot": 0},
    ],
    ids=lambda document: json.dumps(document)[:60],
)
def test_anything_but_causes_is_refused_and_asks_for_nothing(stage: Stage, service: Service, document: Any) -> None:
    delivered = service.handle(Envelope("worker", "lambda", "message", document, 60.0))
    assert only(delivered).word == "refused"
    assert only(delivered).reason in ("malformed", "wrong_dialect")
    assert (delivered.answer.status, delivered.answer.again) == (400, False)
    assert stage.asked() == []


@pytest.mark.parametrize("text", [b"", b"{", b'{"wishes": [}', b'{"wishes": [], "wishes": []}', b"\xff", b"[" * 100_000])
def test_text_that_is_no_json_of_ours_is_refused(stage: Stage, service: Service, text: bytes) -> None:
    delivered = service.handle(Envelope("worker", "lambda", "message", text, 60.0, source=ARN))
    assert (only(delivered).word, delivered.answer.status, delivered.answer.again) == ("refused", 400, False)


def test_a_hundred_are_a_message(stage: Stage, service: Service) -> None:
    delivered = stage.work(service, *(f"{number:064x}" for number in range(100)))
    assert words(delivered.outcomes) == {"skipped/unknown_wish": 100}
    assert (delivered.answer.status, stage.asked()) == (200, [])


# ── what is taken ──


def test_a_wish_whose_slot_has_come_is_taken_as_its_rule_says(tmp_path: Path) -> None:
    with stage_in(tmp_path, more='parameters = { description = "of the night", incremental = false }') as stage:
        service = stage.service()
        cause = queued(stage, service)[0]
        wish = wishes(service)[cause]
        delivered = stage.work(service, cause)
        made = only(delivered)
        assert (made.word, made.reason, delivered.answer.status) == ("created", "accepted", 200)
        assert (made.vault, made.rule, made.trigger, made.cause) == (wish.planned.vault, "nightly", "timer", cause)
        (post,) = stage.sandbox.posts()
        sent = json.loads(post.body)["checkpoint"] if isinstance(post.body, (str, bytes)) else post.body["checkpoint"]
        assert sent["vault_id"] == wish.planned.backup.vault_id
        assert (sent["parameters"]["description"], sent["parameters"]["incremental"]) == ("of the night", False)


def test_one_named_twice_is_taken_once(stage: Stage, service: Service) -> None:
    cause = queued(stage, service)[0]
    stage.work(service, cause, cause)
    assert stage.sandbox.counts.posts == 1


def test_a_slot_is_hurried_by_sixty_seconds_at_most(tmp_path: Path) -> None:
    """What is forged can do no more: the rest is not even looked at."""
    with stage_in(tmp_path, per_second=0.5) as stage:  # five seconds apart
        service = stage.service()
        causes = queued(stage, service)
        slots = [wishes(service)[each].slot for each in causes]
        assert max(slots) - stage.clock() > 190
        far = [cause for cause, slot in zip(causes, slots, strict=True) if slot > stage.clock() + 60]
        assert words(stage.work(service, *far).outcomes) == {"skipped/not_yet": len(far)}
        assert stage.asked() == []
        stage.clock.forward(slots[-1] - stage.clock() - 60.5)
        assert words(stage.work(service, causes[-1]).outcomes) == {"skipped/not_yet": 1}
        stage.clock.forward(1)
        assert words(stage.work(service, causes[-1]).outcomes) == {"created/accepted": 1}


def test_what_is_settled_costs_no_call(stage: Stage, service: Service) -> None:
    cause = queued(stage, service)[0]
    stage.work(service, cause)
    before = len(stage.asked())
    for ahead in (0, 30, 3600, 86400):
        stage.clock.forward(ahead)
        assert words(stage.work(service, cause).outcomes) == {"skipped/not_yet": 1}
    assert len(stage.asked()) == before
    assert stage.sandbox.counts.posts == 1


def test_what_has_failed_and_was_told_is_not_tried_again(stage: Stage, service: Service) -> None:
    cause = queued(stage, service)[0]
    stage.door.on(CREATE, fails("6114"))
    assert words(stage.work(service, cause).outcomes) == {"failed/rejected": 1}
    assert len(stage.sandbox.published) == 1
    before = len(stage.asked())
    assert words(stage.work(service, cause).outcomes) == {"skipped/not_yet": 1}
    assert (len(stage.asked()), len(stage.sandbox.published)) == (before, 1)


def test_a_cause_that_follows_another_is_not_taken_alone(stage: Stage, service: Service) -> None:
    stage.storm(service, "a", "b")
    followers = [cause for cause, wish in wishes(service).items() if wish.state == "follows"]
    assert followers
    assert words(stage.work(service, *followers).outcomes) == {"skipped/not_yet": len(followers)}
    assert stage.asked() == []


def test_what_cbr_refused_for_now_is_not_hurried(stage: Stage, service: Service) -> None:
    cause = queued(stage, service)[0]
    busy = answers(429, {"error_code": "APIGW.0308", "error_msg": "throttled"}, {"Retry-After": "300"})
    stage.door.on(CREATE, busy)
    delivered = stage.work(service, cause)
    assert (only(delivered).word, delivered.answer.status, delivered.answer.again) == ("later", 202, False)
    before = len(stage.asked())
    stage.clock.forward(200)
    assert words(stage.work(service, cause).outcomes) == {"skipped/not_yet": 1}
    assert len(stage.asked()) == before
    stage.clock.forward(150)
    assert words(stage.work(service, cause).outcomes) == {"created/accepted": 1}


def test_a_vault_no_rule_lists_any_more_is_not_taken_and_that_is_told(stage: Stage, service: Service) -> None:
    causes = queued(stage, service)
    gone = wishes(service)[causes[0]].planned.vault
    rules = (stage.folder / "rules.toml").read_text()
    stage.write(rules.replace(f'"{gone}", ', "").replace(f', "{gone}"', ""))
    later = stage.service()
    assert words(stage.work(later, *causes[:2]).outcomes) == {"failed/no_longer_allowed": 1, "created/accepted": 1}
    ((post,), (told,)) = stage.sandbox.posts(), stage.sandbox.published
    assert post.status == 200
    assert gone in told["subject"]
    assert vault_id(int(gone.rpartition("-")[2])) not in stage.by_vault()


def test_a_renamed_vault_is_the_same_vault(stage: Stage, service: Service) -> None:
    cause = queued(stage, service)[0]
    stage.write(rules_of(40, 5.0).replace("vault-", "store-"))
    assert words(stage.work(stage.service(), cause).outcomes) == {"created/accepted": 1}
    assert vault_name(0) == "vault-0000"


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
