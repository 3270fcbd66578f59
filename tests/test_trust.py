"""Who they are: no proof, no work. Every refusal here comes before anything is asked of CBR."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers import aws_lambda
from handlers.credentials import Secret
from handlers.envelope import BODY_CAP, Door, Envelope, Http
from handlers.errors import Refusal
from handlers.rules import Rules, Sender
from handlers.sandbox import estate
from handlers.service import Service
from handlers.settings import Key
from handlers.trust import HEAD_CAP, Trust
from handlers.wire import Deadline
from tests.scripted import START, Clock, World, world_in

AM, MON, CI = "token-of-am-0123456789abcdef", "token-of-mon-0123456789abcde", "token-of-ci-0123456789abcdef"
TOPIC = "urn:smn:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:alarms"
USER, ROLE = "arn:aws:iam::123456789012:user/alerting", "arn:aws:sts::123456789012:assumed-role/alerting"
SENDERS = f"""
[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:AM_TOKEN"
[senders.mon]
dialect = "simple"
proof = "bearer"
secret = "env:MON_TOKEN"
[senders.ci]
dialect = "once"
proof = "bearer"
secret = "env:CI_TOKEN"
[senders.alarms]
dialect = "simple"
proof = "platform"
sources = ["{TOPIC}"]
[senders.ops]
dialect = "once"
proof = "platform"
[[rules]]
name = "am-files"
sender = "am"
vaults = ["files"]
[[rules]]
name = "ci-files"
sender = "ci"
vaults = ["files"]
"""
TOKENS = {"AM_TOKEN": AM, "MON_TOKEN": MON, "CI_TOKEN": CI}
BODY = json.dumps({"alerts": [{"status": "firing", "labels": {"alertname": "A"}}]})
RULES = Rules.model_validate(
    {
        "senders": {
            "am": {"dialect": "alertmanager", "proof": "bearer", "secret": "env:AM_TOKEN"},
            "mon": {"dialect": "simple", "proof": "bearer", "secret": "env:MON_TOKEN"},
            "ci": {"dialect": "once", "proof": "bearer", "secret": "env:CI_TOKEN"},
            "alarms": {"dialect": "simple", "proof": "platform", "sources": [TOPIC]},
            "ops": {"dialect": "once", "proof": "platform"},
            "cloud": {"dialect": "alertmanager", "proof": "platform", "sources": [USER, ROLE]},
        }
    }
)
SECRETS = {name: [Key(f"env:{name}", Secret(value))] for name, value in (("am", AM), ("mon", MON), ("ci", CI))}
JSON_TYPE = {"content-type": "application/json"}


def verify(envelope: Envelope, senders: Mapping[str, Sender], keys: Mapping[str, Sequence[Key]]) -> str:
    """Who sends it; nothing is fetched for any of these proofs."""

    def fetch(*asked: object) -> bytes:
        raise AssertionError(asked)

    clock = Clock()
    return Trust(senders, keys, clock, fetch, lambda _: []).verify(envelope, Deadline.after(clock, 60)).sender


def http(sender: str = "am", authorization: str | None = f"Bearer {AM}", door: Door = "alert", **more: Any) -> Envelope:
    headers = JSON_TYPE | ({} if authorization is None else {"authorization": authorization})
    request = Http("POST", f"/{door}/{sender}", headers, BODY.encode())
    return Envelope(door, "test", "delivery-1", None, 60.0, replace(request, **more))


SIGNED = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261127/eu-central-1/lambda/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    ("sender", "door", "caller", "let_in"),
    [
        ("cloud", "alert", USER, True),
        ("cloud", "alert", f"{ROLE}/any-session", True),
        ("cloud", "alert", ROLE, True),
        ("cloud", "alert", "", False),
        ("cloud", "alert", f"{USER}x", False),
        ("cloud", "alert", f"{USER}/x", False),
        ("cloud", "alert", USER.upper(), False),
        ("cloud", "alert", f"{ROLE}x/any-session", False),
        ("cloud", "alert", f"{ROLE}/any/session", False),
        ("cloud", "alert", ROLE.rpartition("/")[0], False),
        ("cloud", "once", USER, False),  # one-offs are another sender's
        ("alarms", "alert", USER, False),  # that one speaks through a topic
        ("ops", "once", USER, True),  # no source listed: whoever IAM lets in
        ("ops", "once", "", False),
        ("am", "alert", USER, False),  # its proof is a bearer, and a signature is none
    ],
)
def test_a_caller_whom_the_gateway_authenticated(sender: str, door: Door, caller: str, let_in: bool) -> None:
    envelope = http(sender, SIGNED, door, caller=caller)
    if let_in:
        assert verify(envelope, RULES.senders, SECRETS) == sender
        return
    with pytest.raises(Refusal) as refusal:
        verify(envelope, RULES.senders, SECRETS)
    assert (refusal.value.reason, refusal.value.http) == ("bad_proof", 401)


def test_a_bearer_is_no_caller_and_a_caller_no_bearer() -> None:
    assert verify(http("am", f"Bearer {AM}", caller=USER), RULES.senders, SECRETS) == "am"
    with pytest.raises(Refusal):
        verify(http("cloud", f"Bearer {AM}"), RULES.senders, SECRETS)


def direct(door: Door, source: str = "") -> Envelope:
    return Envelope(door, "test", "delivery-1", {}, 60.0, None, source)


def refused(envelope: Envelope, rules: Rules = RULES) -> Refusal:
    with pytest.raises(Refusal) as caught:
        verify(envelope, rules.senders, SECRETS)
    for secret in TOKENS.values():
        assert secret not in caught.value.message
    return caught.value


# ── bearer ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("sender", "token", "door"), [("am", AM, "alert"), ("mon", MON, "alert"), ("ci", CI, "once")])
def test_a_sender_with_its_own_secret_at_its_own_door(sender: str, token: str, door: Door) -> None:
    assert verify(http(sender, f"Bearer {token}", door), RULES.senders, SECRETS) == sender


@pytest.mark.parametrize("path", ["/alert/am", "/alert/am/", "/stage/alert/am", "am", "//am"])
def test_the_last_part_of_the_path_is_the_sender(path: str) -> None:
    assert verify(http(path=path), RULES.senders, SECRETS) == "am"


WRONG = {
    "none": None,
    "empty": "",
    "only the scheme": "Bearer ",
    "another": "Bearer wrong-0123456789abcdefghij",
    "a prefix": f"Bearer {AM[:-1]}",
    "one more": f"Bearer {AM}x",
    "a blank more": f"Bearer {AM} ",
    "two blanks": f"Bearer  {AM}",
    "without the scheme": AM,
    "another scheme": f"Basic {AM}",
    "twice": f"Bearer {AM}, Bearer {AM}",
    "of another sender": f"Bearer {MON}",
    "other case": f"Bearer {AM.upper()}",
    "no text": "Bearer \udcff\u0130",
    "very long": "Bearer " + "x" * 1_000_000,
}


@pytest.mark.parametrize("header", WRONG.values(), ids=WRONG.keys())
def test_anything_else_is_no_proof(header: str | None) -> None:
    refusal = refused(http(authorization=header))
    whole = len(header or "") < HEAD_CAP  # else it is refused for its length
    assert (refusal.reason, refusal.http) == (("bad_proof", 401) if whole else ("head_too_large", 431))


@pytest.mark.parametrize("sender", ["", "nobody", "AM", "am%20", "alarms", "ops", "../am\x00"])
@pytest.mark.parametrize("header", [None, "Bearer ", f"Bearer {AM}"])
def test_an_unknown_sender_and_one_without_a_secret_are_refused_alike(sender: str, header: str | None) -> None:
    given, known = refused(http(sender, header)), refused(http("am", "Bearer wrong"))
    assert (given.reason, given.http, given.message) == (known.reason, known.http, known.message)


@pytest.mark.parametrize("header", [None, "", "Bearer ", f"Bearer {AM}"])
def test_a_sender_whose_secret_is_not_known_is_nobody(header: str | None) -> None:
    with pytest.raises(Refusal) as caught:
        verify(http("am", header), RULES.senders, {})
    assert (caught.value.reason, caught.value.http) == ("bad_proof", 401)


@pytest.mark.parametrize(("sender", "token", "door"), [("am", AM, "once"), ("mon", MON, "once"), ("ci", CI, "alert")])
def test_a_proven_sender_at_another_door_is_refused_alike(sender: str, token: str, door: Door) -> None:
    refusal = refused(http(sender, f"Bearer {token}", door))
    assert (refusal.reason, refusal.http, refusal.message) == ("bad_proof", 401, refused(http("am", None)).message)


def test_proofs_are_compared_by_digests_of_one_length_and_for_unknown_senders_too(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def compare(given: bytes, wanted: bytes) -> bool:
        compared.append((len(given), len(wanted)))
        return real(given, wanted)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    verify(http(), RULES.senders, SECRETS)
    for sender, header in [("am", None), ("am", "x" * 10_000), ("nobody", f"Bearer {AM}"), ("ci", f"Bearer {CI}"), ("ops", "")]:
        refused(http(sender, header))
    assert compared == [(32, 32)] * 6


# ── the request ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "post", ""])
def test_only_post(method: str) -> None:
    assert (refused(http(method=method)).reason, refused(http(method=method)).http) == ("method", 405)


def test_alerts_may_be_put() -> None:
    """Grafana and falcosidekick can be set to it; for nothing else."""
    assert verify(http(method="PUT"), RULES.senders, SECRETS) == "am"
    assert refused(http(method="PUT", door="once")).http == 405


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("application/vnd.example+json", {}),
        ("application/cloudevents-batch+json; charset=utf-8", {}),
        ("text/plain; charset=UTF-8", {"x-amz-sns-message-type": "Notification"}),
        ("text/plain", {"x-smn-message-type": "Notification"}),
        ("application/octet-stream", {"x-cloudscheduler": "true"}),
        ("", {"ce-specversion": "1.0"}),
    ],
)
def test_what_carriers_call_their_bodies(kind: str, more: dict[str, str]) -> None:
    proof = {"authorization": f"Bearer {AM}"}
    assert verify(http(headers={"content-type": kind, **proof, **more}), RULES.senders, SECRETS) == "am"
    if more:
        assert refused(http(headers={"content-type": kind, **proof})).http == 415


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "GZIP", ""])
def test_a_compressed_body_is_not_opened(encoding: str) -> None:
    envelope = http(headers=JSON_TYPE | {"authorization": f"Bearer {AM}", "content-encoding": encoding})
    assert (refused(envelope).reason, refused(envelope).http) == ("compressed", 415)


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json"])
def test_another_content_type(kind: str | None) -> None:
    headers = {"authorization": f"Bearer {AM}"} | ({} if kind is None else {"content-type": kind})
    assert (refused(http(headers=headers)).reason, refused(http(headers=headers)).http) == ("content_type", 415)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON ;charset=UTF-8"])
def test_json_with_and_without_a_charset(kind: str) -> None:
    headers = {"authorization": f"Bearer {AM}", "content-type": kind, "content-encoding": "identity"}
    assert verify(http(headers=headers), RULES.senders, SECRETS) == "am"


def test_a_body_has_an_end() -> None:
    assert verify(http(body=b" " * BODY_CAP), RULES.senders, SECRETS) == "am"
    refusal = refused(http(body=b" " * (BODY_CAP + 1)))
    assert (refusal.reason, refusal.http) == ("too_large", 413)


def test_a_timer_comes_over_http_only_by_a_sender_of_timers() -> None:
    assert refused(http(door="timer")).http == 401
    assert verify(direct("timer"), RULES.senders, SECRETS) == ""


# ── the platform ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_topic_is_known_by_its_exact_urn() -> None:
    assert verify(direct("alert", TOPIC), RULES.senders, SECRETS) == "alarms"
    for source in (TOPIC + "2", TOPIC[:-1], TOPIC.upper(), TOPIC + "\n", "alarms"):
        refusal = refused(direct("alert", source))
        assert (refusal.reason, refusal.http) == ("source_not_listed", 403)
        assert source not in refusal.message
    assert refused(direct("once", TOPIC)).reason == "source_not_listed"


def test_a_direct_invocation_is_of_the_one_sender_that_lists_no_source() -> None:
    assert verify(direct("once"), RULES.senders, SECRETS) == "ops"
    refusal = refused(direct("alert"))
    assert (refusal.reason, refusal.http) == ("bad_proof", 401)


def test_without_senders_nobody_may_speak() -> None:
    for envelope in (http(), http("ci", f"Bearer {CI}", "once"), direct("once"), direct("alert", TOPIC)):
        assert refused(envelope, Rules()).http in (401, 403)


# ── nothing is asked of CBR ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        made.write_rules(more=SENDERS)
        yield made


@pytest.fixture
def service(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The functions' own, as at a cold start in this world."""
    for name, value in world.environ(RESTORE_POINT_NOW=START.isoformat(), **TOKENS).items():
        monkeypatch.setenv(name, value)
    aws_lambda.warm.clear()
    yield aws_lambda.service()
    aws_lambda.warm.clear()


class Context:
    aws_request_id = "delivery-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def url(path: str = "/alert/am", method: str = "POST", body: str = BODY, **headers: str) -> dict[str, Any]:
    given = {"content-type": "application/json", "authorization": f"Bearer {AM}"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": given,
        "requestContext": {"http": {"method": method, "path": path}},
        "body": body,
        "isBase64Encoded": False,
    }


def v1(**headers: list[str]) -> dict[str, Any]:
    several = {"Content-Type": ["application/json"], "Authorization": [f"Bearer {AM}"]} | headers
    return {
        "resource": "/alert/{sender}",
        "path": "/alert/am",
        "httpMethod": "POST",
        "headers": {name: values[-1] for name, values in several.items() if values},
        "multiValueHeaders": several,
        "requestContext": {"resourcePath": "/alert/{sender}"},
        "body": BODY,
        "isBase64Encoded": False,
    }


HUGE = base64.b64encode(b"x" * (BODY_CAP + 1)).decode()
REFUSED: dict[str, tuple[str, Any, int]] = {
    "wrong": ("alert", url(authorization="Bearer wrong"), 401),
    "empty": ("alert", url(authorization=""), 401),
    "unknown": ("alert", url("/alert/nobody"), 401),
    "no path": ("alert", url(""), 401),
    "other door": ("once", url("/once/am"), 401),
    "GET": ("alert", url(method="GET", body=""), 405),
    "compressed": ("alert", url(content_encoding="gzip"), 415),
    "a form": ("alert", url(content_type="application/x-www-form-urlencoded"), 415),
    "too large": ("alert", url(body=" " * (BODY_CAP + 1)), 413),
    "far too large": ("alert", url(body=" " * (2 * BODY_CAP + 1)), 413),
    "too large once decoded": ("alert", url(body=HUGE) | {"isBase64Encoded": True}, 413),
    "no base64": ("alert", url(body="!") | {"isBase64Encoded": True}, 400),
    "not JSON": ("alert", url(body="{"), 400),
    "empty body": ("alert", url(body=""), 400),
    "another dialect": ("alert", url(body='{"status": "firing", "labels": {}}'), 400),
    "proof twice": ("alert", v1(Authorization=[f"Bearer {AM}", f"Bearer {AM}"]), 401),
    "type twice": ("alert", v1(**{"Content-Type": ["application/json", "application/json"]}), 415),
    "nobody behind a direct alert": ("alert", json.loads(BODY), 401),
    "timer over http": ("timer", url("/timer/am"), 401),
    "a vault of no rule": (
        "once",
        url("/once/ci", body=json.dumps({"checkpoint": {"vault_id": estate.ERP_VAULT_ID}}), authorization=f"Bearer {CI}"),
        403,
    ),
    "a parameter it may not set": (
        "once",
        url(
            "/once/ci",
            body=json.dumps({"checkpoint": {"vault_id": estate.FILES_VAULT_ID, "parameters": {"incremental": False}}}),
            authorization=f"Bearer {CI}",
        ),
        403,
    ),
    "the watch, unproven": ("watch", url("/watch/ci", authorization="Bearer wrong"), 401),
}


@pytest.mark.parametrize(("door", "event", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_who_is_refused_costs_cbr_nothing(
    world: World, service: Service, door: str, event: Any, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = getattr(aws_lambda, door)(event, Context())
    assert answer.get("statusCode", answer.get("status")) == status
    assert [seen for seen in world.door.seen if "/publish" not in seen.target] == []
    assert service.ledger.since("wish", 0) == []
    said = capsys.readouterr().out
    assert '"restore_points"' in said
    assert not any(token in said for token in TOKENS.values())


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("event", [url(), v1()], ids=["function URL", "API Gateway 1.0"])
def test_who_proves_it_is_served(world: World, event: Any) -> None:
    answer = aws_lambda.alert(event, Context())
    assert answer["statusCode"] == 200
    assert [each["outcome"] for each in json.loads(answer["body"])["outcomes"]] == ["created"]
    assert len(world.posts()) == 1


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("names", [("Authorization", "authorization"), ("authorization", "AUTHORIZATION")])
def test_a_header_under_two_spellings_came_twice(world: World, names: tuple[str, str]) -> None:
    event = url()
    del event["headers"]["authorization"]
    event["headers"] |= {names[0]: f"Bearer {AM}", names[1]: "Bearer other"}
    assert aws_lambda.alert(event, Context())["statusCode"] == 401
    assert world.posts() == []


@pytest.mark.parametrize("door", ["timer", "watch", "alert", "once"])
def test_a_request_of_an_unknown_gateway_is_no_invocation(
    world: World, service: Service, door: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """API Gateway's WebSocket message: whoever can connect writes its body, and there is neither header nor method."""
    context = {"routeKey": "$default", "eventType": "MESSAGE", "connectionId": "x", "apiId": "a", "stage": "s"}
    event = {"requestContext": context, "body": json.dumps({"schedule": "nightly", "scheduled_time": "2026-11-23T02:00:00Z"})}
    with contextlib.suppress(Exception):  # a timer that comes to nothing is tried again by Lambda, the others answer
        getattr(aws_lambda, door)(event, Context())
    assert '"reason": "unknown_gateway"' in capsys.readouterr().out
    assert world.posts() == []
    assert service.ledger.since("wish", 0) == []
