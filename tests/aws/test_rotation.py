"""Secrets by their ARNs, from an emulator's Secrets Manager, and what a rotation does: to settings, and in a warm function."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers import aws_lambda
from handlers.credentials import AccessKey, Secret
from handlers.errors import LedgerDown, Misconfigured
from handlers.sandbox import estate
from handlers.settings import load
from handlers.settings.kept import CHECK_SECONDS, KEPT_SECONDS, Kept
from handlers.warm import Warm
from tests.aws.emulator import AwsEmulator
from tests.aws.endpoint import ALERTS, ARN, RULES, SECRET, Endpoint, environ_at, said
from tests.functiongraph.image import NULLS, ImageServer
from tests.ledger.servers import KEYS
from tests.many.cloud import alertmanager
from tests.runtime_api import Answer, LambdaFunction
from tests.scripted import Clock, World, world_in
from tests.web_server import WebServer


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsEmulator]:
    emulator = AwsEmulator()
    emulator.start()
    try:
        yield emulator
    finally:
        emulator.stop()


def created(aws: AwsEmulator, name: str, value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return str(aws.ask("secretsmanager", "CreateSecret", Name=name, SecretString=text)["ARN"])


def put(aws: AwsEmulator, arn: str, value: object) -> None:
    aws.ask("secretsmanager", "PutSecretValue", SecretId=arn, SecretString=json.dumps(value))


def test_keys_of_the_cloud_and_secrets_of_senders_are_read_by_their_arns(aws: AwsEmulator, tmp_path: Path) -> None:
    cloud = created(aws, "cloud", {"HUAWEICLOUD_SDK_AK": "AKEXAMPLE", "HUAWEICLOUD_SDK_SK": SECRET})
    sender = created(aws, "plain", f"{SECRET}\n")
    (tmp_path / "rules.toml").write_text(RULES.format(secret=sender), encoding="utf-8")
    keys = {name: f"{cloud}#{name}" for name in ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")}
    more = {"HW_REGION_NAME": "eu-de", "RESTORE_POINT_LEDGER": "memory", "RESTORE_POINT_RULES": str(tmp_path / "rules.toml")}
    settings = load(environ_at(aws.origin, **keys, **more))
    assert settings.projects["default"].credentials == AccessKey("AKEXAMPLE", Secret(SECRET))
    assert [(key.name, key.secret) for key in settings.secrets["am"]] == [(sender, Secret(SECRET))]
    assert SECRET not in repr(settings)
    by_variable = RULES.format(secret="env:TOKEN")
    (tmp_path / "rules.toml").write_text(by_variable, encoding="utf-8")
    settings = load(environ_at(aws.origin, **keys, **more, TOKEN=f"{cloud}#HUAWEICLOUD_SDK_SK"))
    assert [(key.name, key.secret) for key in settings.secrets["am"]] == [("env:TOKEN", Secret(SECRET))]


def test_a_rotation_is_seen_when_the_value_is_old_enough(aws: AwsEmulator) -> None:
    arn, clock = created(aws, "rotated", {"token": "one"}), Clock()
    kept = Kept(environ_at(aws.origin), clock)
    assert kept.value("TOKEN", f"{arn}#token") == "one"
    put(aws, arn, {"token": "two"})
    clock.forward(KEPT_SECONDS - 1)
    assert (kept.changed(), kept.value("TOKEN", f"{arn}#token")) == (False, "one")
    clock.forward(1)
    assert kept.changed()
    assert Kept(environ_at(aws.origin), clock).value("TOKEN", f"{arn}#token") == "two"


MISSING = {
    "nothing of that name": (lambda arn: arn.replace("cloud", "clouds"), "there is no such secret"),
    "nothing under that key": (lambda arn: f"{arn}#HUAWEICLOUD_SDK_SKK", "under the key after #"),
}


@pytest.mark.parametrize(("change", "why"), MISSING.values(), ids=MISSING.keys())
def test_what_is_not_there_is_said_by_setting(aws: AwsEmulator, change: Callable[[str], str], why: str) -> None:
    arn = created(aws, f"cloud-{len(why)}", {"HUAWEICLOUD_SDK_SK": SECRET})
    with pytest.raises(Misconfigured) as raised:
        Kept(environ_at(aws.origin)).value("SETTING", change(arn))
    assert raised.value.setting == "SETTING"
    assert why in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    try:
        yield server
    finally:
        server.close()


def alert(token: str, host: str) -> dict[str, Any]:
    """As a Function URL hands it over."""
    starts_at = f"{datetime.now(UTC) - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    body = json.dumps(alertmanager({"alertname": "DiskFailing", "host": host}, starts_at, 1))
    http = {"method": "POST", "path": "/alert/am"}
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return {"version": "2.0", "rawPath": "/alert/am", "headers": headers, "requestContext": {"http": http}, "body": body}


@pytest.mark.says_secrets("Secrets Manager tells them")
def test_a_warm_function_goes_by_a_rotation_of_either_secret(endpoint: Endpoint, tmp_path: Path) -> None:
    """Both stand in one secret here: the sender's and the cloud's, whose key is wrong at first."""
    values = {"token": SECRET, "ak": estate.ACCESS_KEY, "sk": "no-key-of-this-cloud"}
    endpoint.answers = [(200, said(json.dumps(values)))]
    with world_in(tmp_path, datetime.now(UTC)) as world:
        world.write_rules("erp", more=ALERTS.format(secret=f"{ARN}#token"))
        keys = {"HUAWEICLOUD_SDK_AK": f"{ARN}#ak", "HUAWEICLOUD_SDK_SK": f"{ARN}#sk"}
        asking = {"RESTORE_POINT_SECRETSMANAGER_ENDPOINT": endpoint.origin, "RESTORE_POINT_SECRETS_SECONDS": "1"}
        with LambdaFunction("handlers.aws_lambda.alert", env=world.environ(**keys, **asking)) as function:
            assert status(function.invoke(alert(SECRET, "host-1"))) == 200  # failed, and told
            assert world.sandbox.restore_points() == []
            asked, process = len(endpoint.asked), function.process_id
            assert asked == 1
            new = SECRET[::-1]
            endpoint.answers = [(200, said(json.dumps(values | {"token": new, "sk": estate.SECRET_KEY})))]
            time.sleep(1.1)
            assert status(function.invoke(alert(SECRET, "host-2"))) == 401
            assert status(function.invoke(alert(new, "host-2"))) == 200
            assert [each["vault_id"] for each in world.sandbox.restore_points()] == [estate.FILES_VAULT_ID]
            assert function.process_id == process
            printed = "".join([*function.stdout, *function.stderr])
    assert not [secret for secret in (SECRET, new, estate.SECRET_KEY, values["sk"]) if secret in printed]


SERVERS = ["web", "image"]


@contextmanager
def serving(kind: str, world: World, **more: str) -> Iterator[Callable[[str, str], tuple[int, list[str]]]]:
    """A server of this kind, and how to ask it: a token and a host, a status and what became of it."""
    environ = world.environ(RESTORE_POINT_LEDGER="memory", **more)
    if kind == "web":
        with WebServer(environ, world.folder) as web:

            def ask(token: str, host: str) -> tuple[int, list[str]]:
                event = alert(token, host)
                answered = web.ask("POST", "/alert/am", event["headers"], event["body"].encode())
                return answered.status, [each["outcome"] for each in answered.json["outcomes"]]

            yield ask
        return
    function = {"RESTORE_POINT_DOOR": "alert", "RUNTIME_PROJECT_ID": estate.PROJECT_ID}
    with ImageServer(environ | function, world.folder) as image:

        def ask_image(token: str, host: str) -> tuple[int, list[str]]:
            event = alert(token, host)
            code, _, body = image.gateway("/alert/am", event["headers"], event["body"].encode(), NULLS)
            return code, [each["outcome"] for each in json.loads(body)["outcomes"]]

        yield ask_image


@pytest.mark.says_secrets("Secrets Manager tells them")
@pytest.mark.parametrize("kind", SERVERS)
def test_servers_go_by_a_rotation(endpoint: Endpoint, tmp_path: Path, kind: str) -> None:
    """And what the process remembers outlives it: the alert of before is not answered with a second restore point."""
    asking = {"RESTORE_POINT_SECRETSMANAGER_ENDPOINT": endpoint.origin, "RESTORE_POINT_SECRETS_SECONDS": "1"}
    with world_in(tmp_path, datetime.now(UTC)) as world:
        world.write_rules("erp", more=ALERTS.format(secret=ARN))
        with serving(kind, world, **KEYS, **asking) as ask:
            assert ask(SECRET, "host-1") == (200, ["created"])
            new = SECRET[::-1]
            endpoint.answers = [(200, said(new))]
            time.sleep(1.1)
            assert ask(SECRET, "host-1") == (401, ["refused"])
            assert ask(new, "host-1") == (200, ["joined"])
        assert len(world.posts()) == 1


def test_a_service_that_was_replaced_ends_with_the_last_event_that_uses_it(endpoint: Endpoint, tmp_path: Path) -> None:
    with world_in(tmp_path, datetime.now(UTC)) as world:
        world.write_rules("erp", more=ALERTS.format(secret=ARN))
        asking = {"RESTORE_POINT_SECRETSMANAGER_ENDPOINT": endpoint.origin, "RESTORE_POINT_SECRETS_SECONDS": "0"}
        environ = world.environ(**KEYS, **asking, RESTORE_POINT_LEDGER=f"sqlite:{tmp_path / 'ledger'}")
        warm = Warm()
        with warm.using(lambda: load(environ)) as old:
            assert old.ledger.due(0.0, 1) == []
            with warm.using(lambda: load(environ)) as same:
                assert same is old
            endpoint.answers = [(200, said(SECRET[::-1]))]
            with warm.using(lambda: load(environ)) as new:
                assert new is not old
            assert old.ledger.due(0.0, 1) == [], "still used"
        with pytest.raises(LedgerDown):
            old.ledger.due(0.0, 1)
        endpoint.answers = [(200, said("short"))]
        for _ in range(2):  # the new value is no good, and the old one is not either
            with pytest.raises(Misconfigured), warm.using(lambda: load(environ)):
                pass
        warm.clear()


class Counted:
    """Lambda's context, and how often Secrets Manager had been asked when the time that is left was."""

    aws_request_id = "r"

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint, self.asked = endpoint, list[int]()

    def get_remaining_time_in_millis(self) -> int:
        self.asked.append(len(self.endpoint.asked))
        return 30_000


@pytest.mark.parametrize("entry", [aws_lambda.alert, aws_lambda.watch], ids=["alert", "watch"])
def test_a_secrets_manager_that_hangs_takes_two_seconds_and_they_are_counted(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: Callable[[object, Any], Any]
) -> None:
    """A run that believed it had them still would be killed in the middle of a POST."""
    with world_in(tmp_path, datetime.now(UTC)) as world:
        world.write_rules("erp", more=ALERTS.format(secret=ARN))
        asking = {"RESTORE_POINT_SECRETSMANAGER_ENDPOINT": endpoint.origin, "RESTORE_POINT_SECRETS_SECONDS": "0"}
        for name, value in world.environ(**KEYS, **asking).items():
            monkeypatch.setenv(name, value)
        aws_lambda.warm.clear()
        try:
            aws_lambda.service()
            endpoint.answers = [(0, b"")]
            context, begun = Counted(endpoint), time.monotonic()
            entry(alert("a-stranger's-token-of-some-length", "host-1"), context)
            assert time.monotonic() - begun < CHECK_SECONDS + 1
            assert min(context.asked) >= 2
        finally:
            aws_lambda.warm.clear()


def status(answer: Answer) -> int:
    assert answer.error is None, answer.error
    return int(answer.payload["statusCode"])
