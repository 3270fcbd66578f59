"""What grows without end: rules whose restore points nobody ever deletes, and vaults that fill up.

CBR keeps a restore point that the API made until somebody deletes it (``retention_duration_days`` is -1 by default). With
``auto_trigger`` it counts as one of the vault's policy, which then deletes it like its own (CBR API reference).
"""

from __future__ import annotations

from collections.abc import Iterator

from handlers.cbr.replies import Billing
from handlers.rules import Rules
from handlers.values import dataclass

FULL_PERCENT = 80
"""From here on a vault is called filling: what CBR itself warns at unless a vault says otherwise (its ``threshold``)."""


@dataclass(frozen=True)
class Fill:
    """How full a vault is. ``used_mb`` in MB, ``size_gb`` and ``allocated_gb`` (the resources bound to it) in GB, as CBR says."""

    used_mb: int
    size_gb: int
    allocated_gb: int | None

    @classmethod
    def of(cls, billing: Billing) -> Fill | None:
        """None where CBR does not say."""
        if billing.used is None or not billing.size or billing.size < 0 or billing.used < 0:
            return None
        return cls(billing.used, billing.size, billing.allocated)

    @property
    def percent(self) -> float:
        """Of its size."""
        return self.used_mb / 1024 / self.size_gb * 100

    @property
    def filling(self) -> bool:
        """Whether it is time to do something."""
        return self.percent > FULL_PERCENT

    def __str__(self) -> str:
        return f"{self.used_mb / 1024:.1f} of {self.size_gb} GB used"

    @property
    def sentence(self) -> str:
        """What it means, and what to do."""
        return (
            f"{self} ({self.percent:.0f} %): enlarge it, or delete restore points nobody needs, before CBR refuses new ones "
            "(BackupService.6114)."
        )


NO_END = (
    "its restore points never expire by themselves: give its parameters auto_trigger = true, so that the vault's policy deletes "
    "them in time, or retention_duration_days (-1 to keep them for ever)."
)


def without_end(rules: Rules) -> Iterator[str]:
    """The names of the rules whose restore points stay for ever without anybody having said so."""
    for rule in rules.rules:
        if not rule.parameters.auto_trigger and rule.parameters.retention_duration_days is None:
            yield rule.name
