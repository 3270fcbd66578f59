"""What fails while a delivery is handed over: the ledger, or the queue. Nothing is lost, and nothing made twice."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.ledger import Record
from handlers.outcome import Created, Later
from tests.dispatch.stage import SEND, Stage, slots_of, stage_in, wishes, words
from tests.scripted import START, Act, Flaky, Passing, answers, cuts, executes_and, passes, waits

# ── the ledger is down ──


class Failing(Flaky):
    """Down for ever after ten wishes."""

    puts = 0

    def put_if_absent(self, record: Record) -> Record | None:
        self.puts += record.kind == "wish"
        if self.puts > 10:
            self.down = {"put_if_absent", "get", "swap", "due", "since"}
        return super().put_if_absent(record)


@pytest.mark.parametrize("down", [("put_if_absent", "get", "swap", "due", "since"), ("put_if_absent",)])
def test_without_a_ledger_nothing_is_queued_and_the_run_takes_them(tmp_path: Path, down: tuple[str, ...]) -> None:
    with stage_in(tmp_path, per_second=200) as stage:
        service = stage.service(ledger=Flaky(stage.service().ledger, *down))
        outcomes = stage.fire(service).outcomes
        assert words(outcomes) == {"created/accepted": 40}
        assert all(isinstance(each, Created) and each.degraded for each in outcomes)
        assert stage.messages() == []
        stage.one_each()


def test_a_ledger_that_goes_down_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    """What was written waits, what could not be is taken or has to come again; none of them twice."""
    with stage_in(tmp_path, per_second=200) as stage:
        delivered = stage.fire(stage.service(ledger=Failing(stage.service().ledger)))
        assert len(delivered.outcomes) == 40
        assert all(each.word in ("created", "later") for each in delivered.outcomes)
        queued = [each for each in delivered.outcomes if isinstance(each, Later) and each.durable]
        lost = [each for each in delivered.outcomes if isinstance(each, Later) and not each.durable]
        assert len(queued) <= 10
        assert delivered.answer.again is bool(lost)
        sound = stage.service()
        stage.night(sound, 900)
        stage.fire(sound)
        stage.night(sound, 900)
        stage.one_each()


def test_what_there_was_no_time_to_write_down_has_to_come_again(stage: Stage) -> None:
    service = stage.service()
    delivered = stage.fire(service, seconds=3.5)
    assert words(delivered.outcomes) == {"later/no_time": 40}
    assert delivered.answer.again
    assert stage.messages() == []
    again = stage.fire(service)
    assert words(again.outcomes) == {"later/queued": 40}
    assert min(slots_of(again.outcomes)) <= stage.clock() + 1
    stage.night(service, 120)
    stage.one_each()


# ── the queue fails ──

FAILED = {"Successful": [], "Failed": [{"Id": str(n), "Code": "InternalError", "SenderFault": False} for n in range(10)]}


@pytest.mark.parametrize(
    "act",
    [
        answers(500, {"__type": "com.amazonaws.sqs#InternalFailure"}),
        answers(403, {"__type": "com.amazon.coral.service#AccessDeniedException", "message": "no"}),
        answers(302, None, {"Location": "http://127.0.0.1:1/"}),
        cuts,
    ],
    ids=["500", "403", "302", "cut"],
)
def test_a_queue_that_takes_nothing_is_asked_twice_and_the_watch_brings_all(stage: Stage, act: Act) -> None:
    stage.mail.on(SEND, act, always=True)
    service = stage.service()
    began = stage.clock()
    delivered = stage.fire(service)
    assert words(delivered.outcomes) == {"later/queued": 40}
    assert (delivered.answer.status, delivered.answer.again) == (202, False)
    assert len(stage.mail.came(SEND)) == 2
    assert stage.queue.sent == 0
    assert all("queue" in each.message for each in delivered.outcomes)
    slots = {key: each.slot for key, each in wishes(service).items()}
    assert all(each.due == pytest.approx(slots[key] + 600, abs=1) for key, each in wishes(service).items())
    stage.mail.calm()
    stage.night(service, began + 570 - stage.clock())
    assert stage.sandbox.counts.posts == 0, "not before 600 seconds after their slot"
    stage.night(service, 900)
    stage.one_each()


def test_the_message_says_that_the_queue_took_nothing(tmp_path: Path) -> None:
    with stage_in(tmp_path) as stage:
        well = stage.fire(stage.service()).outcomes[0].message
    other = tmp_path / "other"
    other.mkdir()
    with stage_in(other) as stage:
        stage.mail.on(SEND, answers(500), always=True)
        ill = stage.fire(stage.service()).outcomes[0].message
    assert well != ill


def test_a_queue_that_takes_nothing_is_told_once_an_hour(stage: Stage) -> None:
    stage.mail.on(SEND, answers(403, {"__type": "com.amazon.coral.service#AccessDeniedException", "message": "no"}), always=True)
    service = stage.service()
    stage.fire(service)
    stage.fire(service, START + timedelta(minutes=1))
    told = [message for message in stage.sandbox.published if "warning" in message["subject"]]
    assert [message["subject"] for message in told] == ["Restore point warning (queue_down)"]
    assert "AccessDeniedException" in told[0]["message"]
    assert "Nothing is lost" in told[0]["message"]


def test_nobody_ever_listens_at_the_queue_and_the_watch_takes_all(tmp_path: Path) -> None:
    """A queue whose permission is missing is down for weeks. Nothing that is late may wait for it again and again."""
    with stage_in(tmp_path, 100) as stage:
        stage.mail.shut()
        service = stage.service()
        assert words(stage.fire(service).outcomes) == {"later/queued": 100}
        stage.night(service, 1500, 60)
        stage.one_each()


def test_a_queue_that_says_nothing_is_given_up_in_time(stage: Stage) -> None:
    stage.mail.on(SEND, waits, always=True)
    delivered = stage.fire(stage.service(), seconds=4.2)
    assert words(delivered.outcomes) == {"later/queued": 40}
    assert 1 <= len(stage.mail.came(SEND)) <= 2
    stage.mail.over.set()


@pytest.mark.parametrize(
    "act",
    [
        answers(200, FAILED),
        answers(200, {}),
        answers(200, {"Successful": "all", "Failed": 7}),
        answers(200, []),
        answers(200, b"<html>ok</html>"),
        answers(200, b"\xff\xfe{"),
    ],
    ids=["all failed", "none named", "other types", "a list", "html", "no text"],
)
def test_an_answer_that_confirms_nothing_is_a_failure(stage: Stage, act: Act) -> None:
    stage.mail.on(SEND, act, always=True)
    service = stage.service()
    delivered = stage.fire(service)
    assert words(delivered.outcomes) == {"later/queued": 40}
    assert len(stage.mail.came(SEND)) == 2
    stage.mail.calm()
    stage.night(service, 1500)
    stage.one_each()


def failed(*ids: int) -> Act:
    """The queue takes the others of a batch."""

    def act(it: Passing) -> None:
        entries = json.loads(it.seen.body)["Entries"]
        kept = [entry for number, entry in enumerate(entries) if number not in ids]
        lost = [{"Id": entries[number]["Id"], "Code": "InternalError", "SenderFault": False} for number in ids]
        body = json.dumps(json.loads(it.seen.body) | {"Entries": kept}).encode()
        seen = it.seen
        it.seen = type(seen)(seen.method, seen.target, {**seen.headers, "content-length": str(len(body))}, body)
        _, headers, said = it.forward()
        it.say(200, headers, json.dumps(json.loads(said) | {"Failed": lost}).encode())

    return act


def test_entries_that_failed_are_brought_by_the_watch(stage: Stage) -> None:
    stage.mail.on(SEND, failed(0, 9), passes, failed(3))
    service = stage.service()
    outcomes = stage.fire(service).outcomes
    assert words(outcomes) == {"later/queued": 40}
    assert stage.queue.sent == 37
    stage.night(service, 300)
    assert sum(stage.by_vault().values()) == 37
    stage.night(service, 900)
    stage.one_each()


def test_two_failures_that_are_not_in_a_row_end_nothing(stage: Stage) -> None:
    stage.mail.on(SEND, answers(500), passes, answers(500))
    service = stage.service()
    stage.fire(service)
    assert len(stage.mail.came(SEND)) == 4
    assert stage.queue.sent == 20
    stage.night(service, 1500)
    stage.one_each()


def test_messages_that_were_taken_and_not_confirmed_come_twice_and_make_one_each(stage: Stage) -> None:
    stage.mail.on(SEND, executes_and(cuts), executes_and(cuts))
    service = stage.service()
    stage.fire(service)
    assert stage.queue.sent == 20
    stage.night(service, 1500)
    stage.one_each()
