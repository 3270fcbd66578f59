"""One vault on the page: what is wrong, its facts, its line of time and the table under it; or one row of many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape

from handlers.cli.status.drawing import SAYS, Line, bar
from handlers.overview import Expected, Point, VaultView
from handlers.overview.asked import clock
from handlers.overview.growth import FULL_PERCENT
from handlers.overview.plain import plain
from handlers.overview.vaults import allowed, how_old
from handlers.plan.planned import span

MOST_WAITING = 3
MOST_ROWS = 30
"""Restore points in one vault's table; the rest are counted."""
SIGNS = {"overdue": "✖ Overdue", "failed": "✖ Failed", "missed": "✖ Timer missed", "unknown": "? Not known",
         "partly": "◆ Incomplete", "filling": "▲ Filling", "empty": "○ None yet", "well": "✔ Well"}  # fmt: skip
LOOKS = {"overdue": "failed", "failed": "failed", "missed": "failed", "unknown": "partial", "partly": "partial",
         "filling": "partial", "empty": "partial", "well": "good"}  # fmt: skip


def words(text: str, limit: int = 600) -> str:
    """Text from outside as it may stand in the page."""
    return escape(plain(text, limit))


def sign(view: VaultView) -> str:
    """How it is, with a shape for who sees no colours."""
    return f'<span class="word is-{LOOKS[view.word]}">{SIGNS[view.word]}</span>'


def card(view: VaultView, now: datetime, number: int) -> str:
    """In full."""
    line = Line(view, now)
    where = f"{words(view.project)} · {words(view.vault_id)}"
    return "".join(
        (
            f'<article class="card {view.word}" id="v{number}" aria-labelledby="h{number}">',
            f'<div class="head"><h3 id="h{number}">{words(view.name)}</h3>{sign(view)}<span class="soft">{where}</span></div>',
            *(f"<p>{words(each.sentence)}</p>" for each in view.problems),
            '<dl class="facts">',
            *_facts(view, now),
            "</dl>",
            *_waits(view),
            line.drawn(number),
            _table(view, line),
            *(f'<p class="soft">{words(each)}</p>' for each in view.notes),
            "</article>",
        )
    )


def row(view: VaultView, now: datetime, number: int) -> str:
    """One of many."""
    full = f"{view.fill.percent:.0f} %" if view.fill else "?"
    cells = (
        f'<td role="cell">{sign(view)}</td>',
        f'<th scope="row" role="rowheader">{words(view.name)}</th>',
        f'<td role="cell" class="wide">{words(allowed(view))}<br><span class="soft">{_coming(view.next, now)}</span></td>',
        f'<td role="cell" class="wide">{Line(view, now).small(number)}</td>',
        f'<td role="cell" class="wide"><span class="soft">{full} full</span></td>',
    )
    return f'<tr role="row" id="v{number}">{"".join(cells)}</tr>'


def _facts(view: VaultView, now: datetime) -> Iterator[str]:
    good = view.newest_good
    newest = f"{how_old((now - good.at).total_seconds())} ago{_small(clock(good.at))}" if good else "none"
    yield _fact("Newest good", newest)
    used = (view.age / view.max_age if view.age is not None else 1.0) if view.max_age else None
    if view.age is None and view.word == "unknown":
        used = None
    yield _fact("Age, of max_age", words(allowed(view)) + (bar(used) if used is not None else ""))
    coming = view.next
    when = _small(clock(coming.next)) if coming and coming.next else ""
    yield _fact("Next expected", _coming(coming, now) + when)
    if view.fill:
        size = f"{view.fill.percent:.0f} % of {view.fill.size_gb} GB"
        yield _fact("Fill level", size + bar(view.fill.percent / 100, FULL_PERCENT / 100))
    running = [each for each in view.points if each.state == "running"]
    if running:
        yield _fact("Running", f"for {how_old((now - running[0].at).total_seconds())}{_small(f'since {clock(running[0].at)}')}")


def _waits(view: VaultView) -> Iterator[str]:
    for each in view.waiting[:MOST_WAITING]:
        yield f"<p><strong>Waits:</strong> {words(f'{each.asked}: {each.says}')}</p>"
    if len(view.waiting) > MOST_WAITING:
        yield f"<p>and {len(view.waiting) - MOST_WAITING} more wait</p>"


def _small(html: str) -> str:
    return f'<br><span class="soft">{html}</span>'


def _fact(name: str, html: str) -> str:
    return f"<div><dt>{name}</dt><dd>{html}</dd></div>"


def brief(view: VaultView, now: datetime) -> str:
    """What is wrong, for who has five seconds."""
    if view.word == "overdue" and view.max_age:
        age = f"{how_old(view.age)} ago" if view.age is not None else "not known"
        return f"newest good restore point of all that is in it: {age}; {span(view.max_age)} are allowed"
    if view.word == "missed":
        return "; ".join(f"timer {each.name} is {_late(each, now)}" for each in view.timers if each.missed)
    return view.problems[0].sentence


def _late(timer: Expected, now: datetime) -> str:
    return f"{how_old((now - timer.next).total_seconds())} late" if timer.next else "late"


def _coming(timer: Expected | None, now: datetime) -> str:
    """In a few words."""
    if timer is None or timer.next is None:
        return "next timer not known"
    wait = (timer.next - now).total_seconds()
    return words(f"{timer.name} in {how_old(wait)}" if wait >= 0 else f"{timer.name} {_late(timer, now)}")


def _table(view: VaultView, line: Line) -> str:
    """The same as the picture, to be read."""
    if not view.points:
        return f'<p class="soft">{line.counted}.</p>'
    head = (
        '<colgroup><col class="when"><col class="state"><col></colgroup><thead role="rowgroup"><tr role="row">'
        '<th scope="col" role="columnheader">When</th><th scope="col" role="columnheader">State</th>'
        '<th scope="col" role="columnheader">What is in it, and what is not</th></tr></thead>'
    )
    body = "".join(_point(each) for each in view.points[:MOST_ROWS])
    more = len(view.points) - MOST_ROWS
    caption = f"Restore points of vault {words(view.name)}, newest first" + (
        f"; {more} older ones are left out" if more > 0 else ""
    )
    return (
        f'<details><summary>{line.counted}: as a table</summary><table class="points" role="table">'
        f'<caption>{caption}</caption>{head}<tbody role="rowgroup">{body}</tbody></table></details>'
    )


def _point(point: Point) -> str:
    said = [f"{len(point.holds)} of its resources: {', '.join(point.holds[:8])}" if point.holds else "nothing yet is in it"]
    if point.state == "failed":
        said = ["nothing is in it"]
    said += [f"Without {each.name}{f' ({each.code})' if each.code else ''}: {each.why}" for each in point.left_out[:8]]
    if len(point.left_out) > 8:
        said.append(f"and without {len(point.left_out) - 8} more")
    if point.asked:
        said.append(f"Wanted by {point.asked}")
    cells = "<br>".join(words(each) for each in said)
    state = f'<td role="cell" class="is-{point.state}">{SAYS[point.state]}</td>'
    when = f'<th scope="row" role="rowheader">{clock(point.at)}</th>'
    return f'<tr role="row">{when}{state}<td role="cell" class="wide">{cells}</td></tr>'
