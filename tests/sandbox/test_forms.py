"""What CBR, IAM and the gateway take in more forms than one, and what they take in one form only."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from handlers import signing
from handlers.sandbox import Sandbox, estate
from tests.sandbox.callers import PASSWORD
from tests.sandbox.cloud import APP, ERP, Cloud, Refused
from tests.sandbox.plain import CREATE, PROJECT, Plain

_KNOWN = {
    "backups": {"checkpoint_id", "parent_id", "vault_id", "resource_id", "name", "status"},
    "vaults": {"name", "status"},
    "operation-logs": {"vault_id", "resource_id", "status"},
}
SPARE = {"id": estate.UNBOUND_SERVER_ID, "type": "OS::Nova::Server"}


def vault(**changed: Any) -> Any:
    billing = {"consistent_level": "crash_consistent", "object_type": "server", "protect_type": "backup", "size": 100}
    return {"vault": {"name": "made", "resources": [], **changed, "billing": billing | changed.get("billing", {})}}


class TestVaults:
    def test_what_goes_with_an_order_may_be_said(self) -> None:
        said = {"period_type": "month", "period_num": 3, "is_auto_renew": False, "is_auto_pay": True}
        made = Cloud().ask("POST", "/vaults", vault(billing=said))["vault"]
        assert made["billing"]["charging_mode"] == "post_paid"

    @pytest.mark.parametrize(
        ("kind", "provider", "protect"),
        [
            ("workspace", "86a80900-71bf-4961-956a-d52df944f84a", "backup"),
            ("vmware", "a13639de-00be-4e94-af30-26912d75e4a2", "hybrid"),
        ],
    )
    def test_of_the_types_that_only_huawei_has(self, kind: str, provider: str, protect: str) -> None:
        cloud = Cloud()
        made = cloud.ask("POST", "/vaults", vault(billing={"object_type": kind, "protect_type": protect}))["vault"]
        assert (made["billing"]["object_type"], made["provider_id"]) == (kind, provider)
        assert [each["id"] for each in cloud.ask("GET", f"/vaults?object_type={kind}")["vaults"]] == [made["id"]]
        cloud.ask("DELETE", f"/vaults/{made['id']}")
        assert made["id"] in {log["vault_id"] for log in cloud.logs()}

    def test_are_found_by_their_enterprise_project_and_so_are_their_backups(self) -> None:
        cloud = Cloud()
        made = cloud.ask("POST", "/vaults", vault(enterprise_project_id="ours", resources=[SPARE]))["vault"]
        cloud.create(made["id"])
        cloud.create()

        def found(what: str, project: str) -> set[str]:
            rows = cloud.ask("GET", f"/{what}?enterprise_project_id={project}")[what]
            assert {row["enterprise_project_id"] for row in rows} <= {project} or project == "all_granted_eps"
            return {row.get("vault_id", row["id"]) for row in rows}

        assert found("vaults", "ours") == found("backups", "ours") == {made["id"]}
        assert found("backups", "0") == {ERP}
        assert made["id"] not in found("vaults", "0")
        assert found("backups", "all_granted_eps") == {ERP, made["id"]}

    def test_show_whatever_was_seen_on_the_wire(self) -> None:
        shown = Cloud().vault()
        fields = ("user_id", "version", "sys_lock_source_service", "cbc_delete_count", "supplier", "cross_account_urn")
        assert set(fields) <= set(shown)
        paid = ("storage_unit", "order_id", "product_id", "frozen_scene", "is_double_az", "partner_bp_id")
        assert set(paid) <= set(shown["billing"])
        assert {each["auto_protect"] for each in shown["resources"]} == {False}


class TestLists:
    @pytest.mark.parametrize("name", ["name", "vault_id", "status", "id"])
    def test_all_enterprise_projects_are_no_other_parameters_word(self, name: str) -> None:
        assert Cloud().ask("GET", f"/vaults?{name}=all_granted_eps")["count"] == (4 if name == "vault_id" else 0)

    @pytest.mark.parametrize(
        "query", ["sort=" + ",".join(["created_at"] * 24), "start_time=2018-W01-1", "end_time=20180101", "start_time=2018"]
    )
    def test_what_is_too_long_or_no_time(self, query: str) -> None:
        with pytest.raises(Refused, match="9900"):
            Cloud().ask("GET", f"/backups?{query}")

    @pytest.mark.parametrize("what", ["backups", "vaults", "operation-logs"])
    def test_bytes_that_are_no_text_find_nothing(self, plain: Plain, what: str) -> None:
        for name in ("checkpoint_id", "parent_id", "vault_id", "resource_id", "name", "status"):
            answer = plain.list(f"{what}?{name}=%FF")
            assert (answer.status, answer.json[what.replace("-", "_")]) == (200, []) or name not in _KNOWN[what]
            assert answer.status == 200

    def test_a_sort_that_just_fits(self) -> None:
        assert Cloud().ask("GET", "/backups?sort=" + ",".join(["created_at"] * 23))["count"] == 0


class TestRestorePoints:
    def test_capital_letters_mean_the_same(self) -> None:
        cloud = Cloud()
        details = [{"id": APP.upper(), "type": "OS::Nova::Server", "extra_info": {}}]
        made = cloud.create(ERP.upper(), resources=[APP.upper()], resource_details=details)
        assert [each["id"] for each in made["vault"]["resources"]] == [APP]
        assert cloud.ask("GET", f"/checkpoints/{made['id'].upper()}")["checkpoint"]["id"] == made["id"]
        (backup,) = cloud.backups()
        assert cloud.ask("GET", f"/backups/{backup['id'].upper()}")["backup"] == backup
        assert cloud.ask("GET", f"/vaults/{ERP.upper()}")["vault"]["id"] == ERP
        (log,) = cloud.logs()
        assert cloud.ask("GET", f"/operation-logs/{log['id'].upper()}")["operation_log"] == log

    def test_capital_letters_when_resources_come_and_go(self) -> None:
        cloud = Cloud()
        added = cloud.ask("POST", f"/vaults/{ERP}/addresources", {"resources": [SPARE | {"id": SPARE["id"].upper()}]})
        assert added == {"add_resource_ids": [SPARE["id"]]}
        removed = cloud.ask("POST", f"/vaults/{ERP}/removeresources", {"resource_ids": [SPARE["id"].upper(), SPARE["id"]]})
        assert removed == {"remove_resource_ids": [SPARE["id"]]}

    def test_a_resource_is_what_its_vault_says_it_is(self) -> None:
        cloud = Cloud()
        with pytest.raises(Refused, match="9900"):
            cloud.create(resource_details=[{"id": APP, "type": "OS::Cinder::Volume"}])
        with pytest.raises(Refused, match="6135"):
            cloud.create(resource_details=[SPARE])
        assert cloud.backups() == []

    def test_backups_show_whatever_was_seen_on_the_wire(self) -> None:
        cloud = Cloud()
        cloud.create()
        for backup in cloud.backups():
            assert {"encrypted_algorithm", "is_dec", "architecture", "is_multi_az"} <= set(backup["extend_info"])
            assert backup["extend_info"]["app_consistency"]["app_consistency"] == "0"

    def test_one_that_is_over_at_once_can_be_looked_at_however_few_are_kept(self, clock: Any) -> None:
        with Sandbox(clock=clock, keep=1, well_behaved=True) as sandbox:
            plain = Plain(sandbox).sign_in()
            assert plain.create().status == 200
            sandbox.faults.add("skip:which=all")
            body = {"checkpoint": {"vault_id": ERP}}
            skipped = plain.call("POST", PROJECT + "/checkpoints", body).json["checkpoint"]["id"]
            assert plain.call("GET", f"{PROJECT}/checkpoints/{skipped}").status == 200
            plain.close()


class TestBodies:
    @pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-32"])
    def test_in_utf_8_only(self, sandbox: Sandbox, plain: Plain, coding: str) -> None:
        def send(path: str, document: Any) -> tuple[int, str]:
            raw = json.dumps(document).encode(coding)
            head = f"POST {path} HTTP/1.1\r\nHost: s\r\nX-Auth-Token: {plain.token}\r\nContent-Length: {len(raw)}\r\n\r\n"
            came = plain.send(head.encode() + raw)
            return came.status, came.json.get("error_code", "")

        assert send(PROJECT + "/checkpoints", CREATE) == (400, "BackupService.9900")
        identity = {"methods": ["password"], "password": {"user": PASSWORD}}
        assert send("/v3/auth/tokens", {"auth": {"identity": identity}})[0] == 400
        assert sandbox.restore_points() == []


class TestPasscodes:
    def ask(self, client: Any, user: Any) -> Any:
        identity = {"methods": ["password", "totp"], "password": {"user": PASSWORD}, "totp": {"user": user}}
        return client.call("POST", "/v3/auth/tokens", {"auth": {"identity": identity}}, signed=False)

    def test_beside_a_password(self, client: Any) -> None:
        answer = self.ask(client, {"id": estate.ACCOUNT.user_id, "passcode": "123456"})
        assert (answer.status, answer.json["token"]["methods"]) == (201, ["password", "totp"])

    @pytest.mark.parametrize(
        "user", [{"id": "x", "passcode": "123456"}, {"id": estate.ACCOUNT.user_id, "passcode": "12345"}, {"passcode": 123456}]
    )
    def test_that_are_none(self, client: Any, user: Any) -> None:
        assert self.ask(client, user).status == 401


class TestSignatures:
    def call(self, client: Any, names: list[str], sent: str = "", signed: str = "") -> int:
        """Signed by hand: ``sent`` is the query as it goes out, ``signed`` what is signed instead of it."""
        now = signing.sign("GET", client.endpoint, {}, b"", now=_now(client), **client.keys)["X-Sdk-Date"]
        headers = {"x-sdk-date": now, "host": client.endpoint.removeprefix("http://")}
        path = f"{PROJECT}/backups"
        lines = [f"{name}:{headers[name]}" for name in names]
        canonical = "\n".join(["GET", path + "/", signed or sent, *lines, "", ";".join(names), sha256(b"").hexdigest()])
        text = signing.string_to_sign(now, canonical)
        signature = _hmac(client.keys["secret_key"], text)
        proof = f"SDK-HMAC-SHA256 Access={client.keys['access_key']}, SignedHeaders={';'.join(names)}, Signature={signature}"
        target = path + (f"?{sent}" if sent else "")
        return int(client.call("GET", target, signed=False, headers={"X-Sdk-Date": now, "Authorization": proof}).status)

    @pytest.mark.parametrize(
        ("names", "status"),
        [
            (["host", "x-sdk-date"], 200),
            (["x-sdk-date"], 200),
            (["x-sdk-date", "host"], 401),
            (["host", "host", "x-sdk-date"], 401),
        ],
    )
    def test_name_each_header_once_and_in_order(self, client: Any, names: list[str], status: int) -> None:
        assert self.call(client, names) == status

    @pytest.mark.parametrize(("signed", "status"), [("name=%FF", 200), ("name=%EF%BF%BD", 401), ("name=%C3%BF", 401)])
    def test_of_bytes_that_are_no_text(self, client: Any, signed: str, status: int) -> None:
        assert self.call(client, ["host", "x-sdk-date"], "name=%FF", signed) == status


def _now(client: Any) -> Any:
    return datetime.fromtimestamp(client.clock.now, UTC)


def _hmac(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()
