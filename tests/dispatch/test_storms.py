"""An alert storm over more vaults than one run takes: each restore point settles all the causes it was wanted for."""

from __future__ import annotations

from pathlib import Path

from handlers.restore_point.wish import Wish
from handlers.service import Service
from tests.dispatch.stage import Stage, stage_in, wishes, words

HOSTS = ("a", "b", "c", "d", "e")


def settled(stage: Stage, service: Service) -> dict[str, Wish]:
    found = wishes(service)
    assert len(found) == 5 * stage.vaults
    return found


def test_five_causes_over_forty_vaults_are_forty_restore_points(stage: Stage, service: Service) -> None:
    outcomes = stage.storm(service, *HOSTS).outcomes
    assert words(outcomes) == {"later/queued": 40}
    assert {each.causes for each in outcomes} == {5}
    assert len(stage.sent()) == 40
    stage.night(service, 300)
    stage.one_each()
    made = {each["vault_id"]: each["id"] for each in stage.sandbox.restore_points()}
    for wish in settled(stage, service).values():
        assert wish.checkpoint_id == made[wish.planned.backup.vault_id]
    for again in (*((host,) for host in HOSTS), HOSTS, HOSTS[::-1], HOSTS[2:]):
        come = stage.storm(stage.service(), *again)
        assert words(come.outcomes) == {"joined/already_taken": 40}
        assert all(each.checkpoint_id == made[each.vault_id] for each in come.outcomes)
    stage.one_each()


def test_a_cause_of_a_storm_that_comes_alone_while_it_waits_is_no_second_restore_point(stage: Stage, service: Service) -> None:
    stage.storm(service, *HOSTS)
    for host in HOSTS:
        alone = words(stage.storm(service, host).outcomes)
        assert sum(alone.values()) == 40
        assert all(each.startswith(("later/", "joined/")) for each in alone), alone
    stage.night(service, 400)
    stage.one_each()
    for host in HOSTS:
        assert words(stage.storm(service, host).outcomes) == {"joined/already_taken": 40}
    stage.one_each()


def test_a_cause_that_waits_alone_already_waits_for_the_storms_others_too(stage: Stage, service: Service) -> None:
    """Whichever of them leads: what is said to wait has to stand in the ledger."""
    stage.storm(service, "a")
    stage.storm(service, *HOSTS)
    settled(stage, service)
    stage.night(service, 600)
    stage.one_each()
    for host in HOSTS:
        assert words(stage.storm(service, host).outcomes) == {"joined/already_taken": 40}
    stage.one_each()


def test_a_storm_whose_messages_were_lost_and_came_twice_is_settled_as_one(tmp_path: Path) -> None:
    with stage_in(tmp_path) as stage:
        service = stage.service()
        stage.storm(service, *HOSTS)
        while stage.queue.receive():
            pass
        stage.queue._held.clear()
        stage.storm(service, *HOSTS)
        stage.night(service, 1500)
        stage.one_each()
        for host in HOSTS:
            assert words(stage.storm(service, host).outcomes)["joined/already_taken"] == 40
