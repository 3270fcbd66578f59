"""The operation logs there are: one per resource of every restore point, skipped ones included, and one per other deed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handlers.sandbox import ids, problems
from handlers.sandbox.vaults import Backup, Checkpoint, Deed, Skipped
from handlers.sandbox.vaults.dues import SHOWN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handlers.sandbox.vaults import Resource, Vaults


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """``within`` is the restore point of a backup or of a resource that was skipped."""

    of: Backup | Skipped | Deed
    within: Checkpoint | None = None
    index: int = 0

    @property
    def id(self) -> str:
        """Worked out from the restore point's, where there is one."""
        return self.within.ids.of(ids.LOG, self.within.number, self.index) if self.within else self._deed.id

    @property
    def task_id(self) -> str:
        """Another id of it, also behind its request id."""
        return self.within.ids.of(ids.TASK, self.within.number, self.index) if self.within else self._deed.id

    @property
    def _deed(self) -> Deed:
        assert isinstance(self.of, Deed)  # noqa: S101 - nothing else is without a restore point
        return self.of

    @property
    def type(self) -> str:
        """In the words of ``operation_type``."""
        return "backup" if self.within else self._deed.type

    @property
    def checkpoint_id(self) -> str | None:
        """None where it is about a vault."""
        return self.within.id if self.within else self._deed.checkpoint_id

    @property
    def vault(self) -> tuple[str, str, str]:
        """Id, name and object type."""
        if self.within:
            vault = self.within.vault
            return vault.id, vault.name, vault.object_type
        return self._deed.vault_id, self._deed.vault_name, self._deed.object_type

    @property
    def policy_id(self) -> str:
        """Empty where none was given."""
        return self.within.asked.policy_id if self.within else ""

    @property
    def created_at(self) -> float:
        """When it was asked for."""
        return self.within.created_at if self.within else self._deed.created_at

    @property
    def resource(self) -> Resource | None:
        """What it is about, unless it is about a whole vault."""
        return None if isinstance(self.of, Deed) else self.of.resource

    @property
    def about(self) -> dict[str, Any]:
        """Its part of ``extra_info``."""
        if isinstance(self.of, Deed):
            return dict(self.of.about)
        resource = self.of.resource
        about = {"resource": {"id": resource.id, "type": resource.type, "name": resource.name, "extra_info": {}}}
        if isinstance(self.of, Skipped):
            return about
        return about | {
            "backup": {
                "backup_id": self.of.id,
                "backup_name": self.of.name,
                "incremental": "true" if self.of.incremental else "false",  # texts (CBR API reference)
                "app_consistency_status": "0",
                "app_consistency_error_code": "",
                "app_consistency_error_message": "",
            }
        }

    def status(self, now: float) -> str:
        """Skipped at once; everything else waits, runs and ends well or not."""
        if isinstance(self.of, Skipped):
            return "skipped"
        if now < self.of.ends_at:
            return "waiting" if isinstance(self.of, Backup) and now < self.of.begins_at else "running"
        if isinstance(self.of, Deed) or not self.of.code:
            return "success"
        return "timeout" if self.of.timeout else "failed"

    def code(self, now: float) -> str:
        """Why it failed or was skipped: a code's number, known when it has ended."""
        if isinstance(self.of, Skipped):
            return self.of.code
        return self.of.code if isinstance(self.of, Backup) and now >= self.of.ends_at else ""

    def progress(self, now: float) -> int:
        """Percent."""
        if isinstance(self.of, Backup):
            return self.of.progress(now)
        return 100 if isinstance(self.of, Deed) and now >= self.of.ends_at else 0

    def started_at(self, now: float) -> float | None:
        """None as long as it waits."""
        if isinstance(self.of, Backup):
            return self.of.begins_at if now >= self.of.begins_at else None
        return self.created_at

    def ended_at(self, now: float) -> float | None:
        """None as long as it runs."""
        if isinstance(self.of, Skipped):
            return self.created_at
        return self.of.ends_at if now >= self.of.ends_at else None


def logs(state: Vaults, now: float, since: float) -> Iterator[Log]:
    """Those that are shown: not older than thirty days, nor so new that a list does not know them yet."""
    since = max(since, now - SHOWN_SECONDS)
    for taken in state.since(since):
        if taken.created_at >= since and state.listed(taken, now):
            yield from _of(taken)
    yield from (Log(deed) for deed in state.deeds.values() if deed.created_at >= since)


def log(state: Vaults, log_id: str, now: float) -> Log:
    """6500 if there is none."""
    number, index = state.log(log_id)
    if number in state.deeds:
        return Log(state.deeds[number])
    taken = state.checkpoints.get(number)
    if taken is None or taken.created_at < now - SHOWN_SECONDS:
        raise problems.no_operation_log()
    found = _of(taken)
    if index >= len(found):
        raise problems.no_operation_log()
    return found[index]


def _of(taken: Checkpoint) -> list[Log]:
    done: list[Backup | Skipped] = [*taken.backups, *taken.skipped]
    return [Log(each, taken, index) for index, each in enumerate(done)]
