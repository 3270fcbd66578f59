"""CloudEvents as HTTP brings them: binary, structured, in batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.carriers.gateways import apig_http, lambda_http
from handlers.carriers.unwrapping import BATCH
from handlers.envelope import Envelope
from handlers.errors import Refusal
from handlers.reading import read
from handlers.rules import Sender
from handlers.trigger import Alert, Timer, Unread
from tests.carriers.arriving import BINARY, EVENT, FIRING, NOW, PING, SIMPLE, arrives, b64, only, refused

# ── binary ──


def test_a_binary_event_is_its_headers() -> None:
    timer = only(arrives({}, BINARY, "timer"))
    assert (timer.schedule, timer.at, timer.sender) == (PING, datetime(2026, 11, 23, 2, 0, tzinfo=UTC), "somebody")


@pytest.mark.parametrize(
    ("header", "source"),
    [
        (PING.replace("/", "%2F"), PING),
        ("/a%252Fb", "/a%2Fb"),  # one round, and not another
        ("/a%25252Fb", "/a%252Fb"),
        ("/a%20b%E2%82%AC", "/a b\u20ac"),
        ("/a+b", "/a+b"),  # a plus is a plus: this is no form
        ("/100%", "/100%"),
        ("/%zz", "/%zz"),
    ],
)
def test_percents_in_a_header_are_decoded_once(header: str, source: str) -> None:
    assert only(arrives({}, BINARY | {"ce-source": header}, "timer")).schedule == source


def test_a_binary_event_may_have_no_body_at_all() -> None:
    headers = {name: value for name, value in BINARY.items() if name != "content-type"}
    assert only(arrives(b"", headers, "timer")).schedule == PING
    assert refused(b"", headers) == "malformed"  # an alert has to say something


def test_the_body_of_a_binary_event_is_what_is_meant() -> None:
    alert = only(arrives(FIRING, BINARY | {"ce-type": "com.example.alert"}))
    assert (alert.status, alert.labels) == ("firing", {"host": "erp-db"})


def gateway_events(headers: Mapping[str, str]) -> Iterator[tuple[Any, dict[str, Any]]]:
    request = {"httpMethod": "POST", "path": "/timer/somebody", "body": "", "isBase64Encoded": False}
    context = {"apiId": "a", "requestId": "r", "stage": "RELEASE"}
    yield apig_http, request | {"headers": dict(headers), "requestContext": context}
    yield lambda_http, request | {"headers": dict(headers), "requestContext": {"elb": {"targetGroupArn": "arn:aws:a"}}}
    several = {name: [value] for name, value in headers.items()}
    yield lambda_http, request | {"multiValueHeaders": several, "requestContext": {"elb": {"targetGroupArn": "arn:aws:a"}}}
    yield lambda_http, request | {"headers": None, "multiValueHeaders": several, "resource": "/x", "requestContext": {}}
    yield (
        lambda_http,
        {
            "version": "2.0",
            "rawPath": "/timer/somebody",
            "headers": dict(headers),
            "requestContext": {"http": {"method": "POST"}},
            "isBase64Encoded": False,
        },
    )


@pytest.mark.parametrize("spelt", [str.lower, str.upper, str.title, lambda name: name.replace("ce-", "Ce-")])
def test_gateways_may_spell_the_headers_as_they_like(spelt: Any) -> None:
    for request_in, event in gateway_events({spelt(name): value for name, value in BINARY.items()}):
        http = request_in(event)
        assert http is not None
        envelope = Envelope("timer", "any", "delivery-1", None, 60.0, http)
        assert only(read(envelope, "somebody", SIMPLE, NOW)).schedule == PING


def test_an_attribute_that_came_twice_is_none() -> None:
    request = {"httpMethod": "POST", "path": "/timer/x", "requestContext": {"elb": {}}, "body": "{}"}
    twice = {name: [value] for name, value in BINARY.items()} | {"ce-source": [PING, "/another"]}
    http = lambda_http(request | {"multiValueHeaders": twice})
    with pytest.raises(Refusal) as caught:
        read(Envelope("timer", "lambda", "delivery-1", None, 60.0, http), "somebody", SIMPLE, NOW)
    assert caught.value.reason == "malformed"


# ── structured ──


@pytest.mark.parametrize(
    "data",
    [
        {"data": FIRING},
        {"data": json.dumps(FIRING)},
        {"data": json.dumps(FIRING), "datacontenttype": "text/plain"},
        {"data_base64": b64(FIRING)},
        {"data": {"status": "resolved", "labels": {}}, "data_base64": b64(FIRING)},  # the bytes are what was sent
        {"data": "text for people", "data_base64": b64(FIRING)},
    ],
)
@pytest.mark.parametrize("version", ["1.0", "0.3"])
@pytest.mark.parametrize("kind", ["application/json", "application/cloudevents+json; charset=utf-8"])
def test_the_data_of_a_structured_event_in_every_form(data: dict[str, Any], version: str, kind: str) -> None:
    alert = only(arrives(EVENT | data | {"specversion": version}, {"content-type": kind}))
    assert (alert.status, alert.labels) == ("firing", {"host": "erp-db"})


@pytest.mark.parametrize("version", ["0.1", "0.2", "1.1", "2.0", "", " 1.0", "1", "v1.0"])
def test_another_version_says_so(version: str) -> None:
    assert refused(EVENT | {"data": FIRING, "specversion": version}) == "unknown_version"
    assert refused(FIRING, BINARY | {"ce-specversion": version}) == "unknown_version"


@pytest.mark.parametrize("version", [1.0, 1, None, ["1.0"]])
def test_a_version_that_is_no_text_makes_no_event(version: object) -> None:
    assert refused(EVENT | {"data": FIRING, "specversion": version}) in ("wrong_dialect", "malformed")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"data": None},
        {"data": "text for people"},
        {"data": "{"},
        {"data": 5},
        {"data": [FIRING]},
        {"data_base64": "!"},
        {"data_base64": "YQ"},
        {"data_base64": b64(b"\xff\xfe")},
        {"data_base64": ""},
        {"data": FIRING, "data_base64": "!"},
    ],
)
def test_data_that_is_none_is_refused(data: dict[str, Any]) -> None:
    assert refused(EVENT | data) in ("malformed", "wrong_dialect")


def test_data_may_say_nothing_where_the_attributes_say_it() -> None:
    event = EVENT | {"type": "dev.knative.sources.ping", "source": PING, "time": "2026-11-23T02:00:59.9+00:00"}
    for data in ({}, {"data": "ping"}, {"data_base64": b64(b"\x00\xff")}, {"data": {"x": 1}}):
        timer = only(arrives(event | data, door="timer"))
        assert (timer.schedule, timer.at.isoformat()) == (PING, "2026-11-23T02:00:00+00:00")


# ── batches ──


def batch(*events: object) -> list[object]:
    return [EVENT | {"id": f"e-{number}"} | each if isinstance(each, dict) else each for number, each in enumerate(events)]


BAD = {
    "version": ({"specversion": "2.0", "data": FIRING}, "unknown_version"),
    "base64": ({"data_base64": "!"}, "malformed"),
    "no data": ({}, "malformed"),
    "another form": ({"data": {"alerts": []}}, "wrong_dialect"),
    "EventGrid": ({"source": "HC.OBS", "data": FIRING}, "unsupported_carrier"),
    "deep": ({"data": "[" * 40 + "]" * 40}, "malformed"),
    "an event in an event": ({"data": EVENT | {"data": FIRING}}, "wrong_dialect"),
}


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize(("bad", "reason"), BAD.values(), ids=BAD.keys())
def test_one_bad_event_of_five_is_not_the_others_fault(place: int, bad: dict[str, Any], reason: str) -> None:
    events: list[dict[str, Any]] = [{"data": FIRING | {"labels": {"host": f"h{number}"}}} for number in range(5)]
    events[place] = bad
    found = arrives(batch(*events), {"content-type": "application/cloudevents-batch+json"})
    hosts = [each.labels["host"] if isinstance(each, Alert) else "" for each in found]
    assert hosts == ["" if number == place else f"h{number}" for number in range(5)]
    unread = found[place]
    assert isinstance(unread, Unread)
    assert unread.refusal.reason == reason


def test_timers_come_in_batches_too() -> None:
    ping = {"type": "dev.knative.sources.ping", "source": PING}
    found = arrives(batch(ping | {"time": "2026-11-23T02:00:01Z"}, ping | {"time": "tonight"}), door="timer")
    assert [type(each) for each in found] == [Timer, Unread]


def test_a_batch_has_an_end() -> None:
    assert refused(batch(*[{"data": FIRING}] * (BATCH + 1))) == "too_large"


def test_a_batch_of_one_is_that_one() -> None:
    assert only(arrives(batch({"data": FIRING}))).labels == {"host": "erp-db"}
    assert refused(batch({"specversion": "2.0"})) == "unknown_version"


@pytest.mark.parametrize("body", [[], [FIRING], [None], [[EVENT | {"data": FIRING}]], [EVENT | {"data": FIRING}, FIRING]])
@pytest.mark.parametrize("door", ["alert", "timer", "once"])
def test_a_list_that_is_no_batch_asks_for_nothing(body: object, door: str) -> None:
    sender = Sender(dialect="once", proof="platform") if door == "once" else SIMPLE
    assert refused(body, door=door, sender=sender) in ("malformed", "wrong_dialect")
