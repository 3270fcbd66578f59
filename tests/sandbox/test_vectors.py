"""Every signature made by somebody else's signer opens the door, and with one bit of it or of what it covers changed does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from handlers.sandbox.doors import Doors, Key
from handlers.sandbox.exchange import Request
from handlers.sandbox.problems import Problem
from tests.sandbox import recorded

# 0x20 changes nothing but the case of a letter, which is no change to hexadecimal digits in a query
BITS = (0x01, 0x02, 0x04, 0x08, 0x10, 0x40, 0x80)


@dataclass(frozen=True)
class Proof:
    """A request as it arrives, its query still in one piece, and what it was signed with."""

    name: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    access_key: str
    secret_key: str
    at: float

    def __str__(self) -> str:
        return self.name

    @property
    def signed(self) -> list[str]:
        _, _, rest = self.headers["authorization"].partition("SignedHeaders=")
        return rest.partition(",")[0].split(";")

    def opens(self) -> bool:
        request = Request(
            at=self.at,
            request_id="0",
            method=self.method,
            path=self.path,
            query=tuple(parse_qsl(self.query, keep_blank_values=True)),
            headers=self.headers,
            body=self.body,
        )
        doors = Doors("p", {self.access_key: Key(self.secret_key)}, user_id="u")
        try:
            return doors.enter(request).access_key == self.access_key
        except Problem as problem:
            if problem.status != 401:
                raise
            return False


def _seconds(date: str) -> float:
    return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _vectors(file: str) -> Iterator[Proof]:
    document = recorded.load(file)
    for vector in document["vectors"]:
        headers = {name.lower(): value for name, value in vector["headers"].items()}
        yield Proof(
            name=f"{file}: {vector['name']}",
            method=vector["method"],
            path=vector["path"],
            query=urlencode([(key, value) for key, value in vector["query"]]),
            headers=headers | {"authorization": vector["authorization"]},
            body=vector["body_utf8"].encode(),
            access_key=vector.get("access_key") or document["access_key"],
            secret_key=vector.get("secret_key") or document["secret_key"],
            at=_seconds(headers["x-sdk-date"]),
        )


def _recorded() -> Iterator[Proof]:
    for sent in recorded.REQUESTS:
        if not sent.header("authorization"):
            continue
        path, _, query = sent.document["target"].partition("?")
        headers = {name.lower(): value for name, value in sent.document["headers"]}
        method, keys = sent.document["method"], (recorded.ACCESS_KEY, recorded.SECRET_KEY)
        yield Proof(str(sent), method, path, query, headers, sent.body, *keys, at=sent.at)


VECTORS = [*_vectors("sdk-hmac-sha256-vectors.json"), *_vectors("legacy-credential-signing-vectors.json")]
PROOFS = [*VECTORS, *_recorded()]


def flipped(text: str) -> Iterator[str]:
    for place, letter in enumerate(text):
        for bit in BITS:
            yield text[:place] + chr(ord(letter) ^ bit) + text[place + 1 :]


def test_there_are_as_many_as_were_found() -> None:
    assert (len(VECTORS), len(PROOFS)) == (7, 35)


@pytest.mark.parametrize("proof", PROOFS, ids=str)
def test_a_good_signature_opens(proof: Proof) -> None:
    assert proof.opens()


@pytest.mark.parametrize("part", ["method", "path", "query", "secret_key"])
@pytest.mark.parametrize("proof", PROOFS, ids=str)
def test_not_with_another(proof: Proof, part: str) -> None:
    changes: Any = [{part: value} for value in flipped(getattr(proof, part))]
    assert not [change for change in changes if replace(proof, **change).opens()]


@pytest.mark.parametrize("proof", PROOFS, ids=str)
def test_not_with_another_body(proof: Proof) -> None:
    changed = [other.encode("latin-1") for other in flipped(proof.body.decode("latin-1"))]
    assert not [body for body in [*changed, proof.body + b"\0", proof.body[:-1] + b"\xff"] if replace(proof, body=body).opens()]


@pytest.mark.parametrize("proof", PROOFS, ids=str)
def test_not_with_another_header_that_is_signed(proof: Proof) -> None:
    """The date among them; the signature, the access key, the scope and the names themselves stand in ``authorization``."""
    assert "x-sdk-date" in proof.signed
    for name in [*proof.signed, "authorization"]:
        for value in flipped(proof.headers[name]):
            assert not replace(proof, headers=proof.headers | {name: value}).opens(), (name, value)


@pytest.mark.parametrize("proof", PROOFS, ids=str)
def test_not_without_a_header_that_is_signed(proof: Proof) -> None:
    for name in proof.signed:
        assert not replace(proof, headers={key: value for key, value in proof.headers.items() if key != name}).opens()


@pytest.mark.parametrize("proof", PROOFS, ids=str)
def test_whatever_is_not_signed_may_be_anything(proof: Proof) -> None:
    unsigned = dict.fromkeys(proof.headers.keys() - set(proof.signed) - {"authorization"}, "x")
    assert replace(proof, headers=proof.headers | unsigned | {"x-unheard-of": "x"}).opens()


@pytest.mark.parametrize(("seconds", "opens"), [(-901, False), (-900, True), (900, True), (901, False)])
@pytest.mark.parametrize("proof", VECTORS, ids=str)
def test_fifteen_minutes_either_way(proof: Proof, seconds: int, opens: bool) -> None:
    assert replace(proof, at=proof.at + seconds).opens() is opens
