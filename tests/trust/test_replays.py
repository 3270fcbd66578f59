"""The same proven request again: nothing is asked for a second time, unless its sender was told to come again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from handlers.envelope import Door
from handlers.errors import Misconfigured
from handlers.ledger import open_ledger
from tests.scripted import CREATE, Flaky, World, fails
from tests.trust.conftest import Serving
from tests.trust.making import AT, BODY, ONE_OFF, in_base64, mac, reasons, rules, sent

KEY = "a-secret-of-this-sender-0123456789"
WHSEC = f"whsec_{in_base64(KEY.encode())}"
REPLAYED = [("skipped", "replayed", 200)]
STALE = [("refused", "stale_proof", 401)]


def standard(body: bytes, message: str = "msg_1", later: float = 0) -> dict[str, str]:
    at = AT + timedelta(seconds=later)
    signature = Webhook(WHSEC).sign(message, at, body.decode())
    return {"webhook-id": message, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def timestamped(body: bytes) -> dict[str, str]:
    now = str(int(AT.timestamp()))
    signature = mac(f"{now}:".encode() + body, KEY.encode()).hex()
    return {"X-Grafana-Alerting-Timestamp": now, "X-Grafana-Alerting-Signature": signature}


def plain(body: bytes) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + mac(body, KEY.encode()).hex()}


WAYS: dict[str, tuple[str, str, Callable[[bytes], dict[str, str]]]] = {
    "standard-webhooks": ("standard-webhooks", WHSEC, standard),
    "grafana-timestamp": ("grafana-timestamp", KEY, timestamped),
    "github": ("github", KEY, plain),
}


def signed_by(scheme: str, dialect: str) -> str:
    return rules('proof = "hmac"', dialect, 'secret = "env:SIGNING"', f'scheme = "{scheme}"')


@pytest.mark.parametrize("dialect", ["simple", "once"])
@pytest.mark.parametrize(("scheme", "secret", "headers"), WAYS.values(), ids=WAYS.keys())
def test_what_was_settled_is_not_asked_for_again(
    world: World, serving: Serving, scheme: str, secret: str, headers: Callable[[bytes], dict[str, str]], dialect: str
) -> None:
    """A one-off without a key of its own would be another wish each time it is read."""
    if dialect == "once" and scheme == "github":
        with pytest.raises(Misconfigured, match="must sign the time of sending"):
            serving(signed_by(scheme, dialect), SIGNING=secret)
        return
    door: Door = "once" if dialect == "once" else "alert"
    body = ONE_OFF if dialect == "once" else BODY
    service = serving(signed_by(scheme, dialect), SIGNING=secret)
    assert reasons(sent(service, "s", body, door, **headers(body)))[0][0] == "created"
    world.clock.forward(200)
    for _ in range(3):
        assert reasons(sent(service, "s", body, door, **headers(body))) == REPLAYED
    again = world.service(service_environ(world, secret))  # another instance over the same ledger
    assert reasons(sent(again, "s", body, door, **headers(body))) == REPLAYED
    assert len(world.posts()) == 1


def service_environ(world: World, secret: str) -> dict[str, str]:
    return world.environ(SIGNING=secret)


def test_another_id_is_another_request(world: World, serving: Serving) -> None:
    service = serving(signed_by("standard-webhooks", "once"), SIGNING=WHSEC)
    for message in ("msg_1", "msg_2"):
        assert reasons(sent(service, "s", ONE_OFF, "once", **standard(ONE_OFF, message)))[0][0] in (
            "created",
            "skipped",
            "joined",
        )
    assert "replayed" not in {each["reason"] for line in world.deliveries() for each in line["restore_points"]}


def test_an_id_signed_anew_is_the_same_request(world: World, serving: Serving) -> None:
    """A sender that tries again signs with the time of that try (Standard Webhooks: the id identifies the message)."""
    service = serving(signed_by("standard-webhooks", "once"), SIGNING=WHSEC)
    sent(service, "s", ONE_OFF, "once", **standard(ONE_OFF))
    assert reasons(sent(service, "s", ONE_OFF, "once", **standard(ONE_OFF, later=100))) == REPLAYED
    assert len(world.posts()) == 1


def test_an_id_is_remembered_for_as_long_as_its_proof_could_be_good(world: World, serving: Serving) -> None:
    """Signed by a clock 300 seconds ahead it is good for 600."""
    service = serving(signed_by("standard-webhooks", "once"), SIGNING=WHSEC)
    headers = standard(ONE_OFF, later=300)
    assert reasons(sent(service, "s", ONE_OFF, "once", **headers))[0][0] == "created"
    world.clock.forward(599)
    assert reasons(sent(service, "s", ONE_OFF, "once", **headers)) == REPLAYED
    world.clock.forward(1)
    assert reasons(sent(service, "s", ONE_OFF, "once", **headers)) == REPLAYED
    world.clock.forward(1)
    assert reasons(sent(service, "s", ONE_OFF, "once", **headers)) == STALE
    assert len(world.posts()) == 1


def test_who_was_told_to_come_again_is_served(world: World, serving: Serving) -> None:
    """Where the ledger ends with the instance nothing but the sender's next try makes the restore point."""
    passing = {"RESTORE_POINT_LEDGER": "memory", "AWS_LAMBDA_FUNCTION_NAME": "alert"}
    service = serving(signed_by("standard-webhooks", "simple"), SIGNING=WHSEC, **passing)
    world.door.on(CREATE, fails("6125"), always=True)
    for _ in range(2):
        assert reasons(sent(service, "s", BODY, **standard(BODY))) == [("later", "busy", 503)]
        world.clock.forward(60)
    world.door.calm()
    assert reasons(sent(service, "s", BODY, **standard(BODY)))[0][0] == "created"
    assert reasons(sent(service, "s", BODY, **standard(BODY))) == REPLAYED
    assert len(world.posts()) == 1


def test_without_a_ledger_it_is_served_and_joins_by_its_cause(world: World) -> None:
    world.write_rules(topics="", more=signed_by("standard-webhooks", "simple"))
    here = open_ledger("memory", world.clock, world.clock)
    ledger = Flaky(here)
    service = world.service(world.environ(SIGNING=WHSEC), ledger=ledger)
    sent(service, "s", BODY, **standard(BODY))
    ledger.down |= {"get", "put_if_absent", "swap", "since", "due"}
    assert reasons(sent(service, "s", BODY, **standard(BODY)))[0][0] in ("joined", "later")
    assert len(world.posts()) == 1
    ledger.down.clear()
    assert reasons(sent(service, "s", BODY, **standard(BODY))) == REPLAYED


def test_a_bearer_names_no_request(serving: Serving) -> None:
    """Nothing in it is of this request: whoever has it may ask anew, and the cause still makes one of several."""
    service = serving(rules('proof = "bearer"', "simple", 'secret = "env:TOKEN"'), TOKEN=KEY)
    found = [reasons(sent(service, "s", BODY, Authorization=f"Bearer {KEY}"))[0][0] for _ in range(2)]
    assert found == ["created", "joined"]
    assert service.ledger.since("replay", 0) == []


def test_who_is_refused_after_the_proof_is_not_told_it_was_settled(world: World, serving: Serving) -> None:
    """A body that cannot be read is refused each time: the sender may mend it under the same id."""
    service = serving(signed_by("standard-webhooks", "simple"), SIGNING=WHSEC)
    for _ in range(2):
        (found,) = reasons(sent(service, "s", b"{", **standard(b"{")))
        assert found == ("refused", "malformed", 400)
    assert reasons(sent(service, "s", BODY, **standard(BODY)))[0][0] == "created"
    assert len(world.posts()) == 1
