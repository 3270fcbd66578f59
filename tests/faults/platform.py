"""F41 to F51: deliveries that come twice, late, or at strange times."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from tests.delivering import start
from tests.faults.rows import Faults
from tests.faults.stage import Stage
from tests.scripted import START, event

faults = Faults()


@faults("F41a", 0)
@faults("F41c", 6 * 3600)
def twice(stage: Stage, apart: int) -> None:
    stage.fire()
    stage.world.clock.forward(apart)
    stage.fire()


@faults("F41b")
def sixteen_at_once(stage: Stage) -> None:
    service, together = stage.service, threading.Barrier(16)

    def go(_: int) -> Any:
        together.wait(10)
        return stage.world.fire(service)

    with ThreadPoolExecutor(16) as threads:
        for delivered in sorted(threads.map(go, range(16)), key=lambda each: each.outcomes[0].word != "created"):
            stage.note(delivered)


@faults("F42")
def killed_before_the_record(stage: Stage) -> None:
    stage.door.calm()
    victim = start(stage.world, "swap")
    victim.communicate(timeout=30)
    assert victim.returncode == 9
    stage.ends.append("killed")
    stage.fire()


@faults("F43a")
def three_hundred_milliseconds(stage: Stage) -> None:
    stage.fire(seconds=0.3)
    assert stage.world.sandbox.exchanges == []


# ── late and strange times ──


@faults("F49a", 'max_event_age = "12h"')
@faults("F49b", "")
def late(stage: Stage, more: str) -> None:
    stage.world.write_rules(more=more)
    stage.world.clock.forward(23 * 3600)
    stage.fire()


@faults("F50a")
def fires_twice(stage: Stage) -> None:
    stage.fire()
    stage.world.clock.forward(50)
    stage.fire()


@faults("F50b", (3, 2, 1, 0))
@faults("F50c", (0, 1, 2, 3))
def missed(stage: Stage, hours: tuple[int, ...]) -> None:
    stage.world.clock.forward(3 * 3600 + 60)
    for hour in hours:
        stage.fire(START + timedelta(hours=hour))
        stage.world.clock.forward(1)


@faults("F51a", "2026-11-22T23:59:60Z")
@faults("F51b", "9999-12-31T23:59:59Z")
@faults("F51c", "0001-01-01T00:00:00Z")
def strange_time(stage: Stage, text: str) -> None:
    stage.deliver("timer", event() | {"scheduled_time": text})


@faults("F51d")
def not_ended(stage: Stage) -> None:
    stage.alert_rules()
    labels = {"alertname": "DiskFailing", "host": "erp-1"}
    alert = {"status": "firing", "labels": labels, "startsAt": "2026-11-23T01:59:00Z", "endsAt": "0001-01-01T00:00:00Z"}
    stage.deliver("alert", {"alerts": [alert]})


@faults("F51e", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00")
@faults("F51f", "2026-11-23T10:00:00+08:00", "2026-11-23T02:00:00Z")
def two_offsets(stage: Stage, *moments: str) -> None:
    """FunctionGraph's timer fires by local time."""
    stage.edit_rules(
        lambda text: text.replace(event()["schedule_arn"], "nightly").replace("[[rules]]", '[[rules]]\nmax_event_age = "60d"')
    )
    for moment in moments:
        timer = {"version": "v1.0", "time": moment, "trigger_type": "TIMER", "trigger_name": "nightly", "user_event": ""}
        stage.deliver("timer", timer, platform="functiongraph")
        stage.world.clock.forward(3600)
