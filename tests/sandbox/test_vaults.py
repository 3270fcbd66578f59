"""Vaults come, change and go, and resources with them. Limits and codes are those of the CBR API reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handlers.sandbox import estate
from handlers.sandbox.habits import Habits
from handlers.sandbox.vaults import Harm, Resource
from tests.sandbox.cloud import APP, DB, EMPTY, ERP, FILES, SHARE, Cloud, Refused

SPARE = {"id": estate.UNBOUND_SERVER_ID, "type": "OS::Nova::Server"}
NOWHERE = "00000000-0000-4000-8000-000000000000"
WELL = Habits.well_behaved()


def vault(**changed: Any) -> dict[str, Any]:
    billing = {"consistent_level": "crash_consistent", "object_type": "server", "protect_type": "backup", "size": 100}
    billing |= changed.pop("billing", {})
    return {"vault": {"name": "made", "billing": billing, "resources": [], **changed}}


def refusal(ask: Any, *given: Any, **named: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        ask(*given, **named)
    return refused.value.status, refused.value.code


class TestMaking:
    def test_it_shows_what_was_given(self) -> None:
        cloud = Cloud()
        asked = vault(
            description="d",
            tags=[{"key": "k", "value": "v"}],
            threshold=70,
            smn_notify=False,
            auto_bind=True,
            bind_rules={"tags": [{"key": "k", "value": "v"}]},
            billing={"consistent_level": "app_consistent", "cloud_type": "public", "charging_mode": "post_paid"},
            resources=[SPARE],
        )
        made = cloud.ask("POST", "/vaults", asked)["vault"]
        assert cloud.vault(made["id"]) == made
        assert (made["name"], made["description"], made["tags"]) == ("made", "d", [{"key": "k", "value": "v"}])
        assert (made["threshold"], made["smn_notify"], made["auto_bind"]) == (70, False, True)
        assert (made["billing"]["size"], made["billing"]["used"], made["billing"]["allocated"]) == (100, 0, 40)
        assert made["billing"]["consistent_level"] == "app_consistent"
        assert [each["id"] for each in made["resources"]] == [estate.UNBOUND_SERVER_ID]
        assert made["created_at"] == "2026-11-23T07:04:51.304116"
        assert {row["name"] for row in cloud.ask("GET", "/vaults")["vaults"]} == {"erp", "files", "empty", "disks", "made"}
        assert cloud.create(made["id"])["vault"]["resources"][0]["name"] == "spare-app"

    def test_a_vault_for_replicas_takes_no_backups(self) -> None:
        cloud = Cloud()
        made = cloud.ask("POST", "/vaults", vault(billing={"protect_type": "replication"}))["vault"]
        assert made["billing"]["spec_code"] == "vault.replication.server.normal"
        assert refusal(cloud.create, made["id"]) == (400, "6124")

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"billing": {"size": 9}}, (400, "6101")),
            ({"billing": {"size": 10_485_761}}, (400, "6101")),
            ({"billing": {"size": "100"}}, (400, "9900")),
            ({"billing": {"size": True}}, (400, "9900")),
            ({"billing": {"charging_mode": "pre_paid"}}, (400, "9900")),
            ({"billing": {"object_type": "rds"}}, (400, "6116")),
            ({"billing": {"object_type": "vmware"}, "resources": [SPARE]}, (400, "6102")),
            ({"billing": {"object_type": "workspace"}, "resources": [SPARE]}, (400, "6102")),
            ({"billing": {"is_auto_pay": 1}}, (400, "9900")),
            ({"billing": {"period_type": "week"}}, (400, "9900")),
            ({"billing": {"period_num": 0}}, (400, "9900")),
            ({"billing": {"object_type": "disk", "protect_type": "hybrid"}}, (400, "6116")),
            ({"billing": {"bogus": 1}}, (400, "9900")),
            ({"name": "two words"}, (400, "9900")),
            ({"description": "<"}, (400, "9900")),
            ({"tags": []}, (400, "9900")),
            ({"tags": [{"key": "k" * 37}]}, (400, "9900")),
            ({"tags": [{"key": "k", "value": "v" * 44}]}, (400, "9900")),
            ({"tags": [{"key": "k"}] * 21}, (400, "9900")),
            ({"tags": [{"key": "k", "value": "a"}, {"key": "k", "value": "b"}]}, (400, "9900")),
            ({"bind_rules": {"tags": 7}}, (400, "9900")),
            ({"bind_rules": {"tags": 0}}, (400, "9900")),
            ({"bind_rules": {"tags": False}}, (400, "9900")),
            ({"availability_zone": "z" * 33}, (400, "9900")),
            ({"backup_policy_id": ERP}, (404, "6000")),
            ({"resources": [SPARE] * 256}, (400, "9900")),
            ({"resources": [SPARE, SPARE]}, (400, "6104")),
            ({"resources": [{"id": APP, "type": "OS::Nova::Server"}]}, (400, "6103")),
            ({"resources": [{"id": SHARE, "type": "OS::Sfs::Turbo"}]}, (400, "6102")),
            ({"resources": [{"id": SHARE, "type": "OS::Nova::Server"}]}, (404, "6302")),
            ({"resources": [{"id": NOWHERE, "type": "OS::Nova::Server"}]}, (404, "6302")),
        ],
    )
    def test_what_is_refused(self, changed: dict[str, Any], expected: tuple[int, str]) -> None:
        cloud = Cloud()
        assert refusal(cloud.ask, "POST", "/vaults", vault(**changed)) == expected
        assert cloud.ask("GET", "/vaults")["count"] == len(estate.VAULTS)

    def test_it_has_to_end_somewhere(self) -> None:
        cloud = Cloud()
        for _ in range(1000 - len(estate.VAULTS)):
            cloud.ask("POST", "/vaults", vault())
        assert refusal(cloud.ask, "POST", "/vaults", vault()) == (400, "6133")


class TestChanging:
    def test_what_is_not_named_stays(self) -> None:
        cloud = Cloud()
        before = cloud.vault()
        cloud.forward(10)
        told = cloud.ask("PUT", f"/vaults/{ERP}", {"vault": {"name": "erp-2", "threshold": 90}})["vault"]
        assert cloud.vault() == told
        assert told == before | {"name": "erp-2", "threshold": 90, "updated_at": "2026-11-23T07:05:01.304116"}

    def test_another_capacity_locks_it_for_a_moment(self) -> None:
        cloud = Cloud()
        told = cloud.ask("PUT", f"/vaults/{ERP}", {"vault": {"billing": {"size": 600}}})["vault"]
        assert (told["billing"]["size"], told["billing"]["status"]) == (600, "lock")
        assert refusal(cloud.create) == (400, "6113")
        assert cloud.ask("POST", f"/vaults/{ERP}/addresources", {"resources": [SPARE]})  # possible meanwhile
        cloud.forward(2)
        assert cloud.create()["status"] == "protecting"

    def test_never_smaller_than_what_is_in_it(self) -> None:
        cloud = Cloud()
        cloud.create()
        assert refusal(cloud.ask, "PUT", f"/vaults/{ERP}", {"vault": {"billing": {"size": 137}}}) == (400, "6101")
        assert cloud.ask("PUT", f"/vaults/{ERP}", {"vault": {"billing": {"size": 138}}})["vault"]["billing"]["size"] == 138

    def test_a_lock_is_for_ever(self) -> None:
        cloud = Cloud()
        cloud.ask("PUT", f"/vaults/{ERP}", {"vault": {"locked": True}})
        assert refusal(cloud.ask, "PUT", f"/vaults/{ERP}", {"vault": {"locked": False}}) == (400, "9900")
        assert cloud.vault()["locked"] is True

    @pytest.mark.parametrize("status", ["frozen", "deleting", "error"])
    def test_not_in_a_wrong_state(self, status: str) -> None:
        cloud = Cloud()
        cloud.state.set_status(ERP, status)
        for method, path, body in (
            ("PUT", "", {"vault": {"name": "n"}}),
            ("POST", "/addresources", {"resources": [SPARE]}),
            ("POST", "/removeresources", {"resource_ids": [APP]}),
        ):
            assert refusal(cloud.ask, method, f"/vaults/{ERP}{path}", body) == (400, "6112")


class TestDeleting:
    def test_takes_everything_along(self) -> None:
        cloud = Cloud()
        made = cloud.create()
        cloud.create(FILES, name="kept")
        cloud.forward(60)
        assert cloud.ask("DELETE", f"/vaults/{ERP}") is None
        assert cloud.vault()["billing"]["status"] == "deleting"
        assert {row["status"] for row in cloud.backups(f"vault_id={ERP}")} == {"deleting"}
        assert cloud.show(made)["status"] == "deleting"
        assert refusal(cloud.ask, "DELETE", f"/vaults/{ERP}") == (400, "6112")
        (log,) = cloud.logs("operation_type=vault_delete")
        assert (log["status"], log["extra_info"]["vault_delete"]) == ("running", {"fail_count": 0, "total_count": 2})
        cloud.forward(10)
        assert refusal(cloud.vault) == (404, "6105")
        assert refusal(cloud.show, made) == (404, "6217")
        assert [row["name"] for row in cloud.backups()] == ["kept"]
        (log,) = cloud.logs("operation_type=vault_delete")
        assert (log["status"], log["vault_name"]) == ("success", "erp")
        taken = cloud.ask("POST", "/vaults", vault(resources=[{"id": APP, "type": "OS::Nova::Server"}]))["vault"]
        assert [each["id"] for each in taken["resources"]] == [APP]

    def test_not_while_a_backup_runs(self) -> None:
        cloud = Cloud()
        cloud.create(resources=[APP])
        assert refusal(cloud.ask, "DELETE", f"/vaults/{ERP}") == (400, "6112")

    def test_not_a_locked_one_with_backups(self) -> None:
        cloud = Cloud()
        cloud.ask("PUT", f"/vaults/{ERP}", {"vault": {"locked": True}})
        cloud.create()
        cloud.forward(60)
        assert refusal(cloud.ask, "DELETE", f"/vaults/{ERP}") == (400, "7301")


class TestResources:
    def test_one_added_shows_a_little_later(self) -> None:
        cloud = Cloud(habits=replace(WELL, settling=100.0))
        extra = {"exclude_volumes": [estate.UNBOUND_SERVER_DISK_ID]}
        body = {"resources": [SPARE | {"extra_info": extra}]}
        assert refusal(cloud.ask, "POST", f"/vaults/{EMPTY}/addresources", body) == (400, "9900")  # no disk is left
        added = cloud.ask("POST", f"/vaults/{EMPTY}/addresources", {"resources": [SPARE]})
        assert added == {"add_resource_ids": [estate.UNBOUND_SERVER_ID]}
        assert cloud.vault(EMPTY)["resources"] == []
        assert refusal(cloud.ask, "POST", f"/vaults/{ERP}/addresources", {"resources": [SPARE]}) == (400, "6103")
        cloud.forward(100)
        assert [each["id"] for each in cloud.vault(EMPTY)["resources"]] == [estate.UNBOUND_SERVER_ID]
        assert cloud.create(EMPTY)["status"] == "protecting"

    def test_what_a_vault_leaves_out_stays_out(self) -> None:
        spare = Resource(SPARE["id"], "two-disks", "OS::Nova::Server", estate.VAULTS[0].resources[0].disks)
        cloud = Cloud(of=replace(estate.DEFAULT, unbound=(spare,)))
        extra = {"exclude_volumes": [estate.ERP_APP_DATA_DISK_ID]}
        cloud.ask("POST", f"/vaults/{EMPTY}/addresources", {"resources": [SPARE | {"extra_info": extra}]})
        assert cloud.vault(EMPTY)["resources"][0]["extra_info"] == extra
        cloud.create(EMPTY)
        (row,) = cloud.backups()
        assert [child["resource_id"] for child in row["children"]] == [estate.ERP_APP_SYSTEM_DISK_ID]

    def test_256_are_the_most(self) -> None:
        disk = estate.VAULTS[0].resources[0].disks[:1]
        ids = [f"00000000-0000-4000-8000-{place:012}" for place in range(257)]
        spare = tuple(Resource(each, "s", "OS::Nova::Server", disk) for each in ids)
        cloud = Cloud(of=replace(estate.DEFAULT, unbound=spare), speed=100)
        rows = [{"id": each, "type": "OS::Nova::Server"} for each in ids]
        assert len(cloud.ask("POST", f"/vaults/{EMPTY}/addresources", {"resources": rows[:256]})["add_resource_ids"]) == 256
        assert refusal(cloud.ask, "POST", f"/vaults/{EMPTY}/addresources", {"resources": rows[256:]}) == (400, "6100")
        assert refusal(cloud.ask, "POST", f"/vaults/{EMPTY}/addresources", {"resources": rows}) == (400, "9900")

    def test_one_removed_goes_with_its_backups(self) -> None:
        cloud = Cloud()
        made = cloud.create()
        cloud.forward(60)
        removed = cloud.ask("POST", f"/vaults/{ERP}/removeresources", {"resource_ids": [APP, APP]})
        assert removed == {"remove_resource_ids": [APP]}
        assert {each["id"]: each["protect_status"] for each in cloud.vault()["resources"]} == {APP: "removing", DB: "available"}
        assert refusal(cloud.create, resources=[DB]) == (400, "6134")
        assert refusal(cloud.ask, "POST", f"/vaults/{ERP}/removeresources", {"resource_ids": [APP]}) == (400, "6134")
        assert {row["resource_id"]: row["status"] for row in cloud.backups()} == {APP: "deleting", DB: "available"}
        cloud.forward(10)
        assert [each["id"] for each in cloud.vault()["resources"]] == [DB]
        assert [row["resource_id"] for row in cloud.backups()] == [DB]
        assert cloud.show(made)["status"] == "available"
        assert [each["id"] for each in cloud.show(made)["vault"]["resources"]] == [APP, DB]
        assert refusal(cloud.create, resources=[APP]) == (400, "6135")
        (log,) = cloud.logs("operation_type=remove_resource")
        assert log["extra_info"]["remove_resources"]["resources"] == [{"id": APP, "type": "OS::Nova::Server", "name": "erp-app"}]
        cloud.ask("POST", f"/vaults/{EMPTY}/addresources", {"resources": [{"id": APP, "type": "OS::Nova::Server"}]})
        cloud.create(EMPTY)
        assert [row["incremental"] for row in cloud.backups(f"vault_id={EMPTY}")] == [False]

    def test_not_one_that_is_being_backed_up(self) -> None:
        cloud = Cloud()
        cloud.create(FILES, harm=Harm(seconds=600))
        assert refusal(cloud.ask, "POST", f"/vaults/{FILES}/removeresources", {"resource_ids": [SHARE]}) == (400, "6203")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/addresources"), ("POST", "/removeresources")]
)
def test_a_vault_that_is_not_there(method: str, path: str) -> None:
    cloud = Cloud()
    bodies = {"PUT": {"vault": {}}, "/addresources": {"resources": [SPARE]}, "/removeresources": {"resource_ids": [APP]}}
    body = bodies.get(path) or bodies.get(method)
    assert refusal(cloud.ask, method, f"/vaults/{NOWHERE}{path}", body) == (404, "6105")
    assert refusal(cloud.ask, method, f"/vaults/nope{path}", body) == (400, "9900")
