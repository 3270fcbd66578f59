"""Everything that can go wrong, in one tree.

    RestorePointError
    ├─ Refusal             an event that may not ask, or says nonsense; never retried
    ├─ Misconfigured       rules, environment or credentials are wrong; known before the first event
    ├─ CallFailed          a call to a cloud service did not give what was asked
    │  ├─ NotSent          no byte of the request left: it may be repeated
    │  │  └─ Untrusted     ... but not this: the peer could not be trusted (TLS)
    │  ├─ Unclear          it may or may not have happened: look before doing it again
    │  ├─ Busy             the service is at work on the same thing: look, join or come again
    │  ├─ Throttled        not executed, come again later
    │  ├─ Unauthorized     our own credentials or rights are refused
    │  └─ Rejected         executed never, and asking again will not help
    ├─ LedgerDown          the store of wishes cannot be read or written
    ├─ NotTold             a topic did not take a message
    └─ Redeliver           this delivery is not settled: the platform must bring it again

Which class an answer of CBR falls into is decided in one place, ``meaning.meaning``.
"""

from __future__ import annotations


class RestorePointError(Exception):
    """Root of the tree; never raised itself."""


class Refusal(RestorePointError):
    """An event that may not ask for anything, or says nonsense. Repeating it changes nothing.

    ``reason`` is a stable word for logs and metrics, ``field`` the path of the offending value (``detail.time``), ``http``
    the status an HTTP sender gets. The text never repeats the offending value: it may be hostile or secret. ``detail`` is for
    the log alone, where the sender must not hear why.
    """

    def __init__(self, reason: str, message: str, *, field: str = "", http: int = 400, detail: str = "") -> None:
        super().__init__(message)
        self.reason, self.message, self.field, self.http, self.detail = reason, message, field, http, detail


class Misconfigured(RestorePointError):
    """Rules file, environment or credentials are wrong. ``setting`` names what to change; no value is ever repeated."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(f"{setting}: {message}")
        self.setting, self.message = setting, message


class CallFailed(RestorePointError):
    """A call to CBR, IAM or a topic did not give what was asked.

    ``code`` is the service's own (``BackupService.6125``) or empty, ``status`` the HTTP status or 0 when no answer came,
    ``request_id`` what the provider's support asks for, ``retry_after`` seconds the service asked to wait, if it did.
    """

    def __init__(
        self, message: str, *, code: str = "", status: int = 0, request_id: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.status = message, code, status
        self.request_id, self.retry_after = request_id, retry_after

    @property
    def said(self) -> str:
        """Code or status, where there is one, and the words."""
        return f"{self.code or self.status or ''} {self.message}".strip()


class NotSent(CallFailed):
    """No byte of the request left this machine (name lookup, connect, TLS, pool): it may be repeated."""


class Untrusted(NotSent):
    """The peer's certificate is for another host or signed by nobody we trust, or its TLS is too old: repeating is no use."""


class Unclear(CallFailed):
    """The request left and no readable answer came: it may or may not have been executed."""


class Busy(CallFailed):
    """The service is at work on the same vault or resource; the same request may succeed later."""


class Throttled(CallFailed):
    """Refused for its rate, hence not executed."""


class Unauthorized(CallFailed):
    """Our own credentials or rights were refused. Never repeated in a loop: five bad tries lock an access key."""


class Rejected(CallFailed):
    """Refused for good: the request, the vault or the resource has to change first."""


class LedgerDown(RestorePointError):
    """The store of wishes cannot be read or written just now."""


class NotTold(RestorePointError):
    """A topic did not take a message."""


class Redeliver(RestorePointError):
    """This delivery is not settled: raised at a platform's door, so that it is brought again or ends in its dead-letter queue.

    ``answer`` is what would have been answered, for those who call the function by hand.
    """

    def __init__(self, message: str, answer: dict[str, object]) -> None:
        super().__init__(message)
        self.answer = answer
