"""The answer a platform gets: the table of design section 6."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.outcome import (
    Answer,
    Available,
    Broken,
    Created,
    Failed,
    Joined,
    Later,
    Outcome,
    Partly,
    Refused,
    Skipped,
    answer,
)
from handlers.vault_backup import CheckpointResource, SkippedResource

SAID: dict[str, Any] = {"reason": "why", "message": "What happened."}

CREATED, JOINED, SKIPPED = Created(**SAID), Joined(**SAID), Skipped(**SAID)
LATER, LOST = Later(**SAID, retry_after=90.0), Later(**SAID, durable=False, retry_after=30.0)
FAILED, REFUSED, FORBIDDEN = Failed(**SAID), Refused(**SAID), Refused(**SAID, http=403)


@pytest.mark.parametrize(
    ("outcome", "told", "one_off", "expected"),
    [
        (CREATED, True, False, Answer(200)),
        (JOINED, True, False, Answer(200)),
        (SKIPPED, True, False, Answer(200)),
        (Available(**SAID), True, False, Answer(200)),
        (Partly(**SAID), True, False, Answer(200)),
        (Broken(**SAID), True, False, Answer(200)),
        (CREATED, False, True, Answer(200)),  # what is good need not have been told
        (LATER, True, False, Answer(202, again=False, retry_after=90.0)),
        (LOST, True, False, Answer(503, again=True, retry_after=30.0)),
        (FAILED, True, False, Answer(200)),
        (FAILED, True, True, Answer(422)),
        (FAILED, False, False, Answer(500, again=True)),
        (FAILED, False, True, Answer(500, again=True)),
        *((Refused(**SAID, http=status), True, False, Answer(status)) for status in (400, 401, 403, 405, 413, 415)),
    ],
)
def test_each_end_has_its_answer(outcome: Outcome, told: bool, one_off: bool, expected: Answer) -> None:
    assert answer([outcome], told=told, one_off=one_off) == expected


def test_nothing_to_do_is_done() -> None:
    assert answer([], told=True) == Answer(200)


# reliability.md, section 7: Failed-untold > Later > Failed > Refused > rest
@pytest.mark.parametrize(
    ("outcomes", "told", "status"),
    [
        ([CREATED, REFUSED], True, 400),
        ([CREATED, FORBIDDEN, SKIPPED], True, 403),
        ([FAILED, REFUSED], True, 422),
        ([LATER, FAILED, CREATED], True, 202),
        ([LATER, REFUSED], True, 202),
        ([LOST, LATER, REFUSED], True, 503),
        ([LOST, FAILED], True, 503),
        ([LOST, FAILED, CREATED], False, 500),
        ([CREATED, JOINED, SKIPPED], True, 200),
    ],
)
def test_the_worst_end_speaks_whatever_the_order(outcomes: list[Outcome], told: bool, status: int) -> None:
    found = {answer(each, told=told, one_off=True) for each in permutations(outcomes)}
    assert {each.status for each in found} == {status}
    assert len(found) == 1


ANY = st.sampled_from([CREATED, JOINED, SKIPPED, LATER, LOST, FAILED, REFUSED, FORBIDDEN])


@given(st.lists(ANY, max_size=6), st.booleans(), st.booleans())
def test_redelivery_is_asked_for_exactly_when_something_would_be_lost(outcomes: list[Outcome], told: bool, one_off: bool) -> None:
    found = answer(outcomes, told=told, one_off=one_off)
    lost = LOST in outcomes or (FAILED in outcomes and not told)
    assert found.again == lost
    assert (found.status >= 500) == lost  # HTTP senders repeat on 5xx only
    assert found.status not in (429, 409)
    assert (found.retry_after > 0) == (found.status in (202, 503))


@given(st.lists(ANY, max_size=6).flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))), st.booleans())
def test_the_order_of_outcomes_changes_nothing(pair: tuple[list[Outcome], list[Outcome]], told: bool) -> None:
    assert answer(pair[0], told=told) == answer(pair[1], told=told)


def test_an_outcome_in_json_has_the_keys_of_the_design() -> None:
    outcome = Created(
        **SAID,
        rule="nightly-erp",
        vault="erp",
        vault_id="3b5816b5-f29c-4172-9d9a-76c719a659ce",
        cause_names=("nightly 2026-11-23T02:00:00+00:00",),
        resources=(CheckpointResource(id="94eba8b2-acc9-4d82-badc-127144cc5526", type="OS::Nova::Server"),),
        skipped_resources=(SkippedResource(id="d", type="t", name="n", code="BackupService.6203", reason="busy"),),
    )
    plain = json.loads(json.dumps(outcome.to_dict()))
    promised = """outcome reason rule vault vault_id causes name checkpoint_id resources skipped_resources delivery_id trigger
        sender duration_ms request_id error_code message""".split()
    assert set(plain) >= set(promised)
    assert plain["outcome"] == "created"
    assert plain["cause_names"] == ["nightly 2026-11-23T02:00:00+00:00"]
    assert plain["skipped_resources"] == [{"id": "d", "type": "t", "name": "n", "code": "BackupService.6203", "reason": "busy"}]
    assert plain["resources"][0]["id"] == "94eba8b2-acc9-4d82-badc-127144cc5526"


def test_the_words_are_stable() -> None:
    ends = (CREATED, JOINED, SKIPPED, REFUSED, LATER, FAILED, Available(**SAID), Partly(**SAID), Broken(**SAID))
    words = "created joined skipped refused later failed available partly broken".split()
    assert [end.to_dict()["outcome"] for end in ends] == words
