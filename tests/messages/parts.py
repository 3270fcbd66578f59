"""What the outcomes of the golden messages have in common: two servers, a timer's delivery, an alert's, a stranger's."""

from __future__ import annotations

from typing import Any

from handlers.vault_backup import CheckpointResource, SkippedResource

VAULT_ID = "a4d1c7e2-58b3-4f06-9c2d-71e8b50f3a96"
CHECKPOINT_ID = "bddc40c0-aa0e-4570-8a6b-f8f79e55ce48"
SECOND_ID = "0e4d4b4e-8f6c-4d83-9c43-5ad7a4f6c1d2"
APP_ID = "1b8f4c60-93da-4e57-b2c1-f06d8e3a7952"
DB_ID = "d7250ea3-4c19-46f8-95b7-83a1c6d2e04f"
DISK_ID = "b71d08e4-96c3-4fa2-8d5b-3e0f7a24c918"
SHARE_ID = "8fc36b91-e5d0-4724-a19f-50b7d83c2e6a"
NAME = "rp-timer-20261123T020000Z-08b581ff073d1d79"
ALERT_NAME = "rp-alert-20261123T031500Z-5c0f0a9b1f6e2d34"
REQUEST_ID = "f37ccf7adab742308379ec67be3b0db5"

AT: dict[str, Any] = {"at": "2026-11-23T03:15:07Z"}
PLACE: dict[str, Any] = {"project": "default", "project_id": "0503dda897000fed2f78c00909158a4d", "region": "eu-de"}
"""When each of the outcomes was decided, and where the vault is of those that are about one."""
OF_TIMER: dict[str, Any] = {
    "rule": "nightly-erp",
    "vault": "erp",
    "vault_id": VAULT_ID,
    "cause": "08b581ff073d1d79" * 4,
    "cause_names": ("nightly 2026-11-23T02:00:00+00:00",),
    "name": NAME,
    "delivery_id": "6fd3ac5f-645a-42b6-9631-548b5b63338c",
    "trigger": "timer",
    "sender": "nightly",
}
OF_ALERT: dict[str, Any] = {
    "rule": "disks",
    "vault": "erp",
    "vault_id": VAULT_ID,
    "cause": "5c0f0a9b1f6e2d34" * 4,
    "causes": 5,
    "cause_names": ("DiskFull (host=app)", "DiskFull (host=db)", "DiskFull (host=mail)", "DiskFull (host=web)"),
    "link": "https://grafana.example.com/alerting/grafana/ae1f/view?orgId=1",
    "title": "DiskFull on app: /var is 97 % full",
    "name": ALERT_NAME,
    "delivery_id": "2d9a6b1c-0f7e-4f39-8a55-7d0a4b9c1e63",
    "trigger": "alert",
    "sender": "am",
}
OF_ONCE: dict[str, Any] = {
    "vault_id": VAULT_ID,
    "cause": "77aa0b1c2d3e4f50" * 4,
    "name": "before-upgrade-77aa0b1c2d3e4f50",
    "delivery_id": "d0c4e1a7-3b52-4c8f-9e6d-1f2a3b4c5d6e",
    "trigger": "once",
    "sender": "deploy",
}
OF_STRANGER: dict[str, Any] = {
    "delivery_id": "9b1f2c3d-4e5f-4061-8273-94a5b6c7d8e9",
    "trigger": "alert",
    "sender": "am",
}
MADE: dict[str, Any] = {"checkpoint_id": CHECKPOINT_ID, "request_id": REQUEST_ID}

APP = CheckpointResource(id=APP_ID, name="erp-app", type="OS::Nova::Server", protect_status="available", resource_size=100)
DB = CheckpointResource(id=DB_ID, name="erp-db", type="OS::Nova::Server", protect_status="available", resource_size=240)
DB_BROKEN = DB.model_copy(update={"protect_status": "error"})
DISK = CheckpointResource(id=DISK_ID, type="OS::Cinder::Volume", protect_status="available", resource_size=40)
SHARE = CheckpointResource(id=SHARE_ID, name="files-share", type="OS::Sfs::Turbo", protect_status="available")
DESKTOP = CheckpointResource(
    id=SECOND_ID, name="desk-7", type="OS::Workspace::DesktopV2", protect_status="available", resource_size=80
)
METAL = CheckpointResource(id=SECOND_ID, name="metal-1", type="OS::Ironic::BareMetalServer", protect_status="available")

NO_SERVER_STATE = SkippedResource(
    id=DB_ID,
    name="erp-db",
    type="OS::Nova::Server",
    code="BackupService.7101",
    reason="Backup is not allowed in the current server status.",
)
BUSY = SkippedResource(
    id=APP_ID, name="erp-app", type="OS::Nova::Server", code="BackupService.6203", reason="The backup is in progress."
)
SCSI = SkippedResource(id=DISK_ID, type="OS::Cinder::Volume", code="7002", reason="Backup is not supported for SCSI disks.")
UNKNOWN_CODE = SkippedResource(id=DISK_ID, code="BackupService.1234", reason="Something new.")
UNMENTIONED = SkippedResource(
    id=DISK_ID, reason="CBR names it neither among the resources that take part nor among those it skipped"
)
