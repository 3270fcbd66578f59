"""The life of restore points with a moving clock: how they end, what goes wrong in them, and how they go away."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.sandbox import estate
from handlers.sandbox.vaults import Harm
from tests.sandbox.cloud import APP, DB, DISKS, EMPTY, ERP, FILES, MAIL, SHARE, Cloud, Refused, roomy

DAY = 86_400
GB = 1024


def refusal(ask: Any, *given: Any, **named: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        ask(*given, **named)
    return refused.value.status, refused.value.code


class TestABackupThatFails:
    def test_runs_until_then_and_takes_no_room(self) -> None:
        cloud = Cloud()
        made = cloud.create(FILES, harm=Harm(fail="all", fail_code="7101", fail_after=7200))
        (log,) = cloud.logs()
        assert (log["status"], log["error_info"]) == ("running", {"code": "", "message": ""})
        cloud.forward(7199)
        assert cloud.show(made)["status"] == "protecting"
        assert cloud.vault(FILES)["billing"]["used"] == 143 * GB
        cloud.forward(1)
        shown = cloud.show(made)
        assert (shown["status"], shown["vault"]["resources"][0]["protect_status"]) == ("error", "error")
        (row,), (log,) = cloud.backups(), cloud.logs()
        assert row["status"] == "error"
        assert (log["status"], log["ended_at"]) == ("failed", row["updated_at"])
        assert log["error_info"] == {
            "code": "BackupService.7101",
            "message": "Backup is not allowed in the current server status.",
        }
        vault = cloud.vault(FILES)
        assert (vault["billing"]["used"], vault["resources"][0]["backup_count"]) == (0, 0)
        assert vault["resources"][0]["protect_status"] == "error"

    def test_is_no_ground_for_an_incremental_one(self) -> None:
        cloud = Cloud()
        cloud.create(FILES, harm=Harm(fail="all"))
        cloud.forward(60)
        cloud.create(FILES)
        assert [row["incremental"] for row in cloud.backups()] == [False, False]

    def test_hinders_the_next_one_only_while_it_runs(self) -> None:
        cloud = Cloud()
        cloud.create(FILES, harm=Harm(fail="all", fail_after=7200))
        assert refusal(cloud.create, FILES) == (400, "6125")
        cloud.forward(7200)
        assert cloud.create(FILES)["status"] == "protecting"

    def test_may_have_timed_out(self) -> None:
        cloud = Cloud(speed=60)
        cloud.create(FILES, harm=Harm(fail="all", fail_after=DAY, timeout=True))
        cloud.forward(DAY)  # the calendar is never shortened
        assert [log["status"] for log in cloud.logs()] == ["timeout"]

    def test_leaves_the_others_alone(self) -> None:
        cloud = Cloud()
        cloud.create(harm=Harm(fail=frozenset({DB}), fail_code="BackupService.7101"))
        cloud.forward(60)
        assert {log["extra_info"]["resource"]["id"]: log["status"] for log in cloud.logs()} == {APP: "success", DB: "failed"}
        assert {row["resource_id"]: row["status"] for row in cloud.backups()} == {APP: "available", DB: "error"}
        assert cloud.vault()["billing"]["used"] == 39 * GB


def test_a_slow_backup_takes_as_long_as_it_was_told_to() -> None:
    cloud = Cloud(speed=2)
    made = cloud.create(FILES, harm=Harm(seconds=600))
    cloud.forward(300)
    assert cloud.logs()[0]["extra_info"]["common"]["progress"] == 50
    cloud.forward(299)
    assert cloud.show(made)["status"] == "protecting"
    cloud.forward(1)
    assert cloud.show(made)["status"] == "available"


class TestSkipping:
    def test_one(self) -> None:
        cloud = Cloud()
        vault = cloud.create(harm=Harm(skip=frozenset({APP}), skip_code="8300"))["vault"]
        assert [each["id"] for each in vault["resources"]] == [DB]
        (skipped,) = vault["skipped_resources"]
        assert (skipped["id"], skipped["code"], skipped["reason"]) == (APP, "BackupService.8300", "Insufficient snapshot quota.")

    def test_all_of_them_leaves_a_restore_point_of_nothing(self) -> None:
        cloud = Cloud()
        made = cloud.create(harm=Harm(skip="all", skip_code="7101"))
        assert (made["status"], made["vault"]["resources"], len(made["vault"]["skipped_resources"])) == ("protecting", [], 2)
        cloud.forward(1)
        assert cloud.show(made)["status"] == "error"
        assert cloud.backups() == []
        assert [(log["status"], log["error_info"]["code"]) for log in cloud.logs()] == [("skipped", "BackupService.7101")] * 2
        log_id = cloud.logs()[0]["id"]
        assert cloud.ask("GET", f"/operation-logs/{log_id}")["operation_log"]["id"] == log_id


@pytest.mark.parametrize(
    ("status", "code"),
    [("lock", "6113"), ("frozen", "6113"), ("deleting", "6113"), ("error", "6113"), ("replicating", "6130")],
)
def test_a_vault_in_a_wrong_state_refuses(status: str, code: str) -> None:
    cloud = Cloud()
    cloud.state.set_status(ERP, status)
    assert refusal(cloud.create) == (400, code)
    assert cloud.vault()["billing"]["status"] == ("available" if status == "replicating" else status)
    cloud.state.set_status(ERP, "available")
    assert cloud.create()["status"] == "protecting"


def test_a_vault_that_was_filled_refuses() -> None:
    cloud = Cloud()
    cloud.state.fill(ERP, 99)
    assert cloud.vault()["billing"]["used"] == 500 * GB * 99 // 100
    assert cloud.ask("GET", "/backups?used_percent=99")["count"] == 0
    cloud.create(name="last")
    assert cloud.ask("GET", "/backups?used_percent=99")["count"] == 2
    cloud.forward(60)
    assert refusal(cloud.create) == (400, "6114")
    cloud.state.fill(ERP, 10)
    assert cloud.create()["status"] == "protecting"


@pytest.mark.parametrize(
    ("vault_id", "resource_id", "state", "code"),
    [
        (ERP, APP, "error", "7101"),
        (ERP, APP, "missing", "7100"),
        (ERP, APP, "BackupService.8300", "8300"),
        (ERP, estate.ERP_APP_DATA_DISK_ID, "creating", "7003"),
        (DISKS, MAIL, "error", "7003"),
        (DISKS, MAIL, "missing", "7000"),
        (DISKS, MAIL, "7203", "7203"),
        (FILES, SHARE, "creating", "6215"),
    ],
)
def test_a_resource_in_a_wrong_state_is_skipped(vault_id: str, resource_id: str, state: str, code: str) -> None:
    cloud = Cloud()
    cloud.state.set_resource_state(resource_id, state)
    if vault_id == FILES:  # nothing remains
        assert refusal(cloud.create, vault_id) == (400, "0001")
    else:
        assert [each["code"] for each in cloud.create(vault_id)["vault"]["skipped_resources"]] == [f"BackupService.{code}"]
    cloud.state.set_resource_state(resource_id, "")
    cloud.forward(60)
    assert cloud.create(vault_id)["vault"]["skipped_resources"] == []


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_running_and_stopped_servers_can_be_backed_up(state: str) -> None:
    cloud = Cloud()
    cloud.state.set_resource_state(APP, state)
    assert cloud.create()["vault"]["skipped_resources"] == []


@pytest.mark.parametrize(("status", "code"), [("error", "7101"), ("restoring", "2010"), ("protecting", "6125")])
def test_a_protect_status_that_hinders(status: str, code: str) -> None:
    cloud = Cloud()
    cloud.state.set_protect_status(APP, status)
    assert {each["id"]: each["protect_status"] for each in cloud.vault()["resources"]} == {APP: status, DB: "available"}
    assert [each["code"] for each in cloud.create()["vault"]["skipped_resources"]] == [f"BackupService.{code}"]
    cloud.state.set_protect_status(APP, "available")
    assert cloud.create(resources=[APP])["vault"]["skipped_resources"] == []


def test_a_resource_on_its_way_out_hinders_the_whole_vault() -> None:
    cloud = Cloud()
    cloud.state.set_protect_status(APP, "removing")
    assert refusal(cloud.create, resources=[DB]) == (400, "6134")


def test_busy_and_unwell_together_are_nothing_left() -> None:
    cloud = Cloud()
    cloud.create(resources=[APP])
    cloud.state.set_resource_state(DB, "error")
    assert refusal(cloud.create) == (400, "0001")
    assert refusal(cloud.create, resources=[APP]) == (400, "6125")


def test_a_disk_is_backed_up_in_one_piece() -> None:
    cloud = Cloud()
    cloud.create(DISKS, name="n", resources=[MAIL])
    (row,) = cloud.backups()
    assert (row["resource_type"], row["resource_size"], row["children"]) == ("OS::Cinder::Volume", 120, [])
    assert row["provider_id"] == "d1603440-187d-4516-af25-121250c7cc97"
    assert cloud.vault(DISKS)["billing"]["spec_code"] == "vault.backup.volume.normal"


class TestLateAndForeign:
    def test_a_late_create_is_applied_at_its_time(self) -> None:
        cloud = Cloud()
        asked = cloud.state.checkpoint(cloud.create(FILES, name="n")["id"]).asked
        cloud.forward(60)
        cloud.state.later(asked, cloud.now + 40)
        cloud.forward(39)
        assert len(cloud.backups()) == 1
        cloud.forward(100)
        first, second = cloud.backups()
        assert (second["created_at"], second["status"]) == ("2026-11-23T07:06:31.304116", "available")
        assert first["name"] == second["name"] == "n"

    def test_nobody_hears_that_a_late_one_was_refused(self) -> None:
        cloud = Cloud()
        asked = cloud.state.checkpoint(cloud.create(FILES)["id"]).asked
        cloud.state.later(asked, cloud.now + 5, Harm(seconds=1))
        cloud.forward(600)
        assert len(cloud.backups()) == 1

    def test_cbrs_own_policy_backs_up_the_whole_vault(self) -> None:
        cloud = Cloud()
        taken = cloud.state.foreign(ERP, cloud.now, 600)
        assert taken
        assert refusal(cloud.create) == (400, "6125")
        first, second = cloud.backups()
        assert (first["resource_id"], second["resource_id"]) == (APP, DB)
        assert first["name"].startswith("autobk_")
        assert first["extend_info"]["auto_trigger"] is True
        assert cloud.logs()[0]["policy_id"]
        assert cloud.state.foreign(ERP, cloud.now, 600) is None  # the previous run still runs
        assert cloud.state.foreign(EMPTY, cloud.now) is None
        cloud.forward(600)
        assert cloud.create()["status"] == "protecting"


class TestDeletingABackup:
    def test_is_seen_going_and_then_gone(self) -> None:
        cloud = Cloud()
        made = cloud.create(FILES)
        cloud.forward(60)
        (row,) = cloud.backups()
        assert cloud.ask("DELETE", f"/backups/{row['id']}") is None
        assert [each["status"] for each in cloud.backups()] == ["deleting"]
        assert (cloud.show(made)["status"], cloud.vault(FILES)["billing"]["used"]) == ("deleting", 0)
        assert refusal(cloud.ask, "DELETE", f"/backups/{row['id']}") == (400, "6201")
        log = cloud.logs("operation_type=delete")[0]
        assert (log["status"], log["extra_info"]["delete"]["backup_id"], log["checkpoint_id"]) == (
            "running",
            row["id"],
            made["id"],
        )
        cloud.forward(5)
        assert cloud.backups() == []
        assert refusal(cloud.ask, "GET", f"/backups/{row['id']}") == (404, "6200")
        assert refusal(cloud.ask, "DELETE", f"/backups/{row['id']}") == (404, "6200")
        assert cloud.show(made)["status"] == "deleted"
        assert {log["operation_type"]: log["status"] for log in cloud.logs()} == {"backup": "success", "delete": "success"}

    def test_takes_its_children_along_and_nothing_else(self) -> None:
        cloud = Cloud()
        made = cloud.create()
        cloud.forward(60)
        app, db = cloud.backups()
        child = app["children"][0]["id"]
        assert refusal(cloud.ask, "DELETE", f"/backups/{child}") == (400, "6201")
        cloud.ask("DELETE", f"/backups/{app['id']}")
        assert cloud.ask("GET", f"/backups/{child}")["backup"]["status"] == "deleting"
        cloud.forward(5)
        assert refusal(cloud.ask, "GET", f"/backups/{child}") == (404, "6200")
        assert [row["id"] for row in cloud.backups()] == [db["id"]]
        assert cloud.show(made)["status"] == "available"
        assert {each["id"]: each["backup_count"] for each in cloud.vault()["resources"]} == {APP: 0, DB: 1}

    def test_makes_the_next_one_full(self) -> None:
        cloud = Cloud()
        cloud.create(FILES)
        cloud.forward(60)
        cloud.ask("DELETE", f"/backups/{cloud.backups()[0]['id']}")
        cloud.forward(60)
        cloud.create(FILES)
        assert [row["incremental"] for row in cloud.backups()] == [False]

    def test_is_refused_while_it_runs_is_restored_or_protected(self) -> None:
        cloud = Cloud()
        cloud.create(FILES, auto_trigger=True)
        (row,) = cloud.backups()
        path = f"/backups/{row['id']}"
        assert refusal(cloud.ask, "DELETE", path) == (400, "6201")
        cloud.forward(60)
        cloud.state.set_protect_status(SHARE, "restoring")
        assert refusal(cloud.ask, "DELETE", path) == (400, "6216")
        cloud.state.set_protect_status(SHARE, "available")
        cloud.ask("PUT", f"/vaults/{FILES}", {"vault": {"locked": True}})
        assert refusal(cloud.ask, "DELETE", path) == (400, "6220")
        cloud.state.set_status(FILES, "deleting")
        assert refusal(cloud.ask, "DELETE", path) == (400, "6201")
        assert len(cloud.backups("status=available")) == 1


class TestTimeGoesBy:
    def test_a_retained_backup_expires(self) -> None:
        cloud = Cloud()
        made = cloud.create(FILES, retention_duration_days=2)
        cloud.forward(2 * DAY - 1)
        assert [row["expired_at"] for row in cloud.backups()] == ["2026-11-25T07:04:51.304116"]
        cloud.forward(1)
        assert cloud.backups() == []
        assert (cloud.show(made)["status"], cloud.vault(FILES)["billing"]["used"]) == ("deleted", 0)

    def test_one_that_still_runs_ends_first(self) -> None:
        cloud = Cloud()
        made = cloud.create(FILES, Harm(seconds=3 * DAY), retention_duration_days=2)
        cloud.forward(3 * DAY - 1)
        assert cloud.show(made)["status"] == "protecting"
        cloud.forward(1)
        assert cloud.show(made)["status"] == "deleted"

    def test_logs_are_shown_for_thirty_days(self) -> None:
        cloud = Cloud()
        cloud.create(FILES)
        log_id = cloud.logs()[0]["id"]
        cloud.forward(60)
        cloud.ask("DELETE", f"/backups/{cloud.backups()[0]['id']}")
        cloud.forward(30 * DAY - 61)
        assert len(cloud.logs()) == 2
        cloud.forward(2)
        assert [log["operation_type"] for log in cloud.logs()] == ["delete"]
        assert refusal(cloud.ask, "GET", f"/operation-logs/{log_id}") == (404, "6500")
        cloud.forward(60)
        assert cloud.logs() == []

    def test_a_deleted_restore_point_is_forgotten_with_its_logs(self) -> None:
        cloud = Cloud()
        made = cloud.create(FILES, retention_duration_days=1)
        cloud.forward(30 * DAY)
        assert refusal(cloud.show, made) == (404, "6217")
        assert not cloud.state.checkpoints

    def test_a_clock_that_goes_back_hides_nothing(self) -> None:
        cloud = Cloud(of=roomy())
        cloud.create(FILES, name="tomorrow")
        cloud.forward(-DAY)
        cloud.create(ERP, name="today", resources=[APP])
        assert [row["name"] for row in cloud.backups("start_time=2026-11-23T00:00:00Z")] == ["tomorrow"]
        cloud.forward(DAY + 60)
        assert [row["name"] for row in cloud.backups("sort=created_at:asc")] == ["today", "tomorrow"]
