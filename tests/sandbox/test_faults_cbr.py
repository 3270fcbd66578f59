"""CBR's own faults: what comes of the vaults, and what is told about them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from handlers.errors import Misconfigured
from handlers.sandbox import Sandbox, estate
from tests.sandbox.plain import PROJECT, Came, Plain

ERP, FILES = estate.ERP_VAULT_ID, estate.FILES_VAULT_ID
SERVERS = {estate.ERP_APP_ID, estate.ERP_DB_ID}


def create(plain: Plain, vault_id: str = ERP, **parameters: Any) -> Came:
    return plain.call("POST", PROJECT + "/checkpoints", {"checkpoint": {"vault_id": vault_id, "parameters": parameters}})


def last(sandbox: Sandbox) -> tuple[str, int, int, bool]:
    seen = sandbox.exchanges[-1]
    return seen.fault, seen.status, seen.done, seen.applied


class TestBusy:
    @pytest.mark.parametrize(
        ("code", "status"),
        [("6125", 400), ("6203", 400), ("6130", 400), ("6134", 400), ("7200", 400), ("0001", 400), ("0002", 500)],
    )
    def test_in_every_way_it_may_say_so(self, sandbox: Sandbox, plain: Plain, code: str, status: int) -> None:
        sandbox.faults.add(f"busy:code={code}")
        came = create(plain)
        assert (came.status, came.json["error_code"]) == (status, f"BackupService.{code}")
        assert set(came.json) == {"error_code", "error_msg"}
        assert (last(sandbox), sandbox.restore_points()) == (("busy", status, status, False), [])
        assert create(plain).status == 200

    def test_because_of_a_policy_of_its_own(self, sandbox: Sandbox, plain: Plain, clock: Any) -> None:
        sandbox.faults.add("foreign:seconds=300")
        assert create(plain, name="mine").json["error_code"] == "BackupService.6125"
        (theirs,) = sandbox.restore_points()
        assert theirs["name"].startswith("autobk_")
        assert set(theirs["resources"]) == SERVERS
        clock.forward(299)
        assert create(plain).status == 400
        clock.forward(1)
        assert create(plain, name="mine").status == 200

    def test_with_a_code_that_nobody_published(self, sandbox: Sandbox) -> None:
        with pytest.raises(Exception, match="busy:code must be a published code, such as 6125"):
            sandbox.faults.add("busy:code=1234")


class TestAnyError:
    def test_before(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("error:code=6137,path=/checkpoints")
        assert create(plain).json["error_code"] == "BackupService.6137"
        assert sandbox.restore_points() == []

    def test_in_other_words_and_with_another_status(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add({"kind": "error", "code": "6125", "status": 409, "message": "Busy, sorry."})
        came = create(plain)
        assert (came.status, came.json) == (409, {"error_code": "BackupService.6125", "error_msg": "Busy, sorry."})

    def test_of_the_gateway_and_of_smn(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("error:code=SMN.0018,times=0", "error:code=APIGW.0613")
        came = create(plain)
        assert (came.status, came.json["error_code"]) == (503, "APIGW.0613")
        assert create(plain).status == 200
        path = f"/v2/{estate.PROJECT_ID}/notifications/topics/{sandbox.topic_urn}/publish"
        assert plain.call("POST", path, {"message": "m"}).json["code"] == "SMN.0018"
        assert sandbox.published == []

    def test_after_it_was_done(self, sandbox: Sandbox, plain: Plain) -> None:
        """A client that takes every 500 for «not done» makes a second one."""
        sandbox.faults.add("error:code=9910,when=after,path=/checkpoints")
        came = create(plain)
        assert (came.status, came.json["error_code"]) == (500, "BackupService.9910")
        assert last(sandbox) == ("error", 500, 200, True)
        assert len(sandbox.restore_points()) == 1

    def test_of_iam(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("error:code=IAM.0011,times=2")
        assert create(plain).status == 200
        for path in ("/v3/projects", "/v3/auth/catalog"):
            assert plain.call("GET", path).json["error_code"] == "IAM.0011"
        assert plain.call("GET", "/v3/projects").status == 200

    def test_of_the_one_service_only(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("error")
        assert plain.sign_in().token.startswith("MII")
        urn = sandbox.topic_urn
        sent = plain.call("POST", f"/v2/{estate.PROJECT_ID}/notifications/topics/{urn}/publish", {"message": "m"})
        assert sent.status == 200
        assert plain.list("vaults").status == 500


class TestLateApply:
    @pytest.mark.parametrize(("answer", "status", "end"), [("504", 504, "open"), ("reset", 0, "reset"), ("hang", 0, "silent")])
    def test_it_is_done_when_nobody_hears_of_it(
        self, sandbox: Sandbox, plain: Plain, clock: Any, answer: str, status: int, end: str
    ) -> None:
        sandbox.faults.add(f"late_apply:after=60,answer={answer}")
        body = {"checkpoint": {"vault_id": FILES, "parameters": {"name": "late"}}}
        came = plain.call("POST", PROJECT + "/checkpoints", body, patience=0.3)
        assert (came.status, came.end) == (status, end)
        assert last(sandbox) == ("late_apply", status, 0, False)
        assert came.body.endswith(b"}\n") is (status == 504)  # as everything of the gateway's
        clock.forward(59)
        assert sandbox.restore_points() == []
        clock.forward(2)
        assert [point["name"] for point in sandbox.restore_points()] == ["late"]
        plain.connect()
        (backup,) = plain.list("backups").json["backups"]
        assert backup["name"] == "late"

    def test_it_counts_as_applied_when_it_is(self, sandbox: Sandbox, plain: Plain, clock: Any) -> None:
        sandbox.faults.add("late_apply:after=60")
        create(plain, FILES)
        assert (sandbox.counts.posts, sandbox.counts.applied) == (1, 0)
        clock.forward(60)
        plain.list("vaults")
        assert (sandbox.counts.posts, sandbox.counts.applied) == (1, 1)

    def test_it_does_not_count_if_it_is_refused_then(self, sandbox: Sandbox, plain: Plain, clock: Any) -> None:
        sandbox.faults.add("late_apply:after=60", "slow:seconds=7200")
        create(plain, FILES)
        create(plain, FILES)  # runs when the late one would begin
        clock.forward(60)
        assert len(sandbox.restore_points()) == sandbox.counts.applied == 1


class TestSomeResources:
    def test_one_is_skipped_by_seed(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("skip:code=6215")
        vault = create(plain).json["checkpoint"]["vault"]
        (skipped,) = vault["skipped_resources"]
        assert skipped["code"] == "BackupService.6215"
        assert {skipped["id"]} | {resource["id"] for resource in vault["resources"]} == SERVERS
        assert last(sandbox) == ("skip", 200, 200, True)

    def test_which_one_follows_from_the_seed(self, clock: Any) -> None:
        found = []
        for seed in (1, 1, 2, 3, 4, 5, 6, 7):
            with Sandbox(clock=clock, seed=seed, faults=["skip"]) as sandbox:
                plain = Plain(sandbox).sign_in()
                found.append(create(plain).json["checkpoint"]["vault"]["skipped_resources"][0]["id"])
                plain.close()
        assert found[0] == found[1]
        assert set(found) == SERVERS

    def test_all_are_skipped(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("skip:which=all,code=7101")
        came = create(plain)
        assert came.status == 200
        vault = came.json["checkpoint"]["vault"]
        assert vault["resources"] == []
        assert Counter(each["code"] for each in vault["skipped_resources"]) == {"BackupService.7101": 2}

    def test_hours_later_they_fail(self, sandbox: Sandbox, plain: Plain, clock: Any) -> None:
        sandbox.faults.add("fail:after=7200,code=7101")
        checkpoint_id = create(plain).json["checkpoint"]["id"]

        def status() -> str:
            return str(plain.call("GET", f"{PROJECT}/checkpoints/{checkpoint_id}").json["checkpoint"]["status"])

        assert status() == "protecting"
        clock.forward(7199)
        assert status() == "protecting"
        clock.forward(1)
        assert status() == "error"
        assert {backup["status"] for backup in plain.list("backups").json["backups"]} == {"error"}
        logs = plain.list("operation-logs").json["operation_logs"]
        assert {log["status"] for log in logs} == {"failed"}
        assert {log["error_info"]["code"] for log in logs} == {"BackupService.7101"}

    def test_one_of_them_fails(self, sandbox: Sandbox, plain: Plain, clock: Any) -> None:
        sandbox.faults.add("fail:which=one,after=10")
        create(plain)
        clock.forward(3600)
        backups = plain.list("backups").json["backups"]
        assert Counter(backup["status"] for backup in backups) == {"error": 1, "available": 1}

    @pytest.mark.parametrize("fault", ["slow:seconds=300", "foreign:seconds=300", "fail:after=300"])
    def test_their_seconds_are_those_of_the_clock(self, clock: Any, fault: str) -> None:
        """Whatever the speed, which is that of ordinary work."""
        with Sandbox(clock=clock, speed=100, faults=[fault], well_behaved=True) as sandbox:
            plain = Plain(sandbox).sign_in()
            create(plain)
            clock.forward(299)
            assert sandbox.restore_points()[0]["status"] == "protecting"
            clock.forward(1)
            assert sandbox.restore_points()[0]["status"] != "protecting"
            plain.close()

    def test_they_take_long(self, sandbox: Sandbox, plain: Plain, clock: Any) -> None:
        sandbox.faults.add("slow:seconds=5000")
        create(plain)
        clock.forward(4999)
        assert sandbox.restore_points()[0]["status"] == "protecting"
        clock.forward(1)
        assert sandbox.restore_points()[0]["status"] == "available"


class TestTheVault:
    def test_is_full(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("full")
        assert create(plain).json["error_code"] == "BackupService.6114"
        assert create(plain).json["error_code"] == "BackupService.6114"  # it stays so
        assert plain.control("POST", "/state", {"fill": {"vault_id": ERP, "percent": 10}}).status == 200
        assert create(plain).status == 200

    def test_is_frozen(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("frozen")
        assert create(plain).json["error_code"] == "BackupService.6113"
        assert plain.control("POST", "/state", {"status": {"vault_id": ERP, "status": "available"}}).status == 200
        assert create(plain).status == 200

    def test_and_all_else_by_the_control_path(self, sandbox: Sandbox, plain: Plain) -> None:
        changes = {
            "foreign": {"vault_id": ERP, "seconds": 60},
            "protect_status": {"resource_id": estate.FILES_SHARE_ID, "status": "error"},
        }
        assert plain.control("POST", "/state", changes).status == 200
        assert create(plain).json["error_code"] == "BackupService.6125"
        assert create(plain, FILES).status == 400

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"fill": {"vault_id": "nowhere", "percent": 5}}, "fill.vault_id is the id or name of no vault here; there are erp "),
            ({"fill": {"vault_id": ERP, "percent": "5"}}, "fill.percent must be a number from 0 to 1000"),
            ({"fill": {"vault_id": ERP, "percent": -5}}, "fill.percent must be a number from 0 to 1000"),
            ({"fill": {"percent": 5}}, "fill.vault_id is missing"),
            ({"fill": {"vault_id": ERP, "per_cent": 5}}, "fill.per_cent is unknown; fill takes vault_id and percent"),
            ({"fill": 5}, "fill must be an object with vault_id and percent"),
            ({"melt": 1}, "'melt' is nothing one can change; there are fill, status, protect_status, resource_state, foreign"),
            (
                {"status": {"vault_id": ERP, "status": "iced"}},
                "status.status must be one of available, lock, frozen, deleting, error, replicating",
            ),
            (
                {"protect_status": {"resource_id": estate.ERP_DB_ID, "status": "protected"}},
                "protect_status.status must be one of available, error, protecting, restoring, removing",
            ),
            ({"resource_state": {"resource_id": "erp-db", "state": "runing"}}, "resource_state.state must be one of running, "),
            ({"resource_state": {"resource_id": ERP, "state": "error"}}, "resource_state.resource_id is the id or name of no "),
            ({}, "nothing is asked for; there are fill, status, protect_status, resource_state, foreign"),
            ([], "must be an object"),
        ],
    )
    def test_nonsense_changes_nothing_and_is_told_what_would_do(self, plain: Plain, change: Any, said: str) -> None:
        good = {"status": {"vault_id": ERP, "status": "frozen"}}
        came = plain.control("POST", "/state", {**good, **change} if change and "status" not in change else change)
        assert came.status == 400, came.body
        assert came.json["error"].startswith(said)
        assert create(plain).status == 200

    def test_names_do_for_ids(self, plain: Plain) -> None:
        assert plain.control("POST", "/state", {"status": {"vault_id": "erp", "status": "frozen"}}).status == 200
        assert plain.control("POST", "/state", {"resource_state": {"resource_id": "files-share", "state": "error"}}).status == 200
        assert create(plain).json["error_code"] == "BackupService.6113"
        assert create(plain, FILES).json["error_code"] == "BackupService.0001"

    def test_a_status_there_is_not(self, sandbox: Sandbox) -> None:
        with pytest.raises(Misconfigured, match="frozen:status must be one of available, lock, frozen"):
            sandbox.faults.add("frozen:status=iced")


class TestWhatListsSay:
    def names(self, plain: Plain, query: str = "") -> list[str]:
        return sorted(backup["name"] for backup in plain.call("GET", f"{PROJECT}/backups{query}").json["backups"])

    def test_they_lag(self, sandbox: Sandbox, plain: Plain, clock: Any) -> None:
        create(plain, FILES, name="x")
        assert self.names(plain) == ["x"]
        sandbox.faults.add("list_lag:seconds=600,times=1")
        assert self.names(plain) == []
        assert self.names(plain) == ["x"]  # once
        clock.forward(600)
        sandbox.faults.add("list_lag:seconds=600")
        assert self.names(plain) == ["x"]
        assert sandbox.habits.list_lag == 0.0

    def test_names_are_compared_loosely(self, sandbox: Sandbox, plain: Plain) -> None:
        create(plain, FILES, name="nightly-1")
        assert self.names(plain, "?name=nightly") == []
        sandbox.faults.add("fuzzy_name:times=1")
        assert self.names(plain, "?name=nightly") == ["nightly-1"]
        sandbox.faults.add("fuzzy_name:mode=ignored,times=1")
        assert self.names(plain, "?name=other") == ["nightly-1"]
        assert self.names(plain, "?name=other") == []

    def test_full_ones_are_left_out(self, sandbox: Sandbox, plain: Plain) -> None:
        create(plain, FILES, name="full")
        sandbox.faults.add("hide_full")
        assert self.names(plain) == []
        assert self.names(plain, "?incremental=false") == ["full"]

    def test_the_count_is_wrong(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("count_wrong:by=7")
        found = plain.list("vaults").json
        assert found["count"] == len(found["vaults"]) + 7

    def test_words_and_fields_nobody_knows(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("unknown_enum:path=/checkpoints", "new_fields:path=/vaults")
        checkpoint = create(plain).json["checkpoint"]
        assert checkpoint["status"] == "quiescing"
        assert {resource["protect_status"] for resource in checkpoint["vault"]["resources"]} == {"quiescing"}
        found = plain.list("vaults").json
        assert "x_new" in found
        assert all("x_new" in vault and "x_new" in vault["billing"] for vault in found["vaults"])

    def test_another_vault_than_was_asked(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("other_vault")
        checkpoint = create(plain, FILES, name="mine").json["checkpoint"]
        assert checkpoint["vault"]["id"] != FILES
        assert checkpoint["extra_info"]["name"] != "mine"
        assert sandbox.restore_points()[0]["vault_id"] == FILES


def test_tokens_end_when_told(sandbox: Sandbox, plain: Plain) -> None:
    assert plain.control("POST", "/tokens/expire").status == 200
    assert plain.list("vaults").json["error_code"] == "APIGW.0307"
    assert plain.sign_in().list("vaults").status == 200
    assert sandbox.exchanges[-1].status == 200


def test_the_same_seed_and_the_same_requests_give_the_same_answers_to_the_letter(clock: Any) -> None:
    faults = ["skip:times=0,chance=0.5", "truncate:times=0,chance=0.2,path=/checkpoints"]

    def story(seed: int) -> list[bytes]:
        clock.now = 1795417491.304116
        with Sandbox(clock=clock, seed=seed, faults=faults) as sandbox:
            plain = Plain(sandbox)
            told = []
            plain.sign_in()
            for number in range(12):
                told.append(create(plain, name=f"n-{number}").raw)
                plain.connect()
                told.append(plain.list("backups").raw)
                clock.forward(61)
            plain.close()
        return told

    first = story(3)
    assert story(3) == first
    assert story(4) != first
