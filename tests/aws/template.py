"""template.yaml as a test reads it: CloudFormation's short forms in their long form, and what is in it by kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

yaml: Any = pytest.importorskip("yaml", reason="PyYAML comes with cfn-lint, from the dev extra")
ROOT = Path(__file__).parents[2]
FILE = ROOT / "template.yaml"
DOORS = ("Timer", "Alert", "Once", "Watch", "Worker")


class Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """CloudFormation's short forms in their long form."""


def _long(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt":
        value = value.split(".")
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _long)
TEMPLATE: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), Loader)
PARAMETERS, RESOURCES = TEMPLATE["Parameters"], TEMPLATE["Resources"]
GLOBALS: dict[str, Any] = TEMPLATE["Globals"]["Function"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each.get("Properties", {}) for name, each in RESOURCES.items() if each["Type"] == kind}


FUNCTIONS = {name: GLOBALS | each for name, each in of_type("AWS::Serverless::Function").items()}
VARIABLES: dict[str, Any] = GLOBALS["Environment"]["Variables"]


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key, each
            yield from walk(each)
    elif isinstance(value, list):
        for each in value:
            yield from walk(each)


def events_of(kind: str) -> dict[str, dict[str, Any]]:
    """What invokes functions of itself, by the event's name."""
    events = [each for function in FUNCTIONS.values() for each in function.get("Events", {}).items()]
    assert {each["Type"] for _, each in events} == {"ScheduleV2", "SNS", "SQS"}
    return {name: each["Properties"] for name, each in events if each["Type"] == kind}


def schedules() -> dict[str, dict[str, Any]]:
    return events_of("ScheduleV2")
