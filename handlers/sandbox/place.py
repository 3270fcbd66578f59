"""What a sandbox tells about itself: where it is, who may come in, what there is to back up, up to when it remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handlers.sandbox.estate import Estate
    from handlers.sandbox.vaults import Resource, Vault, Vaults


def settings(endpoint: str, estate: Estate, state: Vaults) -> dict[str, Any]:
    """The document of ``restore-point sandbox --json``."""
    account, (access_key, key) = estate.account, next(iter(estate.keys.items()))
    return {
        "endpoint": endpoint,
        "iam_endpoint": endpoint,
        "smn_endpoint": endpoint,
        "project_id": account.project_id,
        "region": account.region,
        "access_key": access_key,
        "secret_key": key.secret,
        "username": account.username,
        "password": account.password,
        "user_domain_name": account.domain_name,
        "vaults": [_vault(vault) for vault in state.vaults.values()],
        "topic_urn": next(iter(estate.topic_urns), ""),
        "free": [_resource(resource) for resource in state.resources.values() if resource.id not in state.owners],
    }


def newest(state: Vaults) -> float:
    """When the last of what happened here happened, as far as it is remembered."""
    taken = max((each.created_at for each in state.checkpoints.values()), default=float("-inf"))
    done = max((each.created_at for each in state.deeds.values()), default=float("-inf"))
    return max(taken, done)


def _vault(vault: Vault) -> dict[str, Any]:
    return {
        "id": vault.id,
        "name": vault.name,
        "object_type": vault.object_type,
        "tags": vault.says.get("tags", []),
        "resources": [_resource(resource) for resource in vault.resources],
    }


def _resource(resource: Resource) -> dict[str, Any]:
    """Only a server's disks are something of their own."""
    disks = [{"id": disk.id, "name": disk.name} for disk in resource.disks if disk.id != resource.id]
    return {"id": resource.id, "name": resource.name, "type": resource.type} | ({"disks": disks} if disks else {})
