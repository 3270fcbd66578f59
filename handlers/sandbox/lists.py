"""Filters, order and pages of CBR's lists. Rows are built only for the page that is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from handlers.sandbox import problems
from handlers.sandbox.replies import Wire

Item = TypeVar("Item")
Look = Callable[[Item, float], Any]  # what a thing shows at a time

_LARGEST_PAGE = 1000  # also the default
_SORTABLE = frozenset({"created_at", "updated_at", "name", "status", "protected_at", "id"})
_EVERY = ("enterprise_project_id", "all_granted_eps")  # no enterprise project, but all of them
_LONGEST_SORT = 255
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?")
_LONG_AGO, _NEVER = float("-inf"), float("inf")


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

    def moment(self, name: str, default: float) -> float:
        """Without a zone it is UTC."""
        text = self.one(name)
        if not text:
            return default
        if not _MOMENT.fullmatch(text):
            raise problems.invalid(name)  # Python would take weeks and more
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            raise problems.invalid(name) from None
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


@dataclass(frozen=True)
class Columns(Generic[Item]):
    """How one kind of thing is listed: what its parameters compare, what it is sorted by, how a row is built.

    ``spread`` puts things in an order that is none; see `Habits.unordered`.
    """

    key: str
    filters: Mapping[str, Look[Item]]
    sorts: Mapping[str, Look[Item]]
    row: Callable[[Item, float], Wire]
    spread: Callable[[Item], float]


def page(columns: Columns[Item], items: Iterable[Item], query: Query, now: float, *, unordered: bool) -> Wire:
    """``count`` in the answer is that of all matching rows."""
    limit = query.number("limit", _LARGEST_PAGE, 1, _LARGEST_PAGE)
    offset = query.number("offset", 0, 0, 2**31)  # the documents' minimum of 1 is a slip: real replies say 0
    found = _matching(columns, _within(columns, items, query, now), query, now)
    if unordered and not query.one("sort"):
        found.sort(key=columns.spread)
    else:
        found = _sorted(columns, found, query.one("sort", "created_at:desc"), now)
    rest = _after(columns, found, query.one("marker"), now)
    rows = [columns.row(item, now) for item in rest[offset : offset + limit]]
    return {columns.key: rows, "count": len(found), "offset": offset, "limit": limit}


def micros(at: float) -> int:
    """Times are compared as they are shown."""
    return round(at * 1_000_000)


def _within(columns: Columns[Item], items: Iterable[Item], query: Query, now: float) -> Iterable[Item]:
    start, end = query.moment("start_time", _LONG_AGO), query.moment("end_time", _NEVER)
    if start > _LONG_AGO:
        first = micros(start)
        items = [item for item in items if columns.sorts["created_at"](item, now) >= first]
    if end < _NEVER:
        last = micros(end)
        items = [item for item in items if columns.sorts["created_at"](item, now) <= last]
    return items


def _matching(columns: Columns[Item], items: Iterable[Item], query: Query, now: float) -> list[Item]:
    """A repeated parameter means any of its values."""
    for name, look in columns.filters.items():
        wanted = query.every(name)
        if wanted and not (name == _EVERY[0] and _EVERY[1] in wanted):
            items = [item for item in items if look(item, now) in wanted]
    return list(items)


def _sorted(columns: Columns[Item], items: list[Item], order: str, now: float) -> list[Item]:
    """``key[:asc|desc]``, several with commas; descending where nothing is said."""
    if len(order) > _LONGEST_SORT:
        raise problems.invalid("sort")
    for part in reversed(order.split(",")):
        key, _, direction = part.partition(":")
        if key not in _SORTABLE or direction not in {"", "asc", "desc"}:
            raise problems.invalid("sort")
        look = columns.sorts.get(key, columns.sorts["created_at"])
        items = sorted(items, key=_Key(look, now), reverse=direction != "asc")
    return items


@dataclass(frozen=True)
class _Key(Generic[Item]):
    look: Look[Item]
    now: float

    def __call__(self, item: Item) -> Any:
        return self.look(item, self.now)


def _after(columns: Columns[Item], items: list[Item], marker: str, now: float) -> list[Item]:
    """``marker`` is the id of the last row of the page before."""
    if not marker:
        return items
    for place, item in enumerate(items):
        if columns.sorts["id"](item, now) == marker:
            return items[place + 1 :]
    raise problems.invalid("marker")
