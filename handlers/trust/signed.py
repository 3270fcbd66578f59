"""Bodies that are signed with a shared secret (HMAC), by any of the schemes senders use.

Everything is judged on the bytes that arrived, before they are parsed. A signature that is right but too old, or from the future,
is told apart for the log, for then a clock is wrong; a sender learns nothing from a wrong one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from handlers.envelope import Http
from handlers.errors import Refusal
from handlers.rules.proofs import Scheme
from handlers.settings import Key

SIGNATURES = 5
"""As many as are looked at: senders send two while a secret is changed."""
LONGEST = 1024
"""Characters of a header that is looked at."""
_SECONDS = re.compile(r"[1-9][0-9]{0,11}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PARTS = re.compile(r"\{(id|timestamp|body)\}")


def verify_signature(http: Http, scheme: Scheme, keys: Iterable[Key], now: datetime) -> tuple[Key, str] | None:
    """The key that signed it, and what names this very delivery; None: nobody did. Raises Refusal("stale_proof")."""
    header = http.headers.get(scheme.header.lower(), "")
    told = {"id": _told(http.headers, scheme.id_header, _ID), "timestamp": _told(http.headers, scheme.timestamp_header, _SECONDS)}
    if not 0 < len(header) <= LONGEST or None in told.values():
        return None
    payload = _payload(scheme.signed, told, http.body)
    given = [*_digests(header, scheme)]
    # every key is tried, whichever is right: how long it takes says nothing
    right = [key for key in keys if _is_signed(payload, scheme, key, given) and key.accepted(now)]
    if not right:
        return None
    _check_time(str(told["timestamp"]), scheme, now)
    return right[0], str(told["id"]) or hashlib.sha256(payload).hexdigest()


def sign(body: bytes, scheme: Scheme, key: Key, now: datetime, delivery: str) -> dict[str, str]:
    """The headers a sender would send."""
    told = {"id": delivery, "timestamp": str(int(now.timestamp()))}
    payload = _payload(scheme.signed, told, body)
    digest = hmac.digest(_secret(scheme, key), payload, scheme.algorithm)
    text = digest.hex() if scheme.encoding == "hex" else base64.b64encode(digest).decode()
    headers = {scheme.header: scheme.prefix + text}
    for name, word in ((scheme.id_header, "id"), (scheme.timestamp_header, "timestamp")):
        headers |= {name: told[word]} if name else {}
    return headers


def _told(headers: Mapping[str, str], name: str | None, form: re.Pattern[str]) -> str | None:
    """What a header says; empty where the scheme has none such, None where it is not of that form."""
    if name is None:
        return ""
    value = headers.get(name.lower(), "")
    return value if form.fullmatch(value) else None


def _payload(template: str, told: Mapping[str, str | None], body: bytes) -> bytes:
    """The bytes that are signed."""
    pieces = [
        piece.encode() if place % 2 == 0 else body if piece == "body" else str(told[piece]).encode()
        for place, piece in enumerate(_PARTS.split(template))
    ]
    return b"".join(pieces)


def _digests(header: str, scheme: Scheme) -> Iterable[bytes]:
    """The digests in a header, as far as they are of this scheme's version and form."""
    for given in header.split(scheme.separator)[:SIGNATURES] if scheme.separator else [header]:
        text = given.strip(" ")
        if not text.startswith(scheme.prefix):
            continue
        coded = text[len(scheme.prefix) :]
        try:
            digest = bytes.fromhex(coded) if scheme.encoding == "hex" else base64.b64decode(coded, validate=True)
        except ValueError:
            continue
        if scheme.encoding == "hex" or base64.b64encode(digest).decode() == coded:  # Python lets unused bits be anything
            yield digest


def _is_signed(payload: bytes, scheme: Scheme, key: Key, given: Iterable[bytes]) -> bool:
    wanted = hmac.digest(_secret(scheme, key), payload, scheme.algorithm)
    right = [hmac.compare_digest(wanted, each) for each in given]  # all of them, wherever the right one stands
    return any(right)


def _secret(scheme: Scheme, key: Key) -> bytes:
    return key.signing if scheme.key == "base64" else key.secret.reveal().encode()


def _check_time(timestamp: str, scheme: Scheme, now: datetime) -> None:
    if timestamp and abs(now.timestamp() - int(timestamp)) > scheme.window:
        age = round(now.timestamp() - int(timestamp))
        when = f"{age} seconds ago" if age > 0 else f"{-age} seconds in the future"
        why = f"the proof is right, but it was made {when} by the sender's clock: a replay, or a clock is wrong"
        raise Refusal("stale_proof", why, http=401)
