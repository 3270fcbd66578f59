"""Filters, order and pages of CBR's lists, applied to rows in their wire form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from handlers.sandbox import problems
from handlers.sandbox.replies import Wire, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LARGEST_PAGE = 1000  # also the default
_SORTABLE = {"created_at", "updated_at", "name", "status", "protected_at", "id"}


@dataclass(frozen=True)
class Query:
    """A query string. Parameters nobody asks for are ignored, as far as is known of the service."""

    pairs: Sequence[tuple[str, str]]

    def every(self, name: str) -> list[str]:
        """All values of a parameter that may be repeated."""
        return [value for key, value in self.pairs if key == name]

    def one(self, name: str, default: str = "") -> str:
        """The first value, where a parameter means one."""
        return next(iter(self.every(name)), default)

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """9900 unless it is a whole number within both limits."""
        text = self.one(name, str(default))
        if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise problems.invalid(name)
        return int(text)


def page(key: str, rows: Iterable[Wire], query: Query, filters: Mapping[str, str]) -> Wire:
    """``filters`` maps a parameter to the field it compares; ``count`` in the answer is that of all matching rows."""
    limit = query.number("limit", _LARGEST_PAGE, 1, _LARGEST_PAGE)
    offset = query.number("offset", 0, 0, 2**31)  # the documents' minimum of 1 is a slip: real replies say 0
    start, end = _time(query, "start_time"), _time(query, "end_time") or "9999"
    found = [row for row in rows if start <= row["created_at"] <= end and _matches(row, query, filters)]
    rest = _after(_sorted(found, query.one("sort", "created_at:desc")), query.one("marker"))
    return {key: rest[offset : offset + limit], "count": len(found), "offset": offset, "limit": limit}


def field(row: Wire, path: str) -> Any:
    """``billing.status`` is the status inside billing; None where a step is missing."""
    value: Any = row
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _matches(row: Wire, query: Query, filters: Mapping[str, str]) -> bool:
    """A repeated parameter means any of its values; names match exactly (not documented either way)."""
    for name, path in filters.items():
        wanted = query.every(name)
        if wanted and _written(field(row, path)) not in wanted:
            return False
    return True


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _time(query: Query, name: str) -> str:
    """In the form of ``created_at``, so that texts compare like times. Without a zone it is UTC."""
    text = query.one(name)
    if not text:
        return ""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise problems.invalid(name) from None
    return moment((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def _sorted(rows: list[Wire], order: str) -> list[Wire]:
    """``key[:asc|desc]``, several with commas; descending where nothing is said."""
    for part in reversed(order.split(",")):
        key, _, direction = part.partition(":")
        if key not in _SORTABLE or direction not in {"", "asc", "desc"}:
            raise problems.invalid("sort")
        rows = sorted(rows, key=lambda row: str(row.get(key) or ""), reverse=direction != "asc")
    return rows


def _after(rows: list[Wire], marker: str) -> list[Wire]:
    """``marker`` is the id of the last row of the page before."""
    if not marker:
        return rows
    places = [place for place, row in enumerate(rows) if row["id"] == marker]
    if not places:
        raise problems.invalid("marker")
    return rows[places[0] + 1 :]
