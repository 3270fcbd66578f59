"""Show who or what asked for restore points, when, for what, and with what result, the newest first.

It is read from the ledger, which remembers wishes for 400 days. A cause that is wanted again after its window takes the place of
its earlier wish: the restore points it had before are named with it. A delivery that found its cause settled changes nothing
here; its log line says so.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import IO, Any

from handlers.cli import DONE, print_json
from handlers.cli.show import fold
from handlers.cli.status import existing
from handlers.errors import Misconfigured
from handlers.overview.asked import Asked, answers, moment, read_wishes
from handlers.overview.plain import plain
from handlers.restore_point.wish import KIND
from handlers.rules import Rules, seconds
from handlers.service import Service
from handlers.settings import load

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet may take for the beginning of a formula (OWASP, CSV Injection), full-width letters included."""
_BEGINS = re.compile(rf"""(^|;)(?=[ '"\ufffd]*[{re.escape("".join(_FORMULA))}])""")
"""Where a cell begins: where lists are written with semicolons, as in Germany, a spreadsheet parts the lines of a table there,
whatever is quoted.
"""
COLUMNS = (
    "wanted_at occurred result reason vault vault_id trigger sender rule causes cause_names link delivery_id cause name "
    "checkpoint_id skipped_resources message"
).split()


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``history``."""
    parser.add_argument("--vault", help="only this one: a name in the rules, or an id")
    parser.add_argument("--since", default="7d", metavar="SPAN", help="how far back, such as 24h or 30d (default: 7d)")
    parser.add_argument("--csv", action="store_true", help="as a table for a spreadsheet")


def run(arguments: argparse.Namespace) -> int:
    """Read, show."""
    if arguments.csv and arguments.json:
        raise Misconfigured("--csv", "and --json do not go together")
    try:
        span = seconds(arguments.since)
    except ValueError as error:
        raise Misconfigured("--since", str(error)) from None
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no path of ours
        service = Service(load(rules_file=arguments.rules), stream=nowhere)
        try:
            records = existing(service).since(KIND, service.clock.now().timestamp() - span)
        finally:
            service.close()
    wishes, unreadable = read_wishes(records)
    found = [each for each in reversed(answers(wishes)) if _is_of(each, arguments.vault, service.settings.rules)]
    if arguments.json:
        print_json({"wishes": [_printed(each) for each in found], "unreadable": unreadable, "ledger": service.settings.ledger})
    elif arguments.csv:
        table(rows_of(found), sys.stdout)
    else:
        _show(found, arguments, service.settings.ledger)
    if unreadable:
        why = "was it written by another program or version? They are not shown"
        print(f"restore-point: {unreadable} records of ledger {service.settings.ledger} cannot be read: {why}", file=sys.stderr)
    return DONE


def _is_of(asked: Asked, vault: str | None, rules: Rules) -> bool:
    if vault is None:
        return True
    known, planned = rules.vault_named(vault), asked.wish.planned
    return planned.backup.vault_id == known[1].id if known else vault in (planned.vault, planned.backup.vault_id)


def _printed(asked: Asked) -> dict[str, Any]:
    wish, planned = asked.settled_by, asked.wish.planned
    return {
        "wanted_at": _time(moment(asked.wish.wanted_at)),
        "occurred": _time(planned.occurred),
        "result": asked.result,
        "reason": asked.reason,
        "message": asked.says,
        "vault": planned.vault,
        "vault_id": planned.backup.vault_id,
        "resources": sorted(planned.backup.resource_ids),
        "trigger": planned.trigger,
        "sender": planned.sender,
        "rule": planned.rule,
        "causes": planned.causes,
        "cause_names": list(planned.cause_names),
        "link": planned.link,
        "delivery_id": planned.delivery_id,
        "cause": planned.cause,
        "name": planned.name,
        "checkpoint_id": wish.checkpoint_id,
        "made_at": _time(moment(wish.made_at)),
        "due": _time(moment(wish.slot if asked.result == "queued" else wish.due)),
        "skipped_resources": [each.model_dump(mode="json") for each in wish.skipped],
        "earlier": list(wish.past),
    }


def table(rows: Iterable[Sequence[object]], stream: IO[str]) -> None:
    """As RFC 4180 has it: every cell is quoted, and none is taken for a formula."""
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([harmless(cell) for cell in row] for row in rows)


def rows_of(found: Sequence[Asked]) -> Iterator[Sequence[object]]:
    """A head, and one row each."""
    yield COLUMNS
    for each in found:
        printed = _printed(each)
        printed["cause_names"] = "; ".join(printed["cause_names"])
        skipped = printed["skipped_resources"]
        printed["skipped_resources"] = "; ".join(f"{part['name'] or part['id']} {part['code']}" for part in skipped)
        yield [printed[column] for column in COLUMNS]


def harmless(value: object) -> str:
    """A cell that a spreadsheet shows and does not calculate."""
    return _BEGINS.sub(r"\1'", "" if value is None else plain(str(value), 2000))


def _show(found: list[Asked], arguments: argparse.Namespace, ledger: str) -> None:
    if not found:
        whose = f" of vault {plain(arguments.vault)}" if arguments.vault else ""
        print(fold(f"Nothing was wanted{whose} within {arguments.since}, by what ledger {ledger} remembers."))
        return
    print(f"{'WANTED (UTC)':<16}  {'RESULT':<11}  {'VAULT':<20}  BY")
    for each in found:
        planned, wish = each.wish.planned, each.settled_by
        when, by = moment(each.wish.wanted_at), plain(f"{planned.trigger} {planned.sender}".strip())
        at = f"{when:%Y-%m-%d %H:%M}" if when else "?"
        print(f"{at:<16}  {each.result.replace('_', ' '):<11}  {_cut(plain(planned.whose), 20):<20}  {_cut(by, 27)}")
        details = (
            each.says,
            f"rule {planned.rule}" if planned.rule else "",
            f"{planned.causes} causes: {'; '.join(planned.cause_names[:3])}"
            if planned.causes > 1
            else "".join(planned.cause_names[:1]),
            f"restore point {wish.checkpoint_id}" if wish.checkpoint_id else "",
            f"without {', '.join(f'{part.name or part.id} ({part.code})' for part in wish.skipped)}" if wish.skipped else "",
            f"earlier ones of this cause: {', '.join(wish.past[-3:])}" if wish.past else "",
            f"delivery {planned.delivery_id}",
        )
        print(fold(f"    {'; '.join(plain(detail) for detail in details if detail)}"))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
