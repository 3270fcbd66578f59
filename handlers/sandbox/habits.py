"""How this CBR behaves for every request, as far as the documents leave it open or field reports disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self


@dataclass(slots=True)
class Habits:
    """Nothing here is chance: what looks like it follows from the sandbox's seed, and "up to" means a seeded share.

    list_lag     up to so many seconds pass before a restore point shows in lists of backups and operation logs
    unordered    a list without ``sort`` comes in an order that is stable, and not that of creation
    suffixes     the backups of one restore point are named -0001, -0002, … where there are several (CBR user manual)
    waiting      up to so many seconds of its work a backup is not yet begun (``waiting_protect``)
    settling     up to so many seconds of work pass before a resource no longer shows ``protecting`` although its backup has
                 ended (Huawei's Terraform provider waits for it), and before an added resource shows in its vault
    name_filter  how a list of backups understands ``name``, which is not documented
    hide_full    a list of backups without ``incremental`` leaves out the full ones
    busy         6125 with status 400, or 0002 with status 500: the code table has both
    partial      what a restore point is of which some backups failed and some did not. Not documented; Huawei's Terraform
                 provider looks for resources in error inside one that is ``available``
    forms        ``documents``: inside a checkpoint numbers and objects instead of texts, as in the API reference's example
    otc          a checkpoint that is shown has neither its name nor its description (Open Telekom Cloud)
    """

    list_lag: float = 2.0
    unordered: bool = True
    suffixes: bool = True
    waiting: float = 2.0
    settling: float = 4.0
    name_filter: Literal["exact", "fuzzy", "ignored"] = "exact"
    hide_full: bool = False
    busy: Literal["400", "500"] = "400"
    partial: Literal["available", "error"] = "available"
    forms: Literal["wire", "documents"] = "wire"
    otc: bool = False

    @classmethod
    def well_behaved(cls) -> Self:
        """What a test wants that is about something else."""
        return cls(list_lag=0.0, unordered=False, suffixes=False, waiting=0.0, settling=0.0)
