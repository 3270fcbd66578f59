"""F24 to F40: CBR's own behaviour."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

from handlers.sandbox import estate
from tests.faults.rows import Faults
from tests.faults.stage import POST, Stage
from tests.scripted import BACKUPS, CREATE, SHOW, START, answers, executes_and, executes_and_changes, fails

faults = Faults()


@faults("F24a", "6125")
@faults("F24b", "6203")
@faults("F24c", "6130")
@faults("F24d", "6134")
@faults("F24e", "7200")
@faults("F24f", "0001")
@faults("F24g", "0002")
def busy(stage: Stage, code: str) -> None:
    stage.strike(f"error:code={code},{POST}")
    stage.fire()


@faults("F24h", "6125")
@faults("F24i", "6203")
@faults("F24j", "6130")
@faults("F24k", "6134")
@faults("F24l", "7200")
@faults("F24m", "0001")
@faults("F24n", "0002", 500)
def busy_with_ours(stage: Stage, code: str, status: int = 400) -> None:
    stage.door.on(BACKUPS, answers(200, {"backups": [], "count": 0}))
    stage.door.on(CREATE, executes_and(fails(code, status)))
    stage.fire()


@faults("F25")
def some_skipped(stage: Stage) -> None:
    stage.world.write_rules("erp")
    stage.strike("skip:which=one")
    outcome = stage.fire()
    assert len(outcome.skipped_resources) == len(outcome.resources) == 1
    assert outcome.skipped_resources[0].code in stage.world.sandbox.published[0]["message"]


@faults("F26a", "6125")
@faults("F27", "7103")
def all_skipped(stage: Stage, code: str) -> None:
    stage.strike(f"skip:which=all,code={code}")
    stage.fire()


@faults("F26b")
def all_skipped_by_a_run_that_serves(stage: Stage) -> None:
    stage.world.clock.forward(10)
    stage.occupy()
    stage.strike("skip:which=all,code=6125")
    stage.fire()


@faults("F28")
def vault_gone(stage: Stage) -> None:
    stage.edit_rules(lambda text: text.replace(estate.FILES_VAULT_ID, "00000000-0000-4000-8000-000000000001"))
    outcome = stage.fire()
    assert outcome.error_code == "BackupService.6105"
    assert "files" in outcome.message


@faults("F29a", "full")
@faults("F29b", f"error:code=6142,times=3,{POST}")
@faults("F29c", "frozen")
def full(stage: Stage, fault: str) -> None:
    stage.alert_rules(more='give_up_after = "10m"')
    stage.strike(fault)
    for host in ("erp-1", "erp-2", "erp-3"):
        stage.alert(host)
        stage.world.clock.forward(20)


@faults("F30")
def not_in_vault(stage: Stage) -> None:
    stage.world.write_rules("files", more=f'parameters = {{ resources = ["{estate.ERP_DB_ID}"] }}')
    assert stage.fire().error_code == "BackupService.6135"


@faults("F35a", "504", 60.0)
@faults("F35b", "reset", 60.0)
@faults("F35c", "hang", 5.2)
def applied_late(stage: Stage, answer: str, seconds: float) -> None:
    stage.strike(f"late_apply:after=60,answer={answer}")
    stage.fire(seconds=seconds)


@faults("F36a", 1)
@faults("F36b", 2)
def broken_later(stage: Stage, times: int) -> None:
    stage.strike(f"fail:after=30,times={times}")
    stage.lasting = True
    stage.fire()


@faults("F37a")
def policy_after_the_cause(stage: Stage) -> None:
    stage.world.clock.forward(10)
    stage.strike("foreign:seconds=600")
    stage.fire()


@faults("F37b")
def policy_before_the_cause(stage: Stage) -> None:
    stage.occupy()
    stage.world.clock.forward(10)
    stage.fire(START + timedelta(seconds=5))


@faults("F38a", "unknown_enum:times=3")
@faults("F38b", "new_fields:times=0")
def unknown(stage: Stage, fault: str) -> None:
    stage.strike(fault)
    stage.lasting = True
    stage.fire()


@faults("F38c")
def other_types(stage: Stage) -> None:
    stage.world.sandbox.habits.forms = "documents"
    stage.fire()


@faults("F38d")
def other_zones(stage: Stage) -> None:
    def east(document: Any) -> Any:
        """The same moments, as they are written elsewhere."""

        def written(found: re.Match[str]) -> str:
            return f'"{found[1]}.000000+00:00"'

        return json.loads(re.sub(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z?"', written, json.dumps(document)))

    def bare(document: Any) -> Any:
        return json.loads(re.sub(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)[^"]*"', r'"\1"', json.dumps(document)))

    stage.door.on(CREATE, executes_and_changes(east))
    stage.door.on(SHOW, executes_and_changes(bare))
    stage.fire()
    stage.lose_ledger()
    stage.door.on(BACKUPS, executes_and_changes(bare))
    stage.fire()
    stage.lasting = True


@faults("F39a", f"envelope:style=cbr,code=400,{POST}")
@faults("F39b", f"envelope:style=gateway,code=400,{POST}")
@faults("F39c", f"envelope:style=iam,code=400,{POST}")
@faults("F39d", f"envelope:style=smn,code=400,{POST}")
@faults("F39e", f"chinese_error:{POST}")
@faults("F39f", f"huge_error:{POST}")
def error_texts(stage: Stage, fault: str) -> None:
    stage.strike(fault)
    outcome = stage.fire()
    assert len(outcome.message) < 200 + 200, "200 of the service's, and a sentence of ours around them"
    assert outcome.message.isprintable()


@faults("F40")
def another_vault(stage: Stage) -> None:
    stage.strike("other_vault")
    stage.fire()
