"""F16 to F21: who we are to CBR and IAM."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from handlers.service import Service
from tests.faults.clocks import within
from tests.faults.rows import Faults
from tests.faults.stage import POST, Stage
from tests.scripted import CREATE, START, TOKENS, Clock, answers, cuts, waits

faults = Faults()


@faults("F16", f"token_expired:{POST}")
@faults("F17", f"malformed_url:{POST}")
@faults("F18", f"unauthorized:times=0,{POST}")
def with_a_token(stage: Stage, fault: str) -> None:
    stage.with_password()
    stage.strike(fault)
    stage.fire()


@faults("F19")
def no_right(stage: Stage) -> None:
    stage.strike(f"forbidden:{POST}")
    assert "cbr:vaults:backup" in stage.fire().message


@faults("F20a")
def iam_is_down(stage: Stage) -> None:
    """Tokens live for 24 hours."""
    stage.with_password()
    stage.door.calm()
    stage.fire()
    stage.door.on(TOKENS, cuts, always=True)
    for minutes in (24 * 60 - 6, 24 * 60 - 4):
        moment = START + timedelta(minutes=minutes)
        stage.world.clock.forward((moment - stage.world.clock.now()).total_seconds())
        stage.fire(moment)


@faults("F20b")
def iam_never_answers(stage: Stage) -> None:
    stage.with_password()
    stage.door.calm()
    stage.fire()
    stage.door.on(TOKENS, waits, always=True)
    stage.world.clock.forward(12 * 3600)
    with within(2):
        stage.fire(START + timedelta(hours=12))


SKEWED: dict[str, Any] = {
    "error_code": "APIGW.0303",
    "error_msg": "Incorrect app authentication information: signature expired, clock skew too large",
    "request_id": "1",
}


@faults("F21a")
def said_to_be_skewed(stage: Stage) -> None:
    stage.door.on(CREATE, answers(401, SKEWED), always=True)
    assert "clock" in stage.fire().message.lower()


@faults("F21b")
def really_skewed(stage: Stage) -> None:
    right, ahead = stage.service, Clock(START + timedelta(minutes=20))
    stage.service = Service(stage.world.settings(stage.environ()), ahead, stream=stage.world.stream)
    stage.closing.append(stage.service.close)
    assert "clock" in stage.fire().message.lower()
    stage.service = right
