"""CBR's routes over the state in ``vaults``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.sandbox import asking, problems, records, replies
from handlers.sandbox.exchange import Reply, Request
from handlers.sandbox.lists import Query, page

if TYPE_CHECKING:
    from handlers.sandbox.vaults import Vaults

# Query parameters and the fields they compare (CBR API reference; the last line of backups is Huawei's only). `dec`,
# `member_status`, `show_replication` and `own_type` are taken and change nothing: nothing here is shared or replicated.
_BACKUP_FILTERS = {
    name: name
    for name in (
        *("checkpoint_id", "vault_id", "resource_id", "resource_name", "resource_type", "resource_az", "name", "status"),
        *("parent_id", "image_type"),
        *("incremental", "enterprise_project_id"),
    )
}
_VAULT_FILTERS = {
    "id": "id",
    "name": "name",
    "enterprise_project_id": "enterprise_project_id",
    "policy_id": "policy_id",
    **{name: f"billing.{name}" for name in ("cloud_type", "object_type", "protect_type", "status")},
}
_LOG_FILTERS = {
    **{name: name for name in ("operation_type", "provider_id", "status", "vault_id", "vault_name")},
    "resource_id": "extra_info.resource.id",
    "resource_name": "extra_info.resource.name",
}


class Cbr:
    """One method per route; every one is called after the caller was let in."""

    def __init__(self, state: Vaults, endpoint: str) -> None:
        self.state, self.endpoint = state, endpoint

    def versions(self, _: Request) -> Reply:
        """300 with the list of versions, at ``/`` and ``/v3`` (CBR API reference)."""
        links = [{"rel": "self", "href": f"{self.endpoint}/v3"}]
        return Reply(300, {"versions": [{"id": "v3", "status": "CURRENT", "links": links}]})

    def create_checkpoint(self, request: Request) -> Reply:
        """200, not 201 or 202."""
        taken = self.state.take(asking.read(request.document()), request.at)
        return Reply(200, {"checkpoint": replies.checkpoint(self.state, taken, request.at)})

    def show_checkpoint(self, request: Request) -> Reply:
        """The same object as at creation, as it is by now. There is no list of checkpoints (CBR API reference)."""
        taken = self.state.checkpoint(_well_formed(request.segments["checkpoint_id"]))
        return Reply(200, {"checkpoint": replies.checkpoint(self.state, taken, request.at)})

    def list_backups(self, request: Request) -> Reply:
        """Backups of resources; those of single disks only inside them, or when asked by ``parent_id``."""
        query = Query(request.query)
        rows = [records.backup(self.state, made, request.at) for made in self.state.backups()]
        if query.one("parent_id"):
            rows = [child for row in rows for child in row["children"]]
        if query.one("used_percent"):
            least = query.number("used_percent", 1, 1, 100)
            rows = [row for row in rows if self._used_percent(row["vault_id"]) >= least]
        return Reply(200, page("backups", rows, query, _BACKUP_FILTERS))

    def show_backup(self, request: Request) -> Reply:
        """Children have ids of their own and are found by them."""
        backup_id = _well_formed(request.segments["backup_id"])
        for made in self.state.backups():
            row = records.backup(self.state, made, request.at)
            for candidate in (row, *row["children"]):
                if candidate["id"] == backup_id:
                    return Reply(200, {"backup": candidate})
        raise problems.no_backup()

    def list_vaults(self, request: Request) -> Reply:
        """``resource_ids`` is a comma list: vaults that hold any of them."""
        query = Query(request.query)
        rows = [replies.vault(self.state, vault, request.at) for vault in self.state.vaults.values()]
        if wanted := query.one("resource_ids"):
            rows = [row for row in rows if {held["id"] for held in row["resources"]} & set(wanted.split(","))]
        return Reply(200, page("vaults", rows, query, _VAULT_FILTERS))

    def show_vault(self, request: Request) -> Reply:
        """A malformed id is 9900 here, unlike elsewhere (CBR API reference)."""
        vault_id = request.segments["vault_id"]
        if not asking.is_uuid(vault_id):
            raise problems.invalid("vault_id")
        return Reply(200, {"vault": replies.vault(self.state, self.state.vault(vault_id), request.at)})

    def list_operation_logs(self, request: Request) -> Reply:
        """There is no filter by checkpoint (CBR API reference)."""
        return Reply(200, page("operation_logs", self._logs(request.at), Query(request.query), _LOG_FILTERS))

    def show_operation_log(self, request: Request) -> Reply:
        """Logs of every age; the cloud shows thirty days."""
        for row in self._logs(request.at):
            if row["id"] == request.segments["operation_log_id"]:
                return Reply(200, {"operation_log": row})
        raise problems.no_operation_log()

    def _logs(self, now: float) -> list[replies.Wire]:
        taken = self.state.checkpoints.values()
        return [row for checkpoint in taken for row in records.operation_logs(self.state, checkpoint, now)]

    def _used_percent(self, vault_id: str) -> float:
        return 100 * self.state.used_mb(vault_id) / (self.state.vaults[vault_id].size_gb * 1024)


def _well_formed(given: str) -> str:
    """A malformed id of a checkpoint or backup is answered with a 401; Huawei's Terraform provider takes it for a 404."""
    if not asking.is_uuid(given):
        raise problems.malformed_url()
    return given
