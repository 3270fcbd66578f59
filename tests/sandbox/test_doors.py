"""Who is let in: signatures in both forms, temporary keys, tokens, and who is locked out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers import signing
from handlers.sandbox import estate
from handlers.sandbox.doors import Doors, Key
from handlers.sandbox.exchange import Request
from handlers.sandbox.problems import Problem
from tests.sandbox.callers import BY_DOMAIN, TEMPORARY, refused, token, with_token


class TestASignature:
    def test_of_an_unknown_key(self, another: Any) -> None:
        answer = another(access_key="NOSUCHKEY", secret_key="x").cbr("GET", "/vaults")
        assert refused(answer) == "ak NOSUCHKEY not exist"

    def test_with_a_wrong_secret(self, another: Any) -> None:
        answer = another(access_key=estate.ACCESS_KEY, secret_key="x").cbr("GET", "/vaults")
        assert refused(answer) == "verify aksk signature fail"

    @pytest.mark.parametrize("change", ["query", "body", "header", "path"])
    def test_covers_everything_it_should(self, client: Any, change: str) -> None:
        path, query, body = f"/v3/{estate.PROJECT_ID}/checkpoints", "", b'{"checkpoint": {}}'
        sent = {"Content-Type": "application/json"}
        now = datetime.fromtimestamp(client.clock.now, UTC)
        sent |= signing.sign("POST", client.endpoint + path, sent, body, now=now, **client.keys)
        if change == "query":
            query = "?limit=1"
        elif change == "body":
            body += b" "
        elif change == "header":
            sent["Content-Type"] = "text/plain"
        else:
            path += "x"
            assert client.call("POST", path, body, headers=sent, signed=False).status == 404
            return
        assert refused(client.call("POST", path + query, body, headers=sent, signed=False)) == ("verify aksk signature fail")

    def test_may_leave_other_headers_out(self, client: Any) -> None:
        now = datetime.fromtimestamp(client.clock.now, UTC)
        path = f"/v3/{estate.PROJECT_ID}/vaults"
        sent = signing.sign("GET", client.endpoint + path, {}, b"", now=now, **client.keys)
        assert client.call("GET", path, headers=sent | {"X-Not-Signed": "1"}, signed=False).status == 200

    def test_reads_headers_as_the_sdks_write_them(self, client: Any) -> None:
        """UTF-8 on the wire, which http.server hands out as Latin-1."""
        now = datetime.fromtimestamp(client.clock.now, UTC)
        path = f"/v3/{estate.PROJECT_ID}/vaults"
        sent = signing.sign("GET", client.endpoint + path, {"User-Agent": "Grüße"}, b"", now=now, **client.keys)
        on_the_wire = {"User-Agent": "Grüße".encode().decode("latin-1")}
        assert client.call("GET", path, headers=sent | on_the_wire, signed=False).status == 200

    def test_must_cover_the_date(self, client: Any) -> None:
        date = datetime.fromtimestamp(client.clock.now, UTC).strftime("%Y%m%dT%H%M%SZ")
        path, host = f"/v3/{estate.PROJECT_ID}/vaults", client.endpoint.removeprefix("http://")
        canonical = signing.canonical_request("GET", path, [], {"host": host}, ["host"], signing.payload_hash(b""))
        proof = signing.signature(estate.SECRET_KEY, signing.string_to_sign(date, canonical))
        authorization = f"SDK-HMAC-SHA256 Access={estate.ACCESS_KEY}, SignedHeaders=host, Signature={proof}"
        sent = {"X-Sdk-Date": date, "Authorization": authorization}
        assert refused(client.call("GET", path, headers=sent, signed=False)) == "verify aksk signature fail"

    @pytest.mark.parametrize(("seconds", "status"), [(899, 200), (-899, 200), (902, 401), (-902, 401)])
    def test_is_good_for_fifteen_minutes_either_way(self, client: Any, seconds: int, status: int) -> None:
        path = f"/v3/{estate.PROJECT_ID}/vaults"
        now = datetime.fromtimestamp(int(client.clock.now) + seconds, UTC)
        sent = signing.sign("GET", client.endpoint + path, {}, b"", now=now, **client.keys)
        answer = client.call("GET", path, headers=sent, signed=False)
        assert answer.status == status
        if status == 401:
            date = sent["X-Sdk-Date"]
            assert refused(answer) == f"signature expired, signature time:{date},server time:20261123T070451Z"

    def test_of_a_temporary_key_needs_its_security_token(self, another: Any) -> None:
        assert another(**TEMPORARY, security_token=estate.SECURITY_TOKEN).cbr("GET", "/vaults").status == 200
        for wrong in ("", "another"):
            why = refused(another(**TEMPORARY, security_token=wrong).cbr("GET", "/vaults"))
            assert why == f"Get secretKey failed,ak:{estate.TEMPORARY_ACCESS_KEY},err:ak not exist"

    def test_may_vouch_for_the_body_by_its_hash(self, client: Any) -> None:
        body = b'{"checkpoint": {"vault_id": "' + estate.ERP_VAULT_ID.encode() + b'"}}'
        for claimed, status in (
            (signing.payload_hash(body), 200),
            ("UNSIGNED-PAYLOAD", 400),  # let in; the first backup is still running
            (signing.payload_hash(b"another"), 401),
        ):
            headers = {"X-Sdk-Content-Sha256": claimed}
            assert client.cbr("POST", "/checkpoints", body, headers=headers).status == status

    @pytest.mark.parametrize(
        "authorization",
        [
            "",
            "Bearer x",
            "SDK-HMAC-SHA256 Access=A",
            f"V11-HMAC-SHA256 Access=A, SignedHeaders=host, Signature={'0' * 64}",
            f"SDK-HMAC-SHA256 Credential=A, SignedHeaders=host, Signature={'0' * 64}",
        ],
    )
    def test_that_is_none(self, client: Any, authorization: str) -> None:
        headers = {"Authorization": authorization}
        assert refused(client.cbr("GET", "/vaults", headers=headers, signed=False)) == "Unauthorized"


class TestTheOlderForm:
    """As gophertelekomcloud signs, hence Terraform's OTC provider."""

    def send(self, client: Any, *, method: str = "GET", target: str, body: bytes = b"", **changes: Any) -> Any:
        date = datetime.fromtimestamp(client.clock.now, UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = changes.get("scope", f"{date[:8]}///sdk_request")
        headers = {
            "accept": "application/json",
            "host": client.endpoint.removeprefix("http://"),
            "user-agent": changes.get("signed_agent", "golangsdk/2.0.0"),
            "x-sdk-date": date,
        }
        path, _, _ = target.partition("?")
        hashed = signing.payload_hash(changes.get("hashed", body))
        canonical = signing.canonical_request(method, path, changes.get("query", []), headers, sorted(headers), hashed)
        text = signing.string_to_sign(date, canonical, scope)
        proof = signing.signature(changes.get("secret", estate.SECRET_KEY), text, scope)
        credential = f"Credential={estate.ACCESS_KEY}/{scope}"
        sent = {name: value for name, value in headers.items() if name != "host"} | {
            "user-agent": changes.get("agent", "golangsdk/2.0.0"),
            "X-Project-Id": estate.PROJECT_ID,  # added after signing
            "Authorization": f"SDK-HMAC-SHA256 {credential}, SignedHeaders={';'.join(sorted(headers))}, Signature={proof}",
        }
        return client.call(method, target, body, headers=sent, signed=False)

    def test_opens(self, client: Any) -> None:
        path = f"/v3/{estate.PROJECT_ID}"
        assert self.send(client, target=f"{path}/vaults").status == 200
        body = json.dumps({"checkpoint": {"vault_id": estate.ERP_VAULT_ID}}).encode()
        assert self.send(client, method="POST", target=f"{path}/checkpoints", body=body).status == 200

    def test_with_a_region_and_a_service(self, client: Any) -> None:
        answer = self.send(client, target=f"/v3/{estate.PROJECT_ID}/vaults", scope="20261123/sandbox-1/cbr/sdk_request")
        assert answer.status == 200

    def test_with_a_wrong_secret(self, client: Any) -> None:
        answer = self.send(client, target=f"/v3/{estate.PROJECT_ID}/vaults", secret="x")
        assert refused(answer) == "verify aksk signature fail"

    def test_shrinks_white_space_in_headers(self, client: Any) -> None:
        target = f"/v3/{estate.PROJECT_ID}/vaults"
        assert self.send(client, target=target, agent="go   sdk", signed_agent="go sdk").status == 200
        assert self.send(client, target=target, agent="go   sdk", signed_agent="go   sdk").status == 401

    def test_signs_only_the_first_value_of_a_repeated_key(self, client: Any) -> None:
        target = f"/v3/{estate.PROJECT_ID}/backups?status=error&status=available"
        assert self.send(client, target=target, query=[("status", "error")]).status == 200
        both = [("status", "error"), ("status", "available")]
        assert self.send(client, target=target, query=both).status == 401

    def test_hashes_the_query_of_a_post_without_a_body(self, client: Any) -> None:
        target = f"/v3/{estate.PROJECT_ID}/checkpoints?a=1"
        assert self.send(client, method="POST", target=target, hashed=b"a=1").status == 400  # let in, no body to read
        assert self.send(client, method="POST", target=target, query=[("a", "1")]).status == 401


class TestAToken:
    def test_opens_cbr(self, client: Any) -> None:
        answer = client.cbr("GET", "/vaults", headers={"X-Auth-Token": token(client)}, signed=False)
        assert answer.status == 200

    def test_starts_with_mii_is_long_and_lives_a_day(self, client: Any, clock: Any) -> None:
        text = token(client)
        assert text.startswith("MII")
        assert 1000 < len(text) < 32 * 1024
        headers = {"X-Auth-Token": text}
        clock.forward(24 * 3600 - 1)
        assert client.cbr("GET", "/vaults", headers=headers, signed=False).status == 200
        clock.forward(1)
        answer = client.cbr("GET", "/vaults", headers=headers, signed=False)
        assert (answer.status, answer.json["error_code"]) == (401, "APIGW.0307")
        assert answer.json["error_msg"] == "The token must be updated."

    def test_survives_the_next_one(self, client: Any) -> None:
        first, second = token(client), token(client)
        assert first != second
        assert client.cbr("GET", "/vaults", headers={"X-Auth-Token": first}, signed=False).status == 200

    def test_missing_or_unknown(self, client: Any) -> None:
        assert refused(client.cbr("GET", "/vaults", signed=False)) == "x-auth-token not found"
        answer = client.cbr("GET", "/vaults", headers={"X-Auth-Token": "MIIx"}, signed=False)
        assert refused(answer) == "decrypt token fail"

    def test_of_a_domain_opens_no_project(self, client: Any) -> None:
        headers = {"X-Auth-Token": token(client, BY_DOMAIN)}
        answer = client.cbr("GET", "/vaults", headers=headers, signed=False)
        assert (answer.status, answer.json) == (
            401,
            {"unauthorized": {"code": "401", "message": "Malformed request url"}},
        )

    def test_of_32_kilobytes_is_read(self, client: Any) -> None:
        answer = client.cbr("GET", "/vaults", headers={"X-Auth-Token": "M" * 32 * 1024}, signed=False)
        assert refused(answer) == "decrypt token fail"

    def test_beside_a_signature_changes_nothing(self, client: Any) -> None:
        assert client.cbr("GET", "/vaults", headers={"X-Auth-Token": "MIIx"}).status == 200


def test_another_project_is_a_malformed_url(client: Any) -> None:
    answer = client.call("GET", "/v3/f841e01fd2b14e7fa41b6ae7aa6b0594/vaults")
    assert (answer.status, answer.json["unauthorized"]["message"]) == (401, "Malformed request url")


class TestFiveBadTries:
    """In a row lock the key for five minutes (API gateway manual)."""

    @pytest.fixture
    def bad(self, another: Any) -> Any:
        return another(access_key=estate.ACCESS_KEY, secret_key="x")

    def tries(self, bad: Any, number: int) -> list[str]:
        return [refused(bad.cbr("GET", "/vaults")) for _ in range(number)]

    def test_lock_out_whoever_has_the_right_secret(self, client: Any, bad: Any) -> None:
        assert self.tries(bad, 6) == ["verify aksk signature fail"] * 5 + ["AK access failed to reach the limit,forbidden"]
        assert refused(client.cbr("GET", "/vaults")) == "AK access failed to reach the limit,forbidden"

    def test_for_five_minutes_from_the_last_of_them(self, client: Any, bad: Any, clock: Any) -> None:
        self.tries(bad, 5)
        clock.forward(299)
        assert refused(client.cbr("GET", "/vaults")) == "AK access failed to reach the limit,forbidden"
        clock.forward(1)
        assert client.cbr("GET", "/vaults").status == 200

    def test_are_counted_anew_after_that(self, client: Any, bad: Any, clock: Any) -> None:
        self.tries(bad, 5)
        clock.forward(300)
        assert self.tries(bad, 4) == ["verify aksk signature fail"] * 4
        assert client.cbr("GET", "/vaults").status == 200

    def test_are_forgotten_with_a_good_one(self, client: Any, bad: Any) -> None:
        for _ in range(3):
            self.tries(bad, 4)
            assert client.cbr("GET", "/vaults").status == 200

    def test_leave_other_keys_and_tokens_alone(self, client: Any, another: Any, bad: Any) -> None:
        text = token(client)
        self.tries(bad, 5)
        assert client.cbr("GET", "/vaults", **with_token(text)).status == 200
        assert another(**TEMPORARY, security_token=estate.SECURITY_TOKEN).cbr("GET", "/vaults").status == 200

    def test_are_not_those_of_an_unknown_key_nor_old_signatures(self, client: Any, another: Any, clock: Any) -> None:
        for _ in range(6):
            refused(another(access_key="NOSUCHKEY", secret_key="x").cbr("GET", "/vaults"))
        assert refused(another(access_key="NOSUCHKEY", secret_key="x").cbr("GET", "/vaults")) == "ak NOSUCHKEY not exist"
        clock.forward(-1000)
        now = datetime.fromtimestamp(clock.now, UTC)
        path = f"/v3/{estate.PROJECT_ID}/vaults"
        old = signing.sign("GET", client.endpoint + path, {}, b"", now=now, **client.keys)
        clock.forward(1000)
        for _ in range(6):
            assert refused(client.call("GET", path, headers=old, signed=False)).startswith("signature expired")
        assert client.cbr("GET", "/vaults").status == 200


def test_a_project_is_named_by_the_caller_or_by_the_key(client: Any) -> None:
    assert client.cbr("GET", "/vaults", headers={"X-Project-Id": estate.PROJECT_ID}).status == 200
    answer = client.cbr("GET", "/vaults", headers={"X-Project-Id": "f841e01fd2b14e7fa41b6ae7aa6b0594"})
    assert answer.json == {"unauthorized": {"code": "401", "message": "Malformed request url"}}


@pytest.mark.parametrize(
    "scope",
    ["20261122/sandbox-1/cbr/sdk_request", "20261123/sandbox-1/cbr", "20261123/sandbox-1/cbr/aws4_request", "///sdk_request"],
)
def test_a_scope_has_four_parts_and_the_day_of_the_date(client: Any, scope: str) -> None:
    answer = TestTheOlderForm().send(client, target=f"/v3/{estate.PROJECT_ID}/vaults", scope=scope)
    assert refused(answer) in {"Unauthorized", "verify aksk signature fail"}


def by_token(text: str, at: float) -> Request:
    return Request(at, "0", "GET", "/v3/p/vaults", (), {"x-auth-token": text}, b"")


class TestTheDoorsThemselves:
    """Without HTTP: what they keep, and for how long."""

    @pytest.fixture
    def doors(self) -> Doors:
        return Doors("p", {"AK": Key("SK")}, user_id="u")

    def test_say_who_came_in(self, doors: Doors) -> None:
        doors.issue_token("MIIa", "p", {"user": {"id": "agent"}}, now=0, expires_at=10)
        caller = doors.enter(by_token("MIIa", 9))
        assert (caller.project_id, caller.user_id, caller.token, caller.access_key) == ("p", "agent", "MIIa", "")

    def test_end_all_tokens_at_once(self, doors: Doors) -> None:
        doors.issue_token("MIIa", "p", {}, now=0, expires_at=10)
        doors.expire_all()
        doors.issue_token("MIIb", "p", {}, now=0, expires_at=10)
        with pytest.raises(Problem) as caught:
            doors.enter(by_token("MIIa", 1))
        assert caught.value.document("0")["error_code"] == "APIGW.0307"
        assert doors.enter(by_token("MIIb", 1)).token == "MIIb"

    def test_forget_what_expired_long_ago(self, doors: Doors) -> None:
        day = 24 * 3600
        for number in range(1000):
            doors.issue_token(f"MII{number}", "p", {}, now=number * 3600, expires_at=number * 3600 + day)
            doors.issue_key(now=number * 3600, expires_at=number * 3600 + 900)
        assert len(doors.tokens) < 50
        assert len(doors.save()["keys"]) == 1

    def test_issue_the_same_again_for_the_same_seed_only(self) -> None:
        first, same, other = (Doors("p", {}, seed=seed) for seed in (1, 1, 2))
        one = first.issue_key(now=0, expires_at=900)
        assert one == same.issue_key(now=0, expires_at=900)
        assert one != other.issue_key(now=0, expires_at=900)
        assert one != first.issue_key(now=0, expires_at=900)

    def test_survive_a_restart(self, doors: Doors) -> None:
        doors.issue_token("MIIa", "p", {"user": {"id": "u"}}, now=0, expires_at=10)
        name, key = doors.issue_key(now=0, expires_at=900)
        for _ in range(5):
            doors.count_bad_try("AK", 7)
        kept = json.loads(json.dumps(doors.save()))
        reborn = Doors("p", {"AK": Key("SK")}, user_id="u")
        reborn.load(kept)
        assert reborn.enter(by_token("MIIa", 9)) == doors.enter(by_token("MIIa", 9))
        assert reborn.key(name, key.security_token, 899) == key
        with pytest.raises(Problem) as caught:
            reborn.key("AK", "", 306)
        assert "forbidden" in caught.value.document("0")["error_msg"]
        assert reborn.key("AK", "", 307).secret == "SK"
        assert reborn.fresh(8) == doors.fresh(8)
