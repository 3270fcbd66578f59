"""Temporary access keys: POST /v3.0/OS-CREDENTIAL/securitytokens.

Its page in the IAM API reference lists statuses and no codes: it is taken to refuse in the same words as the calls for tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.sandbox import problems
from handlers.sandbox.identity.reading import Body

if TYPE_CHECKING:
    from handlers.sandbox.exchange import Request
    from handlers.sandbox.identity.account import Account, Wire
    from handlers.sandbox.identity.proofs import Proofs

SHORTEST_SECONDS, LONGEST_SECONDS = 900, 86400


def wanted_seconds(request: Request, account: Account, proofs: Proofs) -> int:
    """Check everything, and return for how long the key is wanted."""
    body = Body(request)
    if body.method(("token", "assume_role")) == "token":
        proof = body.object(body.identity, "token") if "token" in body.identity else {}
        _check_token(request, proof, proofs)
    else:
        proof = body.object(body.identity, "assume_role")
        proofs.admit(request)
        if not account.is_agency(proof):
            raise problems.iam(404, "Could not find agency.")
    return _seconds(proof)


def _check_token(request: Request, proof: Wire, proofs: Proofs) -> None:
    """In the header as everywhere else, or in the body; the header is looked at first (IAM API reference)."""
    text = request.headers.get("x-auth-token") or proof.get("id", "")
    if not isinstance(text, str) or proofs.doors.token(text, request.at) is None:
        raise problems.iam_unauthenticated()


def _seconds(proof: Wire) -> int:
    """Older editions of the reference write the key with a dash."""
    seconds = proof.get("duration_seconds", proof.get("duration-seconds", SHORTEST_SECONDS))
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise problems.iam(400, "The request body is invalid: duration_seconds.")
    return seconds
