"""An overview in 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from handlers.cli.show import fold
from handlers.overview import Expected, Overview, Point, VaultView
from handlers.overview.asked import clock
from handlers.overview.plain import plain
from handlers.overview.vaults import allowed, how_old, missed

_RED, _YELLOW, _GREEN = 31, 33, 32
_COLOURS = dict.fromkeys(("overdue", "failed", "missed", "wrong"), _RED) | {"well": _GREEN}
"""Whatever else a vault or all of it is called is yellow."""
_COLUMNS = (8, 20, 18, 20, 8)
"""Widths; with a space between them, and two for the mark, no more than 80."""
_MANY = 12
"""Of more vaults, those that are well have a row and no more."""
_NAMED = 3
"""Things of a kind that are written out; the rest are counted."""


def lines(overview: Overview, *, colour: bool = False) -> Iterator[str]:
    """A headline, a table, and under it what a row has no room for."""
    yield _painted(fold(overview.headline), overview.verdict, colour=colour)
    for sentence in overview.unknown:
        yield _indented(f"! {sentence}")
    if overview.vaults:
        yield ""
        yield _row("STATE", "VAULT", "AGE / MAX AGE", "NEXT TIMER", "FULL")
    many = len(overview.vaults) > _MANY
    for view in overview.vaults:
        yield _painted(_row(*_cells(view, overview.at)), view.word, colour=colour)
        for sentence in _details(view, overview.at) if view.problems or not many else ():
            yield _indented(sentence)
    yield from _beside(overview)
    yield ""
    yield fold(f"{clock(overview.at)}; ledger {plain(overview.ledger)}")


def _beside(overview: Overview) -> Iterator[str]:
    """What belongs to no vault's row."""
    said = {each.name for view in overview.vaults for each in view.timers}
    sentences = [f"! {missed(each)}" for each in overview.missed if each.name not in said]
    sentences += [f"* {each}" for each in overview.notes]
    notices = [each for each in overview.notices if each.word not in ("overdue", "missed") or not each.heard]
    for each in notices[:_NAMED]:
        heard = "" if each.heard else " (not every topic has taken it yet)"
        sentences.append(f"* told {clock(each.told)}{heard}: {each.word}: {each.message}")
    if len(notices) > _NAMED:
        sentences.append(f"* and {len(notices) - _NAMED} more were told in these days: --json has all of them")
    if sentences:
        yield ""
    for sentence in sentences:
        yield fold(plain(sentence, 1000))


def _cells(view: VaultView, now: datetime) -> tuple[str, ...]:
    full = f"{view.fill.percent:.0f} %" if view.fill else "?"
    return view.word, plain(view.name), allowed(view), _next(view.next, now), full


def _row(*cells: str) -> str:
    fitted = (cell if len(cell) <= width else f"{cell[: width - 1]}…" for cell, width in zip(cells, _COLUMNS, strict=True))
    return " ".join(f"{cell:<{width}}" for cell, width in zip(fitted, _COLUMNS, strict=True)).rstrip()


def _next(timer: Expected | None, now: datetime) -> str:
    if timer is None or timer.next is None:
        return "not known"
    wait = (timer.next - now).total_seconds()
    when = f"in {how_old(wait)}" if wait >= 0 else f"{how_old(-wait)} late"
    return f"{timer.name[: 19 - len(when)]} {when}"


def _details(view: VaultView, now: datetime) -> Iterator[str]:
    yield from (f"! {each.sentence}" for each in view.problems)
    good = view.newest_good
    if good is not None:
        yield f"newest good {_ago(good, now)}"
    if view.newest is not None and view.newest.state not in ("good", "running"):
        yield f"newest      {_ago(view.newest, now)}: {view.newest.state}"
    yield from (f"running     {_ago(each, now)}" for each in view.points if each.state == "running")
    yield from (f"waiting     {each.asked}: {each.says}" for each in view.waiting[:_NAMED])
    if len(view.waiting) > _NAMED:
        yield f"waiting     and {len(view.waiting) - _NAMED} more"
    shown = {each.sentence for each in view.problems}
    yield from (f"gave up     {each}" for each in view.gave_up[:_NAMED] if each not in shown)
    yield from (f"* {each}" for each in view.notes)


def _ago(point: Point, now: datetime) -> str:
    by = f", {point.asked}" if point.asked else ""
    return f"{clock(point.at)}, {how_old((now - point.at).total_seconds())} ago{by}"


def _indented(sentence: str) -> str:
    import textwrap

    return textwrap.fill(plain(sentence, 1000), 80, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _painted(text: str, word: str, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS.get(word, _YELLOW)}m{text}\x1b[0m" if colour else text
