"""The CBR API: create and show a restore point, list backups, vaults and operation logs. One project, one pace.

Source: CBR API reference (v3). Replies are read tolerantly; a success that cannot be read is Unclear, never a guess.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic_core import ValidationError

from handlers.cbr.replies import Backup, Operation, Vault, VaultResource
from handlers.documents import Tolerant
from handlers.errors import CallFailed, Rejected, Unclear
from handlers.iam import Session
from handlers.meaning import meaning
from handlers.values import dataclass, field, replace
from handlers.vault_backup import Checkpoint, VaultBackup, read_checkpoint
from handlers.wire import Clock, Deadline, Pace
from handlers.wire.reply import Reply

__all__ = ["Backup", "Cbr", "Operation", "Vault", "VaultResource"]

PAGE = 100
"""Entries asked for at once. A server's backup with two disks has 3.6 kB, so 1,000 would not fit into an answer's cap."""
PAGES = 200
"""A list is read to its end, but never for ever: 20,000 backups of one vault within one window are not plausible."""

Model = TypeVar("Model", bound=Tolerant)


@dataclass()
class Cbr:
    """One project's CBR. Every verb raises what ``meaning`` names, NotSent or Unclear; none of them repeats a POST.

    ``find_project`` is asked once, where the project's id is not configured.
    """

    session: Session
    origin: str
    project_id: str
    find_project: Callable[[Deadline], str]
    pace: Pace
    clock: Clock
    _said: tuple[datetime, float] | None = None
    _finding: threading.Lock = field(default_factory=threading.Lock)

    @property
    def said_at(self) -> datetime | None:
        """What time it is by CBR's own clock, going by the last answer that said it."""
        return self._said[0] + timedelta(seconds=self.clock.monotonic() - self._said[1]) if self._said else None

    def slower(self, share: float) -> Cbr:
        """The same project at a share of its pace: for what may wait."""
        return replace(self, pace=self.pace.slower(share))

    def create(self, backup: VaultBackup, deadline: Deadline) -> tuple[Checkpoint, str]:
        """POST /checkpoints, once: the restore point CBR began, and the request id. 200 does not mean that all take part."""
        reply = self._call("POST", "checkpoints", deadline, body=backup.to_bytes())
        return self._checkpoint(reply), reply.request_id

    def show(self, checkpoint_id: str, deadline: Deadline) -> Checkpoint:
        """GET /checkpoints/{id}. Open Telekom Cloud leaves name and description out here."""
        return self._checkpoint(self._call("GET", f"checkpoints/{_path_id(checkpoint_id)}", deadline))

    def backups(self, deadline: Deadline, *, vault_id: str, since: datetime | None = None) -> list[Backup]:
        """The vault's backups, newest first. Names are not filtered by the service: whether it matches exactly is unknown."""
        query = {"vault_id": vault_id, "sort": "created_at:desc"}
        if since:
            query["start_time"] = _time(since)
        return self._list("backups", Backup, query, deadline)

    def operations(self, deadline: Deadline, *, vault_id: str, since: datetime) -> list[Operation]:
        """Backup operations of a vault; the log cannot be asked for a restore point, hence matched by the caller."""
        query = {"vault_id": vault_id, "operation_type": "backup", "start_time": _time(since)}
        return self._list("operation-logs", Operation, query, deadline, key="operation_logs")

    def vault(self, vault_id: str, deadline: Deadline) -> Vault:
        """GET /vaults/{id}."""
        return self._read(Vault, self._call("GET", f"vaults/{_path_id(vault_id)}", deadline), "vault")

    def vaults(self, deadline: Deadline) -> list[Vault]:
        """All vaults of the project."""
        return self._list("vaults", Vault, {}, deadline)

    def _call(self, method: str, path: str, deadline: Deadline, *, body: bytes = b"") -> Reply:
        with self._finding:
            if not self.project_id:
                self.project_id = self.find_project(deadline)
        self.pace.wait(deadline)
        reply = self.session.request(method, f"{self.origin}/v3/{_path_id(self.project_id)}/{path}", deadline, body=body)
        if reply.said_at:
            self._said = reply.said_at, self.clock.monotonic()
        if reply.status != 200:
            raise meaning(reply.status, reply.headers, reply.body, now=self.clock.now())
        return reply

    def _checkpoint(self, reply: Reply) -> Checkpoint:
        try:
            return read_checkpoint(json.loads(reply.body))
        except (ValueError, RecursionError):
            raise _unreadable(reply) from None

    def _list(self, path: str, model: type[Model], query: dict[str, str], deadline: Deadline, key: str = "") -> list[Model]:
        """Every page until one is empty, or is short and ends where the count says; a count that does not agree is not believed.

        Pages may be shorter than asked for. A list that shifts while it is read shows an entry twice: kept once, by id.
        """
        found: dict[str, Model] = {}
        seen = 0
        for _ in range(PAGES):
            asked = urlencode(query | {"limit": str(PAGE), "offset": str(seen)})
            reply = self._call("GET", f"{path}?{asked}", deadline)
            entries, count = self._entries(reply, key or path)
            for entry in entries:
                read = self._entry(model, entry, reply)
                found.setdefault(str(getattr(read, "id", "")), read)
            seen += len(entries)
            if not entries or (len(entries) < PAGE and seen == count):
                return list(found.values())
        # What was not read may hold what is looked for: half a list is no list.
        raise Unclear(f"the list of {key or path} did not end within {PAGES} pages")

    @staticmethod
    def _entries(reply: Reply, key: str) -> tuple[list[Any], int]:
        """A page, and how many entries the whole list is said to have."""
        try:
            document = json.loads(reply.body)
            entries, count = document[key], document.get("count")
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise _unreadable(reply) from None
        if not isinstance(entries, list):
            raise _unreadable(reply)
        return entries, count if isinstance(count, int) else -1

    @staticmethod
    def _entry(model: type[Model], entry: object, reply: Reply) -> Model:
        try:
            return model.model_validate(entry)
        except ValidationError:
            raise _unreadable(reply) from None

    def _read(self, model: type[Model], reply: Reply, key: str) -> Model:
        try:
            return model.model_validate(json.loads(reply.body)[key])
        except (ValueError, RecursionError, KeyError, TypeError):
            raise _unreadable(reply) from None


def _path_id(value: str) -> str:
    """An id that may stand in a path: an id from a reply is no more to be trusted there than one from an event."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise Rejected("an id that is no id would have become part of a path")
    return value


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _unreadable(reply: Reply) -> CallFailed:
    return Unclear("CBR answered 200 with something unreadable", status=reply.status, request_id=reply.request_id)
