"""The headline and what is listed under it agree, whatever the fleet: on the page, and at a terminal."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from itertools import combinations_with_replacement

import pytest

from handlers.cli.status.page import page
from handlers.cli.status.terminal import lines
from handlers.overview import GRAVITY, OpenNotice, Overview, Problem, ProblemWord
from tests.status_page import samples

FIRST = ("overdue", "failed", "missed", "unknown", "partly")
"""What is named under the headline; filling and empty are counted behind it."""
SAYS = {
    "overdue": "overdue", "failed": "failed", "missed": "without its timer", "unknown": "not known", "partly": "incomplete",
    "filling": "filling up", "empty": "without any restore point yet",
}  # fmt: skip
FLEETS = [fleet for size in range(4) for fleet in combinations_with_replacement(("well", *GRAVITY), size)]


def fleet_of(*words: str, **more: object) -> Overview:
    views = []
    for number, word in enumerate(words):
        timers = (samples.HOURLY,) if word == "missed" else (samples.NIGHTLY,)
        problems = () if word == "well" else (Problem(_checked(word), f"It is {word}."),)
        views.append(samples.vault(f"v{number}", *problems, timers=timers))
    late = (samples.HOURLY,) if "missed" in words else ()
    return samples.overview(*views, **({"timers": (samples.NIGHTLY, *late)} | more))


def _checked(word: str) -> ProblemWord:
    return next(each for each in GRAVITY if each == word)


def listed(overview: Overview) -> list[str]:
    """The vaults named under the headline of the page."""
    box = page(overview).split('<div class="verdict')[1].split("</div>")[0]
    return re.findall(r'<a href="#v\d+">(v\d+)</a>', box)


def counted(headline: str) -> Counter[str]:
    """How many of each the headline counts."""
    return Counter({word: int(found[1]) for word, said in SAYS.items() if (found := re.search(rf"(\d+) {said}", headline))})


@pytest.mark.parametrize("words", [fleet for fleet in FLEETS if set(fleet) & {"overdue", "failed", "missed"}], ids="-".join)
def test_where_something_is_wrong_the_headline_counts_every_vault_it_lists(words: tuple[str, ...]) -> None:
    found = fleet_of(*words)
    named = [word for word in words if word in FIRST]
    assert found.headline.startswith(f"{len(named)} of {len(words)} vault")
    assert len(listed(found)) == len(named)
    assert counted(found.headline) == Counter(word for word in words if word != "well")
    assert found.headline in next(lines(found)).replace("\n    ", " ")


@pytest.mark.parametrize("words", [fleet for fleet in FLEETS if not set(fleet) & {"overdue", "failed", "missed"}], ids="-".join)
def test_where_nothing_is_wrong_it_counts_what_it_lists_all_the_same(words: tuple[str, ...]) -> None:
    found = fleet_of(*words)
    assert len(listed(found)) == len([word for word in words if word in FIRST])
    headline = re.sub(r"restore point of (\d+) is incomplete", r"\1 incomplete", found.headline)
    assert counted(headline) == Counter(word for word in words if word != "well")


def test_a_timer_or_a_topic_that_is_no_vaults_does_not_hide_the_vaults() -> None:
    late = (samples.HOURLY, samples.NIGHTLY)
    assert fleet_of("well", "partly", timers=late).headline == (
        "Timer hourly did not come. 1 of 2 vaults needs attention: 1 incomplete."
    )
    assert fleet_of("well", timers=(samples.HOURLY,) * 2).headline == "2 timers did not come."
    notice = OpenNotice(word="broken", vault="v", message="m", told=samples.NOW - timedelta(hours=2), heard=False)
    assert fleet_of("partly", "unknown", notices=(notice,)).headline == (
        "1 message has not reached every topic that wants to know: look at the topics (restore-point check). "
        "2 of 2 vaults need attention: 1 not known, 1 incomplete."
    )


def test_of_a_large_fleet_the_cards_are_those_the_headline_counts() -> None:
    found = fleet_of("overdue", "partly", "unknown", "filling", "empty", *["well"] * 60)
    assert found.headline == (
        "3 of 65 vaults need attention: 1 overdue, 1 not known, 1 incomplete; 1 filling up; 1 without any restore point yet."
    )
    assert "<h2>Look at these first (5)</h2>" in page(found)
