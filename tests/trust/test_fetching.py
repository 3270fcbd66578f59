"""Certificates over the network: from the one place that is configured, seldom, and from nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.scripted import World, answers, cuts
from tests.sockets import Server, always, reply
from tests.trust.conftest import Serving
from tests.trust.making import (
    SMN_CERTIFICATE,
    URN,
    Signer,
    reasons,
    rules,
    sent,
    smn,
)

PEM = ("GET", r"^/smn/SMN_")
BAD = [("refused", "bad_proof", 401)]
UNPROVEN = [("refused", "proof_unavailable", 503)]
SMN_RULES = rules('proof = "smn"', "simple", f'sources = ["{URN}"]')
HOUR = 3600


def asked(world: World) -> int:
    return len(world.door.came(PEM))


def numbered(number: int) -> str:
    """Another certificate of the same place."""
    return SMN_CERTIFICATE.replace("0a" * 16, f"{number:032x}")


def test_a_certificate_is_fetched_once_and_kept_for_an_hour(world: World, serving: Serving, own: Signer) -> None:
    service, here = serving(SMN_RULES), world.door.endpoint
    world.door.on(PEM, answers(200, own.pem), always=True)
    for number in range(5):
        assert reasons(sent(service, "s", smn(own, here, message_id=f"m{number}")))[0][2] == 200
    assert asked(world) == 1
    world.clock.forward(HOUR - 1)
    assert reasons(sent(service, "s", smn(own, here, world.clock.now(), message_id="m6")))[0][2] == 200
    assert asked(world) == 1
    world.clock.forward(1)
    assert reasons(sent(service, "s", smn(own, here, world.clock.now(), message_id="m7")))[0][2] == 200
    assert asked(world) == 2
    assert "authorization" not in world.door.came(PEM)[0].headers


def test_whoever_sends_nonsense_has_it_fetched_four_times_a_minute(
    world: World, serving: Serving, own: Signer, other: Signer
) -> None:
    service, here = serving(SMN_RULES), world.door.endpoint
    world.door.on(PEM, answers(404, {}), always=True)
    for number in range(20):
        forged = smn(other, here) | {"signing_cert_url": here + numbered(number)}
        assert reasons(sent(service, "s", forged)) == UNPROVEN
    assert asked(world) == 4
    world.clock.forward(59)
    sent(service, "s", smn(other, here))
    assert asked(world) == 4
    world.clock.forward(1)
    world.door.calm()
    world.door.on(PEM, answers(200, own.pem), always=True)
    assert reasons(sent(service, "s", smn(own, here)))[0][2] == 200
    assert asked(world) == 5


def test_what_is_kept_serves_while_nonsense_is_refused(world: World, serving: Serving, own: Signer, other: Signer) -> None:
    service, here = serving(SMN_RULES), world.door.endpoint
    world.door.on(PEM, answers(200, own.pem), always=True)
    sent(service, "s", smn(own, here))
    for number in range(10):
        sent(service, "s", smn(other, here) | {"signing_cert_url": here + numbered(number)})
    assert reasons(sent(service, "s", smn(own, here, message_id="m2")))[0][2] == 200
    assert asked(world) == 4


def test_what_cannot_be_of_the_sender_is_not_even_fetched(world: World, serving: Serving, own: Signer) -> None:
    service, here = serving(SMN_RULES), world.door.endpoint
    world.door.on(PEM, answers(200, own.pem), always=True)
    for message in (
        smn(own, here, topic_urn=URN + "2"),
        smn(own, here, timestamp="2020-01-01T00:00:00Z"),
        {},
        [smn(own, here)],
        "text",
    ):
        assert reasons(sent(service, "s", message)) == BAD
    assert reasons(sent(service, "s", b"{")) == BAD
    assert world.door.seen == []


FAILURES: dict[str, Any] = {
    "not there": answers(404, {}),
    "down": answers(503, {}),
    "cut": cuts,
    "empty": answers(200, b""),
    "a page": answers(200, b"<html>sign in</html>"),
    "too large": answers(200, b"x" * 70_000),
    "half a certificate": answers(200, b"-----BEGIN CERTIFICATE-----\nMIIB"),
}


@pytest.mark.parametrize("act", FAILURES.values(), ids=FAILURES.keys())
def test_what_cannot_be_had_lets_nobody_in_and_is_not_kept(
    world: World, serving: Serving, own: Signer, act: Callable[[Any], None]
) -> None:
    service, here = serving(SMN_RULES), world.door.endpoint
    world.door.on(PEM, act, act, always=True)
    assert reasons(sent(service, "s", smn(own, here))) == UNPROVEN
    assert {seen.target for seen in world.door.seen} == {SMN_CERTIFICATE}
    world.door.calm()
    world.door.on(PEM, answers(200, own.pem), always=True)
    assert reasons(sent(service, "s", smn(own, here)))[0][2] == 200


@pytest.fixture
def evil(other: Signer) -> Iterator[Server]:
    """Somebody's own place, with a certificate of his at every address."""
    with Server(always(reply(200, other.pem))) as server:
        yield server


def elsewhere(here: str, there: str) -> list[str]:
    port, other = here.rpartition(":")[2], there.rpartition(":")[2]
    return [
        there + SMN_CERTIFICATE,
        f"http://user@127.0.0.1:{port}{SMN_CERTIFICATE}",
        f"http://127.0.0.1:{port}@127.0.0.1:{other}{SMN_CERTIFICATE}",
        f"http://127.0.0.1:{other}#@127.0.0.1:{port}{SMN_CERTIFICATE}",
        f"http://127.0.0.1:{other}\\@127.0.0.1:{port}{SMN_CERTIFICATE}",
        f"http://localhost:{port}{SMN_CERTIFICATE}",
        f"http://127.0.0.1{SMN_CERTIFICATE}",
        f"http://127.0.0.1.evil.example:{port}{SMN_CERTIFICATE}",
        f"https://127.0.0.1:{port}{SMN_CERTIFICATE}",
        f"HTTP://127.0.0.1:{port}{SMN_CERTIFICATE}",
        f"//127.0.0.1:{port}{SMN_CERTIFICATE}",
        f"{here}{SMN_CERTIFICATE}?x=1",
        f"{here}{SMN_CERTIFICATE}#x",
        f"{here}{SMN_CERTIFICATE}\n",
        f" {here}{SMN_CERTIFICATE}",
        f"{here}/smn/../smn{SMN_CERTIFICATE.removeprefix('/smn')}",
        f"{here}//smn{SMN_CERTIFICATE.removeprefix('/smn')}",
        f"{here}{SMN_CERTIFICATE.replace('eu-de', 'eu-nl')}",
        f"{here}{SMN_CERTIFICATE.replace('0a', '0A')}",
        f"{here}{SMN_CERTIFICATE.replace('0a' * 16, '0a' * 15)}",
        f"{here}{SMN_CERTIFICATE.replace('.pem', '.crt')}",
        f"{here}/v2/notifications/topics",
        "file:///etc/ssl/certs/ca-certificates.crt",
        "http://169.254.169.254/latest/meta-data/",
        "",
    ]


def test_every_other_address_in_a_message_is_never_opened(world: World, serving: Serving, other: Signer, evil: Server) -> None:
    service, here = serving(SMN_RULES), world.door.endpoint
    world.door.on(("GET", "."), answers(200, other.pem), always=True)
    for url in elsewhere(here, evil.origin):
        assert reasons(sent(service, "s", smn(other, here) | {"signing_cert_url": url})) == BAD, url
    assert (evil.accepted, world.door.seen) == (0, [])


def test_a_redirect_is_not_followed(world: World, serving: Serving, other: Signer, evil: Server) -> None:
    service, here = serving(SMN_RULES), world.door.endpoint
    for status in (301, 302, 303, 307, 308):
        world.clock.forward(60)
        world.door.on(PEM, answers(status, b"", {"Location": evil.origin + SMN_CERTIFICATE}))
        assert reasons(sent(service, "s", smn(other, here))) == UNPROVEN
    assert evil.accepted == 0
    assert asked(world) == 5


def test_nothing_a_message_says_is_told_to_who_is_asked(world: World, serving: Serving, own: Signer) -> None:
    service = serving(SMN_RULES)
    world.door.on(PEM, answers(200, own.pem), always=True)
    sent(service, "s", smn(own, world.door.endpoint))
    (seen,) = world.door.came(PEM)
    assert seen.body == b""
    assert not re.search("x-|cookie", json.dumps(dict(seen.headers)).lower())
