"""CBR's routes over the state in ``vaults``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.sandbox import asking, logs, problems, records, replies, vault_asking
from handlers.sandbox.checks import is_uuid
from handlers.sandbox.columns import backup_columns, log_columns, vault_columns
from handlers.sandbox.exchange import Reply, Request
from handlers.sandbox.lists import Query, page
from handlers.sandbox.vaults import Backup, Part, changes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handlers.sandbox.vaults import Vault, Vaults


class Cbr:
    """One method per route; every one is called after the caller was let in and `Vaults.advance` was told the time."""

    def __init__(self, state: Vaults, endpoint: str) -> None:
        self.state, self.endpoint = state, endpoint

    def versions(self, _: Request) -> Reply:
        """300 with the list of versions, at ``/`` and ``/v3`` (CBR API reference)."""
        links = [{"rel": "self", "href": f"{self.endpoint}/v3"}]
        return Reply(300, {"versions": [{"id": "v3", "status": "CURRENT", "links": links}]})

    # ── restore points ───────────────────────────────────────────────────────────────────────────────────────────────

    def create_checkpoint(self, request: Request) -> Reply:
        """200, not 201 or 202."""
        document = request.document()
        asked = asking.read(document)
        if asked.choices or asked.resource_ids:
            asking.check_types(document, self.state.vault(asked.vault_id))
        taken = self.state.take(asked, request.at, request.harm)
        return Reply(200, {"checkpoint": replies.checkpoint(self.state, taken, request.at)})

    def show_checkpoint(self, request: Request) -> Reply:
        """The same object as at creation, as it is by now. There is no list of checkpoints (CBR API reference)."""
        taken = self.state.checkpoint(_well_formed(request.segments["checkpoint_id"]))
        row = replies.checkpoint(self.state, taken, request.at)
        if self.state.habits.otc:
            row["extra_info"] = {"retention_duration": row["extra_info"]["retention_duration"]}
        return Reply(200, {"checkpoint": row})

    # ── backups ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def list_backups(self, request: Request) -> Reply:
        """Backups of resources; those of single disks only inside them, or when asked by ``parent_id``."""
        state, query, now = self.state, Query(request.query), request.at
        least = query.number("used_percent", 1, 1, 100) if query.one("used_percent") else 0
        whole = [
            backup
            for backup in self._backups(query)
            if not backup.gone and state.listed(backup.checkpoint, now) and _used_percent(backup.checkpoint.vault) >= least
        ]
        if query.one("own_type") == "shared":
            whole = []  # nobody shares backups with this project
        if state.habits.hide_full and not query.every("incremental"):
            whole = [backup for backup in whole if backup.incremental]
        found: list[Backup | Part] = [*whole]
        if query.one("parent_id"):
            found = [part for backup in whole for part in backup.parts]
        if state.habits.name_filter == "fuzzy":
            found = [made for made in found if query.one("name").lower() in made.name.lower()]
        return Reply(200, page(backup_columns(state), found, query, now, unordered=state.habits.unordered))

    def _backups(self, query: Query) -> Iterable[Backup]:
        """Those that can be meant: one restore point's or one server's are found without looking at all the others."""
        state = self.state
        try:
            if parent_id := query.one("parent_id"):
                found = state.backup(parent_id)
                return (found,) if isinstance(found, Backup) else ()
            if len(query.every("checkpoint_id")) == 1:
                return state.checkpoint(query.one("checkpoint_id")).backups
        except problems.Problem:
            return ()
        since = query.moment("start_time", float("-inf"))
        return (backup for taken in state.since(since - 1) for backup in taken.backups)

    def show_backup(self, request: Request) -> Reply:
        """Children have ids of their own and are found by them."""
        found = self.state.backup(_well_formed(request.segments["backup_id"]))
        return Reply(200, {"backup": records.backup(self.state, found, request.at)})

    def delete_backup(self, request: Request) -> Reply:
        """204, and the work begins."""
        changes.delete_backup(self.state, _well_formed(request.segments["backup_id"]), request.at)
        return Reply(204)

    # ── vaults ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def list_vaults(self, request: Request) -> Reply:
        """``resource_ids`` is a comma list: vaults that hold any of them."""
        state, query = self.state, Query(request.query)
        found = list(state.vaults.values())
        if wanted := query.one("resource_ids"):
            found = [vault for vault in found if not vault.held.keys().isdisjoint(wanted.split(","))]
        return Reply(200, page(vault_columns(state), found, query, request.at, unordered=state.habits.unordered))

    def create_vault(self, request: Request) -> Reply:
        """200, as every POST of CBR's."""
        vault = changes.create(self.state, vault_asking.read_vault(request.document()), request.at)
        return self._vault(vault, request)

    def show_vault(self, request: Request) -> Reply:
        """As it is now."""
        return self._vault(self.state.vault(_vault_id(request)), request)

    def update_vault(self, request: Request) -> Reply:
        """The whole vault in its new form."""
        vault_id = _vault_id(request)
        change = vault_asking.read_change(request.document())
        return self._vault(changes.update(self.state, vault_id, change, request.at), request)

    def delete_vault(self, request: Request) -> Reply:
        """204, and the work begins."""
        changes.delete(self.state, _vault_id(request), request.at)
        return Reply(204)

    def add_resources(self, request: Request) -> Reply:
        """Only ids come back."""
        vault_id = _vault_id(request)
        added = vault_asking.read_added(request.document())
        return Reply(200, {"add_resource_ids": changes.add(self.state, vault_id, added, request.at)})

    def remove_resources(self, request: Request) -> Reply:
        """Only ids come back."""
        vault_id = _vault_id(request)
        removed = vault_asking.read_removed(request.document())
        return Reply(200, {"remove_resource_ids": changes.remove(self.state, vault_id, removed, request.at)})

    def _vault(self, vault: Vault, request: Request) -> Reply:
        return Reply(200, {"vault": replies.vault(self.state, vault, request.at)})

    # ── operation logs ───────────────────────────────────────────────────────────────────────────────────────────────

    def list_operation_logs(self, request: Request) -> Reply:
        """There is no filter by checkpoint (CBR API reference)."""
        state, query, now = self.state, Query(request.query), request.at
        found = logs.logs(state, now, query.moment("start_time", float("-inf")) - 1)
        return Reply(200, page(log_columns(state), found, query, now, unordered=state.habits.unordered))

    def show_operation_log(self, request: Request) -> Reply:
        """Those that are shown in lists, and those that will be soon."""
        found = logs.log(self.state, request.segments["operation_log_id"].lower(), request.at)
        return Reply(200, {"operation_log": records.operation_log(self.state, found, request.at)})


def _used_percent(vault: Vault) -> float:
    return 100 * vault.used / (vault.size_gb * 1024)


def _vault_id(request: Request) -> str:
    """A malformed id is 9900 here, unlike elsewhere (CBR API reference)."""
    vault_id = request.segments["vault_id"]
    if not is_uuid(vault_id):
        raise problems.invalid("vault_id")
    return vault_id.lower()


def _well_formed(given: str) -> str:
    """A malformed id of a checkpoint or backup is answered with a 401; Huawei's Terraform provider takes it for a 404."""
    if not is_uuid(given):
        raise problems.malformed_url()
    return given.lower()
