"""What every dialect's labels go through."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from handlers.alerts import pagerduty
from handlers.alerts.generic import read
from handlers.alerts.labels import alert
from handlers.rules.tables import Paths
from handlers.trigger import Alert


def by_fields(value: str) -> str:
    return alert("s", "firing", ["id"], {"id": "1"}, {"note": value}).labels["note"]


def by_paths(value: str) -> str:
    paths = Paths.model_validate({"identity": ["id"], "labels": {"note": "note"}})
    (found,) = read({"id": "1", "note": value}, "s", paths=paths)
    assert isinstance(found, Alert)
    return found.labels["note"]


@pytest.mark.parametrize("label", [by_fields, by_paths])
def test_two_long_values_that_begin_alike_stay_two(label: Callable[[str], str]) -> None:
    first, second = ("a" * 2000 + end for end in "12")
    assert label("a" * 1024) == "a" * 1024
    assert label(first) == "a" * 1007 + "~" + hashlib.sha256(first.encode()).hexdigest()[:16]
    assert len(label(first)) == 1024
    assert label(first) != label(second)
    assert len(label("\ud800" * 1025)) == 1024  # half of a pair, as JSON may hold it


def test_a_field_without_a_name_is_no_label() -> None:
    """PagerDuty's ``custom_fields`` of which one has no ``name``."""
    fields = [{"value": "lost"}, {"name": None, "value": "lost"}, {"name": "", "value": "lost"}, {"name": "team", "value": "erp"}]
    document = {"event": {"event_type": "incident.triggered", "data": {"id": "P1", "custom_fields": fields}}}
    (found,) = pagerduty.read(document, "s")
    assert isinstance(found, Alert)
    assert found.labels == {"incident_id": "P1", "event_type": "incident.triggered", "team": "erp"}
