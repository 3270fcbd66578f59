"""What a caller proves in the body of a request to IAM. Tokens and temporary keys are asked for in the same shape."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.sandbox.exchange import Request
    from handlers.sandbox.identity.account import Wire
    from handlers.sandbox.problems import Problem


class Body:
    """``bad`` words a refusal: the older calls answer in Keystone's envelope, the newer ones in another."""

    def __init__(self, request: Request, bad: Callable[[str], Problem]) -> None:
        self._bad = bad
        try:
            parsed = json.loads(request.body)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise bad("The request body is invalid.")
        self.auth = self.object(parsed, "auth")
        self.identity = self.object(self.auth, "identity")

    def method(self, known: tuple[str, ...]) -> str:
        """The one method of ``methods``."""
        methods: Any = self.identity.get("methods")
        if not isinstance(methods, list) or methods not in [[name] for name in known]:
            raise self._bad("The authentication method is not supported.")
        return str(methods[0])

    def object(self, parent: Wire, key: str) -> Wire:
        """What must be there and be an object."""
        value = parent.get(key)
        if not isinstance(value, dict):
            raise self._bad(f"The request body is invalid: {key} is missing.")
        return value
