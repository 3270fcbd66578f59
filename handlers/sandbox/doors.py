"""Lets callers in: by a token, or by a signature in either form, which is really recomputed."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from handlers import signing
from handlers.sandbox import problems

if TYPE_CHECKING:
    from handlers.sandbox.exchange import Request

_SKEW_SECONDS = 15 * 60
_AUTHORIZATION = re.compile(
    rf"{signing.ALGORITHM} (?P<form>Access|Credential)=(?P<key>[^,/]+)(?:/(?P<scope>[^,]+))?, ?"
    r"SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Key:
    """``security_token`` is set for temporary keys, and is then required with every request."""

    secret: str
    security_token: str = ""


@dataclass(frozen=True)
class Token:
    """``project_id`` is empty for one scoped to a domain; ``document`` is what IAM tells about it."""

    text: str
    expires_at: float
    project_id: str
    document: dict[str, Any]


@dataclass
class Doors:
    """Who may come in. ``project_id`` is the one project all keys belong to."""

    project_id: str
    keys: dict[str, Key]
    tokens: dict[str, Token] = field(default_factory=dict)

    def project_of(self, request: Request) -> str:
        """Return the project the caller speaks for, empty if none.

        Which one the cloud prefers of a token and a signature is not documented; a signature is always checked.
        """
        if "authorization" in request.headers:
            self._check_signature(request)
            return request.headers.get("x-project-id", self.project_id)
        return self._token(request).project_id

    def _token(self, request: Request) -> Token:
        text = request.headers.get("x-auth-token", "")
        if not text:
            raise problems.refused("x-auth-token not found")
        token = self.tokens.get(text)
        if token is None:
            raise problems.refused("decrypt token fail")
        if request.at >= token.expires_at:
            raise problems.token_expired()
        return token

    def _check_signature(self, request: Request) -> None:
        found = _AUTHORIZATION.fullmatch(request.headers["authorization"])
        if not found or (found["scope"] is None) == (found["form"] == "Credential"):
            raise problems.refused("Unauthorized")
        key = self.keys.get(found["key"])
        if key is None:
            raise problems.refused(f"ak {found['key']} not exist")
        _check_age(request)
        given = request.headers.get("x-security-token", "")
        if key.security_token and not hmac.compare_digest(given.encode(), key.security_token.encode()):
            raise problems.refused(f"Get secretKey failed,ak:{found['key']},err:ak not exist")
        expected = expected_signature(request, found["signed"].split(";"), key.secret, found["scope"] or "")
        if not hmac.compare_digest(found["signature"], expected):
            raise problems.refused("verify aksk signature fail")


def expected_signature(request: Request, signed: list[str], secret: str, scope: str) -> str:
    """Sign what arrived: exactly the headers named, whichever they are, as long as the date is among them."""
    headers = {name: _as_sent(value) for name, value in request.headers.items()}
    if "x-sdk-date" not in signed or not headers.keys() >= set(signed):
        raise problems.refused("verify aksk signature fail")
    query, hashed = list(request.query), signing.payload_hash(request.body)
    if scope:
        query, hashed = _older_form(request, headers, query, hashed)
    elif claimed := headers.get(signing.CONTENT_HASH_HEADER, ""):
        if claimed not in {hashed, "UNSIGNED-PAYLOAD"}:
            raise problems.refused("verify aksk signature fail")
        hashed = claimed
    canonical = signing.canonical_request(request.method, request.path, query, headers, signed, hashed)
    return signing.signature(secret, signing.string_to_sign(headers["x-sdk-date"], canonical, scope), scope)


def _older_form(
    request: Request, headers: dict[str, str], query: list[tuple[str, str]], hashed: str
) -> tuple[list[tuple[str, str]], str]:
    """Three habits of gophertelekomcloud's signer, found in its source.

    Runs of white space in a header shrink to one blank (in place here), only the first value of a repeated query key is
    signed, and a POST without a body hashes the query text and leaves the canonical query empty.
    """
    headers.update({name: " ".join(value.split()) for name, value in headers.items()})
    first: dict[str, str] = {}
    for name, value in query:
        first.setdefault(name, value)
    query = list(first.items())
    if request.method == "POST" and not request.body:
        return [], signing.payload_hash(signing.query_string(query).encode())
    return query, hashed


def _check_age(request: Request) -> None:
    """The gateway refuses more than 15 minutes either way."""
    date = request.headers.get("x-sdk-date", "")
    try:
        signed_at = datetime.strptime(date, signing.DATE_FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise problems.refused("Unauthorized") from None
    if abs(request.at - signed_at) > _SKEW_SECONDS:
        now = datetime.fromtimestamp(request.at, UTC).strftime(signing.DATE_FORMAT)
        raise problems.refused(f"signature expired, signature time:{date},server time:{now}")


def _as_sent(value: str) -> str:
    """http.server reads headers as Latin-1, the SDKs write and sign UTF-8."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
