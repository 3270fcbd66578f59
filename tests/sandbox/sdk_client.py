"""Run by an interpreter that has the official SDK, never by ours: huaweicloudsdkcbr, unpatched, against a place.

Argument: a TOML file that describes the place; its keys are told at the top of test_sdk.py. Prints one JSON document of what
it saw. It goes carefully: one restore point in the named vault, followed, looked at from all sides and deleted again; nothing
that was there before is touched.
"""

from __future__ import annotations

import json
import sys
import time
import tomllib
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huaweicloudsdkcbr import v1 as cbr_api  # type: ignore[import-not-found]
from huaweicloudsdkcore.auth.credentials import BasicCredentials  # type: ignore[import-not-found]
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Callable

Place = dict[str, Any]
Told = dict[str, Any]
ZULU = "%Y-%m-%dT%H:%M:%SZ"


def plain(model: object) -> Any:
    """The SDK's models print themselves as JSON."""
    return json.loads(str(model))


def refusal(call: Callable[[], object]) -> Told:
    try:
        return {"status": 200, "answer": plain(call())}
    except ClientRequestException as refused:
        return {
            "status": refused.status_code,
            "code": refused.error_code,
            "text": refused.error_msg,
            "request_id": refused.request_id,
        }


def cbr_client(place: Place, access: str = "", secret: str = "", security_token: str = "") -> Any:
    keys = BasicCredentials(access or place["access_key"], secret or place["secret_key"], place["project_id"])
    if token := security_token or place.get("security_token"):
        keys = keys.with_security_token(token)
    return cbr_api.CbrClient.new_builder().with_credentials(keys).with_endpoint(place["cbr"]).build()


class Restoring:
    """One restore point from its creation to the end of its backups."""

    def __init__(self, place: Place) -> None:
        self.place, self.client = place, cbr_client(place)
        self.name = f"sdk-{int(time.time())}"
        self.began = datetime.now(UTC) - timedelta(minutes=30)  # the place's clock need not be ours
        self.rows: list[Any] = []
        self.made: list[str] = []

    def until(self, look: Callable[[], Any], done: Callable[[Any], bool]) -> list[Any]:
        """Everything that was seen on the way; the last is what was waited for."""
        end, seen = time.monotonic() + self.place.get("patience", 7200), [look()]
        while not done(seen[-1]):
            if time.monotonic() > end:
                raise TimeoutError(f"still {seen[-1]}")
            time.sleep(self.place.get("interval", 15))
            seen.append(look())
        return seen

    def create(self, **more: Any) -> Any:
        parameters = cbr_api.CheckpointParam(**{"name": self.name, "description": "from the SDK: é", "incremental": True} | more)
        asked = cbr_api.VaultBackup(vault_id=self.place["vault_id"], parameters=parameters)
        request = cbr_api.CreateCheckpointRequest(body=cbr_api.VaultBackupReq(checkpoint=asked))
        created = self.client.create_checkpoint(request).checkpoint
        self.made.append(created.id)
        return created

    def backups(self, **filters: Any) -> Any:
        return self.client.list_backups(cbr_api.ListBackupsRequest(**filters))

    def status(self, checkpoint_id: str) -> str:
        shown = self.client.show_checkpoint(cbr_api.ShowCheckpointRequest(checkpoint_id=checkpoint_id))
        return str(shown.checkpoint.status)

    def followed(self, **parameters: Any) -> Told:
        """Created, seen to its end, and its backups and logs found by those who did not create it."""
        created = self.create(**parameters)
        again = refusal(self.create) if parameters else {}
        statuses = self.until(lambda: self.status(created.id), lambda status: status != "protecting")
        whole = len(created.vault.resources)
        self.rows = self.until(lambda: self.backups(checkpoint_id=created.id).backups, lambda rows: len(rows) == whole)[-1]
        logs = self.until(lambda: self.logs(created.id), bool)[-1]
        shown = self.client.show_op_log(cbr_api.ShowOpLogRequest(operation_log_id=logs[0].id)).operation_log
        return {
            "created": plain(created),
            "again": again,
            "statuses": statuses,
            "backups": [plain(row) for row in self.rows],
            "backup": plain(self.client.show_backup(cbr_api.ShowBackupRequest(backup_id=self.rows[0].id)).backup),
            "times_are_times": all(isinstance(row.created_at, datetime) for row in self.rows),
            "log": plain(shown),
        }

    def logs(self, checkpoint_id: str) -> list[Any]:
        """There is no filter by restore point: the client picks."""
        began = f"{self.began:{ZULU}}"
        asked = cbr_api.ListOpLogsRequest(vault_id=self.place["vault_id"], operation_type="backup", start_time=began, limit=1000)
        answer = self.client.list_op_logs(asked)
        return [log for log in answer.operation_logs if log.checkpoint_id == checkpoint_id]

    def filtered(self) -> dict[str, bool]:
        """Whether each filter, given what the backup has, still shows it."""
        row = self.rows[0]
        right = {
            "checkpoint_id": row.checkpoint_id,
            "vault_id": row.vault_id,
            "name": row.name,
            "status": row.status,
            "resource_id": row.resource_id,
            "resource_name": row.resource_name,
            "resource_type": row.resource_type,
            "start_time": f"{self.began:{ZULU}}",
            "end_time": f"{self.began + timedelta(hours=12):{ZULU}}",
            "image_type": "backup",
            "sort": "created_at:desc,name:asc",
            "limit": 1000,
            "offset": 0,
        }
        seen = {key: [shown.id for shown in self.backups(**{key: value}).backups] for key, value in right.items()}
        seen["all of them"] = [shown.id for shown in self.backups(**right).backups]
        return {key: row.id in ids for key, ids in seen.items()}

    def deleted(self) -> Told:
        """Only what this client made; gone is a 404."""
        rows = [row for made in self.made for row in self.backups(checkpoint_id=made).backups]
        for row in rows:
            self.client.delete_backup(cbr_api.DeleteBackupRequest(backup_id=row.id))
        gone = [self.until(partial(self.gone, row.id), lambda end: end["status"] == 404)[-1] for row in rows]
        return {"gone": gone, "left": sum(len(self.backups(checkpoint_id=made).backups) for made in self.made)}

    def gone(self, backup_id: str) -> Told:
        return refusal(lambda: self.client.show_backup(cbr_api.ShowBackupRequest(backup_id=backup_id)))


def vaults_seen(place: Place) -> Told:
    client = cbr_client(place)
    listed = client.list_vault(cbr_api.ListVaultRequest(limit=1000, offset=0))
    by_id = client.list_vault(cbr_api.ListVaultRequest(id=[place["vault_id"]]))
    shown = client.show_vault(cbr_api.ShowVaultRequest(vault_id=place["vault_id"])).vault
    nowhere = "00000000-0000-4000-8000-000000000000"
    return {
        "listed": [vault.id for vault in listed.vaults],
        "by_id": [vault.id for vault in by_id.vaults],
        "vault": plain(shown),
        "unknown": refusal(lambda: client.show_checkpoint(cbr_api.ShowCheckpointRequest(checkpoint_id=nowhere))),
    }


def place_of(path: str) -> Place:
    return tomllib.loads(Path(path).read_text(encoding="utf-8"))


def main(path: str) -> None:
    place = place_of(path)
    restoring = Restoring(place)
    try:
        told = {"restored": restoring.followed(), "filters": restoring.filtered(), "vaults": vaults_seen(place)}
    finally:
        deleted = restoring.deleted()
    print(json.dumps(told | {"deleted": deleted}))


if __name__ == "__main__":
    main(*sys.argv[1:])
