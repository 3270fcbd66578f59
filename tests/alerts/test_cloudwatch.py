"""CloudWatch's three forms: what names the alarm, what it is in, and what its metrics agree in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerts.cloudwatch import read
from handlers.errors import Refusal
from handlers.trigger import Alert

ARN = "arn:aws:cloudwatch:eu-central-1:210987654321:alarm:ErpDisk"
CANARY = "hush-41c9"


def metric(name: object = "disk_used", namespace: object = "CWAgent", **dimensions: object) -> dict[str, Any]:
    return {"id": "m", "metricStat": {"metric": {"namespace": namespace, "name": name, "dimensions": dimensions}}}


def event(*metrics: object, kind: str = "CloudWatch Alarm State Change", **state: object) -> dict[str, Any]:
    return {
        "detail-type": kind,
        "source": "aws.cloudwatch",
        "account": "210987654321",
        "region": "eu-central-1",
        "resources": [ARN],
        "detail": {
            "alarmName": "ErpDisk",
            "state": {"value": "ALARM", "timestamp": "2026-03-02T02:00:07.120+0000"} | state,
            "configuration": {"metrics": list(metrics)},
        },
    }


def action(**alarm: object) -> dict[str, Any]:
    data = {"alarmName": "ErpDisk", "state": {"value": "ALARM"}} | alarm
    return {"alarmArn": ARN, "accountId": "210987654321", "region": "eu-central-1", "alarmData": data}


def message(**changes: object) -> dict[str, Any]:
    return {
        "AlarmName": "ErpDisk",
        "AWSAccountId": "210987654321",
        "NewStateValue": "ALARM",
        "StateChangeTime": "2026-03-02T02:00:07.120+0000",
        "Region": "EU (Frankfurt)",
        "AlarmArn": ARN,
        "Trigger": {"MetricName": "disk_used", "Namespace": "CWAgent", "Dimensions": [{"name": "host", "value": "erp-1"}]},
    } | changes


def one(document: object) -> Alert:
    (found,) = read(document, "aws")
    assert isinstance(found, Alert)
    return found


def refused(document: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(document, "aws")
    assert CANARY not in caught.value.message
    return caught.value


@pytest.mark.parametrize("document", [event(metric(host="erp-1")), message()])
def test_two_ways_to_say_the_same(document: object) -> None:
    labels = {"alarm_name": "ErpDisk", "alarm_arn": ARN, "account": "210987654321", "region": "eu-central-1"}
    metric_labels = {"namespace": "CWAgent", "metric_name": "disk_used", "host": "erp-1"}
    since = datetime(2026, 3, 2, 2, 0, 7, 120000, UTC)
    assert one(document) == Alert("aws", "firing", labels | metric_labels, ("alarm_arn",), "ErpDisk", "", since)


def test_an_alarm_invokes_the_function_itself() -> None:
    found = one(action())
    assert (found.status, found.identity, found.labels["account"]) == ("firing", ("alarm_arn",), "210987654321")
    assert one(action(state={"value": "ALARM", "actionsSuppressedBy": "Alarm"})).status == "suppressed"


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("OK", "resolved"),
        ("INSUFFICIENT_DATA", "no_data"),
        ("alarm", "other"),
        (None, "other"),
        (["ALARM"], "other"),
        (1, "other"),
    ],
)
def test_states(value: object, status: str) -> None:
    assert [one(event(value=value)).status, one(message(NewStateValue=value)).status] == [status, status]


@pytest.mark.parametrize(
    ("value", "by", "status"),
    [("ALARM", "WaitPeriod", "suppressed"), ("ALARM", None, "firing"), ("ALARM", "", "firing"), ("OK", "Alarm", "resolved")],
)
def test_only_an_alarm_is_suppressed(value: str, by: object, status: str) -> None:
    assert one(event(value=value, actionsSuppressedBy=by)).status == status


def test_a_changed_configuration_asks_for_nothing() -> None:
    found = one(event(metric(host="erp-1"), kind="CloudWatch Alarm Configuration Change"))
    assert (found.status, found.labels) == ("other", one(event(metric(host="erp-1"))).labels)


@pytest.mark.parametrize("arn", [None, "", [ARN]])
def test_older_messages_have_no_arn(arn: object) -> None:
    found = one(message(AlarmArn=arn))
    assert found.identity == ("account", "region", "alarm_name")
    assert found.labels["region"] == "EU (Frankfurt)"


SERIES = {"id": "6d44", "attributes": {"TableName": "orders", "host": "from the series", "contributor_id": "forged"}}


def test_each_time_series_of_an_alarm_is_a_cause_of_its_own() -> None:
    """As "Alarm events and EventBridge" shows it under "Multi Time Series Alarm"."""
    whole = event({"expression": "SELECT MAX(used) FROM CWAgent GROUP BY TableName"}, metric(host="erp-1"))
    kind = "CloudWatch Alarm Contributor State Change"
    detail = whole["detail"] | {"alarmContributor": SERIES}
    found = one(whole | {"detail-type": kind, "detail": detail})
    assert (found.status, found.identity, found.labels["contributor_id"]) == ("firing", ("alarm_arn", "contributor_id"), "6d44")
    assert (found.labels["TableName"], found.labels["host"]) == ("orders", "from the series")
    assert one(whole | {"detail-type": kind, "detail": detail | {"state": {"value": "OK"}}}).status == "resolved"
    assert one(whole).identity == ("alarm_arn",)


@pytest.mark.parametrize(
    "document",
    [
        action(alarmContributor=SERIES),
        action() | {"alarmContributor": SERIES},
        message(AlarmContributorId="6d44", AlarmContributorAttributes=SERIES["attributes"]),
    ],
)
def test_a_time_series_in_the_other_forms(document: object) -> None:
    found = one(document)
    assert (found.status, found.identity) == ("firing", ("alarm_arn", "contributor_id"))
    assert (found.labels["contributor_id"], found.labels["TableName"]) == ("6d44", "orders")
    assert found.labels["host"] == "from the series"


def test_a_time_series_without_an_arn() -> None:
    assert one(message(AlarmArn=None, AlarmContributorId="6d44")).identity == (
        "account",
        "region",
        "alarm_name",
        "contributor_id",
    )


@pytest.mark.parametrize("odd", [None, CANARY, [], {}, {"id": None}, {"id": ["6d44"], "attributes": CANARY}])
def test_a_strange_time_series_loses_no_alarm(odd: object) -> None:
    found = [one(action(alarmContributor=odd)), one(action() | {"alarmContributor": odd})]
    found.append(one(message(AlarmContributorId=[], AlarmContributorAttributes=odd)))
    assert [(each.status, each.identity) for each in found] == [("firing", ("alarm_arn",))] * 3


@pytest.mark.parametrize(
    ("value", "detail", "status"),
    [
        ("ALARM", {"mutedByArn": "arn:aws:cloudwatch:eu-central-1:210987654321:alarm-mute-rule:night"}, "suppressed"),
        ("OK", {"mutedByArn": "arn"}, "resolved"),
        ("ALARM", {}, "firing"),
        ("ALARM", None, "firing"),
    ],
)
def test_a_muted_alarm_is_suppressed(value: str, detail: object, status: str) -> None:
    document = event(value=value)
    assert one(document | {"detail": document["detail"] | {"muteDetail": detail}}).status == status


BACKUPS = {"Namespace": "RestorePoint", "MetricName": "asked"}
SEARCHED = "SEARCH('{RestorePoint,service} asked', 'Sum', 300)"


@pytest.mark.parametrize(
    ("document", "namespace"),
    [
        (event(metric(), metric(namespace="RestorePoint")), "RestorePoint"),
        (event(metric(namespace="SYS.CBR"), metric()), "SYS.CBR"),
        (event({"expression": 'SELECT SUM(asked) FROM "RestorePoint"'}), "RestorePoint"),
        (event(metric(), {"expression": SEARCHED}), "RestorePoint"),
        (action(configuration={"metrics": [metric(), {"expression": SEARCHED}]}), "RestorePoint"),
        (
            message(Trigger={"Metrics": [{"MetricStat": {"Metric": each}} for each in ({"Namespace": "A"}, BACKUPS)]}),
            "RestorePoint",
        ),
        (message(Trigger={"Metrics": [{"Expression": SEARCHED}]}), "RestorePoint"),
        (event(metric(namespace="RestorePoints"), metric()), None),
        (event(metric(), {"expression": "m1 / restorepoint"}), "CWAgent"),
    ],
)
def test_an_alarm_any_of_whose_metrics_is_about_backups_says_so(document: object, namespace: str | None) -> None:
    assert one(document).labels.get("namespace") == namespace


def test_an_event_without_resources_goes_by_its_name_even_where_a_dimension_is_called_like_an_arn() -> None:
    found = one(event(metric(alarm_arn="mine")) | {"resources": None})
    assert found.identity == ("account", "region", "alarm_name")


@pytest.mark.parametrize("arn", ["ErpDisk", "arn:aws:cloudwatch::210987654321:alarm:x"])
def test_a_region_that_the_arn_does_not_say(arn: str) -> None:
    assert one(message(AlarmArn=arn)).labels["region"] == "EU (Frankfurt)"


@pytest.mark.parametrize(
    ("metrics", "labels"),
    [
        ([], {}),
        ([{"expression": "m1/m2"}, metric(host="a")], {"namespace": "CWAgent", "metric_name": "disk_used", "host": "a"}),
        ([metric("in", host="a", eth="0"), metric("out", host="a", eth="1")], {"namespace": "CWAgent", "host": "a"}),
        ([metric(host="a"), metric()], {"namespace": "CWAgent", "metric_name": "disk_used"}),
        ([metric(namespace="A"), metric(namespace=None)], {"metric_name": "disk_used"}),
        ([metric(host=["a"], eth=0, up=True)], {"namespace": "CWAgent", "metric_name": "disk_used", "eth": "0", "up": "true"}),
        ([CANARY, None, {"metricStat": CANARY}, {"metricStat": {"metric": []}}], {}),
    ],
)
def test_what_several_metrics_agree_in(metrics: list[object], labels: dict[str, str]) -> None:
    found = one(event(*metrics)).labels
    assert {key: found[key] for key in found if key not in ("alarm_name", "alarm_arn", "account", "region")} == labels


def test_a_formula_in_a_topics_message() -> None:
    def stat(name: str, host: str) -> dict[str, Any]:
        dimensions = [{"name": "host", "value": host}, {"name": "fs", "value": "ext4"}, {"name": "fs", "value": name}, CANARY]
        return {"MetricStat": {"Metric": {"Namespace": "CWAgent", "MetricName": name, "Dimensions": dimensions}}}

    found = one(message(Trigger={"Metrics": [{"Expression": "m1/m2"}, stat("free", "a"), stat("total", "b")]})).labels
    assert (found["namespace"], found["fs"]) == ("CWAgent", "ext4")
    assert not {"metric_name", "host"} & found.keys()


@pytest.mark.parametrize("trigger", [None, CANARY, [], {"Dimensions": CANARY}, {"MetricName": 7, "Dimensions": None}])
def test_a_strange_trigger_loses_no_alarm(trigger: object) -> None:
    assert one(message(Trigger=trigger)).status == "firing"


def test_a_dimension_does_not_rename_the_alarm() -> None:
    found = one(event(metric(alarm_name="other", region="moon", metric_name="other", host="erp-1"))).labels
    assert (found["alarm_name"], found["region"], found["metric_name"]) == ("ErpDisk", "eu-central-1", "disk_used")
    assert found["host"] == "erp-1"


def test_long_values() -> None:
    assert len(one(event(metric(host="h" * 2000))).labels["host"]) == 1024
    assert "h" * 129 not in one(event(metric(**{"h" * 129: "x"}))).labels
    assert refused(message(AlarmArn="a" * 1025)).reason == "malformed"


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        (None, "wrong_dialect", "detail-type"),
        ([], "wrong_dialect", "detail-type"),
        ({"detail-type": "Scheduled Event", "detail": {}}, "wrong_dialect", "detail-type"),
        ({"detail-type": ["CloudWatch Alarm State Change"]}, "wrong_dialect", "detail-type"),
        ({"alarmArn": ARN}, "wrong_dialect", "detail-type"),
        ({"AlarmName": "x"}, "wrong_dialect", "detail-type"),
        (event() | {"detail": None}, "malformed", "detail"),
        (event() | {"detail": CANARY}, "malformed", "detail"),
        (event() | {"detail": {"state": CANARY}}, "malformed", "detail.state"),
        (action() | {"alarmData": [CANARY]}, "malformed", "alarmData"),
        ({"AlarmName": None, "NewStateValue": "ALARM"}, "malformed", "account"),
    ],
)
def test_refusals(document: object, reason: str, field: str) -> None:
    refusal = refused(document)
    assert (refusal.reason, refusal.field) == (reason, field)
