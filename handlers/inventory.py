"""What the vaults hold now: an alert that names one resource gets that one, if the vault holds it. GET only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from handlers.cbr import Cbr
from handlers.errors import CallFailed
from handlers.outcome import Outcome, Refused
from handlers.plan.planned import NAMED, Planned
from handlers.wire import Clock, Deadline

KEPT_SECONDS = 60.0
"""How long a vault's resources are remembered: long enough for a storm, short enough for a server added by hand."""


class Inventory:
    """The resources of vaults, asked for when an alert names one."""

    def __init__(self, cbrs: Mapping[str, Cbr], clock: Clock) -> None:
        self._cbrs, self._clock = cbrs, clock
        self._held: dict[str, tuple[float, frozenset[str]]] = {}

    def narrow(self, plans: Sequence[Planned | Outcome], deadline: Deadline) -> list[Planned | Outcome]:
        """Each as it is, as its fallback, or refused; two that ask for the same after that become one."""
        found: list[Planned | Outcome] = []
        seen: dict[tuple[str, frozenset[str]], int] = {}
        for each in plans:
            settled = self._settled(each, deadline) if isinstance(each, Planned) and each.narrowed_to else each
            if isinstance(settled, Planned):
                key = settled.backup.vault_id, settled.backup.resource_ids
                if key in seen:
                    found[seen[key]] = _together(found[seen[key]], settled)
                    continue
                seen[key] = len(found)
            found.append(settled)
        return found

    def _settled(self, planned: Planned, deadline: Deadline) -> Planned | Outcome:
        try:
            if planned.narrowed_to in self._resources(planned, deadline):
                return planned
        except CallFailed:
            return planned  # CBR itself refuses a resource the vault does not hold
        if planned.fallback is not None:
            return planned.fallback
        why = f'resource {planned.narrowed_to} is not in vault {planned.whose}, and the rule says else = "refuse"'
        about = planned.about() | {"name": ""}
        return Refused(reason="resource_not_held", message=why, http=403, **about)

    def _resources(self, planned: Planned, deadline: Deadline) -> frozenset[str]:
        vault_id, now = planned.backup.vault_id, self._clock.monotonic()
        at, held = self._held.get(vault_id, (float("-inf"), frozenset()))
        if now - at > KEPT_SECONDS:
            vault = self._cbrs[planned.project].vault(vault_id, deadline)
            held = frozenset(each.id for each in vault.resources)
            self._held[vault_id] = now, held
        return held


def _together(first: Planned | Outcome, second: Planned) -> Planned | Outcome:
    if not isinstance(first, Planned):
        return first
    others = tuple(cause for cause in dict.fromkeys((*first.others, second.cause, *second.others)) if cause != first.cause)
    names = tuple(dict.fromkeys((*first.cause_names, *second.cause_names)))[:NAMED]
    return replace(first, others=others, causes=1 + len(others), cause_names=names)
