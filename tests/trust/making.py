"""Signatures, certificates, keys and tokens made by the openssl command: nothing here shares a line with what is tested."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from handlers.envelope import Door, Envelope, Http
from handlers.sandbox import estate
from handlers.service import Delivered, Service

AT = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
"""What the clocks of these tests say: openssl's certificates begin when they are made, so it must be after that."""
ARN = "arn:aws:sns:eu-central-1:123456789012:alarms"
URN = f"urn:smn:eu-de:{estate.PROJECT_ID}:alarms"
ALERT = {"status": "firing", "labels": {"service": "files", "alert": "full"}}
BODY = json.dumps(ALERT).encode()
ONE_OFF = json.dumps({"checkpoint": {"vault_id": estate.FILES_VAULT_ID}}).encode()
CERTIFICATE = f"SimpleNotificationService-{'0a' * 16}.pem"
SMN_CERTIFICATE = f"/smn/SMN_eu-de_{'0a' * 16}.pem"

_deliveries = count()


def openssl(*words: str, given: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *words], input=given, check=True, capture_output=True).stdout


def mac(payload: bytes, key: bytes, algorithm: str = "sha256") -> bytes:
    """HMAC, by openssl."""
    return openssl("dgst", f"-{algorithm}", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary", given=payload)


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def in_url(data: bytes) -> str:
    """base64 as JWT and JWK have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """A private key and the certificate it signed for itself."""

    def __init__(self, folder: Path, name: str = "own", kind: str = "rsa", bits: int = 2048, digest: str = "sha256") -> None:
        self.kind, self.key, self.certificate = kind, str(folder / f"{name}.key"), folder / f"{name}.pem"
        how = ("RSA", f"rsa_keygen_bits:{bits}") if kind == "rsa" else ("EC", "ec_paramgen_curve:P-256")
        openssl("genpkey", "-algorithm", how[0], "-pkeyopt", how[1], "-out", self.key)
        about = ("-days", "30", "-subj", "/CN=topics.example", f"-{digest}")
        openssl("req", "-x509", "-new", "-key", self.key, "-out", str(self.certificate), *about)

    @property
    def pem(self) -> bytes:
        return self.certificate.read_bytes()

    def sign(self, payload: bytes, algorithm: str = "sha256") -> bytes:
        return openssl("dgst", f"-{algorithm}", "-sign", self.key, given=payload)

    def jwk(self, name: str) -> dict[str, str]:
        """The public half as an issuer publishes it."""
        if self.kind == "rsa":
            modulus = openssl("rsa", "-in", self.key, "-noout", "-modulus").decode().strip().partition("=")[2]
            return {"kty": "RSA", "kid": name, "alg": "RS256", "use": "sig", "n": in_url(bytes.fromhex(modulus)), "e": "AQAB"}
        point = openssl("ec", "-in", self.key, "-pubout", "-outform", "DER")[-64:]
        return {
            "kty": "EC", "kid": name, "alg": "ES256", "use": "sig", "crv": "P-256",
            "x": in_url(point[:32]), "y": in_url(point[32:]),
        }  # fmt: skip

    def public(self) -> bytes:
        """The public half in PEM: what an attacker would take for a secret."""
        return openssl("pkey", "-in", self.key, "-pubout")

    def token(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A JWT; RFC 7518 has ECDSA's two numbers one after the other, openssl has them in DER."""
        algorithm = "RS256" if self.kind == "rsa" else "ES256"
        text = joined({"alg": algorithm, "kid": "k1", "typ": "JWT"} | header, claims)
        signed = self.sign(text.encode())
        return f"{text}.{in_url(signed if self.kind == 'rsa' else _two_numbers(signed))}"


def joined(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """What of a token is signed."""
    return ".".join(in_url(json.dumps(each).encode()) for each in (header, claims))


def _two_numbers(der: bytes) -> bytes:
    first = der[4 : 4 + der[3]]
    second = der[6 + der[3] :]
    return b"".join(each.lstrip(b"\0").rjust(32, b"\0") for each in (first, second))


def claims(at: datetime = AT, **changes: Any) -> dict[str, Any]:
    """A Google token's; a claim of None is left out."""
    now = int(at.timestamp())
    usual: dict[str, Any] = {
        "iss": "https://accounts.google.com", "aud": "https://backup.example/alert", "sub": "1", "iat": now, "exp": now + 3600,
        "email": "push@project.iam.gserviceaccount.com", "email_verified": True,
    }  # fmt: skip
    return {name: value for name, value in (usual | changes).items() if value is not None}


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def sns(signer: Signer, version: str = "2", at: datetime = AT, sign: str | None = None, **changes: Any) -> dict[str, Any]:
    """A notification as SNS posts it; ``changes`` are made before it is signed, None leaves a field out."""
    usual = {
        "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": ARN, "Subject": "alarm",
        "Message": json.dumps(ALERT), "Timestamp": stamp(at),
    } | changes  # fmt: skip
    signed = {name: value for name, value in usual.items() if value is not None}
    text = canonical({name: value for name, value in signed.items() if name != "Subject" or value})
    place = f"https://sns.eu-central-1.amazonaws.com/{CERTIFICATE}"
    about = {
        "SignatureVersion": version,
        "SigningCertURL": place,
        "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?A=U",
    }
    return signed | about | {"Signature": in_base64(signer.sign(text, sign or {"1": "sha1"}.get(version, "sha256")))}


def smn(
    signer: Signer, origin: str = "https://smn.eu-de.otc.t-systems.com", at: datetime = AT, *, blank: bool = False, **changes: Any
) -> dict[str, Any]:
    """A notification as SMN posts it. ``blank``: an empty subject is signed, as one of its samples does."""
    usual = {
        "type": "Notification", "topic_urn": URN, "message_id": "4ea3c1d9b2f14b6c8d54e0d7c2a3d5b1", "subject": "alarm",
        "message": json.dumps(ALERT), "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    } | changes  # fmt: skip
    signed = {name: value for name, value in usual.items() if value is not None}
    text = canonical({name: value for name, value in signed.items() if name != "subject" or value or blank})
    about = {"signature_version": "v1", "signing_cert_url": origin + SMN_CERTIFICATE}
    return signed | about | {"signature": in_base64(signer.sign(text))}


def canonical(fields: Mapping[str, Any]) -> bytes:
    """Names in the order of their bytes, each and its value on a line."""
    return "".join(f"{name}\n{fields[name]}\n" for name in sorted(fields)).encode()


def sent(service: Service, sender: str, body: object, door: Door = "alert", /, **headers: str) -> Delivered:
    """One request to a service; headers by their names with ``_``."""
    given = {"content-type": "application/json"} | {name.lower().replace("_", "-"): value for name, value in headers.items()}
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return service.handle(
        Envelope(door, "web", f"delivery-{next(_deliveries)}", None, 60.0, Http("POST", f"/{door}/{sender}", given, text))
    )


def reasons(delivered: Delivered) -> list[tuple[str, str, int]]:
    return [(each.word, each.reason, delivered.answer.status) for each in delivered.outcomes]


def rules(sender: str, dialect: str = "simple", *more: str) -> str:
    """The TOML of one sender ``s`` and what it may have."""
    lines = ["[senders.s]", f'dialect = "{dialect}"', sender, *more, "[[rules]]", 'name = "files"', 'sender = "s"']
    return "\n".join([*lines, 'vaults = ["files"]', ""])
