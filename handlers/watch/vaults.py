"""Looking at vaults now and then: whether their restore points are young enough, and whether a cause has two of them.

What CBR lists is the truth here, whoever took it. A look is remembered (kind ``look``), so a sweep that is cut short goes on next
time with the vault that has waited longest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from handlers.cbr import Cbr
from handlers.errors import CallFailed
from handlers.inventory import Inventory
from handlers.ledger import Ledger, Record
from handlers.notices import Notices
from handlers.outcome import Healed, Overdue
from handlers.report import Settled
from handlers.rules import Rules
from handlers.values import dataclass, field, replace
from handlers.watch.ages import Seen, judged, not_known
from handlers.watch.duplicates import Wished, duplicates
from handlers.watch.listed import Listed, looked_after, wanted_resources
from handlers.wire import Clock, Deadline

KIND = "look"
KEPT = 400 * 86400.0
LOOK_SECONDS = 3600.0
"""Between two looks at a vault where nothing is wrong and nothing is about to be."""
SOON_SECONDS = 300.0
"""... where something is: how soon it is seen that an overdue vault is well again."""
WISHED_SECONDS = 400 * 86400.0
"""How far back wishes are read where two restore points of one cause are found: as long as they are remembered."""
LEAST_SECONDS = 5.0
"""A look asks CBR twice; with less time left it would only fail."""
BACK_SECONDS = 6 * 3600.0
"""How far back a look goes at least: several looks see each restore point."""


@dataclass(frozen=True)
class Vaults:
    """The watch's looks at vaults that rules list."""

    rules: Rules
    cbrs: Mapping[str, Cbr]
    inventory: Inventory
    ledger: Ledger
    notices: Notices
    clock: Clock
    ages: dict[str, float] = field(default_factory=dict)
    """Of each vault that was looked at and has a ``max_age``: seconds since the oldest of its resources' newest good backups."""

    def look(self, deadline: Deadline) -> Iterator[Settled]:
        """Those whose turn it is, the longest unseen first, while there is time. Raises LedgerDown."""
        # whoever needed to know what carries a rule's tags has been told where that could not be looked up
        listed, _ = looked_after(self.rules, self.cbrs, self.inventory, deadline)
        looks = {record.key: record for record in self.ledger.since(KIND, 0.0)} if listed else {}
        seen = {each: Seen.read(looks[each]) if each in looks else Seen() for each in listed}
        wished = Wished(self.ledger, self._now() - WISHED_SECONDS)
        for vault_id in sorted(listed, key=lambda each: (seen[each].next_look, each)):
            if seen[vault_id].next_look > self._now() or deadline.left() < LEAST_SECONDS:
                return
            yield self._look(listed[vault_id], seen[vault_id], wished, deadline)
            self._remember(vault_id, seen[vault_id], looks.get(vault_id))

    def _look(self, listed: Listed, seen: Seen, wished: Wished, deadline: Deadline) -> Settled:
        """What is to be said of one vault, told; ``seen`` is brought up to date."""
        now, max_age = self._now(), listed.vault.max_age
        since = now - max(max_age or 0.0, BACK_SECONDS)
        cbr = self.cbrs[listed.project]
        seen.next_look = now + LOOK_SECONDS
        try:
            backups = cbr.backups(deadline, vault_id=listed.vault.id, since=datetime.fromtimestamp(since, UTC))
            names = {each.id: each.name or each.id for each in cbr.vault(listed.vault.id, deadline).resources} if max_age else {}
        except CallFailed as failure:
            seen.next_look, seen.blind = now + SOON_SECONDS, seen.blind + 1
            unknown = not_known(listed.name, listed.vault, max_age, seen, failure, now) if max_age else None
            unknown = replace(unknown, project=listed.project) if unknown else None
            return self.notices.open(f"unknown {listed.vault.id}", unknown) if unknown else []
        seen.blind, settled = 0, Settled()
        for notice, duplicate in duplicates(listed.name, listed.vault.id, backups, self.rules, wished):
            settled += self.notices.open(notice, replace(duplicate, project=listed.project), again=KEPT)
        if max_age:
            seen.update(wanted_resources(self.rules, listed) or frozenset(names), backups, since, now)
            if (oldest := min(seen.counted_from(now, max_age).values(), default=0.0)) > 0:
                self.ages[listed.name] = now - oldest
            settled += self._told(listed, max_age, seen, judged(listed.name, listed.vault, max_age, seen, names, backups, now))
        return settled

    def _told(self, listed: Listed, max_age: float, seen: Seen, age: Overdue | Healed) -> Settled:
        """How old it is, told where that is news; and when to look again."""
        now, overdue, unknown = self._now(), f"overdue {listed.vault.id}", f"unknown {listed.vault.id}"
        age = replace(age, project=listed.project)
        if isinstance(age, Overdue):
            seen.next_look = now + SOON_SECONDS
            return self.notices.open(overdue, age)
        soonest = min(seen.counted_from(now, max_age).values()) + max_age
        seen.next_look = min(max(soonest, now + SOON_SECONDS), seen.next_look)
        return self.notices.close(overdue, age) + self.notices.close(unknown, age)

    def _remember(self, vault_id: str, seen: Seen, record: Record | None) -> None:
        """Two sweeps may look at the same time: what one of them remembers is enough."""
        now = self._now()
        fresh = Record(KIND, vault_id, now, None, seen.written(), now + KEPT, record.version if record else 0)
        if record is None:
            self.ledger.put_if_absent(fresh)
        else:
            self.ledger.swap(fresh)

    def _now(self) -> float:
        return self.clock.now().timestamp()
