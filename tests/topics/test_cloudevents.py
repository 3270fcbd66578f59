"""CloudEvents: read back by their own library and by our reader, signatures by the library of Standard Webhooks."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from cloudevents.http import from_http
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from handlers.carriers.unwrapping import unwrapped
from handlers.credentials import Secret
from handlers.envelope import Http
from handlers.message import Message, compose, is_ours
from handlers.outcome import Overdue
from handlers.settings.secrets import Key
from handlers.topics.cloudevents import LARGEST, signed
from handlers.topics.wording import mark
from tests.scripted import START
from tests.scripted import Clock as StillClock
from tests.sockets import Asked, Server, always, reply
from tests.topics.stage import ERP, WEBHOOK_SECRET, created, failed, large, opened, soon, webhook

MODES = ["structured", "binary"]


def sent(*messages: Message, clock: Any = None, **more: Any) -> list[Asked]:
    """The requests a sink got."""
    with Server(always(reply(202, b"", reason="Accepted"))) as server:
        topic, environ = webhook(server.origin)
        kept = {key: value for key, value in (topic | more).items() if value}
        with opened({"ops": kept}, environ, clock) as topics:
            for each in messages:
                topics["ops"].send(each, soon())
    return server.asked


def event_in(asked: Asked) -> tuple[Mapping[str, Any], Any]:
    """As the CloudEvents library reads it: attributes, data. It leaves to us the decoding of headers (HTTP binding, 3.1.3.2)."""
    event = from_http(asked.headers, asked.body)
    decode = unquote if "ce-id" in asked.headers else str
    return {name: decode(value) for name, value in event.get_attributes().items()}, event.get_data()


@pytest.mark.parametrize("mode", MODES)
def test_an_event_says_what_happened_and_to_what(mode: str) -> None:
    message = failed()
    (asked,) = sent(message, clock=StillClock(), mode=mode)
    attributes, data = event_in(asked)
    assert data == message.document
    assert {name: value for name, value in attributes.items() if name != "datacontenttype"} == {
        "specversion": "1.0", "id": mark(message, START), "source": "restore-point", "type": "restore-point.failed",
        "time": "2026-11-23T02:00:00Z", "subject": "erp", "outcome": "failed", "rule": "nightly-erp", "vault": "erp",
        "trigger": "timer", "sender": "nightly",
    }  # fmt: skip
    assert (asked.method, asked.target) == ("POST", "/in")
    said = asked.headers["content-type"]
    assert said == ("application/json" if mode == "binary" else "application/cloudevents+json; charset=UTF-8")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("vault", ['Büro "9 %"\r\nX: y', "ü𝄞" * 200, "\ud800", "\x00", "%41", " "])
def test_whatever_a_vault_is_called_the_event_is_one(mode: str, vault: str) -> None:
    message = failed(vault=vault)
    (asked,) = sent(message, mode=mode)
    attributes, data = event_in(asked)
    assert data == message.document
    assert attributes["vault"] == attributes["subject"]
    assert 0 < len(attributes["vault"]) <= 256
    assert attributes["vault"].isprintable()
    if vault.isprintable() and vault.strip():
        assert attributes["vault"] == message.document["vault"][:256]
    assert "x" not in asked.headers


@pytest.mark.parametrize("mode", MODES)
def test_our_own_reader_knows_a_message_of_ours(mode: str) -> None:
    """Sent round in a circle it must not make these functions ask for anything."""
    message = failed()
    (asked,) = sent(message, mode=mode)
    http = Http(asked.method, asked.target, asked.headers, asked.body)
    (carried,) = unwrapped(json.loads(asked.body), http)
    assert (carried.id, carried.event_type, carried.event_source) == (
        mark(message, START),
        "restore-point.failed",
        "restore-point",
    )
    assert isinstance(carried.document, dict)
    assert is_ours(carried.document["schema"])


def test_the_same_message_has_the_same_id_and_another_has_another() -> None:
    clock = StillClock()
    first, again, other = sent(failed(), failed(), created(), clock=clock)
    assert first.headers["webhook-id"] == again.headers["webhook-id"] == json.loads(again.body)["id"]
    assert other.headers["webhook-id"] != first.headers["webhook-id"]
    others: list[dict[str, Any]] = [{"duration_ms": 7}, {"error_code": "BackupService.6114"}, {"durable": True}]
    for more in ({"delivery_id": "another"}, {"cause": "c"}, {"rule": "another"}, {"vault": "files"}, {"message": "Another."}):
        assert mark(failed(**more), START) != mark(failed(), START)
    # The watch tells a failure from the ledger, which does not keep everything; at another time, and to some topics only.
    for each in others:
        assert mark(failed(**each), START + timedelta(days=3)) == mark(failed(), START)


def test_what_is_told_again_every_day_is_another_message_each_day() -> None:
    overdue = compose(Overdue(reason="overdue", message="Vault erp is overdue.", vault="erp", vault_id=ERP))
    assert mark(overdue, START) == mark(overdue, START + timedelta(hours=21))
    assert mark(overdue, START) != mark(overdue, START + timedelta(days=1))


# --- the signature ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_the_receiver_can_verify_it_with_the_library_of_standard_webhooks(mode: str) -> None:
    (asked,) = sent(failed(), mode=mode)
    verified = Webhook(WEBHOOK_SECRET).verify(asked.body, asked.headers)
    assert (verified if mode == "binary" else verified["data"])["outcome"] == "failed"
    another = "whsec_" + base64.b64encode(b"x" * 32).decode()
    for secret, body in ((another, asked.body), (WEBHOOK_SECRET, asked.body.replace(b"failed", b"healed"))):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, asked.headers)


def test_the_time_of_sending_is_signed() -> None:
    clock = StillClock(datetime.now(UTC) - timedelta(minutes=6))
    (late,) = sent(failed(), clock=clock)
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(WEBHOOK_SECRET).verify(late.body, late.headers)


def test_the_signature_of_the_specifications_own_example() -> None:
    """Standard Webhooks, the example of its signature scheme's reference implementations."""
    key = Key("env:X", Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    at = datetime.fromtimestamp(1614265330, UTC)
    assert signed(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}') == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_without_a_secret_nothing_is_signed() -> None:
    (asked,) = sent(failed(), secret="")
    assert not [name for name in asked.headers if name.startswith("webhook-")]


# --- how large, and where to ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["server", 'q"\\' * 80, "ü𝄞" * 100])
def test_an_event_about_256_resources_is_one_that_everybody_takes(mode: str, name: str) -> None:
    (asked,) = sent(large(name), mode=mode)
    attributes, data = event_in(asked)
    headers = sum(len(each) + len(value) for each, value in asked.headers.items() if each.startswith("ce-"))
    assert LARGEST // 4 < len(asked.body) + headers <= LARGEST
    assert (attributes["outcome"], data["shortened"], data["vault"]) == ("available", True, "erp")
    assert data["resources"]


def test_a_broker_of_the_cluster_is_asked_in_plain_http_by_what_knative_says() -> None:
    seen: list[str] = []

    class Network:
        users, retired = 0, False

        def __init__(self, origins: frozenset[str]) -> None:
            self.origins = origins

        def exchange(self, method: str, url: str, headers: Any, body: bytes, deadline: Any) -> Any:
            seen.append(f"{method} {url}")
            return 202, [], b""

        def close(self) -> None:
            pass

    sink = "http://broker-ingress.knative-eventing.svc.cluster.local/backup/default"
    with opened({"ops": {"kind": "cloudevents", "sink": "K_SINK"}}, {"K_SINK": sink}, network=Network) as topics:
        topics["ops"].send(failed(), soon())
    assert seen == [f"POST {sink}"]
