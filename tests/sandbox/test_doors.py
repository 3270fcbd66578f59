"""Who is let in: signatures in both forms, temporary keys, tokens, and IAM itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers import signing
from handlers.sandbox import estate

PASSWORD = {
    "name": estate.ACCOUNT.username,
    "password": estate.ACCOUNT.password,
    "domain": {"name": estate.ACCOUNT.domain_name},
}
BY_PROJECT = {"project": {"id": estate.PROJECT_ID}}
TEMPORARY = {"access_key": estate.TEMPORARY_ACCESS_KEY, "secret_key": estate.TEMPORARY_SECRET_KEY}


def ask(method: str, proof: Any, scope: Any = None) -> Any:
    auth: dict[str, Any] = {"identity": {"methods": [method], method: proof}}
    return {"auth": auth | ({"scope": scope} if scope else {})}


def token(client: Any, scope: Any = None) -> str:
    answer = client.call("POST", "/v3/auth/tokens", ask("password", {"user": PASSWORD}, scope or BY_PROJECT), signed=False)
    assert answer.status == 201
    return str(answer.headers["X-Subject-Token"])


def refused(answer: Any) -> str:
    """The gateway's envelope, whose request id is also the header's."""
    assert answer.status == 401
    assert answer.json["error_code"] == "APIGW.0301"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert answer.raw.endswith(b"}\n")
    prefix, _, why = answer.json["error_msg"].partition(": ")
    assert prefix == "Incorrect IAM authentication information"
    return str(why)


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
        headers = {"X-Auth-Token": token(client, {"domain": {"name": estate.ACCOUNT.domain_name}})}
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


class TestIam:
    def test_tells_about_a_token(self, client: Any) -> None:
        body = ask("password", {"user": PASSWORD}, {"project": {"name": estate.REGION}})
        answer = client.call("POST", "/v3/auth/tokens", body, signed=False)
        assert answer.status == 201
        told = answer.json["token"]
        assert told["methods"] == ["password"]
        assert (told["issued_at"], told["expires_at"]) == (
            "2026-11-23T07:04:51.304116Z",
            "2026-11-24T07:04:51.304116Z",
        )
        assert told["project"]["id"] == estate.PROJECT_ID
        assert told["project"]["domain"]["name"] == told["user"]["domain"]["name"] == estate.ACCOUNT.domain_name
        (cbr,) = [entry for entry in told["catalog"] if entry["type"] == "cbr"]
        assert cbr["endpoints"][0]["interface"] == "public"
        assert cbr["endpoints"][0]["region_id"] == estate.REGION
        url = cbr["endpoints"][0]["url"]
        headers = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
        assert url.startswith(client.endpoint)
        path = url.removeprefix(client.endpoint) + "/vaults"
        assert client.call("GET", path, headers=headers, signed=False).status == 200

    def test_leaves_the_catalog_out_on_request(self, client: Any) -> None:
        body = ask("password", {"user": PASSWORD}, BY_PROJECT)
        answer = client.call("POST", "/v3/auth/tokens?nocatalog=1", body, signed=False)
        assert "catalog" not in answer.json["token"]

    def test_takes_a_user_id_for_name_and_domain(self, client: Any) -> None:
        user = {"id": estate.ACCOUNT.user_id, "password": estate.ACCOUNT.password}
        answer = client.call("POST", "/v3/auth/tokens", ask("password", {"user": user}, BY_PROJECT), signed=False)
        assert answer.status == 201

    @pytest.mark.parametrize(
        "wrong",
        [{"password": "x"}, {"name": "nobody"}, {"domain": {"name": "elsewhere"}}, {"password": 7}, {"password": "\ud800"}],
    )
    def test_does_not_say_what_was_wrong(self, client: Any, wrong: Any) -> None:
        body = ask("password", {"user": PASSWORD | wrong}, BY_PROJECT)
        answer = client.call("POST", "/v3/auth/tokens", body, signed=False)
        assert answer.status == 401
        assert answer.json == {"error": {"code": 401, "message": "The username or password is wrong.", "title": "Unauthorized"}}
        assert "X-Subject-Token" not in answer.headers

    @pytest.mark.parametrize(
        "scope",
        [
            {"project": {"id": "x"}},
            {"project": {"name": "x"}},
            {"project": {"name": estate.REGION, "domain": {"name": "elsewhere"}}},
            {"domain": {"name": "elsewhere"}},
        ],
    )
    def test_knows_no_other_scope(self, client: Any, scope: Any) -> None:
        body = ask("password", {"user": PASSWORD}, scope)
        assert client.call("POST", "/v3/auth/tokens", body, signed=False).status == 401

    @pytest.mark.parametrize(
        "body",
        [b"", b"[]", {}, {"auth": {}}, {"auth": {"identity": {"methods": [["password"]]}}}, ask("saml2", {})],
    )
    def test_refuses_nonsense_in_its_own_envelope(self, client: Any, body: Any) -> None:
        answer = client.call("POST", "/v3/auth/tokens", body, signed=False)
        assert answer.status == 400
        assert (answer.json["error"]["code"], answer.json["error"]["title"]) == (400, "Bad Request")

    def test_takes_an_access_key(self, client: Any) -> None:
        for access, secret, status in (
            (estate.ACCESS_KEY, estate.SECRET_KEY, 201),
            (estate.ACCESS_KEY, "x", 401),
            ("nobody", estate.SECRET_KEY, 401),
            (estate.TEMPORARY_ACCESS_KEY, estate.TEMPORARY_SECRET_KEY, 401),  # would need its security token
        ):
            proof = {"access": {"key": access}, "secret": {"key": secret}}
            body = ask("hw_ak_sk", proof, BY_PROJECT)
            assert client.call("POST", "/v3/auth/tokens", body, signed=False).status == status

    @pytest.mark.parametrize("key", ["agency_name", "xrole_name"])
    def test_lets_a_known_caller_assume_an_agency(self, client: Any, key: str) -> None:
        proof = {"domain_name": estate.ACCOUNT.domain_name, key: estate.ACCOUNT.agency}
        body = ask("assume_role", proof, BY_PROJECT)
        with_token = {"headers": {"X-Auth-Token": token(client)}, "signed": False}
        for options in (with_token, {}):
            answer = client.call("POST", "/v3/auth/tokens", body, **options)
            assert answer.status == 201
            told = answer.json["token"]
            assert told["user"]["name"] == f"{estate.ACCOUNT.domain_name}/{estate.ACCOUNT.agency}"
            assert told["assumed_by"]["user"]["name"] == estate.ACCOUNT.username
        assert client.call("POST", "/v3/auth/tokens", body, signed=False).status == 401

    @pytest.mark.parametrize("wrong", [{"agency_name": "another"}, {"domain_name": "elsewhere"}])
    def test_knows_no_other_agency(self, client: Any, wrong: Any) -> None:
        proof = {"domain_name": estate.ACCOUNT.domain_name, "agency_name": estate.ACCOUNT.agency} | wrong
        answer = client.call("POST", "/v3/auth/tokens", ask("assume_role", proof, BY_PROJECT))
        assert (answer.status, answer.json["error"]["code"]) == (404, 404)

    def test_verifies_tokens(self, client: Any) -> None:
        text = token(client)
        headers = {"X-Auth-Token": text, "X-Subject-Token": text}
        shown = client.call("GET", "/v3/auth/tokens", headers=headers, signed=False)
        assert (shown.status, shown.headers["X-Subject-Token"]) == (200, text)
        assert shown.json["token"]["project"]["id"] == estate.PROJECT_ID
        head = client.call("HEAD", "/v3/auth/tokens", headers=headers, signed=False)
        assert (head.status, head.headers["X-Subject-Token"], head.raw) == (200, text, b"")
        unknown = client.call("HEAD", "/v3/auth/tokens", headers=headers | {"X-Subject-Token": "MIIx"}, signed=False)
        assert unknown.status == 404
        assert client.call("GET", "/v3/auth/tokens", headers={"X-Subject-Token": text}, signed=False).status == 401

    def test_forgets_an_expired_token(self, client: Any, clock: Any) -> None:
        old = token(client)
        clock.forward(24 * 3600)
        headers = {"X-Auth-Token": token(client), "X-Subject-Token": old}
        assert client.call("HEAD", "/v3/auth/tokens", headers=headers, signed=False).status == 404

    def test_looks_a_project_up_by_the_name_of_its_region(self, client: Any) -> None:
        (project,) = client.call("GET", f"/v3/projects?name={estate.REGION}").json["projects"]
        assert (project["id"], project["name"]) == (estate.PROJECT_ID, estate.REGION)
        assert client.call("GET", "/v3/projects?name=cn-north-4").json["projects"] == []
        assert client.call("GET", "/v3/auth/projects").json["projects"] == [project]
        assert client.call("GET", "/v3/projects", signed=False).status == 401

    def test_answers_openstacksdk_and_cbr_answers_the_others(self, client: Any) -> None:
        answer = client.call("GET", "/v3", headers={"Accept": "application/json"}, signed=False)
        assert answer.status == 200
        assert answer.json["version"]["id"].startswith("v3.")
        assert answer.json["version"]["status"] == "stable"
        assert answer.json["version"]["links"] == [{"rel": "self", "href": client.endpoint + "/v3/"}]
        for path in ("/", "/v3", "/v3/"):
            answer = client.call("GET", path, headers={"Accept": "*/*"}, signed=False)
            assert answer.status == 300
            (version,) = answer.json["versions"]
            assert (version["id"], version["status"]) == ("v3", "CURRENT")
