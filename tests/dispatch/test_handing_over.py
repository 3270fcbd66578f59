"""One delivery wants more than one run takes: what is written, what is booked, what is sent, and what its outcomes say."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.envelope import Envelope, Http
from handlers.ledger import Ledger, Record
from handlers.outcome import Later
from handlers.service import Service
from tests.dispatch.stage import MORE, SEND, Stage, gaps, rules_of, slots_of, stage_in, wishes, words
from tests.many.cloud import vault_id
from tests.scripted import START, TOPIC, Flaky

HALF = 0.5
"""Seconds between two slots at five requests a second: 2 / (5 x 0.8)."""


def test_thirty_three_are_written_down_and_none_is_asked_for(tmp_path: Path) -> None:
    with stage_in(tmp_path, MORE) as stage:
        service = stage.service()
        delivered = stage.fire(service)
        assert words(delivered.outcomes) == {"later/queued": MORE}
        assert all(isinstance(each, Later) and each.durable for each in delivered.outcomes)
        assert (delivered.answer.status, delivered.answer.again) == (202, False)
        assert stage.asked() == []
        written = wishes(service)
        assert {each.state for each in written.values()} == {"wanted"}
        assert {each.reason for each in written.values()} == {"queued"}
        assert sorted(written) == sorted(each.cause for each in delivered.outcomes)
        for each in delivered.outcomes:
            assert isinstance(each, Later)
            assert slots_of([each]) == [pytest.approx(written[each.cause].slot, abs=1)]


def test_thirty_two_are_taken_by_the_run_itself(tmp_path: Path) -> None:
    with stage_in(tmp_path, MORE - 1, per_second=200) as stage:
        delivered = stage.fire(stage.service())
        assert words(delivered.outcomes) == {"created/accepted": MORE - 1}
        stage.one_each()
        assert stage.messages() == []
        assert all("queued" not in line for line in stage.lines())


def test_without_a_queue_the_run_takes_them_itself(tmp_path: Path) -> None:
    with stage_in(tmp_path, 40, per_second=200) as stage:
        environ = stage.environ()
        del environ["RESTORE_POINT_QUEUE"]
        assert words(stage.fire(stage.service(environ)).outcomes) == {"created/accepted": 40}
        stage.one_each()
        assert stage.messages() == []


@pytest.mark.parametrize("per_second", [5.0, 1.6, 200.0])
def test_slots_are_as_far_apart_as_the_rate_allows(tmp_path: Path, per_second: float) -> None:
    with stage_in(tmp_path, per_second=per_second) as stage:
        service = stage.service()
        stage.fire(service)
        slots = [each.slot for each in wishes(service).values()]
        assert min(slots) >= START.timestamp()
        assert max(slots) <= START.timestamp() + 41 * 2 / (per_second * 0.8)
        assert all(gap == pytest.approx(2 / (per_second * 0.8), rel=0.001) for gap in gaps(slots))


def test_the_log_line_says_how_many_wait_and_until_when(stage: Stage) -> None:
    service = stage.service()
    stage.fire(service)
    (line,) = [each for each in stage.lines() if "restore_points" in each]
    last = max(each.slot for each in wishes(service).values())
    assert line["queued"]["wishes"] == 40
    (until,) = slots_of([Later(reason="", message="", slot=line["queued"]["until"])])
    assert until == pytest.approx(last, abs=1)


def test_messages_hold_one_cause_and_nothing_else(stage: Stage) -> None:
    service = stage.service()
    outcomes = stage.fire(service).outcomes
    entries = stage.messages()
    assert len(entries) == 40
    assert all(set(json.loads(each["MessageBody"])) == {"wishes"} for each in entries)
    assert all(len(json.loads(each["MessageBody"])["wishes"]) == 1 for each in entries)
    assert sorted(stage.sent()) == sorted(each.cause for each in outcomes)
    assert len(stage.mail.came(SEND)) == 4
    sent = b"".join(seen.body for seen in stage.mail.seen).decode()
    assert all(word not in sent for word in ("vault", "nightly", "project", "checkpoint", *map(vault_id, range(40))))


def test_a_message_is_held_back_for_whole_seconds_and_never_beyond_its_slot(stage: Stage) -> None:
    service = stage.service()
    stage.fire(service)
    written, now = wishes(service), stage.clock()
    for entry in stage.messages():
        (cause,) = json.loads(entry["MessageBody"])["wishes"]
        assert type(entry["DelaySeconds"]) is int
        assert 0 <= entry["DelaySeconds"] <= written[cause].slot - now
        assert entry["DelaySeconds"] > written[cause].slot - now - 1.01


def test_an_event_that_comes_twice_keeps_its_slots_and_sends_nothing_more(stage: Stage) -> None:
    service = stage.service()
    first = stage.fire(service)
    stage.clock.forward(3)
    again = stage.fire(stage.service())
    assert words(again.outcomes) == {"later/queued_already": 40}
    assert (again.answer.status, again.answer.again) == (202, False)
    assert slots_of(again.outcomes) == slots_of(first.outcomes)
    assert len(stage.messages()) == 40
    stage.night(service, 120)
    stage.one_each()
    assert words(stage.fire(service).outcomes) == {"joined/already_taken": 40}
    assert len(stage.messages()) == 40
    stage.one_each()


def test_what_is_settled_joins_and_the_rest_waits(stage: Stage) -> None:
    service = stage.service()
    first = stage.fire(service)
    stage.clock.forward(60)
    done = [each.cause for each in first.outcomes[:10]]
    assert words(stage.work(service, *done).outcomes) == {"created/accepted": 10}
    assert words(stage.fire(service).outcomes) == {"joined/already_taken": 10, "later/queued_already": 30}


def test_the_line_goes_on_where_the_delivery_before_ended(stage: Stage) -> None:
    """Bookings that were not used went back: those of a repetition, too."""
    service = stage.service()
    first = slots_of(stage.fire(service).outcomes)
    stage.fire(service)
    second = slots_of(stage.storm(stage.service(), "a").outcomes)
    assert len(set(wishes(service))) == 80
    slots = [each.slot for each in wishes(service).values()]
    assert all(gap == pytest.approx(HALF, abs=0.001) for gap in gaps(slots))
    assert max(first) <= min(second)


class Overtaken(Flaky):
    """Between its reading of the line and its booking somebody else books."""

    def __init__(self, ledger: Ledger, other: Callable[[], object]) -> None:
        super().__init__(ledger)
        self.others = [other]

    def get(self, kind: str, key: str) -> Record | None:
        found = super().get(kind, key)
        if kind == "slots" and self.others:
            self.others.pop()()
        return found


@pytest.mark.parametrize("before", [True, False], ids=["in a line", "that is new"])
def test_who_is_overtaken_while_it_books_takes_later_slots(stage: Stage, service: Service, before: bool) -> None:
    if before:
        stage.storm(service, "z")
    overtaken = stage.service(ledger=Overtaken(service.ledger, lambda: stage.storm(service, "b")))
    assert words(stage.storm(overtaken, "a").outcomes) == {"later/queued": 40}
    slots = [wish.slot for wish in wishes(service).values()]
    assert len(slots) == (120 if before else 80)
    assert min(gaps(slots)) == pytest.approx(HALF, abs=0.001)


def test_a_line_that_was_empty_begins_now(stage: Stage) -> None:
    service = stage.service()
    stage.fire(service)
    stage.clock.forward(3600)
    later = stage.fire(service, START + timedelta(hours=1))
    assert stage.clock() - 1 <= min(slots_of(later.outcomes)) <= stage.clock() + 1


def test_each_project_has_a_line_of_its_own(tmp_path: Path) -> None:
    with stage_in(tmp_path) as stage:
        rules = rules_of(40, 5.0)
        other = '[projects.other]\nproject_id = "' + "0a" * 16 + '"\nregion = "sandbox-1"\nrequests_per_second = 1\n'
        for number in range(40):
            end = f'id = "{vault_id(number)}"'
            rules = rules.replace(end, f'{end}\nproject = "{"other" if number % 2 else "cloud"}"')
        own = "[projects.cloud]\n"
        stage.write(other + rules.replace(own, f'{own}region = "sandbox-1"\n').replace(TOPIC, TOPIC + 'project = "cloud"\n'))
        service = stage.service()
        assert words(stage.fire(service).outcomes) == {"later/queued": 40}
        for project, apart in (("cloud", HALF), ("other", 2.5)):
            slots = [each.slot for each in wishes(service).values() if each.planned.project == project]
            assert len(slots) == 20
            assert min(slots) <= stage.clock() + apart
            assert all(gap == pytest.approx(apart, abs=0.001) for gap in gaps(slots))


def test_a_webhook_that_wants_all_vaults_is_answered_in_its_time(stage: Stage) -> None:
    rules = (stage.folder / "rules.toml").read_text().replace('proof = "platform"', 'proof = "bearer"\nsecret = "env:AM"')
    stage.write(rules)
    bearer = "example-token-that-opens-nothing"
    service = stage.service(stage.environ(AM=bearer))
    alert = {"alerts": [{"status": "firing", "labels": {"alertname": "DiskFailing", "host": "a"}}]}
    headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
    http = Http("POST", "/alert/am", headers, json.dumps(alert).encode())
    began = stage.clock()
    delivered = service.handle(Envelope("alert", "web", "request-1", None, 25.0, http))
    assert stage.clock() - began <= 4
    assert (delivered.answer.status, words(delivered.outcomes)) == (202, {"later/queued": 40})
    stage.night(service, 120)
    stage.one_each()
