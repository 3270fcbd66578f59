"""Times as they are written. A clock may be set to any time; what a calendar cannot say is said as its first or last moment."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

_FIRST = datetime.min.replace(tzinfo=UTC).timestamp()
_LAST = datetime.max.replace(tzinfo=UTC, microsecond=0).timestamp()


def moment(at: float) -> datetime:
    """``at`` in seconds since 1970."""
    return datetime.fromtimestamp(min(max(at, _FIRST), _LAST), UTC)


def http_date(at: float) -> str:
    """As in ``Date`` and ``Retry-After``."""
    return format_datetime(moment(at).replace(microsecond=0), usegmt=True)
