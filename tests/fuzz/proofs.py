"""What proves a sender, spoiled: headers, signatures, tokens, the documents and certificates of topics. Nobody gets in by it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from handlers.credentials import Secret
from handlers.envelope import Door, Envelope, Http
from handlers.errors import Refusal
from handlers.rules import Rules
from handlers.settings import Key
from handlers.trust import Trust, authorization
from handlers.trust.places import origins
from handlers.trust.signed import sign
from handlers.wire import Deadline
from tests.fuzz.events import words
from tests.fuzz.mutations import CANARY, Change, changed, spoiled, written
from tests.scripted import START, Clock

SNS, SMN = "arn:aws:sns:eu-west-1:123456789012:a", "urn:smn:eu-de:f841e01fd2b14e7fa41b6ae7aa6b0594:a"
KEYS_AT = "https://issuer.example/keys"
SECRET = f"user:{base64.b64encode(CANARY.encode() * 4).decode()}"
RULES = Rules.model_validate(
    {
        "senders": {
            "bearer": {"dialect": "simple", "proof": "bearer", "secret": "env:X"},
            "basic": {"dialect": "simple", "proof": "basic", "secret": "env:X"},
            "github": {"dialect": "simple", "proof": "hmac", "scheme": "github", "secret": "env:X"},
            "pagerduty": {"dialect": "pagerduty", "proof": "hmac", "scheme": "pagerduty", "secret": "env:X"},
            "grafana": {"dialect": "grafana", "proof": "hmac", "scheme": "grafana-timestamp", "secret": "env:X"},
            "hooks": {"dialect": "simple", "proof": "hmac", "scheme": "standard-webhooks", "secret": "env:X"},
            "oidc": {
                "dialect": "simple",
                "proof": "oidc",
                "token": {"issuer": "i", "audience": "a", "subject": "s", "keys": KEYS_AT},
            },
            "sns": {"dialect": "simple", "proof": "sns", "sources": [SNS]},
            "smn": {"dialect": "simple", "proof": "smn", "sources": [SMN]},
            "cloud": {"dialect": "simple", "proof": "platform", "sources": ["arn:aws:iam::123456789012:user/a"]},
        }
    }
)
NAMES = [*RULES.senders]
BODY = {"status": "firing", "labels": {"host": "a"}}


class Public:
    """A key, its certificate and its key set; what is fetched is what was put here last."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key()).serial_number(1)
        made = made.not_valid_before(START - timedelta(days=9)).not_valid_after(START + timedelta(days=9))
        self.certificate = made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        jwk: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        self.keys = {"keys": [jwk | {"kid": "k", "alg": "RS256", "use": "sig"}]}
        self.fetched = b""

    def fetch(self, _url: str, _deadline: Deadline) -> bytes:
        return self.fetched


@cache
def public() -> Public:
    return Public()


def proven(choice: int, changes: Sequence[Change], bytewise: Sequence[Change]) -> list[str]:
    """One of the senders' proofs, spoiled in one of its parts."""
    name = NAMES[choice % len(NAMES)]
    part = choice // len(NAMES) % 4
    headers, body, fetched = _rightly(name)
    path, method, caller = f"/alert/{name}", "POST", "arn:aws:iam::123456789012:user/a" if name == "cloud" else ""
    if part == 0:
        headers = _texts(changed(headers, changes))
    elif part == 1:
        headers = {
            header: spoiled(value.encode("latin-1"), bytewise or changes).decode("latin-1") for header, value in headers.items()
        }
    elif part == 2:
        body = spoiled(written(changed(json.loads(body), changes)), bytewise)
    elif name == "oidc" and choice % 2:
        fetched = written(changed(json.loads(fetched), changes))
    elif fetched:
        fetched = spoiled(fetched, bytewise or changes)
    else:
        path, method, caller = (str(changed(each, changes[place::3])) for place, each in enumerate((path, method, caller)))
    public().fetched = fetched
    clock = Clock()
    keys = {each: (Key("env:X", Secret(_secret(each))),) for each, sender in RULES.senders.items() if sender.secret}
    trust = Trust(RULES.senders, keys, clock, public().fetch, lambda sender: origins(sender, ["https://smn.eu-de.example"]))
    door: Door = "alert"
    envelope = Envelope(door, "web", "delivery", None, 20.0, Http(method, path, headers, body, caller))
    untouched = (headers, body, fetched) == _rightly(name) and (path, method) == (f"/alert/{name}", "POST")
    try:
        found = trust.verify(envelope, Deadline.after(clock, 5))
    except Refusal as refusal:
        if untouched and name != "cloud":
            raise AssertionError(f"{name} is right and refused: {refusal.detail}") from None
        return [words(refusal)]
    assert found.sender in NAMES
    return [f"{found.key}"]


def _secret(name: str) -> str:
    return f"whsec_{base64.b64encode(CANARY.encode() * 4).decode()}" if name == "hooks" else SECRET


def _texts(headers: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in headers.items()} if isinstance(headers, Mapping) else {}


@cache
def _rightly(name: str) -> tuple[dict[str, str], bytes, bytes]:
    """Headers, body and what is fetched, all of it right."""
    sender, key, body, kind = (
        RULES.senders[name],
        Key("env:X", Secret(_secret(name))),
        written(BODY),
        {"content-type": "application/json"},
    )
    if sender.proof in ("bearer", "basic"):
        return kind | {"authorization": authorization(key, sender)}, body, b""
    if sender.signed_by is not None:
        made = sign(body, sender.signed_by, key, START, "msg_1")
        return kind | {header.lower(): value for header, value in made.items()}, body, b""
    if sender.proof == "oidc":
        at = int(START.timestamp())
        claims = {"iss": "i", "aud": "a", "sub": "s", "iat": at, "exp": at + 600, "email": f"{CANARY}@example"}
        token = jwt.encode(claims, public().key, "RS256", {"kid": "k"})
        return kind | {"authorization": f"Bearer {token}"}, body, json.dumps(public().keys).encode()
    if sender.proof in ("sns", "smn"):
        return kind, _signed(sender.proof), public().certificate
    return kind, body, b""


def _signed(service: str) -> bytes:
    at, message = START.strftime("%Y-%m-%dT%H:%M:%SZ"), json.dumps(BODY)
    place = f"{'0' * 32}.pem"
    said = {"Message": message, "MessageId": "m", "Subject": "s", "Timestamp": at, "TopicArn": SNS, "Type": "Notification"}
    if service == "smn":
        said = {"message": message, "message_id": "m", "subject": "s", "timestamp": at, "topic_urn": SMN, "type": "Notification"}
    text = "".join(f"{key}\n{value}\n" for key, value in said.items()).encode()
    signature = base64.b64encode(public().key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
    if service == "smn":
        url = f"https://smn.eu-de.example/smn/SMN_eu-de_{place}"
        return written(said | {"signature": signature, "signature_version": "v1", "signing_cert_url": url})
    url = f"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{place}"
    return written(said | {"Signature": signature, "SignatureVersion": "2", "SigningCertURL": url})
