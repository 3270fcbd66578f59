"""Looking at vaults now and then: whether their restore points are young enough, and whether a cause has two of them.

What CBR lists is the truth here, whoever took it. A look is remembered (kind ``look``), so a sweep that is cut short goes on next
time with the vault that has waited longest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from handlers.cbr import Cbr
from handlers.errors import CallFailed
from handlers.inventory import Inventory
from handlers.ledger import Ledger, Record
from handlers.notices import Notices
from handlers.outcome import Healed
from handlers.report import Settled
from handlers.restore_point import LEAST_SECONDS
from handlers.rules import Rules, Vault
from handlers.vault_backup import VaultBackup
from handlers.watch.ages import Seen, judged, not_known
from handlers.watch.duplicates import duplicates
from handlers.wire import Clock, Deadline

KIND = "look"
KEPT = 400 * 86400.0
LOOK_SECONDS = 3600.0
"""Between two looks at a vault where nothing is wrong and nothing is about to be."""
SOON_SECONDS = 300.0
"""... where something is: how soon it is seen that an overdue vault is well again."""
BACK_SECONDS = 6 * 3600.0
"""How far back a look goes at least: several looks see each restore point."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A vault that is looked at: as people know it, and where."""

    name: str
    project: str
    vault: Vault


@dataclass(frozen=True, slots=True)
class Vaults:
    """The watch's looks at vaults that rules list."""

    rules: Rules
    cbrs: Mapping[str, Cbr]
    inventory: Inventory
    ledger: Ledger
    notices: Notices
    clock: Clock

    def look(self, deadline: Deadline) -> Iterator[Settled]:
        """Those whose turn it is, the longest unseen first, while there is time. Raises LedgerDown."""
        listed = self._listed(deadline)
        looks = {record.key: record for record in self.ledger.since(KIND, 0.0)} if listed else {}
        seen = {each: Seen.read(looks[each].body) if each in looks else Seen() for each in listed}
        for vault_id in sorted(listed, key=lambda each: (seen[each].next_look, each)):
            if seen[vault_id].next_look > self._now() or deadline.left() < 2 * LEAST_SECONDS:
                return
            yield self._look(listed[vault_id], seen[vault_id], deadline)
            self._remember(vault_id, seen[vault_id], looks.get(vault_id))

    def _listed(self, deadline: Deadline) -> dict[str, Listed]:
        """Every vault that a rule lists, or that has a ``max_age``, by its id."""
        rules = self.rules
        wanted = {name for rule in rules.rules for name in rule.vaults} | {
            name for name, each in rules.vaults.items() if each.max_age
        }
        named = [Listed(name, rules.project_of(rules.vaults[name]), rules.vaults[name]) for name in wanted]
        found = {each.vault.id: each for each in named}
        for rule in rules.rules:
            for project in (rule.projects or self.cbrs) if rule.vault_tags else ():
                try:
                    tagged = self.inventory.tagged_in(project, rule, rules, deadline)
                except CallFailed:
                    continue  # whoever needed to know which they are has been told
                for vault_id, name in tagged.items():
                    found.setdefault(vault_id, Listed(name, project, Vault(id=vault_id)))
        return found

    def _look(self, listed: Listed, seen: Seen, deadline: Deadline) -> Settled:
        """What is to be said of one vault, told; ``seen`` is brought up to date."""
        now, max_age = self._now(), listed.vault.max_age
        since = datetime.fromtimestamp(now - max(max_age or 0.0, BACK_SECONDS), UTC)
        cbr, key = self.cbrs[listed.project], f"overdue {listed.vault.id}"
        seen.next_look = now + LOOK_SECONDS
        try:
            backups = cbr.backups(deadline, vault_id=listed.vault.id, since=since)
            names = {each.id: each.name or each.id for each in cbr.vault(listed.vault.id, deadline).resources} if max_age else {}
        except CallFailed as failure:
            seen.next_look = now + SOON_SECONDS
            unknown = not_known(listed.name, listed.vault, max_age, seen, failure, now) if max_age else None
            return self.notices.open(key, unknown) if unknown else []
        settled = Settled()
        for notice, duplicate in duplicates(listed.name, listed.vault.id, backups, self.rules, self.ledger):
            settled += self.notices.open(notice, duplicate, again=KEPT)
        if max_age:
            seen.update(self._wanted(listed.name) or frozenset(names), backups, now)
            age = judged(listed.name, listed.vault, max_age, seen, names, backups, now)
            if isinstance(age, Healed):
                soonest = min(seen.counted_from(now, max_age).values()) + max_age
                seen.next_look = min(max(soonest, now + SOON_SECONDS), seen.next_look)
                return settled + self.notices.close(key, age)
            seen.next_look = now + SOON_SECONDS
            settled += self.notices.open(key, age)
        return settled

    def _wanted(self, name: str) -> frozenset[str]:
        """The resources that rules name in this vault; empty where one of them wants the whole of it, or none lists it."""
        asked = [
            VaultBackup(vault_id=self.rules.vaults[name].id, parameters=rule.parameters).resource_ids
            for rule in self.rules.rules
            if name in rule.vaults
        ]
        return frozenset().union(*asked) if all(asked) else frozenset()

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
