"""The careless half of sdk_client.py, for a place where nothing matters: every field, vaults, tokens, keys and topics."""

from __future__ import annotations

import json
import sys
from typing import Any

from huaweicloudsdkcbr import v1 as cbr_api  # type: ignore[import-not-found]
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials  # type: ignore[import-not-found]
from huaweicloudsdkiam import v3 as iam_api  # type: ignore[import-not-found]
from huaweicloudsdksmn import v2 as smn_api  # type: ignore[import-not-found]

from tests.sandbox.sdk_client import Place, Restoring, Told, cbr_client, place_of, plain, refusal


def vaults_changed(place: Place, restoring: Restoring) -> Told:
    """A vault from its creation to its end; the server moves there from the named vault and back."""
    client, server = restoring.client, cbr_api.ResourceCreate(id=place["server_id"], type="OS::Nova::Server")
    billing = cbr_api.BillingCreate(consistent_level="crash_consistent", object_type="server", protect_type="backup", size=200)
    asked = cbr_api.VaultCreate(name="sdk-made", description="of the SDK", billing=billing, resources=[], threshold=70)
    made = client.create_vault(cbr_api.CreateVaultRequest(body=cbr_api.VaultCreateReq(vault=asked))).vault
    change = cbr_api.VaultUpdate(name="sdk-changed", billing=cbr_api.BillingUpdate(size=300))
    changed = client.update_vault(cbr_api.UpdateVaultRequest(vault_id=made.id, body=cbr_api.VaultUpdateReq(vault=change))).vault

    def held(vault_id: str) -> list[str]:
        return [each.id for each in client.show_vault(cbr_api.ShowVaultRequest(vault_id=vault_id)).vault.resources]

    def move(source: str, target: str) -> list[Any]:
        body = cbr_api.VaultRemoveResourceReq(resource_ids=[server.id])
        removed = client.remove_vault_resource(cbr_api.RemoveVaultResourceRequest(vault_id=source, body=body))
        restoring.until(lambda: held(source), lambda ids: server.id not in ids)
        adding = cbr_api.AddVaultResourceRequest(vault_id=target, body=cbr_api.VaultAddResourceReq(resources=[server]))
        added = client.add_vault_resource(adding)
        restoring.until(lambda: held(target), lambda ids: server.id in ids)
        return [removed.remove_resource_ids, added.add_resource_ids]

    moved = [move(place["vault_id"], made.id), move(made.id, place["vault_id"])]
    client.delete_vault(cbr_api.DeleteVaultRequest(vault_id=made.id))
    show = cbr_api.ShowVaultRequest(vault_id=made.id)
    gone = restoring.until(lambda: refusal(lambda: client.show_vault(show)), lambda end: end["status"] == 404)[-1]
    return {"made": plain(made), "changed": plain(changed), "moved": moved, "gone": gone}


def every_filter(place: Place, restoring: Restoring) -> Told:
    """As recorded from a client that sets all of them, with values that need not fit."""
    uuid = place["vault_id"]
    filters = {
        **dict.fromkeys(("checkpoint_id", "parent_id", "resource_id", "vault_id"), uuid),
        "start_time": "2018-01-01T12:00:00Z",
        "end_time": "2018-02-01T12:00:00Z",
        "enterprise_project_id": "0",
        "image_type": "backup",
        "own_type": "private",
        "member_status": "accepted",
        "status": "available",
        "dec": False,
        "incremental": True,
        "show_replication": True,
        "used_percent": "80",
        "name": "n",
        "resource_az": "az",
        "resource_name": "rn",
        "resource_type": "OS::Nova::Server",
        "limit": 10,
        "offset": 0,
        "sort": "created_at:desc",
    }
    assert {*filters, "marker"} == set(cbr_api.ListBackupsRequest.openapi_types)
    first = restoring.backups(limit=1, sort="id:asc").backups
    second = restoring.backups(limit=1, sort="id:asc", marker=first[0].id).backups
    words = {"name": "n", "cloud_type": "public", "object_type": "server", "protect_type": "backup", "status": "available"}
    ids = {"id": [uuid, uuid], "policy_id": uuid, "resource_ids": f"{uuid},{uuid}"}
    none = restoring.client.list_vault(cbr_api.ListVaultRequest(**words, **ids, limit=5, offset=0))
    return {
        "none": plain(restoring.backups(**filters)),
        "pages": [row.id for row in first + second],
        "all": [row.id for row in restoring.backups(sort="id:asc").backups],
        "no vault": plain(none),
    }


def identity(place: Place) -> Told:
    """A password's token, keys that end by themselves for it, and CBR opened with these."""
    keys = GlobalCredentials(place["access_key"], place["secret_key"], place["domain_id"])
    client = iam_api.IamClient.new_builder().with_credentials(keys).with_endpoint(place["iam"]).build()
    user = iam_api.PwdPasswordUser(
        domain=iam_api.PwdPasswordUserDomain(name=place["domain_name"]), name=place["username"], password=place["password"]
    )
    proof = iam_api.PwdIdentity(methods=["password"], password=iam_api.PwdPassword(user=user))
    scope = iam_api.AuthScope(project=iam_api.AuthScopeProject(id=place["project_id"]))
    asked = iam_api.KeystoneCreateUserTokenByPasswordRequestBody(auth=iam_api.PwdAuth(identity=proof, scope=scope))
    answer = client.keystone_create_user_token_by_password(iam_api.KeystoneCreateUserTokenByPasswordRequest(body=asked))
    by_token = iam_api.TokenAuthIdentity(
        methods=["token"], token=iam_api.IdentityToken(id=answer.x_subject_token, duration_seconds=900)
    )
    wanted = iam_api.CreateTemporaryAccessKeyByTokenRequestBody(auth=iam_api.TokenAuth(identity=by_token))
    made = client.create_temporary_access_key_by_token(iam_api.CreateTemporaryAccessKeyByTokenRequest(body=wanted)).credential
    opened = cbr_client(place, made.access, made.secret, made.securitytoken)
    listed = opened.list_vault(cbr_api.ListVaultRequest(id=[place["vault_id"]]))
    return {
        "token_begins": answer.x_subject_token[:3],
        "project": answer.token.project.id,
        "opened": [vault.id for vault in listed.vaults],
    }


def topics(place: Place) -> Told:
    keys = BasicCredentials(place["access_key"], place["secret_key"], place["project_id"])
    client = smn_api.SmnClient.new_builder().with_credentials(keys).with_endpoint(place["smn"]).build()
    message = smn_api.PublishMessageRequestBody(subject="backup done", message="Grüße", time_to_live="3600")
    sent = client.publish_message(smn_api.PublishMessageRequest(topic_urn=place["topic_urn"], body=message))
    asked = smn_api.CreateTopicRequestBody(name="sdk-made", display_name="of the SDK")
    made = client.create_topic(smn_api.CreateTopicRequest(body=asked))
    listed = client.list_topics(smn_api.ListTopicsRequest(offset=0, limit=100))
    shown = client.list_topic_details(smn_api.ListTopicDetailsRequest(topic_urn=made.topic_urn))
    client.delete_topic(smn_api.DeleteTopicRequest(topic_urn=made.topic_urn))
    gone = refusal(lambda: client.list_topic_details(smn_api.ListTopicDetailsRequest(topic_urn=made.topic_urn)))
    return {
        "message_id": sent.message_id,
        "made": made.topic_urn,
        "listed": [topic.topic_urn for topic in listed.topics],
        "shown": plain(shown),
        "gone": gone,
    }


def main(path: str) -> None:
    place = place_of(path)
    restoring = Restoring(place)
    extra = cbr_api.ResourceExtraInfo(exclude_volumes=[place["volume_id"]])
    detail = cbr_api.Resource(id=place["server_id"], type="OS::Nova::Server", name="erp-app", extra_info=extra)
    told = {
        "restored": restoring.followed(
            resources=[detail.id], resource_details=[detail], auto_trigger=False, retention_duration_days=30
        ),
        "automatic": restoring.followed(auto_trigger=True, policy_id=place["vault_id"]),
        "filters": every_filter(place, restoring),
        "identity": identity(place),
        "topics": topics(place),
        "changed": vaults_changed(place, restoring),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
