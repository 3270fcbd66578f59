"""F53 to F59: alerts in the large."""

from __future__ import annotations

from typing import Any

from handlers.message import compose
from handlers.outcome import Failed
from handlers.sandbox import estate
from tests.faults.rows import Faults
from tests.faults.stage import Stage

faults = Faults()
LOOPS = 'window = "2h"\nmatch = {{ namespace = "{}" }}'


@faults("F53")
def storm(stage: Stage) -> None:
    stage.alert_rules()
    stage.environ(RESTORE_POINT_LEDGER="memory")  # each cause is written down, and a disk syncs each
    stage.alert(*(f"erp-{number}" for number in range(10_000)))


@faults("F54a")
def budget(stage: Stage) -> None:
    """A first backup takes a minute, a later one a third of it: each is over when the next payload comes."""
    stage.alert_rules(more="budget_per_hour = 3")
    for number in range(12):
        stage.alert(f"erp-{number}")
        stage.world.clock.forward(70)


@faults("F54b")
def five_hundred_payloads(stage: Stage) -> None:
    stage.alert_rules(vault='min_interval = "1h"')
    stage.environ(RESTORE_POINT_LEDGER="memory")
    for number in range(500):
        stage.alert(f"erp-{number}")
        stage.world.clock.forward(0.1)


@faults("F55")
def truncated(stage: Stage) -> None:
    stage.alert_rules()
    stage.alert("erp-1", truncatedAlerts=17)


@faults("F56")
def mixed(stage: Stage) -> None:
    stage.alert_rules()
    alerts = [
        {"status": status, "labels": {"alertname": "DiskFailing", "host": host}}
        for host, status in (("erp-1", "firing"), ("erp-2", "resolved"))
    ]
    stage.deliver("alert", {"status": "firing", "alerts": alerts})


@faults("F57")
def flapping(stage: Stage) -> None:
    stage.alert_rules()
    for number in range(20):
        stage.alert("erp-1", status="resolved" if number % 2 else "firing")
        stage.world.clock.forward(60)
    stage.ends.sort()


@faults("F58a")
def rule_about_cbr(stage: Stage) -> None:
    stage.alert_rules(more=LOOPS.format("SYS.CBR"))
    stage.starts()


@faults("F58b")
def alert_about_cbr(stage: Stage) -> None:
    stage.alert_rules(more=LOOPS.format("SYS.*"))
    labels = {"alertname": "VaultAlmostFull", "host": "erp-1", "namespace": "SYS.CBR"}
    stage.deliver("alert", {"alerts": [{"status": "firing", "labels": labels}]})


@faults("F59a", "alert")
@faults("F59b", "once")
def our_own_message(stage: Stage, door: Any) -> None:
    more = '[senders.ci]\ndialect = "once"\nproof = "platform"\n'
    stage.alert_rules(sender=more)
    told = Failed(reason="rejected", message="CBR refused it.", rule="disks", vault="files", vault_id=estate.FILES_VAULT_ID)
    stage.deliver(door, compose(told).document)
