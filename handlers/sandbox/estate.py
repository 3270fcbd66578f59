"""The cloud a sandbox starts with. The ids are fixed so that examples and tests can name them.

None of these credentials opens anything outside a sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.sandbox.doors import Key
from handlers.sandbox.identity import Account
from handlers.sandbox.vaults import Disk, Resource, Vault


@dataclass(frozen=True)
class Estate:
    """What a cloud has at its start: one account with one project in one region.

    ``unbound`` are resources in no vault; any of a vault's own joins them when it is removed.
    """

    region: str
    project_id: str
    account: Account
    keys: Mapping[str, Key]
    vaults: tuple[Vault, ...]
    topic_urns: tuple[str, ...]
    unbound: tuple[Resource, ...] = ()


REGION = "sandbox-1"
PROJECT_ID = "7c9e0d5ab1f84b6f9d27e34a60c81f52"

ACCESS_KEY = "SANDBOXACCESSKEY0001"
SECRET_KEY = "sandboxSecretKeyOpensNothingElsewhere001"  # noqa: S105
TEMPORARY_ACCESS_KEY = "SANDBOXTEMPORARY0001"
TEMPORARY_SECRET_KEY = "sandboxTemporarySecretKeyOpensNothing001"  # noqa: S105
SECURITY_TOKEN = "sandboxSecurityTokenOfTheTemporaryKey"  # noqa: S105

ACCOUNT = Account(
    region=REGION,
    project_id=PROJECT_ID,
    project_name=REGION,
    domain_id="2f6b8c1d94e74a30b5d8f07e6a13c9b4",
    domain_name="sandbox-domain",
    user_id="e81a5d3c70f24b9ca6427fd90b5c31e8",
    username="sandbox-user",
    password="sandbox-password",  # noqa: S106
    agency="restore-point-agency",
)
KEYS = {
    ACCESS_KEY: Key(SECRET_KEY),
    TEMPORARY_ACCESS_KEY: Key(TEMPORARY_SECRET_KEY, SECURITY_TOKEN),
}
TOPIC_URN = f"urn:smn:{REGION}:{PROJECT_ID}:restore-points"

ERP_VAULT_ID = "a4d1c7e2-58b3-4f06-9c2d-71e8b50f3a96"
FILES_VAULT_ID = "c93e6f18-0d27-4ab5-8f41-2b9a64d7e035"
EMPTY_VAULT_ID = "5e07b2d9-c6f4-4138-a8e3-d40f917b62ca"

ERP_APP_ID = "1b8f4c60-93da-4e57-b2c1-f06d8e3a7952"
ERP_DB_ID = "d7250ea3-4c19-46f8-95b7-83a1c6d2e04f"
FILES_SHARE_ID = "8fc36b91-e5d0-4724-a19f-50b7d83c2e6a"

ERP_APP_SYSTEM_DISK_ID = "36e9a0f7-1d5c-4b82-8e64-c7f20b91d5a3"
ERP_APP_DATA_DISK_ID = "f20d7b58-6ae1-49c3-b705-9d3e184fc6b2"
ERP_DB_SYSTEM_DISK_ID = "942c1ed6-b07f-4385-a6d9-0e5b7c38f1a4"
ERP_DB_DATA_DISK_ID = "0ba57d3f-e482-4c69-9f1b-64d8a2c7e503"

DISKS_VAULT_ID = "e2b9475d-3a16-4c80-97fe-08d5c1a6b34f"
MAIL_DISK_ID = "b71d08e4-96c3-4fa2-8d5b-3e0f7a24c918"
LOGS_DISK_ID = "4d6f92a0-c85e-4713-b02d-a97c16e0f385"
UNBOUND_SERVER_ID = "c05a7e93-2f48-4b1d-9e60-7d83b4f5a126"
UNBOUND_SERVER_DISK_ID = "7a3c5f18-e09b-4264-8bd7-15f6c9e2d04a"
UNBOUND_DISK_ID = "68e1b4d7-0a95-4c3f-a276-f9d30c58e71b"
UNBOUND_SHARE_ID = "f4927c6e-b1d3-4850-9a0f-e65b2d81c7a3"


def _tagged(**tags: str) -> dict[str, Any]:
    """As a vault shows them."""
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


_FOUNDED = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def _disk(disk_id: str, name: str, size_gb: int, used_gb: int) -> Resource:
    """One that is backed up by itself, whatever it is attached to."""
    return Resource(disk_id, name, "OS::Cinder::Volume", (Disk(disk_id, name, size_gb, used_gb),))


VAULTS = (
    Vault(
        id=ERP_VAULT_ID,
        name="erp",
        says=_tagged(backup="yes", team="erp"),
        object_type="server",
        size_gb=500,
        created_at=_FOUNDED,
        resources=(
            Resource(
                id=ERP_APP_ID,
                name="erp-app",
                type="OS::Nova::Server",
                disks=(
                    Disk(ERP_APP_SYSTEM_DISK_ID, "erp-app-system", size_gb=40, used_gb=12, system=True),
                    Disk(ERP_APP_DATA_DISK_ID, "erp-app-data", size_gb=60, used_gb=27),
                ),
            ),
            Resource(
                id=ERP_DB_ID,
                name="erp-db",
                type="OS::Nova::Server",
                disks=(
                    Disk(ERP_DB_SYSTEM_DISK_ID, "erp-db-system", size_gb=40, used_gb=11, system=True),
                    Disk(ERP_DB_DATA_DISK_ID, "erp-db-data", size_gb=200, used_gb=88),
                ),
            ),
        ),
    ),
    Vault(
        id=FILES_VAULT_ID,
        name="files",
        says=_tagged(backup="yes", team="files"),
        object_type="turbo",
        size_gb=1000,
        created_at=_FOUNDED + 3600,
        resources=(
            Resource(
                id=FILES_SHARE_ID,
                name="files-share",
                type="OS::Sfs::Turbo",
                disks=(Disk(FILES_SHARE_ID, "files-share", size_gb=500, used_gb=143),),
            ),
        ),
    ),
    Vault(
        id=EMPTY_VAULT_ID,
        name="empty",
        says=_tagged(team="lab"),
        object_type="server",
        size_gb=100,
        created_at=_FOUNDED + 7200,
        resources=(),
    ),
    Vault(
        id=DISKS_VAULT_ID,
        name="disks",
        object_type="disk",
        size_gb=400,
        created_at=_FOUNDED + 10_800,
        resources=(_disk(MAIL_DISK_ID, "mail", 120, 41), _disk(LOGS_DISK_ID, "logs", 80, 33)),
    ),
)
UNBOUND = (
    Resource(
        id=UNBOUND_SERVER_ID,
        name="spare-app",
        type="OS::Nova::Server",
        disks=(Disk(UNBOUND_SERVER_DISK_ID, "spare-app-system", size_gb=40, used_gb=8, system=True),),
    ),
    _disk(UNBOUND_DISK_ID, "spare-disk", 50, 5),
    Resource(
        id=UNBOUND_SHARE_ID,
        name="spare-share",
        type="OS::Sfs::Turbo",
        disks=(Disk(UNBOUND_SHARE_ID, "spare-share", size_gb=500, used_gb=20),),
    ),
)

DEFAULT = Estate(REGION, PROJECT_ID, ACCOUNT, KEYS, VAULTS, (TOPIC_URN,), UNBOUND)
