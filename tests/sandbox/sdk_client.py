"""Run by an interpreter that has huaweicloudsdkcbr, never by ours: the official SDK against the sandbox.

Keys, project and endpoint come from the SDK's own environment variables. Prints one JSON document of what it saw.
Arguments: region, vault id, name, resource id.
"""

from __future__ import annotations

import json
import sys
import time

from huaweicloudsdkcbr.v1 import (  # type: ignore[import-not-found]
    CbrClient,
    CheckpointParam,
    CreateCheckpointRequest,
    ListBackupsRequest,
    ShowCheckpointRequest,
    ShowVaultRequest,
    VaultBackup,
    VaultBackupReq,
)
from huaweicloudsdkcbr.v1.region.cbr_region import CbrRegion  # type: ignore[import-not-found]
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException  # type: ignore[import-not-found]


def plain(model: object) -> object:
    """The SDK's models print themselves as JSON."""
    return json.loads(str(model))


def main(region: str, vault_id: str, name: str, resource_id: str) -> None:
    client = CbrClient.new_builder().with_region(CbrRegion.value_of(region)).build()
    parameters = CheckpointParam(name=name, resources=[resource_id], description="from the SDK: é", incremental=True)
    asked = VaultBackup(vault_id=vault_id, parameters=parameters)
    request = CreateCheckpointRequest(body=VaultBackupReq(checkpoint=asked))
    created = client.create_checkpoint(request).checkpoint
    try:
        client.create_checkpoint(request)
        second = ""
    except ClientRequestException as refusal:
        second = refusal.error_code
    seen = [created.status]
    while seen[-1] == "protecting" and len(seen) < 200:
        time.sleep(0.05)
        seen.append(client.show_checkpoint(ShowCheckpointRequest(checkpoint_id=created.id)).checkpoint.status)
    backups = client.list_backups(ListBackupsRequest(checkpoint_id=created.id, sort="created_at:desc", status=seen[-1]))
    vault = client.show_vault(ShowVaultRequest(vault_id=vault_id)).vault
    try:
        client.show_checkpoint(ShowCheckpointRequest(checkpoint_id=vault_id))
        unknown = {}
    except ClientRequestException as refusal:
        unknown = {"code": refusal.error_code, "text": refusal.error_msg, "request_id": refusal.request_id}
    print(
        json.dumps(
            {
                "created": plain(created),
                "statuses": seen,
                "second": second,
                "backups": plain(backups),
                "vault": plain(vault),
                "unknown": unknown,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
