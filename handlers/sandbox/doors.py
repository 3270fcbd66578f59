"""Lets callers in: by a token, or by a signature, which is really recomputed (``signatures``).

Five bad signatures in a row lock an access key for five minutes (API gateway manual), whoever made them: within that time the
right one is refused, too, and trying goes unnoticed. A good one before that starts the count anew.
"""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass, replace
from hashlib import shake_256
from typing import TYPE_CHECKING, Any

from handlers.sandbox import problems, signatures
from handlers.sandbox.ids import BLOCK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handlers.sandbox.exchange import Request

BAD_TRIES = 5
MOST_ISSUED = 10_000
LOCKED_SECONDS = 5 * 60
_REMEMBERED_SECONDS = 24 * 3600  # an expired token is told from one that never was for as long


@dataclass(frozen=True)
class Key:
    """``security_token`` is set for temporary keys, and is then required with every request; None expires never."""

    secret: str
    security_token: str = ""
    expires_at: float | None = None


@dataclass(frozen=True)
class Token:
    """``project_id`` is empty for one scoped to a domain; ``document`` is what IAM tells about it. None expires never.

    ``ended`` is one that was made to expire before its time.
    """

    text: str
    expires_at: float | None
    project_id: str
    document: dict[str, Any]
    ended: bool = False

    def good(self, now: float) -> bool:
        """Whether it opens anything."""
        return not (self.ended or _over(self.expires_at, now))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who came in, and how: ``access_key`` or ``token`` is empty. ``project_id`` is empty if they speak for none."""

    project_id: str
    user_id: str
    access_key: str = ""
    token: str = ""


class Doors:
    """Who may come in. All keys belong to ``user_id`` and, unless a caller says otherwise, to ``project_id``.

    What it issues follows from ``seed`` and the order of issue. Of tokens and of temporary keys it knows the newest ``most``.
    """

    def __init__(
        self, project_id: str, keys: Mapping[str, Key], *, user_id: str = "", seed: int = 0, most: int = MOST_ISSUED
    ) -> None:
        self.project_id, self.user_id, self.seed = project_id, user_id, seed
        self.keys = dict(keys)
        self.tokens: dict[str, Token] = {}
        self._temporary: dict[str, Key] = {}
        self._bad: dict[str, tuple[int, float]] = {}  # of an access key: bad tries in a row, when the last was
        self._issued, self._most = 0, most

    def enter(self, request: Request) -> Caller:
        """Or raise the gateway's refusal.

        Which one the cloud prefers of a token and a signature is not documented; a signature is always checked, and decides.
        """
        authorization = request.headers.get("authorization")
        return self._by_token(request) if authorization is None else self._by_signature(request, authorization)

    def _by_token(self, request: Request) -> Caller:
        text = request.headers.get("x-auth-token", "")
        if not text:
            raise problems.no_token()
        token = self.tokens.get(text)
        if token is None:
            raise problems.unknown_token()
        if not token.good(request.at):
            raise problems.token_expired()
        user: dict[str, str] = token.document.get("user", {})
        return Caller(token.project_id, user.get("id", self.user_id), token=text)

    def _by_signature(self, request: Request, authorization: str) -> Caller:
        claim = signatures.read(authorization)
        access_key = claim.access_key
        key = self.key(access_key, request.headers.get("x-security-token", ""), request.at)
        signatures.check_age(request)
        if not claim.fits(request, key.secret):
            self.count_bad_try(access_key, request.at)
            raise problems.wrong_signature()
        self._bad.pop(access_key, None)
        return Caller(request.headers.get("x-project-id", self.project_id), self.user_id, access_key=access_key)

    def key(self, access_key: str, security_token: str, now: float) -> Key:
        """Look a key up that is good and not locked; a wrong security token makes a temporary one unknown."""
        key = self.keys.get(access_key) or self._temporary.get(access_key)
        if key is None:
            raise problems.no_such_key(access_key)
        if key.security_token and not same(security_token, key.security_token):
            raise problems.no_such_key(access_key, temporary=True)
        if _over(key.expires_at, now):
            raise problems.no_such_key(access_key, temporary=True)
        tries, last = self._bad.get(access_key, (0, 0.0))
        if tries >= BAD_TRIES:
            if now < last + LOCKED_SECONDS:
                raise problems.key_locked()
            del self._bad[access_key]
        return key

    def count_bad_try(self, access_key: str, now: float) -> None:
        """A secret that was wrong, in a signature or told to IAM."""
        self._bad[access_key] = (self._bad.get(access_key, (0, 0.0))[0] + 1, now)

    def check_secret(self, access_key: str, secret: object, security_token: str, now: float) -> None:
        """Told in plain text, as IAM can be; a try like any other."""
        if not same(secret, self.key(access_key, security_token, now).secret):
            self.count_bad_try(access_key, now)
            raise problems.wrong_signature()
        self._bad.pop(access_key, None)

    def token(self, text: str, now: float) -> Token | None:
        """The one of this text, if it is good now."""
        token = self.tokens.get(text)
        return token if token and token.good(now) else None

    def issue_token(self, text: str, project_id: str, document: dict[str, Any], *, now: float, expires_at: float | None) -> None:
        """Forget those long expired on the way, and the oldest; a new token does not end an older one otherwise."""
        self.tokens[text] = Token(text, expires_at, project_id, document)
        long_ago = now - _REMEMBERED_SECONDS
        while (oldest := self._oldest()) and (_over(oldest.expires_at, long_ago) or len(self.tokens) > self._most):
            del self.tokens[oldest.text]

    def _oldest(self) -> Token | None:
        """Not those that expire never, which are few, and known from the start."""
        return next((token for token in self.tokens.values() if token.expires_at is not None), None)

    def issue_key(self, *, now: float, expires_at: float) -> tuple[str, Key]:
        """A temporary access key; expired ones are forgotten on the way."""
        self._temporary = {name: key for name, key in self._temporary.items() if not _over(key.expires_at, now)}
        access_key = self.fresh(10).hex().upper()
        key = Key(self.fresh(20).hex(), self.fresh(300).hex(), expires_at)
        self._temporary[access_key] = key
        if len(self._temporary) > self._most:
            del self._temporary[next(iter(self._temporary))]
        return access_key, key

    def revoke(self, text: str) -> None:
        """As if it had never been."""
        del self.tokens[text]

    def expire_all(self) -> None:
        """All tokens there are, at once."""
        self.tokens = {text: replace(token, ended=True) for text, token in self.tokens.items()}

    def fresh(self, size: int) -> bytes:
        """Bytes never given before."""
        self._issued += 1
        return shake_256(f"{self.seed}/{self.project_id}/{self._issued}".encode()).digest(size)

    def save(self) -> dict[str, Any]:
        """What `load` brings back; JSON can hold it."""
        return {
            "issued": self._issued,
            "tokens": [asdict(token) for token in self.tokens.values()],
            "keys": {name: asdict(key) for name, key in self._temporary.items()},
            "bad_tries": {name: list(tries) for name, tries in self._bad.items()},
        }

    def leap(self) -> None:
        """Never issue what somebody may have issued who did not write it down."""
        self._issued += BLOCK

    def load(self, saved: Mapping[str, Any]) -> None:
        """Keys of the estate are not part of it."""
        self._issued = saved["issued"]
        self.tokens = {row["text"]: Token(**row) for row in saved["tokens"]}
        self._temporary = {name: Key(**row) for name, row in saved["keys"].items()}
        self._bad = {name: (tries, last) for name, (tries, last) in saved["bad_tries"].items()}


def same(given: object, secret: str) -> bool:
    """JSON can carry half of a surrogate pair, which plain UTF-8 refuses."""
    return isinstance(given, str) and hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), secret.encode("utf-8", "surrogatepass")
    )


def _over(expires_at: float | None, now: float) -> bool:
    return expires_at is not None and now >= expires_at
