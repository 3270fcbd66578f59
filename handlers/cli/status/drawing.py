"""Pictures of restore points: a line of time with a shape for each state, so that no colour is needed to tell them apart.

Places are percentages and sizes pixels, so that the same picture fits a telephone and a wall, and its letters stay readable.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from html import escape

from handlers.overview import SPAN_SECONDS, Point, PointState, VaultView
from handlers.overview.asked import clock
from handlers.overview.plain import plain

DAY = 86400.0
AHEAD_SECONDS = DAY
"""What is shown of the time to come, at most: where the next timer stands."""
MOST_MARKS = 300
"""On one line; a line with more of them says so beneath."""
CLOSE = 40
"""Good ones on a line, from which on they are drawn smaller: those that are not must be seen among them."""
MIDDLE, AXIS, WORDS = 22, 44, 60
"""Pixels from the top: marks, the axis, the words under it."""
SHAPES = """\
<svg width="0" height="0" class="shapes" aria-hidden="true" focusable="false"><defs>
<g id="good"><circle r="7" class="m-good"/></g>
<g id="good-s"><circle r="3.5" class="m-good"/></g>
<g id="partial"><path d="M0-9 9 0 0 9-9 0Z" class="m-partial"/><path d="M1.2-5 6 0 1.2 5Z" class="m-hole"/></g>
<g id="failed"><path d="M-6-6 6 6M6-6-6 6" class="m-failed"/></g>
<g id="running"><circle r="6.5" class="m-running"/></g>
<g id="next"><path d="M-6-7H6L0 5Z" class="m-next"/></g>
<pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
<path d="M0 0V8" class="hatch"/></pattern>
</defs></svg>
"""
SAYS: dict[PointState, str] = {"good": "good", "partial": "incomplete", "failed": "failed", "running": "running"}
_ON_TOP: dict[PointState, int] = {"good": 0, "running": 1, "partial": 2, "failed": 3}


class Line:
    """From so many days ago to what is to come."""

    def __init__(self, view: VaultView, now: datetime) -> None:
        self._view, self._now = view, now
        past = max(SPAN_SECONDS, math.ceil(1.1 * (view.max_age or 0.0) / DAY) * DAY)
        self.begins = now - timedelta(seconds=past)
        self._whole = past + AHEAD_SECONDS * past / SPAN_SECONDS

    @property
    def shown(self) -> list[Point]:
        """The newest that lie on it, the gravest last: it is drawn over the others."""
        lying = [each for each in self._view.points if each.at >= self.begins][:MOST_MARKS]
        return sorted(lying, key=lambda each: (_ON_TOP[each.state], each.at))

    @property
    def counted(self) -> str:
        """What is on it, in words."""
        count = Counter(each.state for each in self._view.points if each.at >= self.begins)
        days = round((self._now - self.begins).total_seconds() / DAY)
        which = ", ".join(f"{count[state]} {word}" for state, word in SAYS.items() if count[state]) or "no restore point"
        return f"{which} in {days} days"

    def drawn(self, number: int) -> str:
        """With an axis; ``number`` makes its ids its own."""
        return "".join(
            (
                f'<svg class="line" role="img" aria-labelledby="t{number} d{number}">',
                self._named(number),
                self._within(6, AXIS - 6),
                *self._days(),
                f'<line class="axis" x1="0" x2="100%" y1="{AXIS}" y2="{AXIS}"/>',
                self._now_line(2, AXIS + 5),
                *self._marks(MIDDLE),
                "</svg>",
            )
        )

    def small(self, number: int) -> str:
        """For one row of many."""
        head = f'<svg class="small" role="img" aria-labelledby="t{number} d{number}">{self._named(number)}'
        line = '<line class="tick" x1="0" x2="100%" y1="11" y2="11"/>'
        return "".join((head, self._within(2, 18), line, self._now_line(0, 22), *self._marks(11), "</svg>"))

    def _named(self, number: int) -> str:
        coming = self._view.next
        then = f"; next expected: {coming.name}, {clock(coming.next)}" if coming and coming.next else ""
        title = f"Restore points of vault {plain(self._view.name)}"
        return f'<title id="t{number}">{escape(title)}</title><desc id="d{number}">{escape(self.counted + then)}.</desc>'

    def _within(self, top: int, height: int) -> str:
        """The time within which a good one must lie."""
        if not self._view.max_age:
            return ""
        left = self._place(self._now - timedelta(seconds=self._view.max_age))
        width = self._place(self._now) - left
        place = f'x="{left:.2f}%" y="{top}" width="{width:.2f}%" height="{height}"'
        return f'<rect class="within" {place}/><rect fill="url(#hatch)" {place}/>'

    def _days(self) -> list[str]:
        """Midnights, as many as have room for their words."""
        first = self.begins.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        every = math.ceil(self._whole / DAY / 9)
        drawn = []
        for number in range(0, math.ceil(self._whole / DAY), every):
            day = first + timedelta(days=number)
            at = self._place(day)
            if at < 97:
                drawn.append(f'<line class="tick" x1="{at:.2f}%" x2="{at:.2f}%" y1="4" y2="{AXIS + 4}"/>')
                drawn.append(f'<text x="{at:.2f}%" y="{WORDS}">{day:%a} {day.day}</text>' if at < 92 else "")
        return drawn

    def _now_line(self, top: int, end: int) -> str:
        at = self._place(self._now)
        return f'<line class="now" x1="{at:.2f}%" x2="{at:.2f}%" y1="{top}" y2="{end}"/>'

    def _marks(self, middle: int) -> list[str]:
        good = "good" if sum(each.state == "good" for each in self.shown) < CLOSE else "good-s"
        drawn = [
            self._mark(good if each.state == "good" else each.state, each.at, middle, f"{SAYS[each.state]}, {clock(each.at)}")
            for each in self.shown
        ]
        coming = [each for each in self._view.timers if each.next and not each.missed]
        for each in coming:
            assert each.next is not None  # noqa: S101 - as above
            if each.next < self.begins + timedelta(seconds=self._whole * 0.99):
                drawn.append(self._mark("next", each.next, middle, f"next expected: {each.name}, {clock(each.next)}"))
        return drawn

    def _mark(self, shape: str, at: datetime, middle: int, says: str) -> str:
        return f'<use href="#{shape}" x="{self._place(at):.2f}%" y="{middle}"><title>{escape(plain(says))}</title></use>'

    def _place(self, at: datetime) -> float:
        """Percent of the width, with a little room at both ends for whole shapes."""
        return 2 + 96 * (at - self.begins).total_seconds() / self._whole


def bar(share: float, full: float = 1.0) -> str:
    """How much of something is used; beside it stands the same in words, so it is hidden from who listens."""
    kind = "used over" if share >= 1 else "used full" if share > full else "used"
    used = f'<rect class="{kind}" x="0" y="0" width="{min(share, 1.0) * 100:.1f}%" height="10" rx="2"/>'
    track = '<rect class="track" x="0" y="0" width="100%" height="10" rx="2"/>'
    return f'<svg class="bar" aria-hidden="true" focusable="false">{track}{used}</svg>'


def shape(state: str) -> str:
    """One mark by itself, for a legend."""
    return f'<svg aria-hidden="true" focusable="false"><use href="#{state}" x="9" y="9"/></svg>'
