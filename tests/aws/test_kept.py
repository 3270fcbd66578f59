"""Secrets that AWS Secrets Manager keeps, at an endpoint on loopback that answers well or badly."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.credentials import Secret
from handlers.errors import Misconfigured
from handlers.settings.kept import GRACE_SECONDS, KEPT_SECONDS, Kept
from handlers.settings.secrets import read_secrets
from tests.aws.emulator import REGION
from tests.aws.endpoint import ARN, RULES, SECRET, Endpoint, environ_at, refused, said
from tests.ledger.servers import KEYS
from tests.scripted import Clock


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    try:
        yield server
    finally:
        server.close()


def test_one_call_for_a_secret_however_many_settings_it_holds(endpoint: Endpoint) -> None:
    endpoint.answers = [(200, said(json.dumps({"a": "1", "b": "2"})))]
    kept = Kept(environ_at(endpoint.origin, A=f"{ARN}#a", B=f"{ARN}#b", C="plain"))
    assert (kept.environ["A"], kept.environ["B"], kept.environ["C"], kept.environ["A"]) == ("1", "2", "plain", "1")
    (headers,) = endpoint.asked
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert f"/{REGION}/secretsmanager/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == KEYS["AWS_SESSION_TOKEN"]


def test_nothing_is_asked_before_it_is_needed(endpoint: Endpoint) -> None:
    kept = Kept(environ_at(endpoint.origin, A=ARN))
    assert not kept.changed()
    assert set(kept.environ) > {"A"}
    assert endpoint.asked == []


BAD: dict[str, tuple[list[tuple[int, bytes]], str]] = {
    "may not": ([(400, refused("AccessDeniedException"))], "allow secretsmanager:GetSecretValue"),
    "unknown keys": ([(400, refused("com.amazonaws#UnrecognizedClientException"))], "AWS does not know these keys"),
    "an error of another kind": ([(400, refused("SomethingElse"))], "SomethingElse"),
    "in trouble": ([(500, b"")], "does not answer"),
    "throttled": ([(400, refused("ThrottlingException"))], "does not answer"),
    "no JSON": ([(200, b"<html>" + SECRET.encode())], "holds no text"),
    "no object": ([(200, b"[1]")], "holds no text"),
    "binary": ([(200, json.dumps({"SecretBinary": "AAAA"}).encode())], "holds no text"),
    "no text": ([(200, said({"a": SECRET}))], "holds no text"),
    "empty": ([(200, said("  "))], "holds no text"),
    "deep": ([(200, b'{"SecretString":' + b"[" * 100_000)], "holds no text"),
    "another place": ([(302, b"")], "HTTP 302"),
}


@pytest.mark.parametrize(("answers", "why"), BAD.values(), ids=BAD.keys())
def test_a_secret_that_is_not_told_fails_what_refers_to_it_and_repeats_nothing(
    endpoint: Endpoint, answers: list[tuple[int, bytes]], why: str
) -> None:
    endpoint.answers = answers
    kept = Kept(environ_at(endpoint.origin, HUAWEICLOUD_SDK_SK=ARN))
    with pytest.raises(Misconfigured) as raised:
        kept.environ.get("HUAWEICLOUD_SDK_SK")
    assert raised.value.setting == "HUAWEICLOUD_SDK_SK"
    assert why in str(raised.value)
    assert SECRET not in str(raised.value)
    assert len(endpoint.asked) == (2 if why == "does not answer" else 1)
    endpoint.answers = [(200, said(SECRET))]
    assert kept.environ.get("HUAWEICLOUD_SDK_SK") == SECRET  # the next event asks again


def test_one_trouble_is_asked_past(endpoint: Endpoint) -> None:
    endpoint.answers = [(503, b""), (200, said(SECRET))]
    assert Kept(environ_at(endpoint.origin)).value("A", ARN) == SECRET


def test_silence_ends_after_two_calls_of_two_seconds(endpoint: Endpoint) -> None:
    endpoint.answers = [(0, b"")]
    with pytest.raises(Misconfigured, match="does not answer"):
        Kept(environ_at(endpoint.origin)).value("A", ARN)


def test_what_cannot_be_asked_again_is_used_for_an_hour_and_then_fails(endpoint: Endpoint) -> None:
    clock = Clock()
    kept = Kept(environ_at(endpoint.origin), clock)
    kept.value("senders.am.secret", ARN)
    endpoint.answers = [(500, b"")]
    clock.forward(KEPT_SECONDS)
    assert [kept.changed() for _ in range(5)] == [False] * 5
    assert len(endpoint.asked) == 1 + 2  # not for every event
    clock.forward(GRACE_SECONDS - 1)
    assert not kept.changed()
    clock.forward(60)
    with pytest.raises(Misconfigured, match=r"senders\.am\.secret"):
        kept.changed()
    endpoint.answers = [(200, said(SECRET))]
    clock.forward(60)
    assert not kept.changed()


def test_while_one_thread_asks_the_others_do_not_wait_and_after_an_hour_every_event_fails(endpoint: Endpoint) -> None:
    clock = Clock()
    kept = Kept(environ_at(endpoint.origin), clock)
    kept.value("senders.am.secret", ARN)
    endpoint.answers = [(0, b"")]
    clock.forward(KEPT_SECONDS)
    found: list[bool] = []
    one = threading.Thread(target=lambda: found.append(kept.changed()))
    one.start()
    while len(endpoint.asked) < 2:
        time.sleep(0.01)
    begun = time.monotonic()
    assert not kept.changed()
    assert time.monotonic() - begun < 0.5
    one.join()
    assert found == [False]
    endpoint.answers = [(500, b"")]
    clock.forward(GRACE_SECONDS + 60)
    for _ in range(3):
        with pytest.raises(Misconfigured, match=r"senders\.am\.secret"):
            kept.changed()


NO_ARNS = [ARN + "#", ARN + "#a#b", ARN + " ", ARN.replace("secretsmanager", "ssm"), "arn:aws:secretsmanager:x"]


@pytest.mark.parametrize("wrong", NO_ARNS)
def test_what_is_no_arn_of_a_secret_is_refused_unasked(endpoint: Endpoint, wrong: str) -> None:
    with pytest.raises(Misconfigured, match="names no secret"):
        Kept(environ_at(endpoint.origin)).value("A", wrong)
    assert endpoint.asked == []


HOSTS = {
    "eu-central-1": "https://secretsmanager.eu-central-1.amazonaws.com",
    "cn-north-1": "https://secretsmanager.cn-north-1.amazonaws.com.cn",
}


@pytest.mark.parametrize("region", HOSTS)
def test_only_the_regions_own_host_is_asked(region: str) -> None:
    from handlers.settings.aws import find_aws

    assert find_aws({**KEYS, "AWS_REGION": "us-east-1"}, "secretsmanager", region).origin == HOSTS[region]


@pytest.mark.parametrize("elsewhere", ["http://secrets.example", "https://127.0.0.1.evil.example/path", "http://10.0.0.1"])
def test_an_endpoint_that_is_neither_here_nor_https_is_refused(elsewhere: str) -> None:
    with pytest.raises(Misconfigured, match="RESTORE_POINT_SECRETSMANAGER_ENDPOINT"):
        Kept(environ_at(elsewhere)).value("A", ARN)


def test_a_retired_secret_that_has_ended_need_not_be_there(endpoint: Endpoint, tmp_path: Path) -> None:
    from handlers.settings import read_rules

    endpoint.answers = [(200, said(SECRET)), (400, refused("ResourceNotFoundException"))]
    retiring = f'secret = "{ARN}"\nretiring = [{{ secret = "{ARN}old", until = 2020-01-01T00:00:00Z }}]'
    text = RULES.replace('secret = "{secret}"', retiring)
    (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
    found = read_secrets(read_rules(tmp_path / "rules.toml"), environ_at(endpoint.origin))
    assert [key.secret for key in found["am"]] == [Secret(SECRET)]


def test_a_secret_that_is_too_short_is_refused_as_ever(endpoint: Endpoint, tmp_path: Path) -> None:
    from handlers.settings import read_rules

    endpoint.answers = [(200, said("short"))]
    (tmp_path / "rules.toml").write_text(RULES.format(secret=ARN), encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"senders\.am\.secret: .*24 printable"):
        read_secrets(read_rules(tmp_path / "rules.toml"), environ_at(endpoint.origin))
