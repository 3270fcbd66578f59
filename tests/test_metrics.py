"""Metrics are those that Powertools would write, and CloudWatch reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from handlers.metrics import Value, metric_line

AT = 1_795_810_609.8734
VALUES: dict[str, list[Value]] = {
    "one": [("Created", "Count", 1.0)],
    "several": [("Created", "Count", 2.0), ("Failed", "Count", 1.0), ("Duration", "Milliseconds", 12.0)],
    "several of a name": [("Duration", "Milliseconds", float(number)) for number in range(99)],
    "an age": [("Age", "Seconds", 90_000.5)],
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("dimensions", [{"door": "timer"}, {"vault": 'a "quoted" one'}])
def test_the_document_is_the_librarys(values: list[Value], dimensions: dict[str, str]) -> None:
    library = EphemeralMetrics(namespace="RestorePoint", service="restore-point")
    for name, value in dimensions.items():
        library.add_dimension(name, value)
    for name, unit, number in values:
        library.add_metric(name, MetricUnit(unit), number)
    wanted: dict[str, Any] = dict(library.serialize_metric_set())
    found = json.loads(metric_line("RestorePoint", {**dimensions, "service": "restore-point"}, values, AT))
    assert found["_aws"]["Timestamp"] == 1_795_810_609_873
    assert isinstance(wanted["_aws"].pop("Timestamp"), int)
    found["_aws"].pop("Timestamp")
    assert found == wanted


def test_it_is_one_line_of_ascii() -> None:
    line = metric_line("RestorePoint", {"vault": "Büro\n", "service": "restore-point"}, VALUES["one"], AT)
    assert line.isascii()
    assert "\n" not in line
