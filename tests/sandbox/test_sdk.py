"""The official SDK, unpatched and in an environment of its own, as a client: of the sandbox, or of a real project.

RESTORE_POINT_SDK_PYTHON names an interpreter that has what .ci/sdk-requirements.txt pins.

RESTORE_POINT_REAL_PROJECT, never set in CI, is the path of a TOML file that describes a real project; the careful half of the
suite then runs there as well: one restore point in the named vault (which costs what a backup costs), followed to its end,
looked at, and deleted again. Nothing else of that project is touched. Its keys:

    cbr = "https://cbr.eu-de.otc.t-systems.com"
    project_id = "…"
    access_key = "…"
    secret_key = "…"
    security_token = "…"  # of temporary keys only
    vault_id = "…"
    patience = 7200       # seconds a backup or a deletion may take
    interval = 15         # seconds between two looks
"""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from handlers.sandbox import Sandbox, estate

ERP, APP, DB = estate.ERP_VAULT_ID, estate.ERP_APP_ID, estate.ERP_DB_ID
REAL = os.environ.get("RESTORE_POINT_REAL_PROJECT", "")
PLACES = ["sandbox", *(["real"] if REAL else [])]
ROOT = Path(__file__).parents[2]


def described(sandbox: Sandbox) -> dict[str, Any]:
    account = estate.ACCOUNT
    return dict.fromkeys(("cbr", "iam", "smn"), sandbox.endpoint) | {
        "project_id": estate.PROJECT_ID,
        "access_key": estate.ACCESS_KEY,
        "secret_key": estate.SECRET_KEY,
        "domain_id": account.domain_id,
        "domain_name": account.domain_name,
        "username": account.username,
        "password": account.password,
        "vault_id": ERP,
        "server_id": APP,
        "volume_id": estate.ERP_APP_DATA_DISK_ID,
        "topic_urn": estate.TOPIC_URN,
        "patience": 20,
        "interval": 0.05,
    }


def run(script: str, place: Path | str) -> Any:
    python = os.environ.get("RESTORE_POINT_SDK_PYTHON")
    if not python:
        pytest.skip("official SDK: set RESTORE_POINT_SDK_PYTHON")
    told = subprocess.run(
        [python, "-m", f"tests.sandbox.{script}", str(place)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def in_a_sandbox(script: str, folder: Path) -> dict[str, Any]:
    """What the client saw, and what the sandbox saw of it. Lists lag, names carry suffixes: this CBR is as bad as a real one."""
    place = folder / "place.toml"
    with Sandbox(speed=40) as sandbox:
        place.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in described(sandbox).items()), encoding="utf-8")
        told: dict[str, Any] = run(script, place)
        return told | {"posts": [post.status for post in sandbox.posts()], "published": sandbox.published}


@cache
def told_of(place: str, script: str, folder: Path) -> Any:
    if place == "real":
        return run(script, Path(REAL).resolve())
    return in_a_sandbox(script, folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sdk")


@pytest.fixture(params=PLACES)
def careful(request: pytest.FixtureRequest, folder: Path) -> Any:
    return told_of(request.param, "sdk_client", folder)


@pytest.fixture
def everything(folder: Path) -> Any:
    return told_of("sandbox", "sdk_everything", folder)


class TestOneRestorePoint:
    def test_is_made_and_followed(self, careful: Any) -> None:
        restored = careful["restored"]
        created = restored["created"]
        assert created["status"] == restored["statuses"][0] == "protecting"
        assert restored["statuses"][-1] == "available"
        assert created["extra_info"]["description"] == "from the SDK: é"
        for resource in created["vault"]["resources"]:
            assert int(resource["resource_size"]) > 0
            assert isinstance(json.loads(resource["extra_info"]), dict)

    def test_has_a_backup_of_every_resource(self, careful: Any) -> None:
        restored = careful["restored"]
        created, rows = restored["created"], restored["backups"]
        assert {row["resource_id"] for row in rows} == {resource["id"] for resource in created["vault"]["resources"]}
        assert all(row["name"].startswith(created["extra_info"]["name"]) for row in rows)
        assert restored["times_are_times"]
        assert restored["backup"]["id"] == rows[0]["id"]

    def test_has_logs(self, careful: Any) -> None:
        log = careful["restored"]["log"]
        assert log["checkpoint_id"] == careful["restored"]["created"]["id"]
        assert (log["operation_type"], log["status"], log["error_info"]["code"]) == ("backup", "success", "")
        assert log["extra_info"]["common"]["progress"] == 100
        assert log["extra_info"]["backup"]["incremental"] in ("true", "false")

    def test_is_found_by_every_filter(self, careful: Any) -> None:
        assert careful["filters"]
        assert [key for key, found in careful["filters"].items() if not found] == []

    def test_is_gone_once_deleted(self, careful: Any) -> None:
        deleted = careful["deleted"]
        assert {end["code"] for end in deleted["gone"]} == {"BackupService.6200"}
        assert deleted["left"] == 0

    def test_is_in_a_vault_that_is_listed_and_shown(self, careful: Any) -> None:
        seen = careful["vaults"]
        assert seen["vault"]["id"] in seen["listed"]
        assert seen["by_id"] == [seen["vault"]["id"]]
        assert seen["vault"]["billing"]["status"] == "available"

    def test_that_is_unknown_is_refused_with_a_request_id(self, careful: Any) -> None:
        unknown = careful["vaults"]["unknown"]
        assert (unknown["status"], unknown["code"]) == (404, "BackupService.6217")
        assert len(unknown["request_id"]) == 32


class TestWhereNothingMatters:
    def test_a_restore_point_with_every_field(self, everything: Any) -> None:
        created = everything["restored"]["created"]
        (resource,) = created["vault"]["resources"]
        assert (resource["id"], resource["resource_size"]) == (APP, "100")
        assert json.loads(resource["extra_info"]) == {"exclude_volumes": [estate.ERP_APP_DATA_DISK_ID]}
        assert created["extra_info"]["retention_duration"] == 30
        (row,) = everything["restored"]["backups"]
        assert [child["resource_id"] for child in row["children"]] == [estate.ERP_APP_SYSTEM_DISK_ID]

    def test_a_second_one_meanwhile_leaves_the_busy_server_out(self, everything: Any) -> None:
        again = everything["restored"]["again"]["answer"]["vault"]
        assert [(skipped["id"], skipped["code"]) for skipped in again["skipped_resources"]] == [(APP, "BackupService.6125")]
        assert [resource["id"] for resource in again["resources"]] == [DB]

    def test_an_automatic_one(self, everything: Any) -> None:
        automatic = everything["automatic"]
        assert automatic["statuses"][-1] == "available"
        assert all(row["extend_info"]["auto_trigger"] for row in automatic["backups"])

    def test_every_filter_at_once_is_understood(self, everything: Any) -> None:
        filters = everything["filters"]
        assert (filters["none"]["backups"], filters["none"]["count"], filters["none"]["limit"]) == ([], 0, 10)
        assert filters["no vault"]["vaults"] == []

    def test_a_marker_pages(self, everything: Any) -> None:
        assert everything["filters"]["pages"] == everything["filters"]["all"][:2]

    def test_a_vault_from_its_creation_to_its_end(self, everything: Any) -> None:
        changed = everything["changed"]
        assert (changed["made"]["name"], changed["made"]["billing"]["size"], changed["made"]["threshold"]) == (
            "sdk-made",
            200,
            70,
        )
        assert (changed["changed"]["name"], changed["changed"]["billing"]["size"]) == ("sdk-changed", 300)
        assert changed["moved"] == [[[APP], [APP]]] * 2
        assert changed["gone"]["code"] == "BackupService.6105"

    def test_a_token_and_temporary_keys(self, everything: Any) -> None:
        assert everything["identity"] == {"token_begins": "MII", "project": estate.PROJECT_ID, "opened": [ERP]}

    def test_a_message_and_a_topic(self, everything: Any) -> None:
        (message,) = everything["published"]
        topics = everything["topics"]
        assert (message["subject"], message["message"], message["message_id"]) == ("backup done", "Grüße", topics["message_id"])
        assert topics["made"].endswith(":sdk-made")
        assert {topics["made"], estate.TOPIC_URN} <= set(topics["listed"])
        assert (topics["shown"]["name"], topics["shown"]["display_name"]) == ("sdk-made", "of the SDK")
        assert (topics["gone"]["status"], topics["gone"]["code"]) == (404, "SMN.0006")
