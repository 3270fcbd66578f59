"""Backups, vaults and operation logs: forms, filters, order and pages."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from handlers.sandbox import Sandbox, estate

ERP, FILES, EMPTY = estate.ERP_VAULT_ID, estate.FILES_VAULT_ID, estate.EMPTY_VAULT_ID
APP, DB, SHARE = estate.ERP_APP_ID, estate.ERP_DB_ID, estate.FILES_SHARE_ID
GB = 1024


@pytest.fixture
def three(client: Any, clock: Any, sandbox: Any) -> Any:
    """First of the file share, a minute later of both servers, a minute later of the file share again, still running."""
    sandbox.habits.suffixes = True
    ids = []
    for vault_id, name in ((FILES, "one"), (ERP, "two"), (FILES, "three")):
        ids.append(client.create(vault_id, name=name).json["checkpoint"]["id"])
        clock.forward(60)
    clock.forward(-50)
    return ids


def names(client: Any, *query: tuple[str, str]) -> list[str]:
    return [row["name"] for row in client.list("backups", *query)["backups"]]


def test_a_server_is_backed_up_disk_by_disk(client: Any, clock: Any) -> None:
    checkpoint = client.create(name="nightly", resources=[APP]).json["checkpoint"]
    (row,) = client.list("backups")["backups"]
    assert (row["checkpoint_id"], row["vault_id"], row["resource_id"]) == (checkpoint["id"], ERP, APP)
    assert (row["status"], row["parent_id"], row["expired_at"]) == ("protecting", None, None)
    assert (row["resource_size"], row["resource_type"], row["incremental"]) == (100, "OS::Nova::Server", False)
    assert row["provider_id"] == "0daac4c5-6707-4851-97ba-169e36266b66"
    assert row["extend_info"]["auto_trigger"] is False
    children = row["children"]
    # the parent's name, an underscore, the server's name
    assert {(child["name"], child["parent_id"]) for child in children} == {("nightly_erp-app", row["id"])}
    assert {child["resource_id"] for child in children} == {
        estate.ERP_APP_SYSTEM_DISK_ID,
        estate.ERP_APP_DATA_DISK_ID,
    }
    assert {child["resource_type"] for child in children} == {"OS::Cinder::Volume"}
    assert sum(child["resource_size"] for child in children) == 100
    system = {child["resource_id"]: child["extend_info"]["bootable"] for child in children}
    assert system == {estate.ERP_APP_SYSTEM_DISK_ID: True, estate.ERP_APP_DATA_DISK_ID: False}
    clock.forward(60)
    assert client.cbr("GET", f"/backups/{row['id']}").json["backup"]["status"] == "available"
    assert client.cbr("GET", f"/backups/{children[0]['id']}").json["backup"]["parent_id"] == row["id"]
    assert client.list("backups", ("parent_id", row["id"]))["count"] == 2


def test_a_file_system_is_backed_up_in_one_piece(client: Any) -> None:
    client.create(FILES)
    (row,) = client.list("backups")["backups"]
    assert (row["resource_type"], row["children"]) == ("OS::Sfs::Turbo", [])
    assert row["provider_id"] == "3f3c3220-245c-4805-b811-758870015881"


def test_unknown_backups_and_logs(client: Any) -> None:
    answer = client.cbr("GET", f"/backups/{uuid.uuid4()}")
    assert (answer.status, answer.json) == (
        404,
        {"error_code": "BackupService.6200", "error_msg": "The backup does not exist."},
    )
    answer = client.cbr("GET", f"/operation-logs/{uuid.uuid4()}")
    assert (answer.status, answer.json) == (
        404,
        {"error_code": "BackupService.6500", "error_msg": "Operation log does not exist."},
    )
    assert client.cbr("GET", "/backups/nope").json["unauthorized"]["message"] == "Malformed request url"


def test_the_first_backup_is_full_and_later_ones_small(client: Any, clock: Any) -> None:
    sizes = []
    for _ in range(3):
        client.create(FILES, incremental=True)
        clock.forward(60)
        vault = client.cbr("GET", f"/vaults/{FILES}").json["vault"]
        sizes.append(vault["resources"][0]["backup_size"])
    assert sizes[0] == 143 * GB
    increments = [sizes[1] - sizes[0], sizes[2] - sizes[1]]
    assert all(143 * GB * 0.005 - 1 <= size <= 143 * GB * 0.045 for size in increments)
    assert [row["incremental"] for row in client.list("backups", ("sort", "created_at:asc"))["backups"]] == [
        False,
        True,
        True,
    ]


def test_sizes_are_the_same_in_every_sandbox(client: Any, clock: Any, another: Any) -> None:
    def used(there: Any) -> Any:
        for _ in range(2):
            assert there.create().status == 200
            clock.forward(60)
        return there.cbr("GET", f"/vaults/{ERP}").json["vault"]["billing"]["used"]

    here = used(client)
    with Sandbox(clock=clock) as second:
        other = another()
        other.endpoint = second.endpoint
        other.__post_init__()
        assert used(other) == here
        other.connection.close()
    assert here > 138 * GB


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ([], ["three", "two-0001", "two-0002", "one"]),
        ([("vault_id", FILES)], ["three", "one"]),
        ([("resource_id", DB)], ["two-0002"]),
        ([("resource_name", "erp-app")], ["two-0001"]),
        ([("resource_type", "OS::Sfs::Turbo")], ["three", "one"]),
        ([("name", "one")], ["one"]),
        ([("name", "two")], []),
        ([("status", "protecting")], ["three"]),
        ([("status", "available")], ["two-0001", "two-0002", "one"]),
        ([("status", "available"), ("status", "protecting")], ["three", "two-0001", "two-0002", "one"]),
        ([("incremental", "true")], ["three"]),
        ([("image_type", "replication")], []),
        ([("enterprise_project_id", "0"), ("own_type", "private")], ["three", "two-0001", "two-0002", "one"]),
        ([("enterprise_project_id", "all_granted_eps")], ["three", "two-0001", "two-0002", "one"]),
        ([("enterprise_project_id", ERP)], []),
        ([("own_type", "shared")], []),
        (
            [("resource_az", "sandbox-1a"), ("dec", "false"), ("show_replication", "true"), ("member_status", "accepted")],
            ["three", "two-0001", "two-0002", "one"],
        ),
        ([("used_percent", "20")], ["two-0001", "two-0002"]),
        ([("start_time", "2026-11-23T07:05:51Z")], ["three", "two-0001", "two-0002"]),
        ([("start_time", "2026-11-23T07:05:51.304116")], ["three", "two-0001", "two-0002"]),
        ([("start_time", "2026-11-23T08:05:52+01:00")], ["three"]),
        ([("end_time", "2026-11-23T07:05:00Z")], ["one"]),
        ([("start_time", "2026-11-23T07:05:00Z"), ("end_time", "2026-11-23T07:06:00Z")], ["two-0001", "two-0002"]),
        ([("sort", "created_at:asc")], ["one", "two-0001", "two-0002", "three"]),
        ([("sort", "name")], ["two-0002", "two-0001", "three", "one"]),
        ([("sort", "status:asc,name:desc")], ["two-0002", "two-0001", "one", "three"]),
        ([("limit", "1")], ["three"]),
        ([("limit", "2"), ("offset", "1")], ["two-0001", "two-0002"]),
        ([("offset", "9")], []),
        ([("no_such_filter", "x")], ["three", "two-0001", "two-0002", "one"]),
    ],
)
@pytest.mark.usefixtures("three")
def test_backups_are_filtered_sorted_and_paged(client: Any, query: list[tuple[str, str]], found: list[str]) -> None:
    assert names(client, *query) == found


def test_backups_of_one_checkpoint(client: Any, three: list[str]) -> None:
    assert names(client, ("checkpoint_id", three[1])) == ["two-0001", "two-0002"]
    assert names(client, ("checkpoint_id", ERP)) == []


@pytest.mark.usefixtures("three")
def test_a_page_tells_how_many_there_are(client: Any) -> None:
    page = client.list("backups", ("vault_id", FILES), ("limit", "1"), ("offset", "1"))
    assert (page["count"], page["offset"], page["limit"]) == (2, 1, 1)
    assert client.list("backups")["limit"] == 1000


@pytest.mark.usefixtures("three")
def test_a_marker_is_the_last_id_of_the_page_before(client: Any) -> None:
    first = client.list("backups", ("limit", "2"))["backups"]
    second = client.list("backups", ("limit", "2"), ("marker", first[-1]["id"]))
    assert [row["name"] for row in second["backups"]] == ["two-0002", "one"]
    assert second["count"] == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", "ten"),
        ("limit", "9" * 5000),
        ("offset", "-1"),
        ("sort", "size"),
        ("sort", "name:up"),
        ("start_time", "yesterday"),
        ("marker", "m"),
        ("used_percent", "101"),
    ],
)
def test_a_bad_parameter_is_9900(client: Any, name: str, value: str) -> None:
    answer = client.cbr("GET", "/backups", query=[(name, value)])
    assert answer.status == 400
    assert answer.json == {"error_code": "BackupService.9900", "error_msg": f"Invalid {name} provided."}


def test_a_vault_has_numbers_and_objects(client: Any, clock: Any) -> None:
    client.create()
    clock.forward(60)
    answer = client.cbr("GET", f"/vaults/{ERP}")
    assert answer.status == 200
    vault = answer.json["vault"]
    assert (vault["name"], vault["provider_id"]) == ("erp", "0daac4c5-6707-4851-97ba-169e36266b66")
    billing = vault["billing"]
    assert (billing["size"], billing["allocated"], billing["used"]) == (500, 340, 138 * GB)  # GB, GB, MB
    assert (billing["status"], billing["object_type"], billing["protect_type"]) == ("available", "server", "backup")
    assert billing["spec_code"] == "vault.backup.server.normal"
    app = next(resource for resource in vault["resources"] if resource["id"] == APP)
    assert app == {
        "id": APP,
        "auto_protect": False,
        "name": "erp-app",
        "type": "OS::Nova::Server",
        "protect_status": "available",
        "size": 100,
        "backup_size": 39 * GB,
        "backup_count": 1,
        "extra_info": {},
    }


def test_a_vault_shows_what_is_being_protected(client: Any) -> None:
    client.create(resources=[APP])
    resources = client.cbr("GET", f"/vaults/{ERP}").json["vault"]["resources"]
    assert {held["id"]: held["protect_status"] for held in resources} == {APP: "protecting", DB: "available"}


def test_unknown_and_malformed_vaults(client: Any) -> None:
    answer = client.cbr("GET", f"/vaults/{uuid.uuid4()}")
    assert (answer.status, answer.json["error_code"]) == (404, "BackupService.6105")
    answer = client.cbr("GET", "/vaults/nope")
    assert answer.status == 400
    assert answer.json == {"error_code": "BackupService.9900", "error_msg": "Invalid vault_id provided."}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ([], {"erp", "files", "empty", "disks"}),
        ([("name", "erp")], {"erp"}),
        ([("id", ERP), ("id", FILES)], {"erp", "files"}),
        ([("object_type", "turbo")], {"files"}),
        ([("protect_type", "replication")], set()),
        ([("cloud_type", "public")], {"erp", "files", "empty", "disks"}),
        ([("status", "frozen")], set()),
        ([("resource_ids", f"{DB},{uuid.uuid4()}")], {"erp"}),
        ([("resource_ids", f"{DB},{SHARE}")], {"erp", "files"}),
        ([("policy_id", ERP)], set()),
    ],
)
def test_vaults_are_filtered(client: Any, query: list[tuple[str, str]], found: set[str]) -> None:
    answer = client.list("vaults", *query)
    assert {vault["name"] for vault in answer["vaults"]} == found
    assert answer["count"] == len(found)


def test_one_operation_log_per_resource_follows_the_clock(client: Any, clock: Any, sandbox: Any) -> None:
    sandbox.habits.suffixes = True
    checkpoint = client.create(name="nightly").json["checkpoint"]
    clock.forward(15)
    logs = client.list("operation-logs", ("vault_id", ERP), ("operation_type", "backup"))["operation_logs"]
    assert {log["checkpoint_id"] for log in logs} == {checkpoint["id"]}
    assert {log["extra_info"]["resource"]["id"] for log in logs} == {APP, DB}
    log = logs[0]
    assert (log["status"], log["ended_at"], log["vault_name"]) == ("running", None, "erp")
    assert log["extra_info"]["common"]["progress"] == 25
    assert log["extra_info"]["backup"]["incremental"] == "false"  # a string
    assert log["extra_info"]["backup"]["backup_name"] in {"nightly-0001", "nightly-0002"}
    clock.forward(45)
    log = client.cbr("GET", f"/operation-logs/{log['id']}").json["operation_log"]
    assert (log["status"], log["ended_at"]) == ("success", "2026-11-23T07:05:51.304116")
    assert log["error_info"] == {"code": "", "message": ""}
    assert log["extra_info"]["common"]["progress"] == 100


def test_a_skipped_resource_leaves_a_log_that_says_why(client: Any) -> None:
    client.create(resources=[APP])
    second = client.create().json["checkpoint"]["id"]
    (log,) = client.list("operation-logs", ("status", "skipped"))["operation_logs"]
    assert (log["checkpoint_id"], log["extra_info"]["resource"]["id"]) == (second, APP)
    assert log["error_info"] == {"code": "BackupService.6125", "message": "A backup task is in progress."}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ([], 4),
        ([("vault_id", FILES)], 2),
        ([("vault_name", "erp")], 2),
        ([("status", "running")], 1),
        ([("operation_type", "restore")], 0),
        ([("resource_id", SHARE)], 2),
        ([("resource_name", "erp-db")], 1),
        ([("provider_id", "3f3c3220-245c-4805-b811-758870015881")], 2),
        ([("start_time", "2026-11-23T07:05:00Z")], 3),
        ([("end_time", "2026-11-23T07:05:00Z")], 1),
        ([("checkpoint_id", ERP)], 4),  # there is no such filter
    ],
)
@pytest.mark.usefixtures("three")
def test_operation_logs_are_filtered(client: Any, query: list[tuple[str, str]], count: int) -> None:
    answer = client.list("operation-logs", *query)
    assert answer["count"] == len(answer["operation_logs"]) == count
    assert json.dumps(answer)
