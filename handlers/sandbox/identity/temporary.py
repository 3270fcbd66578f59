"""Temporary access keys: POST /v3.0/OS-CREDENTIAL/securitytokens, one of IAM's newer calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.sandbox import problems
from handlers.sandbox.identity.reading import Body

if TYPE_CHECKING:
    from handlers.sandbox.doors import Doors
    from handlers.sandbox.exchange import Request
    from handlers.sandbox.identity.account import Account, Wire

SHORTEST_SECONDS, LONGEST_SECONDS = 900, 86400


def wanted_seconds(request: Request, account: Account, doors: Doors) -> int:
    """Check everything, and return for how long the key is wanted."""
    body = Body(request, lambda message: problems.by_code("IAM.0011", message))
    if body.method(("token", "assume_role")) == "token":
        proof = body.identity.get("token", {})
        if not isinstance(proof, dict):
            raise problems.by_code("IAM.0073")
        _check_token(request, proof, doors)
    else:
        proof = body.object(body.identity, "assume_role")
        _check_agency(request, proof, account, doors)
    return _seconds(proof)


def _check_token(request: Request, proof: Wire, doors: Doors) -> None:
    """In the body, or in the header as everywhere else."""
    text = proof.get("id", request.headers.get("x-auth-token", ""))
    if not isinstance(text, str):
        raise problems.by_code("IAM.0073")
    if not text:
        raise problems.by_code("IAM.0001")
    if doors.token(text, request.at) is None:
        raise problems.by_code("IAM.0066" if text in doors.tokens else "IAM.0067")


def _check_agency(request: Request, proof: Wire, account: Account, doors: Doors) -> None:
    try:
        doors.enter(request)
    except problems.Problem:
        raise problems.by_code("IAM.0001") from None
    if not proof.keys() & {"agency_name", "xrole_name"}:
        raise problems.by_code("IAM.0072")
    if not account.is_agency(proof):
        raise problems.by_code("IAM.0004", "Could not find agency.")


def _seconds(proof: Wire) -> int:
    seconds = proof.get("duration_seconds", SHORTEST_SECONDS)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise problems.by_code("IAM.0073")
    return seconds
