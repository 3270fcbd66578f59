"""What ``take`` would do now, found out by itself: nothing is sent that changes anything, and nothing is written."""

from __future__ import annotations

from datetime import datetime, timedelta

from handlers.cbr import Backup, Operation, Vault
from handlers.errors import Busy
from handlers.ledger import Ledger, Record
from handlers.outcome import Outcome
from handlers.plan.planned import Planned
from handlers.restore_point import take
from handlers.restore_point.held import Taking
from handlers.restore_point.looking import Cbr
from handlers.values import replace
from handlers.vault_backup import Checkpoint, CheckpointResource, CheckpointVault, SkippedResource, VaultBackup
from handlers.wire import Deadline

LONGEST = timedelta(days=1)
"""How long ago an operation that still runs may have begun."""
_AT_WORK = ("running", "waiting")


class Rehearsal:
    """One delivery's restore points, one after the other: what the first would get the second does not."""

    def __init__(self, tools: Taking) -> None:
        self._tools = replace(tools, ledger=_Overlay(tools.ledger), spent={**tools.spent})
        self._made: dict[str, set[str]] = {}

    def take(self, planned: Planned, cbr: Cbr, deadline: Deadline) -> Outcome:
        """What it would end in; Created: CBR would be asked, and would answer so."""
        return take(planned, _Stage(cbr, self._tools.clock.now(), self._made), self._tools, deadline)


class _Stage:
    """The API as far as it only tells, and answers as it would where it is asked to make something."""

    def __init__(self, cbr: Cbr, now: datetime, made: dict[str, set[str]]) -> None:
        self._cbr, self._now, self._made = cbr, now, made

    @property
    def said_at(self) -> datetime | None:
        return self._cbr.said_at

    def create(self, backup: VaultBackup, deadline: Deadline) -> tuple[Checkpoint, str]:
        """What CBR is at work on it leaves out, and if that is everything it is busy."""
        vault_id = backup.vault_id
        vault = self._cbr.vault(vault_id, deadline)
        since = self._now - LONGEST
        running = [each for each in self._cbr.operations(deadline, vault_id=vault_id, since=since) if each.status in _AT_WORK]
        busy = {each.resource_id for each in running} | self._made.get(vault_id, set())
        asked = [each for each in vault.resources if not backup.resource_ids or each.id in backup.resource_ids]
        free = [each for each in asked if each.id not in busy]
        if not vault.resources:
            raise Busy("nothing can be backed up", code="BackupService.0001")
        if asked and not free:
            raise Busy("it is at work on all that is asked for")
        self._made.setdefault(vault_id, set()).update(each.id for each in free)
        why = "it is being backed up now"
        left = tuple(SkippedResource(id=each.id, name=each.name, reason=why) for each in asked if each not in free)
        parts = tuple(CheckpointResource(id=each.id, name=each.name, type=each.type) for each in free)
        answered = CheckpointVault(id=vault_id, resources=parts, skipped_resources=left)
        told = {"id": "rehearsed", "project_id": "", "status": "protecting", "created_at": self._now.isoformat()}
        return Checkpoint.model_validate(told | {"vault": answered}), ""

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
