"""The ledger of several machines in one DynamoDB table: every verb signed requests over wire, without boto3.

The table, as template.yaml creates it:

    shard       partition key: one of SHARDS, by the record's name
    name        sort key: kind and key as one text
    due_name    sort key of the local index ``due``: ``due`` and name; missing where nobody has to look again
    since_name  sort key of the local index ``since``: kind, ``at`` and key

Local indexes, because a query of one can be strongly consistent: a wish is seen by the first sweep after it was written, and what
was swapped to later is not seen as due again. A global index lags behind without a bound, which a sweep cannot tell from nothing
to do. The price: a shard holds at most 10 GB, its indexes included, and takes 1,000 write units a second
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html); a wish of 2 KB costs about eight for each write, so SHARDS
times 125 writes a second. The indexes hold whole records, so that a query needs no second look at the table.

A write is in two places at least before it is acknowledged, and survives the loss of one. ``ttl`` lets DynamoDB delete what has
expired, within days; until then ``expires`` makes it absent here.
"""

from __future__ import annotations

import os
from heapq import merge
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any
from zlib import crc32

from handlers.errors import LedgerDown
from handlers.ledger import Record
from handlers.ledger.dynamodb.table import REFUSED, Table
from handlers.ledger.names import AFTER, name_of, part, sortable, time_of
from handlers.ledger.patience import LEAST_SECONDS, LIST_SECONDS, VERB_SECONDS, Patience
from handlers.values import replace
from handlers.wire import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handlers.settings.aws import Aws
    from handlers.wire import Clock

SHARDS = 4
"""As many partitions as an on-demand table begins with. Another number is another ledger: records would not be found again."""
PAGE = 500
TTL_MARGIN = 3600
"""Seconds after ``expires`` that the table may begin to delete: its clock may be ahead of ours."""
_MUCH = f"it cannot be read in {LIST_SECONDS:.0f} seconds; raise its limits, or give the function more memory"
_STRANGE = "it holds something that no ledger wrote; name another table"


class _Late(LedgerDown):
    """Its time ended."""


class DynamoLedger:
    """See the module. The first verb finds out whether the table is there."""

    def __init__(self, table: str, aws: Aws, now: Callable[[], float], clock: Clock, *, ca_file: str = "") -> None:
        self._table, self._now, self._clock, self._patience = Table(table, aws, clock, ca_file), now, clock, Patience(clock)

    def put_if_absent(self, record: Record) -> Record | None:
        """One conditional PutItem, which shows the record that stands there if it fails."""
        condition = "attribute_not_exists(#version) OR #expires <= :now"
        standing = self._write(replace(record, version=1), condition, {})
        return None if standing is None else self._record(standing)

    def get(self, kind: str, key: str) -> Record | None:
        """A strongly consistent GetItem."""
        name = name_of(kind, key)
        with self._patience.verb() as deadline:
            wanted = {"Key": {"shard": {"S": _shard(name)}, "name": {"S": name}}, "ConsistentRead": True}
            answer = self._table.call("GetItem", wanted, deadline)
        record = self._record(answer["Item"]) if "Item" in answer else None
        return record if record and record.expires > self._now() else None

    def swap(self, record: Record) -> Record | None:
        """One PutItem on condition of the version; it replaces the whole item, so that a ``due`` of None leaves its index."""
        stored = replace(record, version=record.version + 1)
        version = {":version": {"N": f"{record.version}"}}
        standing = self._write(stored, "#version = :version AND #expires > :now", version)
        return stored if standing is None else None

    def due(self, now: float, limit: int) -> list[Record]:
        """The oldest of all shards: each shard's next page is asked for when the one before it has been passed.

        Fewer where time ends, and those are still the oldest: what comes after them waits for the next sweep.
        """
        found: list[Record] = []
        deadline, end = Deadline.after(self._clock, LIST_SECONDS), {":end": sortable(now) + AFTER}
        queries = [self._query("due", "#shard = :shard AND #order < :end", shard, end) for shard in range(SHARDS)]
        try:
            shards = [self._pages(each, "due_name", min(limit, PAGE), deadline, in_turn=True) for each in queries]
            for _, record in islice(merge(*shards, key=lambda pair: pair[0]), max(limit, 0)):
                found.append(record)  # one by one: what was read stays where the next page is not
        except _Late:
            if not found:
                raise
        return found

    def since(self, kind: str, time: float) -> list[Record]:
        """Page by page, so what is written meanwhile may or may not be in it."""
        found: list[tuple[str, Record]] = []
        with self._patience.verb(LIST_SECONDS) as deadline:
            for shard in range(SHARDS):
                ends = {":first": f"{part(kind)} {sortable(time)}", ":last": part(kind) + AFTER}
                wanted = self._query("since", "#shard = :shard AND #order BETWEEN :first AND :last", shard, ends)
                found += self._pages(wanted, "since_name", PAGE, deadline)
        return [record for _, record in sorted(found, key=lambda pair: pair[0])]

    def close(self) -> None:
        """Its connections."""
        self._table.close()

    def _write(self, record: Record, condition: str, more: dict[str, Any]) -> dict[str, Any] | None:
        """None: written. Otherwise what stood in the way.

        Every write carries a token of its own, and so is recognised when it is repeated because its answer was lost.
        """
        token = os.urandom(8).hex()
        wanted = {
            "Item": _item(record) | {"token": {"S": token}},
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#version": "version", "#expires": "expires"},
            "ExpressionAttributeValues": {":now": {"S": sortable(self._now())}} | more,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        with self._patience.verb() as deadline:
            answer = self._table.call("PutItem", wanted, deadline)
        standing = answer.get(REFUSED)
        return None if standing is None or standing.get("token") == {"S": token} else standing

    def _query(self, index: str, condition: str, shard: int, ends: dict[str, str]) -> dict[str, Any]:
        return {
            "IndexName": index,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": {"#shard": "shard", "#order": f"{index}_name"},
            "ExpressionAttributeValues": {name: {"S": text} for name, text in ({":shard": f"{shard}"} | ends).items()},
            "ConsistentRead": True,
            "Select": "ALL_ATTRIBUTES",
        }

    def _pages(
        self, wanted: dict[str, Any], order: str, limit: int, deadline: Deadline, *, in_turn: bool = False
    ) -> Iterator[tuple[str, Record]]:
        """Each record that has not expired, with its place in the order."""
        now, last = self._now(), dict[str, Any]()
        while True:
            query = wanted | {"Limit": limit} | last
            answer = self._page(query, deadline) if in_turn else self._table.call("Query", query, deadline)
            items = answer.get("Items")
            for item in items if isinstance(items, list) else ({},):
                record = self._record(item)
                if record.expires > now:
                    yield f"{item[order]['S']}", record
            if "LastEvaluatedKey" not in answer:
                return
            last = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _page(self, query: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """In the time of one verb: a store that lets it wait in vain rests as after any. Raises LedgerDown."""
        if deadline.left() < VERB_SECONDS:
            raise _Late(f"{self._table.down(_MUCH)}")
        with self._patience.verb() as page:
            try:
                return self._table.call("Query", query, page)
            except LedgerDown as problem:
                if page.left() <= LEAST_SECONDS:
                    raise _Late(f"{problem}") from problem
                raise

    def _record(self, item: dict[str, Any]) -> Record:
        try:
            kind, key, body, at, expires = (item[name]["S"] for name in ("kind", "key", "body", "since_name", "expires"))
            due = time_of(item["due_name"]["S"][:16]) if "due_name" in item else None
            happened = time_of(at[len(part(kind)) + 1 :][:16])
            return Record(kind, key, happened, due, body, time_of(expires), int(item["version"]["N"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._table.down(_STRANGE) from error


def _shard(name: str) -> str:
    return f"{crc32(name.encode()) % SHARDS}"


def _item(record: Record) -> dict[str, Any]:
    """As DynamoDB keeps it. Times are text that sorts as they do: its numbers hold 38 digits, which is not every double."""
    name = name_of(record.kind, record.key)
    texts = {"shard": _shard(name), "name": name, "kind": record.kind, "key": record.key, "body": record.body}
    texts["since_name"] = f"{part(record.kind)} {sortable(record.at)} {record.key}"
    texts["expires"] = sortable(record.expires)
    if record.due is not None:
        texts["due_name"] = f"{sortable(record.due)} {name}"
    ttl = ceil(min(max(record.expires, 0.0), 2.0**40)) + TTL_MARGIN
    numbers = {"version": {"N": f"{record.version}"}, "ttl": {"N": f"{ttl}"}}
    return {field: {"S": text} for field, text in texts.items()} | numbers
