"""Grafana's unified alerting: Alertmanager's form, with alerts in it that are none."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.alerts import alertmanager
from handlers.alerts.grafana import read
from handlers.errors import Refusal
from handlers.trigger import Alert, Lost

LABELS = {"alertname": "Replication lag", "grafana_folder": "Databases", "host": "db-7"}
PAGE = "https://grafana.example.org/alerting/grafana/cdx1/view?orgId=3"


def group(*alerts: object, **changes: Any) -> dict[str, Any]:
    return {"receiver": "r", "status": "firing", "orgId": 3, "version": "1", "alerts": [*alerts]} | changes


def an_alert(status: str | None = "firing", **labels: str) -> dict[str, Any]:
    alert = {"labels": LABELS | labels, "annotations": {"summary": "the replica lags"}, "generatorURL": PAGE}
    return alert if status is None else alert | {"status": status}


def one(alert: object, **changes: Any) -> Alert:
    (found,) = read(group(alert, **changes), "g")
    assert isinstance(found, Alert)
    return found


def test_an_alert_is_what_alertmanagers_would_be() -> None:
    document = group(an_alert(), an_alert("resolved", host="db-8"), truncatedAlerts=2)
    assert read(document, "g") == alertmanager.read(document, "g")
    found = one(an_alert())
    assert (found.status, found.labels, found.identity) == ("firing", LABELS, tuple(LABELS))
    assert (found.title, found.link) == ("the replica lags", PAGE)
    assert read(document, "g")[-1] == Lost("g", 2)


@pytest.mark.parametrize(
    ("labels", "status", "state"),
    [
        ({"alertname": "TestAlert", "instance": "Grafana"}, "firing", "test"),
        ({"alertname": "TestAlert", "instance": "Grafana"}, "resolved", "test"),
        ({"alertname": "TestAlert", "instance": "grafana"}, "firing", "firing"),
        ({"alertname": "TestAlert"}, "firing", "firing"),
        ({"alertname": "Disk", "instance": "Grafana"}, "firing", "firing"),
        ({"alertname": "DatasourceNoData"}, "firing", "no_data"),
        ({"alertname": "DatasourceNoData"}, "resolved", "resolved"),
        ({"alertname": "DatasourceNoData"}, "pending", "other"),
        ({"alertname": "DatasourceNoData"}, None, "no_data"),
        ({"alertname": "DatasourceError"}, "firing", "other"),
        ({"alertname": "DatasourceError"}, "resolved", "resolved"),
        ({"alertname": "DatasourceErrors"}, "firing", "firing"),
    ],
)
def test_what_fires_without_being_an_alert(labels: dict[str, str], status: str | None, state: str) -> None:
    assert one(an_alert(status, **labels)).status == state


def test_every_alert_of_a_group_is_judged_by_its_own_labels() -> None:
    document = group(an_alert(alertname="DatasourceNoData"), an_alert(), an_alert(alertname="DatasourceError"))
    assert [each.status for each in read(document, "g") if isinstance(each, Alert)] == ["no_data", "firing", "other"]


def test_an_alert_without_a_name() -> None:
    found = one({"status": "firing", "labels": {"host": "db-7"}, "annotations": None})
    assert (found.status, found.labels, found.title) == ("firing", {"host": "db-7"}, "")


@pytest.mark.parametrize("said", ["?orgId=1", "", "javascript:alert(1)", "/alerting/list", None, 7])
def test_a_link_that_leads_nowhere_is_none(said: object) -> None:
    assert one(an_alert() | {"generatorURL": said}).link == ""


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        ({"ruleId": 4, "state": "alerting", "evalMatches": []}, "unknown_version", "ruleId"),
        ({"evalMatches": [], "title": "x"}, "unknown_version", "ruleId"),
        ({"ruleId": 0}, "unknown_version", "ruleId"),
        ({"incident": {"incident_id": "hush"}}, "wrong_dialect", "alerts"),
        (["hush"], "wrong_dialect", "alerts"),
        ("hush", "wrong_dialect", "alerts"),
        (None, "wrong_dialect", "alerts"),
        ({"alerts": None}, "malformed", "alerts"),
        ({"alerts": ["hush"]}, "malformed", "alerts[0]"),
        ({"alerts": [{"status": "firing", "labels": {"host": 7}}]}, "malformed", "alerts[0].labels"),
    ],
)
def test_what_is_refused(document: object, reason: str, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(document, "g")
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert "hush" not in caught.value.message
    assert "Alertmanager" not in caught.value.message


def test_alerts_beside_a_rules_number_are_the_new_form() -> None:
    assert one(an_alert(), ruleId=4).status == "firing"
