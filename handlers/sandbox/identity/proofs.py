"""The ways to prove who one is to IAM, and what becomes of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handlers.sandbox import problems
from handlers.sandbox.doors import same
from handlers.sandbox.identity.reading import WITH_PASSCODE

if TYPE_CHECKING:
    from handlers.sandbox.doors import Caller, Doors
    from handlers.sandbox.exchange import Request
    from handlers.sandbox.identity.account import Account, Wire
    from handlers.sandbox.identity.reading import Body

_PASSCODE = re.compile(r"[0-9]{6}")
METHODS = ("password", "token", "hw_ak_sk", "assume_role")


@dataclass(frozen=True)
class Proven:
    """``who`` goes into the token's document; ``expires_at`` is set where the token may not outlive another."""

    who: Wire
    expires_at: float | None = None


class Proofs:
    """One method per way."""

    def __init__(self, account: Account, doors: Doors) -> None:
        self.account, self.doors = account, doors

    def admit(self, request: Request) -> Caller:
        """Whoever has a token or signs; IAM words a refusal in its own way."""
        try:
            return self.doors.enter(request)
        except problems.Problem:
            raise problems.iam_unauthenticated() from None

    def check(self, request: Request, body: Body, method: str) -> Proven:
        """``method`` is one of `METHODS`."""
        proof = body.object(body.identity, method)
        match method:
            case "password":
                return self._by_password(body, proof)
            case "token":
                return self._by_token(request, proof)
            case "hw_ak_sk":
                return self._by_access_key(request, body, proof)
            case _:
                return self._by_agency(request, proof)

    def _by_password(self, body: Body, proof: Wire) -> Proven:
        user = body.object(proof, "user")
        domain = {} if "id" in user else body.object(user, "domain")
        if not (same(user.get("password"), self.account.password) and self.account.is_user(user, domain)):
            raise problems.iam_wrong_password()
        if body.identity["methods"] == WITH_PASSCODE:
            self._check_passcode(body.object(body.object(body.identity, "totp"), "user"))
        return Proven({"user": self.account.user})

    def _check_passcode(self, user: Wire) -> None:
        """Nobody has a device that counts with this sandbox: any six digits do, for the one user there is."""
        passcode = user.get("passcode")
        if user.get("id") != self.account.user_id or not (isinstance(passcode, str) and _PASSCODE.fullmatch(passcode)):
            raise problems.iam_unauthenticated()

    def _by_token(self, request: Request, proof: Wire) -> Proven:
        """Another scope for the same user, and for no longer, as in Keystone."""
        text = proof.get("id")
        token = self.doors.token(text, request.at) if isinstance(text, str) else None
        if token is None:
            raise problems.iam_unauthenticated()
        who: Wire = {name: value for name, value in token.document.items() if name in {"user", "assumed_by"}}
        return Proven(who, token.expires_at)

    def _by_access_key(self, request: Request, body: Body, proof: Wire) -> Proven:
        """Not in the official documents; many public programs use it. Counts as a try of that key."""
        access, secret = body.object(proof, "access").get("key"), body.object(proof, "secret").get("key")
        security_token = request.headers.get("x-security-token", "")
        try:
            if not isinstance(access, str):
                raise problems.iam_unauthenticated()
            self.doors.check_secret(access, secret, security_token, request.at)
        except problems.Problem:
            raise problems.iam_unauthenticated() from None
        return Proven({"user": self.account.user})

    def _by_agency(self, request: Request, proof: Wire) -> Proven:
        """The call itself needs a token or a signature."""
        self.admit(request)
        account = self.account
        if not account.is_agency(proof):
            raise problems.iam(404, "Could not find agency.")
        return Proven({"user": account.agent, "assumed_by": {"user": account.user, "domain": account.domain}})
