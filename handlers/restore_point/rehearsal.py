"""What ``take`` would do now, found out by itself, without a byte sent that changes anything and without a record written."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NoReturn

from handlers.cbr import Backup, Operation, Vault
from handlers.errors import NotSent
from handlers.ledger import Ledger, Record
from handlers.outcome import Outcome
from handlers.plan.planned import Planned
from handlers.restore_point import take
from handlers.restore_point.held import Taking
from handlers.restore_point.looking import Cbr
from handlers.vault_backup import VaultBackup
from handlers.wire import Deadline


def rehearse(planned: Planned, cbr: Cbr, tools: Taking, deadline: Deadline) -> Outcome | None:
    """What it would end in if its delivery came now; None: CBR would be asked to make it."""
    stage = _Looking(cbr)
    outcome = take(planned, stage, replace(tools, ledger=_Overlay(tools.ledger), spent={**tools.spent}), deadline)
    return None if stage.asked else outcome


class _Looking:
    """The API as far as it only tells."""

    def __init__(self, cbr: Cbr) -> None:
        self._cbr, self.asked = cbr, False

    @property
    def said_at(self) -> datetime | None:
        return self._cbr.said_at

    def create(self, backup: VaultBackup, deadline: Deadline) -> NoReturn:
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
