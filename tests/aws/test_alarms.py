"""Alarms and dashboard of template.yaml: every function is watched, silence too, and only by metrics that really are printed."""

from __future__ import annotations

import io
import json
import re
from typing import get_args

from handlers.envelope import Door, Envelope
from handlers.outcome import Outcome
from handlers.report import Report, Told
from tests.aws.template import DOORS, PARAMETERS, RESOURCES, of_type

DAY = 86400
WATCHED = ("available", "overdue")
"""What the watch alone finds."""
SEARCH = re.compile(r"""SUM\(SEARCH\('\{(\w+),door,service\} MetricName="(\w+)" service="restore-point"', 'Sum', 3600\)\)""")
KINDS = {each.word: each for each in Outcome.__subclasses__()}
ALARMS = of_type("AWS::CloudWatch::Alarm")


def test_every_function_has_its_alarms_and_somebody_hears_them() -> None:
    for alarm in ALARMS.values():
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}]
    for name in DOORS:
        for metric in ("Errors", "Throttles"):
            alarm = ALARMS[f"{name}{metric}Alarm"]
            assert (alarm["MetricName"], alarm["Dimensions"]) == (metric, [{"Name": "FunctionName", "Value": {"Ref": name}}])
            assert RESOURCES[f"{name}{metric}Alarm"].get("Condition") == RESOURCES[name].get("Condition")
    assert ALARMS["DeadLettersAlarm"]["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["DeadLetters", "QueueName"]}


def test_silence_is_an_alarm_and_cloudwatch_can_hold_its_window() -> None:
    silence = ALARMS["NoSuccessAlarm"]
    assert (silence["MetricName"], silence["TreatMissingData"]) == ("Available", "breaching")
    assert silence["EvaluationPeriods"] == {"Ref": "SuccessHours"}
    assert (silence["Threshold"], silence["ComparisonOperator"]) == (1, "LessThanThreshold")
    overdue = ALARMS["OverdueAlarm"]
    assert overdue["Period"] * overdue["EvaluationPeriods"] > DAY  # it is told again a day later
    longest = {"SuccessHours": PARAMETERS["SuccessHours"]["MaxValue"]}
    for alarm in ALARMS.values():
        periods = alarm["EvaluationPeriods"]
        window = alarm["Period"] * (longest[periods["Ref"]] if isinstance(periods, dict) else periods)
        assert window <= (7 if alarm["Period"] >= 3600 else 1) * DAY  # PutMetricAlarm's limits


def measured_by(word: str) -> tuple[str, dict[str, str]]:
    """The metric of an outcome as the function prints it: its namespace and, from the line itself, its dimensions."""
    stream = io.StringIO()
    door: Door = "watch" if word in WATCHED else "timer"
    envelope = Envelope(door, "lambda", "delivery-1", {}, 60.0)
    Report((), stream, metrics=True).log(envelope, [(KINDS[word](reason="any", message="any"), Told(1))])
    (line,) = [found for found in map(json.loads, stream.getvalue().splitlines()) if "_aws" in found]
    (document,) = line["_aws"]["CloudWatchMetrics"]
    assert {each["Name"] for each in document["Metrics"]} == {word.capitalize(), "Duration"}
    return document["Namespace"], {name: line[name] for name in document["Dimensions"][0]}


def test_alarms_and_dashboard_name_metrics_that_the_functions_print() -> None:
    for name in ("NoSuccessAlarm", "OverdueAlarm"):
        alarm = ALARMS[name]
        namespace, dimensions = measured_by(alarm["MetricName"].lower())
        assert alarm["Namespace"] == namespace
        assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == dimensions
    text, given = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(text)["widgets"]
    metrics = [metric for widget in widgets for metric in widget["properties"]["metrics"]]
    expressions = [metric[0]["expression"] for metric in metrics if len(metric) == 1]
    ages = [each for each in expressions if 'MetricName="Age"' in each]
    assert ages == ["""SEARCH('{RestorePoint,service,vault} MetricName="Age" service="restore-point"', 'Maximum', 3600)"""]
    expressions = [each for each in expressions if each not in ages]
    searched = [SEARCH.fullmatch(each).groups() for each in expressions]  # type: ignore[union-attr]
    assert {name.lower() for _, name in searched} == set(KINDS)
    assert {measured_by(word)[0] for word in KINDS} == {namespace for namespace, _ in searched}
    named = [metric for metric in metrics if len(metric) > 1]
    own = {tuple(metric[:-1]) for metric in named if metric[0] == "RestorePoint"}
    assert own == {("RestorePoint", "Duration", "door", door, "service", "restore-point") for door in get_args(Door)}
    assert {tuple(metric[:2]) for metric in named if metric[0] != "RestorePoint"} == {
        ("AWS/Lambda", "Duration"), ("AWS/Lambda", "AsyncEventAge"), ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    }  # fmt: skip
    for metric in named:
        if metric[2] in ("FunctionName", "QueueName"):
            thing = metric[3].strip("${}").split(".")[0]
            assert thing in given or (thing in RESOURCES and "Condition" not in RESOURCES[thing])


def test_every_bad_end_is_an_alarm_by_metrics_that_are_printed() -> None:
    bad = {"failed": get_args(Door), "broken": ("watch",), "partly": ("watch",), "missed": ("watch",)}
    for word, doors in bad.items():
        alarms = [each for each in ALARMS.values() if each.get("MetricName") == word.capitalize()]
        assert {each["Dimensions"][0]["Value"] for each in alarms} == set(doors)
        assert {each["Namespace"] for each in alarms} == {measured_by(word)[0]}
        assert all([dimension["Name"] for dimension in each["Dimensions"]] == ["door", "service"] for each in alarms)
        assert all((each["Threshold"], each["TreatMissingData"]) == (0, "notBreaching") for each in alarms)
