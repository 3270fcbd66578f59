"""An issuer's keys over the network: from the one place that is configured, seldom, and from nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from handlers.service import Service
from tests.scripted import World
from tests.sockets import Peer, Server, always, closed_port, json_reply, reply
from tests.trust.conftest import Serving
from tests.trust.making import BODY, Signer, claims, reasons, rules, sent

BAD = [("refused", "bad_proof", 401)]
UNPROVEN = [("refused", "proof_unavailable", 503)]
HOUR = 3600


class Issuer:
    """Publishes these keys, for as long as it is up."""

    def __init__(self, *keys: dict[str, str]) -> None:
        self.keys = keys
        self.server = Server(self._serve)

    def _serve(self, peer: Peer) -> None:
        while peer.request():
            peer.send(json_reply({"keys": list(self.keys)}))

    @property
    def asked(self) -> int:
        return len(self.server.asked)


@pytest.fixture
def issuer(own: Signer) -> Iterator[Issuer]:
    made = Issuer(own.jwk("k1"))
    with made.server:
        yield made


def by_token(serving: Serving, origin: str) -> Service:
    token = f"""[senders.s.token]
audience = "https://backup.example/alert"
email = "push@project.iam.gserviceaccount.com"
keys = "{origin}/certs?x=1"
"""
    return serving(rules('proof = "oidc"', "simple", token))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_keys_are_fetched_once_and_kept_for_an_hour(world: World, serving: Serving, own: Signer, issuer: Issuer) -> None:
    service = by_token(serving, issuer.server.origin)
    for _ in range(5):
        assert reasons(sent(service, "s", BODY, **bearer(own.token(claims()))))[0][2] == 200
    assert issuer.asked == 1
    assert issuer.server.asked[0].target == "/certs?x=1"
    assert "authorization" not in issuer.server.asked[0].headers
    world.clock.forward(HOUR)
    assert reasons(sent(service, "s", BODY, **bearer(own.token(claims(world.clock.now())))))[0][2] == 200
    assert issuer.asked == 2


def test_a_key_that_is_new_has_them_fetched_once_more(serving: Serving, own: Signer, other: Signer, issuer: Issuer) -> None:
    service = by_token(serving, issuer.server.origin)
    sent(service, "s", BODY, **bearer(own.token(claims())))
    issuer.keys = (other.jwk("k2"),)
    assert reasons(sent(service, "s", BODY, **bearer(other.token(claims(), kid="k2"))))[0][2] == 200
    assert issuer.asked == 2
    assert reasons(sent(service, "s", BODY, **bearer(own.token(claims())))) == BAD  # withdrawn
    assert issuer.asked == 3


def test_whoever_names_unknown_keys_has_them_fetched_four_times_a_minute(
    world: World, serving: Serving, own: Signer, other: Signer, issuer: Issuer
) -> None:
    service = by_token(serving, issuer.server.origin)
    for number in range(20):
        assert reasons(sent(service, "s", BODY, **bearer(other.token(claims(), kid=f"x{number}")))) == BAD
    assert issuer.asked == 4
    assert reasons(sent(service, "s", BODY, **bearer(own.token(claims()))))[0][2] == 200
    world.clock.forward(60)
    sent(service, "s", BODY, **bearer(other.token(claims(), kid="y")))
    assert issuer.asked == 5


def test_what_is_no_token_of_ours_has_nothing_fetched(serving: Serving, issuer: Issuer) -> None:
    service = by_token(serving, issuer.server.origin)
    for header in (
        "",
        "Bearer ",
        "Bearer x.y.z",
        "Basic x",
        "Bearer " + "x" * 9000,
        "Bearer eyJhbGciOiJub25lIiwia2lkIjoiayJ9.e30.",
    ):
        assert reasons(sent(service, "s", BODY, Authorization=header)) == BAD
    assert issuer.asked == 0


@pytest.mark.parametrize(
    "answer",
    [reply(500), reply(302, b"", Location="/elsewhere"), reply(200, b"<html>"), reply(200, b"[]"), reply(200, b"x" * 70_000)],
)
def test_an_issuer_in_trouble_is_503_and_nobody_gets_in(world: World, serving: Serving, own: Signer, answer: bytes) -> None:
    with Server(always(answer)) as server:
        service = by_token(serving, server.origin)
        assert reasons(sent(service, "s", BODY, **bearer(own.token(claims())))) == UNPROVEN
        assert {each.target for each in server.asked} == {"/certs?x=1"}
    assert world.door.seen == []


def test_an_issuer_that_is_not_there(world: World, serving: Serving, own: Signer) -> None:
    service = by_token(serving, closed_port())
    for _ in range(6):
        assert reasons(sent(service, "s", BODY, **bearer(own.token(claims())))) == UNPROVEN
    assert world.door.seen == []


def test_keys_that_are_kept_outlive_their_issuer_for_the_hour(serving: Serving, own: Signer, issuer: Issuer) -> None:
    service = by_token(serving, issuer.server.origin)
    sent(service, "s", BODY, **bearer(own.token(claims())))
    issuer.server.__exit__()
    assert reasons(sent(service, "s", BODY, **bearer(own.token(claims()))))[0][2] == 200


def test_many_at_once_fetch_once(serving: Serving, own: Signer, issuer: Issuer) -> None:
    service = by_token(serving, issuer.server.origin)
    headers, found = bearer(own.token(claims())), list[Any]()

    def ask() -> None:
        found.append(reasons(sent(service, "s", BODY, **headers))[0])

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert len(found) == 12
    assert {status for _, _, status in found} <= {200, 202}
    assert issuer.asked == 1


def test_a_place_that_says_nothing_holds_up_nobody_else(serving: Serving, own: Signer, other: Signer, issuer: Issuer) -> None:
    """Neither another sender nor, while its key is kept, the same one."""
    over, waiting = threading.Event(), threading.Event()
    silent = list[bool]()

    def script(peer: Peer) -> None:
        while peer.request():
            if silent:
                waiting.set()
                over.wait(20)
            peer.send(json_reply({"keys": [own.jwk("k1")]}))

    with Server(script) as slow:
        token = (
            '[senders.{0}.token]\naudience = "https://backup.example/alert"\nissuer = "https://id.example"\nsubject = "1"\n'
            'keys = "{1}/certs"\n'
        )
        second = '[senders.quick]\ndialect = "simple"\nproof = "oidc"\n' + token.format("quick", issuer.server.origin)
        service = serving(rules('proof = "oidc"', "simple", token.format("s", slow.origin), second))
        good = bearer(own.token(claims(iss="https://id.example")))
        assert reasons(sent(service, "s", BODY, **good))[0][1] != "bad_proof"
        silent.append(True)
        unknown = bearer(other.token(claims(iss="https://id.example"), kid="unknown"))
        held = threading.Thread(target=lambda: sent(service, "s", BODY, **unknown))
        held.start()
        try:
            assert waiting.wait(10)
            for sender in ("quick", "s"):
                assert reasons(sent(service, sender, BODY, **good))[0][1] not in ("bad_proof", "proof_unavailable")
            assert held.is_alive()
        finally:
            over.set()
            held.join(20)
