"""Both schemes that call themselves SDK-HMAC-SHA256, recomputed from what arrived.

The SDKs sign in the ``Access=`` form. Terraform's OTC provider signs in the older ``Credential=`` form, with a scope that may
leave region and service empty. Which headers are signed is the client's choice, as long as the date is among them.
"""

from __future__ import annotations

import calendar
import hmac
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from handlers import signing
from handlers.sandbox import problems

if TYPE_CHECKING:
    from handlers.sandbox.exchange import Request

SKEW_SECONDS = 15 * 60
_UNSIGNED = "UNSIGNED-PAYLOAD"
_AUTHORIZATION = re.compile(
    rf"{signing.ALGORITHM} "
    r"(?:Access=(?P<key>[^,/ ]+)|Credential=(?P<older>[^,/ ]+)/(?P<scope>[0-9]{8}/[^,/]*/[^,/]*/sdk_request)), ?"
    r"SignedHeaders=(?P<signed>[^, ]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_.~/-]*")


@dataclass(frozen=True, slots=True)
class Claim:
    """What an ``Authorization`` header says. ``scope`` is empty in the current form."""

    access_key: str
    scope: str
    signed: tuple[str, ...]
    signature: str

    def fits(self, request: Request, secret: str) -> bool:
        """Whether ``secret`` makes this signature of this request."""
        expected = _expected(request, self, secret)
        return expected is not None and hmac.compare_digest(self.signature, expected)


def read(authorization: str) -> Claim:
    """Every other scheme, and every other algorithm, is no proof at all."""
    found = _AUTHORIZATION.fullmatch(authorization)
    if not found:
        raise problems.unreadable_proof()
    access_key, older, scope, signed, signature = found.groups()
    return Claim(access_key or older, scope or "", tuple(signed.split(";")), signature)


def check_age(request: Request) -> None:
    """The gateway refuses more than 15 minutes either way."""
    date = request.headers.get("x-sdk-date", "")
    signed_at = _seconds(date)
    if signed_at is None:
        raise problems.unreadable_proof()
    if abs(request.at - signed_at) > SKEW_SECONDS:
        raise problems.signature_too_old(date, request.at)


@lru_cache(maxsize=256)
def _seconds(date: str) -> int | None:
    """Since 1970; the requests of one second share their date."""
    if not _DATE.fullmatch(date):
        return None
    try:
        return calendar.timegm(time.strptime(date, signing.DATE_FORMAT))
    except ValueError:
        return None


def _expected(request: Request, claim: Claim, secret: str) -> str | None:
    """None where no signature could be right: the date or a header it names is missing, or the body is not the one claimed."""
    headers = request.headers
    if "x-sdk-date" not in claim.signed or not all(name in headers for name in claim.signed):
        return None
    if list(claim.signed) != sorted(set(claim.signed)):
        return None  # both forms want them in order, each once
    values = [_as_sent(headers[name]) for name in claim.signed]
    query, hashed = list(request.query), sha256(request.body).hexdigest()
    if claim.scope:
        if claim.scope[:8] != headers["x-sdk-date"][:8]:
            return None
        values = [" ".join(value.split()) for value in values]
        query, hashed = _older_form(request, query, hashed)
    elif claimed := headers.get(signing.CONTENT_HASH_HEADER, ""):
        if claimed not in {hashed, _UNSIGNED}:
            return None
        hashed = claimed
    canonical = "\n".join(
        (
            request.method,
            _path(request.path),
            _canonical(query) if query else "",
            *[f"{name}:{value.strip()}" for name, value in zip(claim.signed, values, strict=True)],
            "",
            ";".join(claim.signed),
            hashed,
        )
    )
    text = signing.string_to_sign(headers["x-sdk-date"], canonical, claim.scope)
    key = signing.signing_key(secret, claim.scope) if claim.scope else secret.encode()
    return hmac.digest(key, text.encode(), "sha256").hex()


def _older_form(request: Request, query: list[tuple[str, str]], hashed: str) -> tuple[list[tuple[str, str]], str]:
    """Two habits of gophertelekomcloud's signer, found in its source; the third is that it shrinks white space in headers.

    Only the first value of a repeated query key is signed, and a POST without a body hashes the query text and leaves the
    canonical query empty.
    """
    first: dict[str, str] = {}
    for name, value in query:
        first.setdefault(name, value)
    query = list(first.items())
    if request.method == "POST" and not request.body:
        return [], signing.payload_hash(_canonical(query).encode())
    return query, hashed


def _canonical(query: list[tuple[str, str]]) -> str:
    """Bytes that are no UTF-8 stay what they are."""
    sent = [(_encoded(name), _encoded(value)) for name, value in query]
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(sent))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _path(path: str) -> str:
    """Signed with every segment encoded and a final slash, sent without."""
    if not _PLAIN_PATH.fullmatch(path):
        as_bytes = unquote_to_bytes(path.encode("latin-1", "replace"))  # as it came over the wire
        path = "/".join(quote(segment, safe="~") for segment in as_bytes.split(b"/"))
    return path if path.endswith("/") else path + "/"


def _as_sent(value: str) -> str:
    """The server reads headers as Latin-1, the SDKs write and sign UTF-8."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
