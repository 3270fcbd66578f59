"""Fifty causes, delivered over and over to four processes of two platforms over one Redis: what CBR's own record says of it.

Over fifty vaults ten thousand deliveries; over one, which is slower, four thousand where nothing may be skipped
(RESTORE_POINT_STRICT=1), and 1,200 otherwise.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from handlers.sandbox import Sandbox
from tests.ledger.servers import Place, open_at, redis
from tests.many.cloud import Moving, alertmanager, environ_of, labels_of, rules_of, sandbox_of, simple, vault_id
from tests.many.fleet import Delivery, Fleet, Said, shares
from tests.many.hurry import insist, used
from tests.runtime_api import LambdaFunction

CAUSES = 50
EACH = 200
"""Deliveries of every cause."""
EACH_MOMENT = 20 if os.environ.get("RESTORE_POINT_STRICT") == "1" else 6
"""... at each of four moments."""
MINUTE = 60.0


@pytest.fixture
def clock() -> Moving:
    return Moving()


def deliveries(each: int, seed: int, clock: Moving, *, vaults: int) -> list[Delivery]:
    """Every cause so many times, all mixed. Half of the causes are told by an Alertmanager, half by a simple sender."""
    found = []
    for number in range(CAUSES * each):
        cause, labels = number % CAUSES, labels_of(number % CAUSES, number % vaults)
        sender, told = ("am", alertmanager) if cause % 2 else ("mon", simple)
        found.append(Delivery(cause, sender, told(labels, clock.text(), number)))
    random.Random(seed).shuffle(found)
    return found


def wishes(place: Place, clock: Moving) -> list[tuple[str, str]]:
    """State and reason of each."""
    with closing(open_at(place, clock)) as ledger:
        bodies = [json.loads(record.body) for record in ledger.since("wish", 0) if " " not in record.key]  # not those left behind
    return [(body["state"], body["reason"]) for body in bodies]


def told(said: Sequence[Said], fleet: Fleet) -> Counter[tuple[int, str, str]]:
    """Status, outcome and reason, counted. Every delivery of the four processes was answered well."""
    counted = Counter((each.status, each.word, each.reason) for each in said)
    print(f"{len(said)} deliveries, {fleet.rate:.0f} a second, {dict(shares(said))}: {dict(counted)}")
    assert len(shares(said)) == 4
    assert {status for status, _, _ in counted} <= {200, 202}
    assert all((word == "later") == (status == 202) for status, word, _ in counted), "202 says that it stands in the ledger"
    return counted


def test_fifty_causes_over_fifty_vaults_end_in_fifty_restore_points(tmp_path: Path, clock: Moving) -> None:
    insist(lambda folder: over_fifty_vaults(folder, clock), tmp_path)


def over_fifty_vaults(folder: Path, clock: Moving) -> None:
    place = redis().place()
    with sandbox_of(CAUSES, clock) as sandbox:
        environ = environ_of(sandbox, folder, rules_of(CAUSES)) | dict(place)
        with Fleet(environ, folder) as fleet:
            said = fleet.deliver(deliveries(EACH, 1, clock, vaults=CAUSES))
            counted = told(said, fleet)
            used(fleet.degraded, CAUSES, sandbox)
    assert len(said) == CAUSES * EACH
    taken = sandbox.restore_points()
    assert Counter(each["vault_id"] for each in taken) == {vault_id(number): 1 for number in range(CAUSES)}
    assert sandbox.counts.applied == CAUSES
    vault_of = {each["id"]: each["vault_id"] for each in taken}
    named = {(each.delivery.cause, vault_of[each.restore_point]) for each in said if each.word in ("created", "joined")}
    assert named == {(cause, vault_id(cause)) for cause in range(CAUSES)}
    assert {word for _, word, _ in counted} <= {"created", "joined", "later"}
    assert counted[200, "created", "accepted"] == CAUSES
    assert {state for state, _ in wishes(place, clock)} == {"done"}


def sweep(environ: dict[str, str], clock: Moving, place: Place) -> None:
    """The watch as Lambda runs it, until nothing is wanted any more; the next sweep is two minutes later each time."""
    for _ in range(5):
        if not any(state in ("wanted", "claimed", "sent") for state, _ in wishes(place, clock)):
            return
        clock.ahead += 2 * MINUTE
        with LambdaFunction("handlers.aws_lambda.watch", env=environ | {"RESTORE_POINT_NOW": clock.text()}) as watch:
            answer = watch.invoke({}, timeout=60)
        assert answer.error is None, answer.error
    raise AssertionError(f"after five sweeps: {Counter(wishes(place, clock))}")


def test_fifty_causes_over_one_vault_end_in_one_restore_point_an_interval(tmp_path: Path, clock: Moving) -> None:
    insist(lambda folder: over_one_vault(folder, clock), tmp_path)


def over_one_vault(folder: Path, clock: Moving) -> None:
    place = redis().place()
    with sandbox_of(1, clock) as sandbox:
        environ = environ_of(sandbox, folder, rules_of(1, min_interval="1h")) | dict(place)
        begun = clock()
        for moment, minutes in enumerate((0, 30, 70, 100)):
            clock.ahead += begun + minutes * MINUTE - clock()
            wanted = deliveries(EACH_MOMENT, moment, clock, vaults=1)
            with Fleet(environ | {"RESTORE_POINT_NOW": clock.text()}, folder / f"{minutes}") as fleet:
                counted = told(fleet.deliver(wanted), fleet)
                used(fleet.degraded, minutes // 60 + 1, sandbox)
            sweep(environ, clock, place)
            check_interval(sandbox, counted, minutes, wishes(place, clock))


def check_interval(
    sandbox: Sandbox, counted: Counter[tuple[int, str, str]], minutes: int, standing: list[tuple[str, str]]
) -> None:
    """One restore point for each hour begun, everything else held back with a reason, nothing left over."""
    intervals = minutes // 60 + 1
    assert sandbox.counts.applied == len(sandbox.restore_points()) == intervals
    assert counted[200, "created", "accepted"] == (1 if minutes in (0, 70) else 0)
    others = {(word, reason) for _, word, reason in counted if word not in ("created", "joined")}
    assert others <= {("skipped", "min_interval"), ("later", "waits_its_turn"), ("later", "in_progress")}
    assert counted[200, "skipped", "min_interval"]
    assert len(standing) == CAUSES
    assert {pair for pair in standing if pair[0] != "done"} == {("failed", "min_interval")}
