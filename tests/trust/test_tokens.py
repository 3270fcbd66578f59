"""Tokens put together by hand and signed by openssl, against a JWK set written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers.service import Service
from tests.scripted import World
from tests.sockets import Server, always, reply
from tests.trust.conftest import Serving
from tests.trust.making import AT, BODY, Signer, claims, in_url, joined, mac, reasons, rules, sent

SERVED = [("created", "accepted", 200)]
BAD = [("refused", "bad_proof", 401)]
TOKEN = """[senders.s.token]
audience = "https://backup.example/alert"
email = "push@project.iam.gserviceaccount.com"
keys = "{keys}"
"""


def with_token(keys: str, more: str = "") -> str:
    return rules('proof = "oidc"', "simple", TOKEN.format(keys=keys), more)


@pytest.fixture(scope="module")
def curve(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("ec"), kind="ec")


@pytest.fixture
def service(serving: Serving, own: Signer, curve: Signer, tmp_path: Path) -> Service:
    place = tmp_path / "keys.json"
    place.write_text(json.dumps({"keys": [own.jwk("k1"), curve.jwk("k2")]}), encoding="utf-8")
    return serving(with_token(f"file:{place}"))


@pytest.fixture
def evil() -> Iterator[Server]:
    """Where a token would have its keys fetched from."""
    with Server(always(reply(200, b"{}"))) as server:
        yield server


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_an_rsa_and_an_elliptic_key(world: World, service: Service, own: Signer, curve: Signer) -> None:
    assert reasons(sent(service, "s", BODY, **bearer(own.token(claims())))) == SERVED
    assert reasons(sent(service, "s", BODY, **bearer(curve.token(claims(), kid="k2"))))[0][2] == 200
    assert reasons(sent(service, "s", BODY, **bearer(own.token(claims(aud=["a", "https://backup.example/alert"])))))[0][2] == 200
    assert len(world.posts()) == 1


NOW = int(AT.timestamp())
CLAIMS: dict[str, dict[str, Any]] = {
    "no audience": {"aud": None},
    "another audience": {"aud": "https://backup.example/alert/"},
    "audiences without ours": {"aud": ["a", "b"]},
    "an audience that is a number": {"aud": 1},
    "no issuer": {"iss": None},
    "another issuer": {"iss": "accounts.google.com"},
    "issuers": {"iss": ["https://accounts.google.com"]},
    "no end": {"exp": None},
    "ended": {"exp": NOW - 60},
    "an end that is text": {"exp": str(NOW + 600)},
    "an end that is true": {"exp": True},
    "no beginning": {"iat": None},
    "made in the future": {"iat": NOW + 61},
    "not yet": {"nbf": NOW + 61},
    "not yet, as text": {"nbf": "0"},
    "another account": {"email": "other@project.iam.gserviceaccount.com"},
    "the account in capitals": {"email": "PUSH@project.iam.gserviceaccount.com"},
    "no account": {"email": None},
    "an account nobody verified": {"email_verified": False},
    "an account verified by a word": {"email_verified": "true"},
    "no word about it": {"email_verified": None},
}


@pytest.mark.parametrize("changes", CLAIMS.values(), ids=CLAIMS.keys())
def test_a_token_that_is_for_somebody_else_or_another_time(
    world: World, service: Service, own: Signer, changes: dict[str, Any]
) -> None:
    assert reasons(sent(service, "s", BODY, **bearer(own.token(claims(**changes))))) == BAD
    assert world.door.seen == []


@pytest.mark.parametrize(("changes", "served"), [({"exp": NOW - 59}, True), ({"iat": NOW + 60, "nbf": NOW + 60}, True)])
def test_clocks_may_differ_by_a_minute(service: Service, own: Signer, changes: dict[str, Any], served: bool) -> None:
    assert (reasons(sent(service, "s", BODY, **bearer(own.token(claims(**changes)))))[0][2] == 200) is served


def hs256(key: bytes) -> str:
    text = joined({"alg": "HS256", "kid": "k1"}, claims())
    return f"{text}.{in_url(mac(text.encode(), key))}"


def none(algorithm: str) -> Callable[[Signer], str]:
    return lambda _: joined({"alg": algorithm, "kid": "k1"}, claims()) + "."


def cut(signer: Signer) -> str:
    return signer.token(claims())[:-4]


def other_claims(signer: Signer) -> str:
    header, _, signature = signer.token(claims()).split(".")
    return ".".join((header, joined({}, claims(sub="2")).partition(".")[2], signature))


FORGED: dict[str, Callable[[Signer], str]] = {
    "alg none": none("none"),
    "alg None": none("None"),
    "alg NONE, with a signature": lambda signer: signer.token(claims(), alg="NONE"),
    "the public key as a shared secret": lambda signer: hs256(signer.public()),
    "the certificate as a shared secret": lambda signer: hs256(signer.pem),
    "the modulus as a shared secret": lambda signer: hs256(json.dumps(signer.jwk("k1")).encode()),
    "nothing as a shared secret": lambda _: hs256(b"\0"),
    "RS512": lambda signer: signer.token(claims(), alg="RS512"),
    "PS256": lambda signer: signer.token(claims(), alg="PS256"),
    "ES256 with an RSA key": lambda signer: signer.token(claims(), alg="ES256"),
    "the other key's name": lambda signer: signer.token(claims(), kid="k2"),
    "no kid": lambda signer: signer.token(claims(), kid=None),
    "a kid that is a path": lambda signer: signer.token(claims(), kid="../../../../dev/null"),
    "a kid that is a number": lambda signer: signer.token(claims(), kid=1),
    "a kid that is a list": lambda signer: signer.token(claims(), kid=["k1"]),
    "alg is a list": lambda signer: signer.token(claims(), alg=["RS256"]),
    "critical": lambda signer: signer.token(claims(), crit=["b64"], b64=False),
    "cut": cut,
    "other claims": other_claims,
    "no text": lambda _: "\u0663.\u0663.\u0663",
    "dots": lambda _: "..",
    "empty": lambda _: "",
    "deep": lambda _: f"{in_url(b'[' * 4000)}.e30.AA",
    "an end that is no number": lambda signer: signer.token(claims(exp=float("nan"))),
    "very long": lambda signer: signer.token(claims(pad="x" * 9000)),
}


@pytest.mark.parametrize("make", FORGED.values(), ids=FORGED.keys())
def test_a_token_that_is_forged(world: World, service: Service, own: Signer, make: Callable[[Signer], str]) -> None:
    assert reasons(sent(service, "s", BODY, **bearer(make(own)))) == BAD
    assert world.door.seen == []


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer ", "JWT", ""])
def test_the_scheme_is_bearer(service: Service, own: Signer, scheme: str) -> None:
    assert reasons(sent(service, "s", BODY, Authorization=f"{scheme} {own.token(claims())}".strip(" "))) == BAD


def test_a_key_that_a_token_brings_or_names_is_never_used(world: World, service: Service, other: Signer, evil: Server) -> None:
    """H50: jwk, jku and x5u are the sender's own words."""
    named = {"jku": f"{evil.origin}/keys", "x5u": f"{evil.origin}/x.pem"}
    for header in (named, {"jwk": other.jwk("k1")}, {"x5c": [other.pem.decode()]}, named | {"kid": f"{evil.origin}/keys"}):
        assert reasons(sent(service, "s", BODY, **bearer(other.token(claims(), **header)))) == BAD
    assert (evil.accepted, world.door.seen) == (0, [])


def test_another_issuer_may_name_a_subject(serving: Serving, own: Signer, tmp_path: Path) -> None:
    place = tmp_path / "keys.json"
    place.write_text(json.dumps({"keys": [own.jwk("k1")]}), encoding="utf-8")
    token = f'[senders.s.token]\nissuer = "https://id.example"\naudience = "us"\nsubject = "repo:us/infra"\nkeys = "file:{place}"'
    service = serving(rules('proof = "oidc"', "simple", token))
    assert (
        reasons(
            sent(
                service,
                "s",
                BODY,
                **bearer(own.token(claims(iss="https://id.example", aud="us", sub="repo:us/infra", email=None))),
            )
        )
        == SERVED
    )
    for sub in ("repo:evil/x", None, ["repo:us/infra"], ""):
        token = own.token(claims(iss="https://id.example", aud="us", sub=sub, email=None))
        assert reasons(sent(service, "s", BODY, **bearer(token))) == BAD
    assert reasons(sent(service, "s", BODY, **bearer(own.token(claims(aud="us"))))) == BAD


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"keys": []}',
        b'{"keys": [1]}',
        b'{"keys": {"k1": 1}}',
        b"\xff",
        b"[" * 100_000,
        b"<html>",
    ],
)
def test_a_key_set_that_is_none(world: World, service: Service, own: Signer, tmp_path: Path, content: bytes | None) -> None:
    """Nothing is wrong with the sender: it may come again, and is not let in."""
    place = tmp_path / "keys.json"
    place.unlink() if content is None else place.write_bytes(content)
    assert reasons(sent(service, "s", BODY, **bearer(own.token(claims())))) == [("refused", "proof_unavailable", 503)]
    assert world.door.seen == []
