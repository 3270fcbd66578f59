"""Whatever a sender sends, a dialect reads alerts out of it or refuses it, and a refusal repeats nothing of it."""

from __future__ import annotations

from copy import deepcopy
from importlib.util import find_spec
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.alerts import Reader, reader
from handlers.alerts.labels import GATHERED, KEY, VALUE
from handlers.envelope import Text
from handlers.errors import Refusal
from handlers.rules import Sender
from handlers.rules.tables import AlertDialect
from handlers.trigger import Alert, Lost, Status, Unread

CANARY = "hush-7f3a"
DIALECTS = [each for each in get_args(AlertDialect) if find_spec(f"handlers.alerts.{each.replace('-', '_')}")]

SEEDS: dict[str, list[dict[str, Any]]] = {
    "alertmanager": [
        {
            "version": "4",
            "status": "firing",
            "truncatedAlerts": 2,
            "alerts": [
                {
                    "status": "firing",
                    "labels": {"alertname": "DiskFailing", "severity": "critical"},
                    "annotations": {"summary": "a disk fails"},
                    "startsAt": "2026-03-02T02:00:05Z",
                    "generatorURL": "https://prom.example/g",
                }
            ],
        }
    ],
    "aom": [
        {
            "events": [
                {
                    "id": "ev1",
                    "starts_at": 1772416805000,
                    "ends_at": 0,
                    "metadata": {
                        "event_name": "cpu",
                        "event_type": "alarm",
                        "event_severity": "Major",
                        "resource_provider": "ECS",
                        "resource_type": "vm",
                        "resource_id": "vm1",
                    },
                    "annotations": {"message": "cpu high"},
                }
            ]
        }
    ],
    "azure": [
        {
            "schemaId": "azureMonitorCommonAlertSchema",
            "data": {
                "essentials": {
                    "alertId": "/subscriptions/s/alerts/a1",
                    "alertRule": "cpu",
                    "severity": "Sev1",
                    "signalType": "Metric",
                    "monitorCondition": "Fired",
                    "monitoringService": "Platform",
                    "alertTargetIDs": ["/subscriptions/s/vm1"],
                    "configurationItems": ["vm1"],
                    "firedDateTime": "2026-03-02T02:00:05.25Z",
                },
                "alertContext": {},
                "customProperties": {"team": "web"},
            },
        },
        {
            "status": "Activated",
            "context": {"id": "/s/rules/r1", "name": "cpu", "resourceId": "/s/vm1", "resourceName": "vm1", "severity": 2},
            "properties": {"team": "web"},
        },
    ],
    "cloud-eye": [
        {
            "message_type": "alarm",
            "alarm_id": "al1",
            "alarm_name": "cpu",
            "alarm_status": "alarm",
            "alarm_level": 2,
            "namespace": "SYS.ECS",
            "metric_name": "cpu_util",
            "dimension": "instance_id:vm1,disk:sda",
            "time": 1772416805000,
            "template_variable": {"AlarmLevel": "Major", "ResourceId": "vm1", "ResourceName": "one", "Region": "eu"},
        }
    ],
    "cloudwatch": [
        {
            "detail-type": "CloudWatch Alarm State Change",
            "source": "aws.cloudwatch",
            "account": "111122223333",
            "region": "eu-west-1",
            "time": "2026-03-02T02:00:05Z",
            "resources": ["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:cpu"],
            "detail": {
                "alarmName": "cpu",
                "state": {"value": "ALARM", "timestamp": "2026-03-02T02:00:05.000+0000"},
                "configuration": {
                    "metrics": [
                        {"metricStat": {"metric": {"namespace": "AWS/EC2", "name": "CPU", "dimensions": {"InstanceId": "i-1"}}}}
                    ]
                },
            },
        },
        {
            "AlarmName": "cpu",
            "NewStateValue": "ALARM",
            "AWSAccountId": "111122223333",
            "Region": "EU (Ireland)",
            "StateChangeTime": "2026-03-02T02:00:05.000+0000",
            "Trigger": {
                "MetricName": "CPU",
                "Namespace": "AWS/EC2",
                "Dimensions": [{"name": "InstanceId", "value": "i-1"}],
            },
        },
    ],
    "dynatrace": [
        {
            "State": "OPEN",
            "ProblemID": "P-77",
            "PID": "-77_1V2",
            "ProblemTitle": "slow",
            "ProblemImpact": "SERVICE",
            "ProblemSeverity": "PERFORMANCE",
            "ProblemURL": "https://dt.example/p",
            "ImpactedEntities": [{"type": "HOST", "name": "vm1", "entity": "HOST-1"}],
            "Tags": "team:web, prod",
            "Extra": 5,
        }
    ],
    "falco": [
        {
            "rule": "Shell in container",
            "priority": "Critical",
            "output": "a shell",
            "hostname": "node1",
            "source": "syscall",
            "time": "2026-03-02T02:00:05.123456789Z",
            "tags": ["shell", "team:web"],
            "output_fields": {"container.id": "c1", "k8s.ns.name": "shop", "k8s.pod.name": "p1", "evt.time": 1772416805000000000},
        }
    ],
    "generic": [{"incident": {"id": "i1", "state": "open", "host": "vm1"}, "severity": "high", "at": "2026-03-02T02:00:05Z"}],
    "google-monitoring": [
        {
            "version": "1.2",
            "incident": {
                "incident_id": "0.abc",
                "state": "open",
                "started_at": 1772416805,
                "policy_name": "cpu",
                "condition_name": "high",
                "scoping_project_id": "p1",
                "severity": "Warning",
                "resource_id": "1",
                "resource_name": "vm1",
                "resource": {"type": "gce_instance", "labels": {"zone": "a"}},
                "metric": {"type": "cpu", "labels": {"cpu": "0"}},
                "metadata": {"user_labels": {"team": "web"}},
                "policy_user_labels": {"team": "db"},
            },
        }
    ],
    "grafana": [
        {
            "status": "firing",
            "orgId": 1,
            "truncatedAlerts": 1,
            "alerts": [
                {
                    "status": "firing",
                    "labels": {"alertname": "DiskFailing"},
                    "annotations": {"summary": "a disk fails"},
                    "startsAt": "2026-03-02T02:00:05Z",
                    "panelURL": "https://g.example/d",
                }
            ],
        }
    ],
    "grafana-legacy": [
        {
            "ruleId": 4,
            "ruleName": "cpu",
            "ruleUrl": "https://g.example/r",
            "state": "alerting",
            "title": "[Alerting] cpu",
            "orgId": 1,
            "dashboardId": 2,
            "panelId": 3,
            "evalMatches": [{"value": 5, "metric": "cpu", "tags": {"host": "vm1"}}],
            "tags": {"team": "web"},
        }
    ],
    "graylog": [
        {
            "event_definition_id": "def1",
            "event_definition_type": "aggregation-v1",
            "event_definition_title": "Disk errors",
            "event": {
                "key": "db1",
                "source": "graylog-1",
                "priority": 3,
                "timestamp": "2026-03-02T02:00:05Z",
                "fields": {"disk": "sda"},
                "group_by_fields": {"host": "db1"},
            },
        },
        {
            "check_result": {"triggered": True, "triggered_at": "now", "triggered_condition": {"id": "con1", "type": "COUNT"}},
            "stream": {"id": "str1", "title": "Errors"},
        },
    ],
    "opsgenie": [
        {
            "action": "Create",
            "integrationName": "Webhook",
            "alert": {
                "alertId": "a1",
                "alias": "cpu@vm1",
                "message": "cpu",
                "priority": "P1",
                "entity": "vm1",
                "source": "zabbix",
                "tags": ["team:web"],
                "details": {"host": "vm1"},
                "createdAt": 1772416805000,
            },
        }
    ],
    "pagerduty": [
        {
            "event": {
                "event_type": "incident.triggered",
                "occurred_at": "2026-03-02T02:00:05Z",
                "data": {
                    "id": "PI1",
                    "number": 5,
                    "title": "down",
                    "html_url": "https://pd.example/PI1",
                    "urgency": "high",
                    "service": {"id": "PS1", "summary": "shop"},
                    "priority": {"summary": "P1"},
                    "custom_fields": [{"name": "vault", "value": "v1"}],
                },
            }
        }
    ],
    "pingdom": [
        {
            "check_id": 4411,
            "check_name": "Shop",
            "check_type": "HTTP",
            "check_params": {"full_url": "https://shop.example/", "hostname": "shop.example", "url": "/"},
            "tags": ["team:web"],
            "current_state": "DOWN",
            "importance_level": "HIGH",
            "state_changed_timestamp": 1772416805,
            "state_changed_utc_time": "2026-03-02T02:00:05",
        }
    ],
    "sentry": [
        {
            "action": "triggered",
            "data": {
                "event": {
                    "issue_id": "11",
                    "project": 5,
                    "level": "error",
                    "title": "boom",
                    "environment": "prod",
                    "datetime": "2026-03-02T02:00:05Z",
                    "web_url": "https://sentry.example/11",
                    "tags": [["host", "vm1"]],
                },
                "triggered_rule": "any",
            },
        },
        {
            "action": "critical",
            "data": {"metric_alert": {"id": "7", "alert_rule": {"name": "errors"}, "projects": ["shop"]}},
        },
        {
            "id": "11",
            "project": "shop",
            "project_slug": "shop",
            "level": "error",
            "event": {"environment": "prod", "tags": [["host", "vm1"]]},
        },
    ],
    "simple": [
        {
            "status": "firing",
            "labels": {"service": "erp"},
            "title": "down",
            "severity": "high",
            "starts_at": "2026-03-02T02:00:05Z",
        }
    ],
    "statuspage": [
        {
            "page": {"id": "pg1"},
            "incident": {
                "id": "inc1",
                "name": "Slow",
                "status": "identified",
                "impact": "major",
                "created_at": "2026-03-02T02:00:05Z",
                "shortlink": "https://stspg.example/1",
            },
        },
        {
            "page": {"id": "pg1"},
            "component_update": {"created_at": "2026-03-02T02:00:05Z", "new_status": "major_outage"},
            "component": {"id": "cmp1", "name": "API", "status": "major_outage"},
        },
    ],
    "uptime-kuma": [
        {
            "heartbeat": {"monitorID": 7, "status": 0, "time": "2026-03-02 02:00:05.250"},
            "monitor": {
                "id": 7,
                "name": "Ledger",
                "type": "http",
                "url": "https://a",
                "tags": [{"name": "team", "value": "web"}],
            },
            "msg": "down",
        }
    ],
    "uptimerobot": [
        {
            "monitorID": 778,
            "monitorURL": "https://shop.example/",
            "monitorFriendlyName": "Shop",
            "alertType": "1",
            "alertDateTime": 1772416805,
        }
    ],
    "wazuh": [
        {
            "timestamp": "2026-03-02T02:00:05.250+0000",
            "rule": {"id": "5763", "level": 10, "description": "brute force", "groups": ["sshd"]},
            "agent": {"id": "004", "name": "db1"},
            "location": "/var/log/auth.log",
        },
        {"message": "brute force", "severity": "high", "description": "Rule ID 5763\nLevel 12\nAgent ID 004\nAgent Name db1"},
    ],
}
"""Small documents of the senders' shapes, each of them an alert that fires."""

PATHS = {
    "identity": ["incident.id"],
    "status": "incident.state",
    "firing": ["open"],
    "labels": {"host": "incident.host"},
    "severity": "severity",
    "starts_at": "at",
}


def reader_of(dialect: str) -> Reader:
    sender = {"dialect": dialect, "proof": "platform"} | ({"paths": PATHS} if dialect == "generic" else {})
    return reader(Sender.model_validate(sender))


def places(document: object, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside, in order."""
    steps = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    return [path for key, value in steps for path in [(*above, key), *places(value, (*above, key))]]


PLACES = {dialect: [(seed, path) for seed in seeds for path in places(seed)] for dialect, seeds in SEEDS.items()}
WORDS = sorted({key for pairs in PLACES.values() for _, path in pairs for key in path if isinstance(key, str)})

ODD: list[object] = [
    None,
    "",
    " ",
    CANARY,
    f"{CANARY}{'x' * 2000}",
    f"{CANARY}:{CANARY},{CANARY}",
    "2026-03-02T02:00:05+99:99",
    "٣\u2028\x85,:=\n",
    "9" * 5000,
    10**400,
    -(10**400),
    -1,
    0,
    1.5,
    1e308,
    float("inf"),
    float("nan"),
    True,
    False,
    [],
    {},
    [CANARY],
    [[[CANARY]], None, 10**400],
    [{"name": CANARY, "value": CANARY}, {"name": None}, 7],
    [[CANARY, CANARY], [CANARY], []],
    {"": CANARY, "n" * 200: CANARY},
    {"id": {"id": [CANARY]}, "name": None, "labels": CANARY},
    {f"key{number}": CANARY for number in range(GATHERED + 1)},
]
"""What may stand where something else was meant."""
DROPPED = object()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=5),
    max_leaves=15,
)


def changed(seed: object, path: tuple[Any, ...], value: object) -> object:
    """A copy with another value at a path, or with none; as it is where an earlier change took the path away."""
    document = deepcopy(seed)
    inner: Any = document
    try:
        for step in path[:-1]:
            inner = inner[step]
        if value is DROPPED:
            del inner[path[-1]]
        else:
            inner[path[-1]] = deepcopy(value)
    except (KeyError, IndexError, TypeError):
        return document
    return document


@st.composite
def mutated(draw: st.DrawFn, dialect: str) -> object:
    """A small document of the dialect with one to three of its values changed or dropped."""
    document: object
    document, path = draw(st.sampled_from(PLACES[dialect]))
    changes = draw(st.lists(st.just(DROPPED) | st.sampled_from(ODD) | JSON, min_size=1, max_size=3))
    for value in changes:
        document = changed(document, path, value)
        path = draw(st.sampled_from(places(document) or [()]))
        if not path:
            break
    return document


def hold(dialect: str, document: object) -> None:
    """The promise. Anything raised but a refusal ends the test."""
    try:
        found = reader_of(dialect)(document, "somebody")
    except Refusal as refusal:
        assert CANARY not in f"{refusal.message} {refusal.field}"  # noqa: PT017
        assert refusal.reason in ("wrong_dialect", "malformed", "unknown_version")  # noqa: PT017
        return
    for each in found:
        assert each.sender == "somebody"
        if isinstance(each, Lost | Unread):
            assert each.count > 0
        else:
            sound(each)


def sound(found: Alert) -> None:
    assert found.status in get_args(Status)
    assert len(found.labels) <= GATHERED
    assert all(type(text) is str for pair in found.labels.items() for text in pair)
    assert all(len(key) <= KEY and len(value) <= VALUE for key, value in found.labels.items())
    assert isinstance(found.identity, tuple)
    assert set(found.identity) <= found.labels.keys()
    assert all(type(text) is str for text in (found.title, found.severity, found.link))
    assert found.starts_at is None or found.starts_at.tzinfo is not None


def test_every_dialect_has_documents_to_change() -> None:
    assert set(SEEDS) == set(get_args(AlertDialect))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_documents_that_are_changed_fire(dialect: str) -> None:
    for seed in SEEDS[dialect]:
        found = reader_of(dialect)(seed, "somebody")[0]
        assert isinstance(found, Alert)
        assert found.status == "firing"
        assert found.identity
        sound(found)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_value_dropped_or_odd(dialect: str) -> None:
    for seed, path in PLACES[dialect]:
        for value in (DROPPED, *ODD):
            hold(dialect, changed(seed, path, value))


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(derandomize=True, max_examples=60, deadline=None)
@given(data=st.data())
def test_several_values_changed(dialect: str, data: st.DataObject) -> None:
    hold(dialect, data.draw(mutated(dialect)))


@settings(derandomize=True, max_examples=150, deadline=None)
@given(document=JSON)
def test_any_document(document: object) -> None:
    for dialect in DIALECTS:
        hold(dialect, document)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(text=st.text(max_size=40) | st.just(CANARY), subject=st.text(max_size=40) | st.sampled_from(["[Critical Alarm]", CANARY]))
def test_a_message_for_people(text: str, subject: str) -> None:
    for dialect in DIALECTS:
        hold(dialect, Text(text, subject, Refusal("malformed", "the message is not JSON")))
