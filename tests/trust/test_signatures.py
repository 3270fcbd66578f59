"""Bodies signed with a shared secret: by openssl, and by the library of Standard Webhooks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from tests.scripted import World
from tests.trust.conftest import Serving
from tests.trust.making import ALERT, AT, BODY, in_base64, mac, reasons, rules, sent

KEY = "a-secret-of-this-sender-0123456789"
WHSEC = f"whsec_{in_base64(KEY.encode())}"
SERVED = [("created", "accepted", 200)]
BAD = [("refused", "bad_proof", 401)]
STALE = [("refused", "stale_proof", 401)]


@dataclass(frozen=True)
class Way:
    """How a sender signs: by the scheme of the rules, and independently of it."""

    scheme: str
    headers: Callable[[bytes, str, datetime], dict[str, str]]
    header: str
    timed: str = ""
    secret: str = KEY

    @property
    def rules(self) -> str:
        return rules('proof = "hmac"', "simple", 'secret = "env:SIGNING"', self.scheme)


def plain(name: str, prefix: str = "") -> Callable[[bytes, str, datetime], dict[str, str]]:
    return lambda body, key, _: {name: prefix + mac(body, key.encode()).hex()}


def grafana(body: bytes, key: str, at: datetime) -> dict[str, str]:
    now = str(int(at.timestamp()))
    signature = mac(f"{now}:".encode() + body, key.encode()).hex()
    return {"X-Grafana-Alerting-Timestamp": now, "X-Grafana-Alerting-Signature": signature}


def pagerduty(body: bytes, key: str, _: datetime) -> dict[str, str]:
    """Two, as while a secret is changed: the right one is the second."""
    wrong, right = mac(body, b"the-secret-before-this-one").hex(), mac(body, key.encode()).hex()
    return {"X-PagerDuty-Signature": f"v1={wrong},v1={right}"}


def standard(body: bytes, key: str, at: datetime) -> dict[str, str]:
    signature = Webhook(key).sign("msg_1", at, body.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def own(body: bytes, key: str, at: datetime) -> dict[str, str]:
    now = str(int(at.timestamp()))
    digest = mac(f"v0:{now}:".encode() + body, key.encode(), "sha512")
    return {"X-Own-Time": now, "X-Own": f"own {in_base64(digest)}"}


OWN = """scheme = { header = "X-Own", algorithm = "sha512", encoding = "base64", prefix = "own ", \
signed = "v0:{timestamp}:{body}", timestamp_header = "X-Own-Time", window = "60s" }"""
WAYS = {
    "github": Way('scheme = "github"', plain("X-Hub-Signature-256", "sha256="), "X-Hub-Signature-256"),
    "grafana": Way('scheme = "grafana"', plain("X-Grafana-Alerting-Signature"), "X-Grafana-Alerting-Signature"),
    "grafana-timestamp": Way(
        'scheme = "grafana-timestamp"', grafana, "X-Grafana-Alerting-Signature", "X-Grafana-Alerting-Timestamp"
    ),
    "pagerduty": Way('scheme = "pagerduty"', pagerduty, "X-PagerDuty-Signature"),
    "sentry": Way('scheme = "sentry"', plain("Sentry-Hook-Signature"), "Sentry-Hook-Signature"),
    "standard-webhooks": Way('scheme = "standard-webhooks"', standard, "webhook-signature", "webhook-timestamp", WHSEC),
    "own": Way(OWN, own, "X-Own", "X-Own-Time"),
}
every = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
timed = pytest.mark.parametrize("way", [way for way in WAYS.values() if way.timed], ids=[key for key in WAYS if WAYS[key].timed])


@every
def test_what_openssl_signed_is_served(world: World, serving: Serving, way: Way) -> None:
    service = serving(way.rules, SIGNING=way.secret)
    assert reasons(sent(service, "s", BODY, **way.headers(BODY, way.secret, AT))) == SERVED
    assert len(world.posts()) == 1
    assert world.deliveries()[-1]["proven_by"] == "env:SIGNING"


@every
def test_one_that_is_wrong_in_anything_is_not(world: World, serving: Serving, way: Way) -> None:
    service = serving(way.rules, SIGNING=way.secret)
    good = way.headers(BODY, way.secret, AT)
    signed = good[way.header]
    other = f"whsec_{in_base64(b'another-secret-of-nobody')}" if way.secret == WHSEC else "another-secret-of-nobody"
    flipped = signed[:-3] + ("A" if signed[-3] != "A" else "B") + signed[-2:]
    version = signed.replace("v1", "v2") if "v1" in signed else "?" + signed[1:]
    for headers in (
        way.headers(BODY + b" ", way.secret, AT),
        way.headers(BODY, other, AT),
        {name: value for name, value in good.items() if name != way.header},
        *(
            {**good, way.header: value}
            for value in ("", " ", flipped, version, signed[:-4], signed + "0000", "x" * 2000, "\u0663")
        ),
    ):
        assert reasons(sent(service, "s", BODY, **headers)) == BAD, headers
    spaced = b"  " + BODY  # the same document, and not the bytes that were signed
    assert reasons(sent(service, "s", spaced, **good)) == BAD
    assert world.door.seen == []


@timed
def test_an_old_signature_and_one_of_the_future_are_stale(world: World, serving: Serving, way: Way) -> None:
    service = serving(way.rules, SIGNING=way.secret)
    window = 60 if way.header == "X-Own" else 300
    for seconds in (-window - 1, window + 1):
        headers = way.headers(BODY, way.secret, AT + timedelta(seconds=seconds))
        assert reasons(sent(service, "s", BODY, **headers)) == STALE
    assert world.door.seen == []
    for seconds in (-window, window):
        headers = way.headers(BODY, way.secret, AT + timedelta(seconds=seconds))
        assert reasons(sent(service, "s", BODY, **headers))[0][2] == 200


@timed
def test_the_time_is_signed(world: World, serving: Serving, way: Way) -> None:
    service = serving(way.rules, SIGNING=way.secret)
    old = AT - timedelta(hours=1)
    headers = way.headers(BODY, way.secret, old) | {way.timed: str(int(AT.timestamp()))}
    assert reasons(sent(service, "s", BODY, **headers)) == BAD
    assert world.door.seen == []


def test_the_library_of_standard_webhooks_takes_what_we_sign() -> None:
    """The other way round: what `sign` prints is what the reference reads."""
    from handlers.credentials import Secret
    from handlers.rules.proofs import scheme_named
    from handlers.settings import Key
    from handlers.trust.signed import sign

    headers = sign(BODY, scheme_named("standard-webhooks"), Key("env:X", Secret(WHSEC)), datetime.now(AT.tzinfo), "msg_2")
    assert Webhook(WHSEC).verify(BODY.decode(), headers) == ALERT


def test_of_many_signatures_the_first_five_are_looked_at(world: World, serving: Serving) -> None:
    service = serving(WAYS["pagerduty"].rules, SIGNING=KEY)
    right = f"v1={mac(BODY, KEY.encode()).hex()}"
    for before, served in ((4, True), (5, False)):
        value = ",".join([*["v1=00"] * before, right])
        assert (reasons(sent(service, "s", BODY, X_PagerDuty_Signature=value))[0][2] == 200) is served
    assert len(world.posts()) == 1
