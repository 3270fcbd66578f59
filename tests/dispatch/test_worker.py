"""A worker takes what a message names, if the ledger wants it now and today's rules allow it: what that is, no message says."""

from __future__ import annotations

import json
from pathlib import Path

from handlers.service import Service
from tests.dispatch.stage import Stage, queued, rules_of, stage_in, wishes, words
from tests.many.cloud import vault_id
from tests.scripted import CREATE, answers, fails, only


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
    stage.one_each(1)


def test_a_message_of_many_ends_in_the_time_of_its_run_and_the_watch_finds_the_rest(tmp_path: Path) -> None:
    """Half a request a second: sixty seconds are enough for a dozen of them."""
    with stage_in(tmp_path, per_second=0.5, more='give_up_after = "2h"') as stage:
        service = stage.service()
        causes = queued(stage, service)
        stage.clock.forward(200)
        began = stage.clock()
        delivered = stage.work(service, *causes)
        assert stage.clock() - began <= 60
        found = words(delivered.outcomes)
        assert 10 <= found["created/accepted"] <= 15
        assert {each.word for each in delivered.outcomes} == {"created", "later"}
        assert (delivered.answer.status, delivered.answer.again) == (202, False)
        stage.night(service, 1500)
        stage.one_each()


def test_a_failure_that_no_topic_wants_to_hear_of_comes_again_until_the_queue_gives_it_up(tmp_path: Path) -> None:
    with stage_in(tmp_path) as stage:
        rules = tmp_path / "rules.toml"
        rules.write_text(rules.read_text("utf-8").replace('outcomes = ["failed", "warning", "broken"]', 'outcomes = ["broken"]'))
        service = stage.service()
        cause = queued(stage, service)[0]
        stage.door.on(CREATE, fails("6114"))
        for _ in range(3):
            delivered = stage.work(service, cause)
            assert (only(delivered).word, delivered.answer.again) == ("failed", True)
        assert stage.sandbox.counts.posts == 0
        assert len(stage.door.came(CREATE)) == 1


def test_a_failure_that_was_told_does_not_come_again(stage: Stage, service: Service) -> None:
    cause = queued(stage, service)[0]
    stage.door.on(CREATE, fails("6114"))
    assert not stage.work(service, cause).answer.again
    assert words(stage.work(service, cause).outcomes) == {"skipped/not_yet": 1}


def test_a_budget_that_is_used_up_by_workers_is_told(tmp_path: Path) -> None:
    with stage_in(tmp_path, more="budget_per_hour = 10") as stage:
        service = stage.service()
        for cause in queued(stage, service):
            stage.clock.forward(1)
            stage.work(service, cause)
        assert stage.sandbox.counts.applied == 10
        assert ["(budget)" in message["subject"] for message in stage.sandbox.published] == [True]
