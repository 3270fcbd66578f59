"""What stands in lines beside outcomes: counts, ages, and what ties the lines of one restore point together."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from handlers.cli.log_schema import log_schema
from handlers.cli.pack.grafana import AGES, DURATION, dashboard
from handlers.envelope import Envelope
from handlers.report import Report
from handlers.rules import Rules
from handlers.sandbox import estate
from tests.aws.template import RESOURCES
from tests.dispatch.stage import queued, stage_in, wishes
from tests.scripted import World, world_in

RULED = Rules.model_validate(
    {"vaults": {"erp": {"id": estate.ERP_VAULT_ID, "max_age": "26h"}, "lab": {"id": estate.FILES_VAULT_ID}}}
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        made.write_rules()
        rules = tmp_path / "rules.toml"
        rules.write_text(rules.read_text("utf-8").replace("[vaults.files]\n", '[vaults.files]\nmax_age = "26h"\n'), "utf-8")
        yield made


def metrics(world: World) -> list[dict[str, Any]]:
    return [line for line in world.lines() if "_aws" in line and "vault" in line]


def test_the_watch_says_how_old_each_vault_it_looks_at_is(world: World) -> None:
    service = world.service(metrics=True)
    world.sweep(service)
    assert metrics(world) == [], "there is none yet, which is told as overdue"
    world.fire(service)
    world.clock.forward(600)
    world.sweep(service)
    world.clock.forward(3600)
    world.sweep(service)
    (first, second) = metrics(world)
    assert (first["vault"], first["_aws"]["CloudWatchMetrics"][0]["Namespace"]) == ("files", "RestorePoint")
    assert first["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["vault", "service"]] or set(
        first["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]
    ) == {"vault", "service"}
    assert second["Age"][0] - first["Age"][0] == pytest.approx(3600, abs=1)
    ages = [line["ages"] for line in world.deliveries() if "ages" in line]
    assert [set(each) for each in ages] == [{"files"}, {"files"}]
    assert ages[0]["files"] == pytest.approx(first["Age"][0], abs=1)


def test_a_line_counts_its_outcomes_and_says_how_long_the_slowest_took(world: World) -> None:
    world.fire(world.service())
    (line,) = world.deliveries()
    assert line["counts"] == {"created": 1}
    assert line["severity"] == line["level"] == "INFO"


def test_the_lines_of_a_restore_point_share_its_cause_and_the_delivery_that_wanted_it(tmp_path: Path) -> None:
    """From the timer by dispatch and a worker to the watch."""
    with stage_in(tmp_path) as stage:
        service = stage.service()
        cause = queued(stage, service)[0]
        wanted_by = wishes(service)[cause].planned.delivery_id
        stage.work(service, cause)
        stage.clock.forward(200)  # its backup is over, and the others are still the queue's
        service.handle(Envelope("watch", "lambda", "sweep", {}, 60.0))
        said = [line for line in stage.lines() if "restore_points" in line]
        points = [(line["delivery"]["door"], point) for line in said for point in line["restore_points"]]
        about = [(door, point) for door, point in points if point.get("cause") == cause]
        assert [door for door, _ in about][-2:] == ["worker", "watch"]
        assert {point["delivery_id"] for _, point in about} == {wanted_by}
        for line in said:
            Draft202012Validator(log_schema()).validate(line)


def test_grafana_shows_what_cloudwatch_shows() -> None:
    body = json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0])
    own = {each["properties"]["title"] for each in body["widgets"] if "RestorePoint" in json.dumps(each["properties"]["metrics"])}
    assert {panel["title"] for panel in json.loads(dashboard(RULED))["panels"]} == own


def test_grafana_asks_for_nothing_that_no_line_has() -> None:
    """Every key it reads is one that lines have; of vaults those whose age is looked at."""
    document = json.loads(dashboard(RULED))
    asked = [target["expr"] for panel in document["panels"] for target in panel["targets"]]
    read = {key for expression in asked for key in re.findall(r'[nd]="((?:[^"\\]|\\.)*)"', expression)}
    properties = log_schema()["properties"]
    words = set(properties["counts"]["properties"])
    assert {key.split(".")[1] for key in read if key.startswith("counts.")} == words
    assert {key for key in read if not key.startswith("counts.")} == {"duration_ms", "delivery.door", 'ages[\\"erp\\"]'}
    assert {"duration_ms", "delivery", "ages"} <= set(properties)
    by_title = {panel["title"]: panel for panel in document["panels"]}
    assert [target["legendFormat"] for target in by_title[AGES]["targets"]] == ["erp"]
    assert len(by_title[DURATION]["targets"]) == 5
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in document["panels"]]
    assert len(set(places)) == len(places)


def test_ages_of_a_large_fleet_leave_the_line_short_enough_and_the_oldest_in_it() -> None:
    stream = io.StringIO()
    ages = {f"vault-{number:03}-{'x' * 50}": float(number) for number in range(400)}
    Report((), stream).log(Envelope("watch", "lambda", "d", None, 60.0), [], ages=ages)
    assert len(stream.getvalue()) < 16_000
    told = json.loads(stream.getvalue())["ages"]
    assert 100 < len(told) < 400
    assert list(told.values()) == [399 - place for place in range(len(told))]
