"""OpenID Connect tokens: a JWT in ``Authorization: Bearer`` (RFC 7519, OpenID Connect Core 3.1.3.7).

Which keys count is configuration. What a token names itself (``jku``, ``x5u``, ``jwk``) is never looked at, and the algorithm is
one of two, whatever its header says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from handlers.errors import NotSent, Unclear
from handlers.rules.proofs import Token

ALGORITHMS = ["RS256", "ES256"]
LEEWAY = 60
"""Seconds by which the issuer's clock may differ."""
LONGEST = 8192
"""Characters of a token; Google's have about a thousand."""

Read = Callable[..., bytes]
"""The bytes at an https address; with ``fresh=True`` those of now."""


class Tokens:
    """Tokens of one sender."""

    def __init__(self, read: Read) -> None:
        self._fetched = read

    def verify(self, header: str, wanted: Token, now: datetime) -> str | None:
        """What names the token; None where it proves nothing. Raises CallFailed where the issuer's keys cannot be had."""
        import jwt

        scheme, _, token = header.partition(" ")
        if scheme != "Bearer" or not 0 < len(token) <= LONGEST or not token.isascii():
            return None
        try:
            key = self._key(jwt.get_unverified_header(token), wanted)
            if key is None:
                return None
            # The times are judged below, by the clock that everything else goes by.
            options: Any = {
                "require": ["exp", "iat", "iss", "aud"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            }
            said = jwt.decode(token, key, algorithms=ALGORITHMS, audience=wanted.audience, issuer=wanted.issuer, options=options)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return hashlib.sha256(token.encode()).hexdigest() if _is_for_us(said, wanted, now) else None

    def _key(self, header: dict[str, Any], wanted: Token) -> Any:
        """The issuer's key of that name; None: it has none, or not of that kind."""
        name = header.get("kid")
        if header.get("alg") not in ALGORITHMS or not isinstance(name, str):
            return None
        for fresh in (False, True):
            keys = key_set(self._read(wanted.keys, fresh=fresh))
            found = next((each for each in keys if each.key_id == name), None)
            if found is not None or wanted.keys.startswith("file:"):
                return found.key if found is not None and _is_good(found, header["alg"]) else None
        return None

    def _read(self, place: str, *, fresh: bool) -> bytes:
        if place.startswith("file:"):
            try:
                return Path(place.removeprefix("file:")).read_bytes()
            except OSError as error:
                raise NotSent(f"the file cannot be read: {error.strerror}") from None
        return self._fetched(place, fresh=fresh)


def _is_good(key: Any, algorithm: str) -> bool:
    """Of the token's algorithm, and long enough: 2,048 bits is the least that RS256 allows (RFC 7518, 3.3)."""
    return key.algorithm_name == algorithm and (algorithm != "RS256" or key.key.key_size >= 2048)


def key_set(content: bytes) -> list[Any]:
    """The keys of a JWK set that can be used. Raises Unclear where it is none: a proxy's page must not be kept as one."""
    import jwt

    try:
        return list(jwt.PyJWKSet.from_dict(json.loads(content)).keys)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Unclear("it is no set of keys", status=200) from None


def _is_for_us(said: dict[str, Any], wanted: Token, now: datetime) -> bool:
    """Times, and whose token it is."""
    times = {key: said.get(key) for key in ("exp", "iat", "nbf") if key in said}
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in times.values()):
        return False
    at = now.timestamp()
    in_time = said["exp"] > at - LEEWAY and said["iat"] <= at + LEEWAY and said.get("nbf", at) <= at + LEEWAY
    if wanted.subject is not None and said.get("sub") != wanted.subject:
        return False
    is_account = wanted.email is None or (said.get("email") == wanted.email and said.get("email_verified") is True)
    return bool(in_time and is_account)
