"""An overview as one page that needs nothing else: no script, no other file, no request. Everything from outside is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

from handlers.cli.status.card import brief, card, row, sign, words
from handlers.cli.status.drawing import SHAPES, shape
from handlers.overview import Overview, VaultView
from handlers.overview.asked import clock
from handlers.overview.vaults import missed

CARDS = 24
"""Up to so many vaults are shown in full; of more, those that need attention are, and the others are rows."""
SENTENCES = 5
"""Things that are wrong are said at the top; the rest are counted."""
NOTICES = 20
_MARKS = {"well": "✔", "wrong": "✖", "unknown": "?", "partly": "◆", "nothing": "○"}


def page(overview: Overview) -> str:
    """The whole document."""
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"{_MARKS[overview.verdict]} {overview.headline}"
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{words(title)}</title><style>{style}</style></head><body>{SHAPES}<main>",
            f'<div class="top"><h1>Restore points</h1><span>as of <strong>{clock(overview.at)}</strong></span></div>',
            *_verdict(overview),
            *_vaults(overview),
            *_beside(overview),
            _foot(overview),
            "</main></body></html>\n",
        )
    )


def _foot(overview: Overview) -> str:
    made = f"Made by restore-point status at {clock(overview.at)}; it does not change by itself."
    return f"<footer>{made} Ledger: {words(overview.ledger)}. Ages count from when CBR began a restore point.</footer>"


def _verdict(overview: Overview) -> Iterator[str]:
    """What a person on call reads first."""
    yield f'<div class="verdict {overview.verdict}"><p>{_MARKS[overview.verdict]} {words(overview.headline)}</p>'
    places = {id(view): number for number, view in enumerate(overview.vaults)}
    items = [
        f'<a href="#v{places[id(view)]}">{words(view.name)}</a> {sign(view)} {words(brief(view, overview.at), 300)}'
        for view in overview.noted
    ]
    said = {timer.name for view in overview.wrong for timer in view.timers}
    items += [words(missed(timer)) for timer in overview.missed if timer.name not in said]
    items = [words(each) for each in overview.unknown] + items
    if items:
        more = f"<li>and {len(items) - SENTENCES} more, below</li>" if len(items) > SENTENCES else ""
        yield f"<ul>{''.join(f'<li>{each}</li>' for each in items[:SENTENCES])}{more}</ul>"
    yield "</div>"


def _vaults(overview: Overview) -> Iterator[str]:
    if not overview.vaults:
        yield "<p>List vaults in the rules, by name or by tags, and they are shown here.</p>"
        return
    numbered = list(enumerate(overview.vaults))
    full = numbered if len(numbered) <= CARDS else [each for each in numbered if each[1].problems][:CARDS]
    rest = numbered[len(full) :]
    yield _legend()
    if full:
        yield "<h2>Vaults</h2>" if not rest else f"<h2>Look at these first ({len(full)})</h2>"
        yield from (card(view, overview.at, number) for number, view in full)
    if rest:
        yield from _fleet(overview, rest)


def _fleet(overview: Overview, rest: list[tuple[int, VaultView]]) -> Iterator[str]:
    title = f"All other vaults ({len(rest)})" if len(rest) < len(overview.vaults) else f"Vaults ({len(rest)})"
    yield (
        f'<h2>{title}</h2><div class="fleet"><table role="table"><caption>One vault a row, the worst first; the picture shows '
        'the last days as above</caption><colgroup><col class="state"><col><col><col class="days">'
        '<col class="full"></colgroup><thead role="rowgroup"><tr role="row">'
    )
    for each in ("State", "Vault", "Age, of max_age; next timer", "Restore points", "Fill level"):
        yield f'<th scope="col" role="columnheader">{each}</th>'
    yield '</tr></thead><tbody role="rowgroup">'
    yield from (row(view, overview.at, number) for number, view in rest)
    yield "</tbody></table></div>"


def _legend() -> str:
    entries = (
        *((state, f"{said} restore point") for state, said in
          (("good", "good"), ("partial", "incomplete"), ("failed", "failed"), ("running", "running"))),
        ("next", "next expected"),
    )  # fmt: skip
    marks = "".join(f"<li>{shape(state)}{said}</li>" for state, said in entries)
    now = "<li>vertical line: now; hatched: within max_age, where a good one must lie; days begin at 00:00 UTC</li>"
    return f'<ul class="legend" aria-label="Marks">{marks}{now}</ul>'


def _beside(overview: Overview) -> Iterator[str]:
    """What belongs to no single vault."""
    if overview.notices:
        yield "<h2>Told lately</h2><ul>"
        for each in overview.notices[:NOTICES]:
            heard = "" if each.heard else " <strong>Not every topic has taken it yet.</strong>"
            yield f"<li>{clock(each.told)}: <strong>{words(each.word)}</strong>. {words(each.message)}{heard}</li>"
        if len(overview.notices) > NOTICES:
            yield f"<li>and {len(overview.notices) - NOTICES} more</li>"
        yield "</ul>"
    if overview.notes:
        yield f"<h2>Growth</h2><ul>{''.join(f'<li>{words(each)}</li>' for each in overview.notes)}</ul>"
