"""Messages that SNS or SMN signs: RSA over a canonical list of fields, with a certificate the message names.

SNS: its developer guide, "Verifying the signatures of Amazon SNS messages". SMN: its user guide, "HTTP/HTTPS messages". The
signature proves the service and not whose topic it is, so the topic must be one of the sender's ``sources``, letter for letter.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from handlers.envelope import text_at
from handlers.errors import Unclear
from handlers.values import dataclass

WINDOW = 3600.0
"""Seconds. SNS tries for up to an hour (its guide, "Delivery retries"), with the time of the first try in the message."""
CLOCKS = 300.0
"""Seconds by which a message may come from the future."""
_CONFIRMATION = ("SubscriptionConfirmation", "UnsubscribeConfirmation")


@dataclass(frozen=True)
class Service:
    """How one of the two writes its messages."""

    kind: str
    topic: str
    message_id: str
    timestamp: str
    signature: str
    certificate: str
    notification: tuple[str, ...]
    confirmation: tuple[str, ...]
    optional: str
    """The field that is left out of what is signed where it is empty or not there."""
    place: str
    """Where certificates are, with the region's name for {region}: the rest of the address after the origin."""


SNS = Service(
    "Type", "TopicArn", "MessageId", "Timestamp", "Signature", "SigningCertURL",
    ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "Subject", r"/SimpleNotificationService-[0-9a-f]{32}\.pem",
)  # fmt: skip
SMN = Service(
    "type", "topic_urn", "message_id", "timestamp", "signature", "signing_cert_url",
    ("message", "message_id", "subject", "timestamp", "topic_urn", "type"),
    ("message", "message_id", "subscribe_url", "timestamp", "topic_urn", "type"),
    "subject", r"/smn/SMN_{region}_[0-9a-f]{32}\.pem",
)  # fmt: skip


def certificate_place(document: Mapping[str, Any], service: Service, origins: Sequence[str]) -> str | None:
    """The address of the certificate, if it is the one place the topic's region has for them. Nothing else is ever fetched."""
    url, region = text_at(document, service.certificate), text_at(document, service.topic).split(":")
    pattern = service.place.replace("{region}", re.escape(region[3 if service is SNS else 2]))
    return url if any(re.fullmatch(re.escape(origin) + pattern, url) for origin in origins) else None


def is_from(document: Mapping[str, Any], service: Service, sources: Sequence[str], now: datetime) -> bool:
    """Whether it says to be of one of these topics, and of now; what it says is proven by the signature only."""
    sent = _moment(text_at(document, service.timestamp))
    in_time = sent is not None and -CLOCKS <= (now - sent).total_seconds() <= WINDOW
    return in_time and text_at(document, service.topic) in sources


def checked_certificate(content: bytes) -> bytes:
    """The same, if it is a certificate. Raises Unclear: a proxy's page must not be kept as one."""
    from cryptography import x509

    try:
        x509.load_pem_x509_certificate(content)
    except ValueError:
        raise Unclear("it is no certificate", status=200) from None
    return content


def is_signed(document: Mapping[str, Any], service: Service, certificate: bytes, now: datetime) -> bool:
    """Whether the certificate's key signed it."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        found = x509.load_pem_x509_certificate(certificate)
        key, algorithm = found.public_key(), _hash(document, service, found)
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < 2048 or algorithm is None:
            return False
        if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            return False
        signature = base64.b64decode(text_at(document, service.signature), validate=True)
    except (ValueError, UnsupportedAlgorithm):
        return False
    for text in _signed(document, service):
        try:
            key.verify(signature, text, padding.PKCS1v15(), algorithm)
        except InvalidSignature:
            continue
        return True
    return False


def covered(document: Mapping[str, Any], service: Service) -> bytes:
    """The fields that were signed, as a document of their own: whatever else stands beside them is anybody's."""
    told = {name: document[name] for name in _fields(document, service) if isinstance(document.get(name), str)}
    return json.dumps(told).encode()


def _fields(document: Mapping[str, Any], service: Service) -> tuple[str, ...]:
    return service.confirmation if text_at(document, service.kind) in _CONFIRMATION else service.notification


def _hash(document: Mapping[str, Any], service: Service, certificate: Any) -> Any:
    """SNS says which by the version; SMN signs with its certificate's own."""
    from cryptography.hazmat.primitives import hashes

    if service is SNS:
        # Version 1 is SHA-1, which AWS still makes where the topic's owner did not ask for version 2.
        return {"1": hashes.SHA1, "2": hashes.SHA256}.get(text_at(document, "SignatureVersion"), lambda: None)()
    return certificate.signature_hash_algorithm if text_at(document, "signature_version") == "v1" else None


def _signed(document: Mapping[str, Any], service: Service) -> list[bytes]:
    """What was signed: a field's name and its value on a line each. SMN's samples disagree about an empty subject: either way."""
    fields = _fields(document, service)
    values = {name: document.get(name) for name in fields}
    if any(not isinstance(value, str) for name, value in values.items() if name != service.optional):
        return []
    lines = {name: value for name, value in values.items() if isinstance(value, str)}
    message = fields[0]
    if any("\n" in value for name, value in lines.items() if name not in (message, service.optional)):
        return []  # a value of several lines could imitate the fields after it
    if "\n" in lines.get(service.optional, ""):
        return []
    texts = [lines] if lines.get(service.optional) else [{name: lines[name] for name in lines if name != service.optional}]
    if service is SMN and lines.get(service.optional) == "":
        texts.append(lines)
    return [
        "".join(f"{name}\n{text[name]}\n" for name in fields if name in text).encode("utf-8", "surrogatepass") for text in texts
    ]


def _moment(text: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when.astimezone(UTC) if when.tzinfo and 1970 < when.year < 2200 else None
