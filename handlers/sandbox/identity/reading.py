"""What a caller proves in the body of a request to IAM. Tokens and temporary keys are asked for in the same shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.sandbox import problems
from handlers.sandbox.exchange import parsed

if TYPE_CHECKING:
    from handlers.sandbox.exchange import Request
    from handlers.sandbox.identity.account import Wire


WITH_PASSCODE = ["password", "totp"]


class Body:
    """Whatever it lacks is a 400 in Keystone's envelope."""

    def __init__(self, request: Request) -> None:
        try:
            document = parsed(request.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise problems.iam(400, "The request body is invalid.")
        self.auth = self.object(document, "auth")
        self.identity = self.object(self.auth, "identity")

    def method(self, known: tuple[str, ...]) -> str:
        """The one method of ``methods``; a password may have a passcode with it."""
        methods: Any = self.identity.get("methods")
        if methods == WITH_PASSCODE and "password" in known:
            return "password"
        if not isinstance(methods, list) or methods not in [[name] for name in known]:
            raise problems.iam(400, "The authentication method is not supported.")
        return str(methods[0])

    def object(self, parent: Wire, key: str) -> Wire:
        """What must be there and be an object."""
        value = parent.get(key)
        if not isinstance(value, dict):
            raise problems.iam(400, f"The request body is invalid: {key} is missing.")
        return value
