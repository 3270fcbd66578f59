"""What ``take`` would do now, found out by itself, without a byte sent that changes anything and without a record written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

from handlers.cbr import Backup, Operation, Vault
from handlers.errors import Busy, NotSent
from handlers.ledger import Ledger, Record
from handlers.outcome import Outcome
from handlers.plan.planned import Planned
from handlers.restore_point import take
from handlers.restore_point.held import Taking
from handlers.restore_point.looking import Cbr
from handlers.vault_backup import VaultBackup
from handlers.wire import Deadline

LONGEST = timedelta(days=1)
"""How long ago an operation that still runs may have begun."""
_AT_WORK = ("running", "waiting")


@dataclass(frozen=True, slots=True)
class Ahead:
    """What would come of it now. ``outcome`` None: CBR would be asked, and leave out ``busy`` (ids), which it is at work on."""

    outcome: Outcome | None
    busy: frozenset[str] = frozenset()


def rehearse(planned: Planned, cbr: Cbr, tools: Taking, deadline: Deadline) -> Ahead:
    """What it would end in if its delivery came now. Nothing is sent that changes anything, and nothing is written."""
    stage = _Looking(cbr, tools.clock.now())
    outcome = take(planned, stage, replace(tools, ledger=_Overlay(tools.ledger), spent={**tools.spent}), deadline)
    return Ahead(None, stage.busy) if stage.asked else Ahead(outcome)


class _Looking:
    """The API as far as it only tells."""

    def __init__(self, cbr: Cbr, now: datetime) -> None:
        self._cbr, self._now, self.asked, self.busy = cbr, now, False, frozenset[str]()

    @property
    def said_at(self) -> datetime | None:
        return self._cbr.said_at

    def create(self, backup: VaultBackup, deadline: Deadline) -> NoReturn:
        """As CBR answers: what it is at work on is left out, and if that is everything it is busy."""
        vault_id = backup.vault_id
        asked = backup.resource_ids or {each.id for each in self._cbr.vault(vault_id, deadline).resources}
        since = self._now - LONGEST
        running = [each for each in self._cbr.operations(deadline, vault_id=vault_id, since=since) if each.status in _AT_WORK]
        self.busy = frozenset(asked & {each.resource_id for each in running})
        if asked and self.busy == asked:
            raise Busy("it is at work on all that is asked for")
        self.asked = True
        raise NotSent("this is a rehearsal")

    def backups(self, deadline: Deadline, *, vault_id: str, since: datetime | None = None) -> list[Backup]:
        return self._cbr.backups(deadline, vault_id=vault_id, since=since)

    def operations(self, deadline: Deadline, *, vault_id: str, since: datetime) -> list[Operation]:
        return self._cbr.operations(deadline, vault_id=vault_id, since=since)

    def vault(self, vault_id: str, deadline: Deadline) -> Vault:
        return self._cbr.vault(vault_id, deadline)


class _Overlay:
    """The ledger as it stands; what is written is kept here, and nowhere else."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._written = ledger, dict[tuple[str, str], Record]()

    def put_if_absent(self, record: Record) -> Record | None:
        if standing := self.get(record.kind, record.key):
            return standing
        self._written[record.kind, record.key] = replace(record, version=1)
        return None

    def get(self, kind: str, key: str) -> Record | None:
        return self._written.get((kind, key)) or self._ledger.get(kind, key)

    def swap(self, record: Record) -> Record | None:
        standing = self.get(record.kind, record.key)
        if standing is None or standing.version != record.version:
            return None
        self._written[record.kind, record.key] = stored = replace(record, version=record.version + 1)
        return stored

    def due(self, now: float, limit: int) -> list[Record]:
        return self._ledger.due(now, limit)

    def since(self, kind: str, time: float) -> list[Record]:
        return self._ledger.since(kind, time)

    def close(self) -> None:
        """What it reads through belongs to somebody else."""
