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

MOST_ROWS = 60
"""Restore points in one vault's table; the rest are counted."""
SIGNS = {"overdue": "✖ Overdue", "failed": "✖ Failed", "missed": "✖ Timer missed", "unknown": "? Not known",
         "partly": "◆ Incomplete", "filling": "▲ Filling", "well": "✔ Well"}  # fmt: skip
LOOKS = {"overdue": "failed", "failed": "failed", "missed": "failed", "unknown": "partial", "partly": "partial",
         "filling": "partial", "well": "good"}  # fmt: skip


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
            line.drawn(number),
            _table(view, now, line),
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
        f'<td role="cell" class="wide">{words(allowed(view))}<br><span class="soft">{_when_next(view.next, now)}</span></td>',
        f'<td role="cell" class="wide">{Line(view, now).small(number)}</td>',
        f'<td role="cell" class="wide"><span class="soft">{full} full</span></td>',
    )
    return f'<tr role="row" id="v{number}">{"".join(cells)}</tr>'


def _facts(view: VaultView, now: datetime) -> Iterator[str]:
    good = view.newest_good
    newest = f"{clock(good.at)}<br>{how_old((now - good.at).total_seconds())} ago" if good else "none"
    yield _fact("Newest good restore point", newest)
    used = (view.age / view.max_age if view.age is not None else 1.0) if view.max_age else None
    if view.age is None and view.word == "unknown":
        used = None
    yield _fact("Age, of what max_age allows", words(allowed(view)) + (bar(used) if used is not None else ""))
    yield _fact("Next expected", _when_next(view.next, now))
    running = [each for each in view.points if each.state == "running"]
    yield _fact("Running", "; ".join(f"since {clock(each.at)}" for each in running[:3]) or "nothing")
    if view.waiting:
        first = view.waiting[0]
        more = f" and {len(view.waiting) - 1} more" if len(view.waiting) > 1 else ""
        due = f" for {clock(first.due)}" if first.due else ""
        said = f"{first.asked}: {first.word.replace('_', ' ')}{due}, given up {clock(first.gives_up)}{more}"
        yield _fact("Waiting", words(said))
    if view.fill:
        size = f"{view.fill.percent:.0f} % of {view.fill.size_gb} GB"
        yield _fact("Vault", size + bar(view.fill.percent / 100, FULL_PERCENT / 100))


def _fact(name: str, html: str) -> str:
    return f"<div><dt>{name}</dt><dd>{html}</dd></div>"


def _when_next(timer: Expected | None, now: datetime) -> str:
    if timer is None or timer.next is None:
        return "no timer whose <code>every</code> is known"
    wait = (timer.next - now).total_seconds()
    when = f"in {how_old(wait)}" if wait >= 0 else f"{how_old(-wait)} late"
    return f"{words(timer.name)} {when}<br>{clock(timer.next)}"


def _table(view: VaultView, now: datetime, line: Line) -> str:
    """The same as the picture, to be read."""
    if not view.points:
        return f'<p class="soft">{line.counted}.</p>'
    wrong = any(each.state in ("partial", "failed") for each in view.points[:3])
    head = (
        '<colgroup><col class="when"><col class="state"><col></colgroup><thead role="rowgroup"><tr role="row">'
        '<th scope="col" role="columnheader">When</th><th scope="col" role="columnheader">State</th>'
        '<th scope="col" role="columnheader">What is in it, and what is not</th></tr></thead>'
    )
    body = "".join(_point(each, now) for each in view.points[:MOST_ROWS])
    more = len(view.points) - MOST_ROWS
    caption = f"Restore points of vault {words(view.name)}, newest first" + (
        f"; {more} older ones are left out" if more > 0 else ""
    )
    return (
        f'<details{" open" if wrong else ""}><summary>{line.counted}: as a table</summary><table class="points" role="table">'
        f'<caption>{caption}</caption>{head}<tbody role="rowgroup">{body}</tbody></table></details>'
    )


def _point(point: Point, now: datetime) -> str:
    del now
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
