"""An answer, and what every service says in its headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from handlers.values import dataclass, field

_DATE = re.compile(r"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True)
class Reply:
    """An HTTP answer of any status. Header names are lower-case, the first value wins; the body is within the cap."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # one of them may be a new token
    body: bytes = field(repr=False)

    @property
    def request_id(self) -> str:
        """What the provider's support asks for; printable ASCII."""
        given = self.headers.get("x-request-id") or self.headers.get("x-iam-trace-id") or ""
        return "".join(letter for letter in given if letter.isascii() and letter.isprintable())[:128]

    @property
    def said_at(self) -> datetime | None:
        """What the service's clock said (``Date``, RFC 9110, section 5.6.7), to the second; None where it does not say."""
        parts = _DATE.fullmatch(self.headers.get("date", ""))
        with suppress(ValueError):
            if parts:
                day, month, year, hour, minute, second = parts.groups()
                moment = int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second)
                return datetime(*moment, tzinfo=UTC)
        return None
