"""``restore-point plan`` on what platforms hand over: whole events, requests by their headers, at a given time."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from handlers.sandbox import estate
from tests.cli.asking import ARN, CRITICAL, PING, QUEUE, RULES, URN, alerts, planned, why
from tests.cli.terminal import Inside, Terminal, event


@pytest.fixture
def asking(offline: Terminal) -> Terminal:
    """With rules, and without a cloud."""
    offline.write("rules.toml", RULES)
    return offline


# ── whole platform events name their sender themselves ──


def http(path: str, body: str, **more: object) -> dict[str, Any]:
    request = {"httpMethod": "POST", "path": path, "headers": {"content-type": "application/json"}, "body": body}
    return request | {"isBase64Encoded": False} | more


AM_BODY, SIMPLE = json.dumps(alerts(CRITICAL)), json.dumps({"status": "firing", "labels": {"host": "a"}})
ERP, FILES = estate.ERP_VAULT_ID, estate.FILES_VAULT_ID
PINGED = {
    "ce-specversion": "1.0",
    "ce-type": "dev.knative.sources.ping",
    "ce-source": PING,
    "ce-time": event()["scheduled_time"],
}
WHOLE: dict[str, tuple[Any, str, list[str]]] = {
    "Function URL": (
        {
            "version": "2.0",
            "rawPath": "/alert/am",
            "headers": {"content-type": "application/json"},
            "requestContext": {"http": {"method": "POST", "path": "/alert/am"}},
            "body": base64.b64encode(AM_BODY.encode()).decode(),
            "isBase64Encoded": True,
        },
        "alert",
        [ERP],
    ),
    "API Gateway": (http("/alert/am", AM_BODY, resource="/alert/{s}", requestContext={"stage": "p"}), "alert", [ERP]),
    "load balancer": (http("/alert/am", AM_BODY, requestContext={"elb": {}}), "alert", [ERP]),
    "APIG": (
        http("/alert/am", base64.b64encode(AM_BODY.encode()).decode(), requestContext={"apiId": "a"}, isBase64Encoded=True),
        "alert",
        [ERP],
    ),
    "SMN": ({"record": [{"event_source": "smn", "smn": {"topic_urn": URN, "message": SIMPLE}}]}, "alert", [FILES]),
    "SNS": (
        {"Records": [{"EventSource": "aws:sns", "Sns": {"Type": "N", "TopicArn": ARN, "Message": SIMPLE}}]},
        "alert",
        [FILES],
    ),
    "SQS": (
        {"Records": [{"eventSource": "aws:sqs", "eventSourceARN": QUEUE, "messageId": "m", "body": SIMPLE}]},
        "alert",
        [FILES],
    ),
    "a timer in a queue": (
        {"Records": [{"eventSource": "aws:sqs", "eventSourceARN": QUEUE + "-of-timers", "body": json.dumps(event())}]},
        "timer",
        [FILES],
    ),
    "a timer over HTTP": (
        http("/timer/knative", "{}", requestContext={"elb": {}}) | {"headers": PINGED},
        "timer",
        [FILES],
    ),
}


@pytest.mark.parametrize(("document", "door", "vaults"), WHOLE.values(), ids=WHOLE.keys())
def test_a_whole_event_needs_no_sender_named(
    asking: Terminal, inside: Inside, document: Any, door: str, vaults: list[str]
) -> None:
    ran = planned(inside, asking, document, "--as", door, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert [each["vault_id"] for each in ran.json["planned"]] == vaults


def test_each_message_of_a_batch_is_planned_for_itself(asking: Terminal, inside: Inside) -> None:
    records = [{"eventSource": "aws:sqs", "eventSourceARN": QUEUE, "body": body} for body in (SIMPLE, "{", SIMPLE)]
    ran = planned(inside, asking, {"Records": records}, "--as", "alert", "--json")
    assert ran.code == 1
    assert len(why(ran)["triggers"]) == 2
    assert [each["reason"] for each in ran.json["refused"]] == ["malformed"]


def test_a_sender_nobody_knows_is_asked_for(asking: Terminal, inside: Inside) -> None:
    ran = planned(inside, asking, alerts(CRITICAL), "--as", "alert")
    assert (ran.code, ran.out) == (2, "")
    assert "am, mon" in ran.err


@pytest.mark.parametrize("sender", [[], ["--sender", "am"]])
def test_a_topic_nobody_lists_is_refused_whatever_the_command_says(asking: Terminal, inside: Inside, sender: list[str]) -> None:
    text = json.dumps(WHOLE["SMN"][0]).replace(URN, URN + "2")
    ran = planned(inside, asking, text, "--as", "alert", *sender, "--json")
    assert (ran.code, [each["reason"] for each in ran.json["refused"]]) == (1, ["source_not_listed"])
    assert URN + "2" in ran.json["refused"][0]["message"]


def test_headers_of_a_request_may_be_given(asking: Terminal, inside: Inside) -> None:
    given = {"CE-SpecVersion": "1.0", "ce-type": "dev.knative.sources.ping", "ce-source": PING.replace("/", "%2F"), "ce-id": "1"}
    headers = [f"--header={name}: {value}" for name, value in given.items()] + [f"--header=ce-time:{event()['scheduled_time']}"]
    ran = planned(inside, asking, "", "--as", "timer", "--sender", "knative", *headers, "--json")
    assert (ran.code, [each["vault_id"] for each in ran.json["planned"]]) == (0, [FILES])
    assert (why(ran)["triggers"][0]["schedule"], why(ran)["triggers"][0]["form"]) == (PING, "pingsource")
    assert planned(inside, asking, "", "--as", "timer", "--sender", "am", *headers).code == 2


def test_now_may_be_given(asking: Terminal, inside: Inside) -> None:
    document = event(scheduled_time="2026-03-02T02:00:00Z")
    for now, reasons in (
        ("2026-03-02T02:00:05Z", []),
        ("2026-03-02T04:00:05+02:00", []),
        ("2026-03-05T00:00:00Z", ["stale"]),
        ("2026-03-01T00:00:00Z", ["from_the_future"]),
    ):
        ran = planned(inside, asking, document, "--as", "timer", "--now", now, "--json")
        assert [each["reason"] for each in ran.json["skipped"] + ran.json["refused"]] == reasons
        assert len(ran.json["planned"]) == (not reasons)
        assert why(ran)["triggers"][0]["rules"][0]["wants_it"] is (not reasons)
    assert planned(inside, asking, document, "--as", "timer", "--now", "tonight").code == 2
