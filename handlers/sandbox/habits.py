"""How this CBR behaves for every request, as far as the documents leave it open or field reports disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self


@dataclass(slots=True)
class Habits:
    """Nothing here is chance: what looks like it follows from the sandbox's seed."""

    list_lag: float = 2.0
    unordered: bool = True
    suffixes: bool = True
    name_filter: Literal["exact", "fuzzy", "ignored"] = "exact"
    hide_full: bool = False
    busy: Literal["400", "500"] = "400"
    forms: Literal["wire", "documents"] = "wire"
    otc: bool = False

    @classmethod
    def well_behaved(cls) -> Self:
        """What a test wants that is about something else."""
        return cls(list_lag=0.0, unordered=False, suffixes=False)
