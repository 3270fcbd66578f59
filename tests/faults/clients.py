"""What other clients of CBR were measured against, and two more: each failure once against this product."""

from __future__ import annotations

import time
from datetime import timedelta

from tests.faults.clocks import hung_up, within
from tests.faults.rows import Faults
from tests.faults.stage import POST, Stage
from tests.scripted import CREATE, START, Passing, answers, cuts, executes_and, passes, waits

faults = Faults()
GIVE_UP = 'give_up_after = "10m"'
SHORT = 5.2
"""Seconds that leave a little more than two for asking."""


@faults("C1", f"throttle:retry_after=seconds,seconds=1,{POST}")
@faults("C3", f"status:code=500,{POST}")
@faults("C4", f"status:code=503,{POST}")
@faults("C6", f"reset_after:{POST}")
@faults("C8", f"hang:seconds=0.1,{POST}")
@faults("C11b", f"unauthorized:{POST}")
@faults("C12", f"not_json:{POST}")
@faults("C14", f"html:{POST}")
@faults("C16a", "skip:which=all,code=6125")
@faults("C16b", "skip:which=all,code=7103")
def once(stage: Stage, fault: str) -> None:
    stage.strike(fault)
    stage.fire()


@faults("C2")
def throttled_for_ever(stage: Stage) -> None:
    stage.world.write_rules(more=GIVE_UP)
    stage.strike(f"throttle:times=0,retry_after=seconds,seconds=20,{POST}")
    in_time(stage)


def in_time(stage: Stage, seconds: float = 60.0) -> None:
    """The fault goes on for ever; ten minutes and one claim after the delivery everything must be over and told."""
    began = stage.world.clock()
    stage.lasting, stage.sweep_seconds = True, seconds
    stage.fire(seconds=seconds)
    stage.closing.append(lambda: over_by(stage, began + 600 + 240))


def over_by(stage: Stage, moment: float) -> None:
    assert stage.world.sandbox.published, "somebody was told"
    assert stage.world.sandbox.published[-1]["at"] <= moment


@faults("C5")
def unavailable_but_created(stage: Stage) -> None:
    stage.door.on(CREATE, executes_and(answers(503, b"<html>", {"Retry-After": "1"})))
    stage.fire()


@faults("C7", f"reset_after:times=0,{POST}")
def always(stage: Stage, fault: str) -> None:
    stage.world.write_rules(more=GIVE_UP)
    stage.strike(fault)
    stage.lasting = True
    stage.fire()


@faults("C9")
def too_slow(stage: Stage) -> None:
    """Of these seconds the telling gets three, so a little more than one is left for asking."""

    def late(it: Passing) -> None:
        said = it.forward()
        time.sleep(3)
        it.say(*said)

    stage.door.on(CREATE, late)
    with within(2.9):
        stage.fire(seconds=SHORT)


@faults("C10")
def slow(stage: Stage) -> None:
    def late(it: Passing) -> None:
        stage.world.clock.forward(8)
        passes(it)

    stage.door.on(CREATE, late)
    stage.fire()


@faults("C11a")
def unauthorized_with_a_token(stage: Stage) -> None:
    stage.with_password()
    stage.strike(f"unauthorized:{POST}")
    stage.fire()


@faults("C15")
def one_skipped(stage: Stage) -> None:
    stage.world.write_rules("erp")
    stage.strike("skip:which=one")
    outcome = stage.fire()
    assert outcome.skipped_resources[0].reason
    assert outcome.skipped_resources[0].code


@faults("C17")
def idle_closed(stage: Stage) -> None:
    stage.strike("close_idle:times=0,seconds=1")  # later than a loaded machine needs from one call to the next
    stage.fire()
    hung_up(stage.world.sandbox.endpoint)
    stage.world.clock.forward(3600)
    stage.fire(START + timedelta(hours=1))


@faults("C13")
def shorter_than_announced(stage: Stage) -> None:
    """The connection stays open: the missing bytes could still come."""
    stage.strike(f"wrong_length:by=8,{POST}")
    with within(SHORT):
        stage.fire(seconds=SHORT)


@faults("C18a")
def never_answered(stage: Stage) -> None:
    stage.door.on(CREATE, executes_and(waits))
    with within(SHORT):
        stage.fire(seconds=SHORT)


@faults("C18b")
def never_answered_for_ever(stage: Stage) -> None:
    stage.world.write_rules(more='give_up_after = "4m"')
    stage.strike(f"hang:times=0,when=before,{POST}")
    in_time(stage, SHORT)


@faults("C19")
def refused(stage: Stage) -> None:
    stage.strike("refuse:seconds=600")
    stage.fire()


@faults("C20a")
def reset_before(stage: Stage) -> None:
    stage.door.on(CREATE, cuts)
    stage.fire()


@faults("C20b")
def reset_before_for_ever(stage: Stage) -> None:
    stage.door.on(CREATE, cuts, always=True)
    stage.world.write_rules(more=GIVE_UP)
    in_time(stage)
