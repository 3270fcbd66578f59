"""IAM: tokens by every method, temporary keys, projects, the catalog, and what it says when it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.sandbox import Sandbox, estate
from tests.sandbox.callers import AGENCY, BY_DOMAIN, BY_PROJECT, PASSWORD, ask, refused, token, with_token
from tests.sandbox.conftest import Client


def post(client: Any, body: Any, **options: Any) -> Any:
    return client.call("POST", "/v3/auth/tokens", body, **{"signed": False, **options})


def opens(client: Any, text: str) -> bool:
    return bool(client.cbr("GET", "/vaults", **with_token(text)).status == 200)


def test_tells_about_a_token(client: Any) -> None:
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


def test_leaves_the_catalog_out_on_request(client: Any) -> None:
    body = ask("password", {"user": PASSWORD}, BY_PROJECT)
    answer = client.call("POST", "/v3/auth/tokens?nocatalog=1", body, signed=False)
    assert "catalog" not in answer.json["token"]


def test_takes_a_user_id_for_name_and_domain(client: Any) -> None:
    user = {"id": estate.ACCOUNT.user_id, "password": estate.ACCOUNT.password}
    answer = client.call("POST", "/v3/auth/tokens", ask("password", {"user": user}, BY_PROJECT), signed=False)
    assert answer.status == 201


@pytest.mark.parametrize(
    "wrong",
    [{"password": "x"}, {"name": "nobody"}, {"domain": {"name": "elsewhere"}}, {"password": 7}, {"password": "\ud800"}],
)
def test_does_not_say_what_was_wrong(client: Any, wrong: Any) -> None:
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
def test_knows_no_other_scope(client: Any, scope: Any) -> None:
    body = ask("password", {"user": PASSWORD}, scope)
    assert client.call("POST", "/v3/auth/tokens", body, signed=False).status == 401


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", {}, {"auth": {}}, {"auth": {"identity": {"methods": [["password"]]}}}, ask("saml2", {})],
)
def test_refuses_nonsense_in_its_own_envelope(client: Any, body: Any) -> None:
    answer = client.call("POST", "/v3/auth/tokens", body, signed=False)
    assert answer.status == 400
    assert (answer.json["error"]["code"], answer.json["error"]["title"]) == (400, "Bad Request")


def test_takes_an_access_key(client: Any) -> None:
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
def test_lets_a_known_caller_assume_an_agency(client: Any, key: str) -> None:
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
def test_knows_no_other_agency(client: Any, wrong: Any) -> None:
    proof = {"domain_name": estate.ACCOUNT.domain_name, "agency_name": estate.ACCOUNT.agency} | wrong
    answer = client.call("POST", "/v3/auth/tokens", ask("assume_role", proof, BY_PROJECT))
    assert (answer.status, answer.json["error"]["code"]) == (404, 404)


def test_verifies_tokens(client: Any) -> None:
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


def test_forgets_an_expired_token(client: Any, clock: Any) -> None:
    old = token(client)
    clock.forward(24 * 3600)
    headers = {"X-Auth-Token": token(client), "X-Subject-Token": old}
    assert client.call("HEAD", "/v3/auth/tokens", headers=headers, signed=False).status == 404


def test_looks_a_project_up_by_the_name_of_its_region(client: Any) -> None:
    (project,) = client.call("GET", f"/v3/projects?name={estate.REGION}").json["projects"]
    assert (project["id"], project["name"]) == (estate.PROJECT_ID, estate.REGION)
    assert client.call("GET", "/v3/projects?name=cn-north-4").json["projects"] == []
    assert client.call("GET", "/v3/auth/projects").json["projects"] == [project]
    assert client.call("GET", "/v3/projects", signed=False).status == 401


def test_answers_openstacksdk_and_cbr_answers_the_others(client: Any) -> None:
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


class TestATokenForAToken:
    def test_may_have_another_scope(self, client: Any) -> None:
        domain_token = token(client, BY_DOMAIN)
        assert not opens(client, domain_token)
        answer = post(client, ask("token", {"id": domain_token}, BY_PROJECT))
        assert (answer.status, answer.json["token"]["methods"]) == (201, ["token"])
        assert answer.json["token"]["user"]["name"] == estate.ACCOUNT.username
        assert opens(client, answer.headers["X-Subject-Token"])

    def test_lives_no_longer_than_the_first(self, client: Any, clock: Any) -> None:
        first = post(client, ask("password", {"user": PASSWORD}, BY_PROJECT))
        clock.forward(3600)
        answer = post(client, ask("token", {"id": first.headers["X-Subject-Token"]}, BY_PROJECT))
        assert answer.json["token"]["expires_at"] == first.json["token"]["expires_at"]
        clock.forward(23 * 3600)
        assert not opens(client, answer.headers["X-Subject-Token"])

    def test_stays_one_of_the_agency(self, client: Any) -> None:
        agency = post(client, ask("assume_role", AGENCY, BY_PROJECT), signed=True).headers["X-Subject-Token"]
        told = post(client, ask("token", {"id": agency}, BY_PROJECT)).json["token"]
        assert told["assumed_by"]["user"]["name"] == estate.ACCOUNT.username

    @pytest.mark.parametrize("proof", [{"id": "MIIx"}, {"id": 7}, {}])
    def test_needs_a_good_one(self, client: Any, proof: Any) -> None:
        assert post(client, ask("token", proof, BY_PROJECT)).status == 401


class TestARevokedToken:
    def test_opens_nothing_any_more(self, client: Any) -> None:
        text, other = token(client), token(client)
        answer = client.call("DELETE", "/v3/auth/tokens", **with_token(other, **{"X-Subject-Token": text}))
        assert (answer.status, answer.raw) == (204, b"")
        assert refused(client.cbr("GET", "/vaults", **with_token(text))) == "decrypt token fail"
        assert opens(client, other)
        shown = client.call("GET", "/v3/auth/tokens", **with_token(other, **{"X-Subject-Token": text}))
        assert (shown.status, shown.json["error"]["title"]) == (404, "Not Found")
        assert client.call("DELETE", "/v3/auth/tokens", **with_token(other, **{"X-Subject-Token": text})).status == 404

    def test_may_have_revoked_itself(self, client: Any) -> None:
        text = token(client)
        assert client.call("DELETE", "/v3/auth/tokens", **with_token(text, **{"X-Subject-Token": text})).status == 204
        assert not opens(client, text)

    def test_needs_a_caller(self, client: Any) -> None:
        text = token(client)
        assert client.call("DELETE", "/v3/auth/tokens", headers={"X-Subject-Token": text}, signed=False).status == 401
        assert opens(client, text)


class TestTheCatalog:
    def urls(self, client: Any, **options: Any) -> dict[str, str]:
        answer = client.call("GET", "/v3/auth/catalog", **options)
        assert answer.status == 200
        return {entry["type"]: entry["endpoints"][0]["url"] for entry in answer.json["catalog"]}

    def test_names_the_project_of_its_caller(self, client: Any) -> None:
        cbr = f"{client.endpoint}/v3/{estate.PROJECT_ID}"
        assert self.urls(client, **with_token(token(client)))["cbr"] == cbr
        assert self.urls(client)["cbr"] == cbr
        assert self.urls(client, **with_token(token(client, BY_DOMAIN)))["cbr"] == f"{client.endpoint}/v3"
        assert client.call("GET", "/v3/auth/catalog", signed=False).status == 401

    def test_smn_is_where_clients_put_the_project_behind_it(self, client: Any) -> None:
        """otcextensions asks for what the catalog says with ``<project id>/notifications/topics`` behind it."""
        for scope in (BY_PROJECT, BY_DOMAIN):
            assert self.urls(client, **with_token(token(client, scope)))["smn"] == f"{client.endpoint}/v2/"
        path = f"/v2/{estate.PROJECT_ID}/notifications/topics"
        assert client.call("GET", path).json["topic_count"] == 1

    def test_is_that_of_the_token(self, client: Any) -> None:
        text = token(client)
        options = with_token(text, **{"X-Subject-Token": text})
        shown = client.call("GET", "/v3/auth/tokens", **options).json["token"]
        assert shown["catalog"] == client.call("GET", "/v3/auth/catalog", **with_token(text)).json["catalog"]
        assert "catalog" not in client.call("GET", "/v3/auth/tokens?nocatalog", **options).json["token"]

    def test_may_leave_the_project_to_the_client(self, clock: Any) -> None:
        there = replace(estate.DEFAULT, account=replace(estate.ACCOUNT, project_in_catalog=False))
        with Sandbox(clock=clock, estate=there) as sandbox:
            client = Client(sandbox.endpoint, clock)
            assert self.urls(client)["cbr"] == f"{client.endpoint}/v3"
            client.connection.close()


class TestATemporaryKey:
    def get(self, client: Any, method: str, proof: Any, **options: Any) -> Any:
        return client.call("POST", "/v3.0/OS-CREDENTIAL/securitytokens", ask(method, proof), **options)

    def use(self, another: Any, credential: Any, **changes: Any) -> Any:
        keys = {"access_key": "access", "secret_key": "secret", "security_token": "securitytoken"}
        return another(**{name: credential[field] for name, field in keys.items()} | changes)

    def test_comes_from_an_agency_or_a_token_and_opens_cbr(self, client: Any, another: Any) -> None:
        text = token(client)
        for answer in (
            self.get(client, "assume_role", AGENCY),
            self.get(client, "assume_role", AGENCY, **with_token(text)),
            self.get(client, "token", {"id": text}, signed=False),
            self.get(client, "token", {}, **with_token(text)),
        ):
            assert answer.status == 201
            assert answer.json["credential"].keys() == {"access", "secret", "securitytoken", "expires_at"}
            assert self.use(another, answer.json["credential"]).cbr("GET", "/vaults").status == 200

    @pytest.mark.parametrize(
        ("asked", "seconds"), [({}, 900), ({"duration_seconds": 900}, 900), ({"duration_seconds": 86400}, 86400)]
    )
    def test_lives_as_long_as_asked(self, client: Any, another: Any, clock: Any, asked: Any, seconds: int) -> None:
        credential = self.get(client, "assume_role", AGENCY | asked).json["credential"]
        ends = datetime.fromtimestamp(clock.now + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert credential["expires_at"] == ends
        user = self.use(another, credential)
        clock.forward(seconds - 1)
        assert user.cbr("GET", "/vaults").status == 200
        clock.forward(1)
        assert refused(user.cbr("GET", "/vaults")) == f"Get secretKey failed,ak:{credential['access']},err:ak not exist"

    def test_is_nothing_without_its_security_token(self, client: Any, another: Any) -> None:
        credential = self.get(client, "assume_role", AGENCY).json["credential"]
        second = self.get(client, "assume_role", AGENCY).json["credential"]
        for wrong in ("", second["securitytoken"]):
            why = refused(self.use(another, credential, security_token=wrong).cbr("GET", "/vaults"))
            assert why == f"Get secretKey failed,ak:{credential['access']},err:ak not exist"
        assert refused(self.use(another, credential, secret_key="x").cbr("GET", "/vaults")) == "verify aksk signature fail"

    @pytest.mark.parametrize(
        ("method", "proof", "status"),
        [
            ("assume_role", AGENCY | {"duration_seconds": 899}, 400),
            ("assume_role", AGENCY | {"duration_seconds": 86401}, 400),
            ("assume_role", AGENCY | {"duration_seconds": "900"}, 400),
            ("assume_role", AGENCY | {"duration_seconds": True}, 400),
            ("assume_role", AGENCY | {"duration-seconds": 899}, 400),
            ("assume_role", AGENCY | {"agency_name": "another"}, 404),
            ("assume_role", {"domain_name": estate.ACCOUNT.domain_name}, 404),
            ("assume_role", "x", 400),
            ("password", {"user": PASSWORD}, 400),
            ("token", {"id": "MIIx"}, 401),
            ("token", {"id": 7}, 401),
            ("token", "x", 400),
            ("token", {}, 401),
        ],
    )
    def test_is_refused_in_keystones_words(self, client: Any, method: str, proof: Any, status: int) -> None:
        answer = self.get(client, method, proof)
        assert (answer.status, answer.json["error"]["code"]) == (status, status)
        assert answer.json["error"].keys() == {"code", "message", "title"}

    def test_needs_a_caller_and_a_token_of_today(self, client: Any, clock: Any) -> None:
        text = token(client)
        assert self.get(client, "assume_role", AGENCY, signed=False).status == 401
        assert self.get(client, "token", {"id": text}, **with_token("MIIx")).status == 401  # the header comes first
        clock.forward(24 * 3600)
        assert self.get(client, "token", {"id": text}).status == 401

    def test_may_be_asked_for_without_a_word_about_the_token(self, client: Any) -> None:
        body = {"auth": {"identity": {"methods": ["token"]}}}
        answer = client.call("POST", "/v3.0/OS-CREDENTIAL/securitytokens", body, **with_token(token(client)))
        assert answer.status == 201


def test_a_secret_told_to_iam_is_a_try_like_any_other(client: Any) -> None:
    def tell(secret: str) -> int:
        proof = {"access": {"key": estate.ACCESS_KEY}, "secret": {"key": secret}}
        return int(post(client, ask("hw_ak_sk", proof, BY_PROJECT)).status)

    assert [tell("x") for _ in range(4)] == [401] * 4
    assert tell(estate.SECRET_KEY) == 201
    assert [tell("x") for _ in range(5)] == [401] * 5
    assert tell(estate.SECRET_KEY) == 401
    assert refused(client.cbr("GET", "/vaults")) == "AK access failed to reach the limit,forbidden"


def test_a_new_sandbox_of_the_same_seed_issues_the_same(clock: Any) -> None:
    texts = []
    for seed in (1, 1, 2):
        with Sandbox(clock=clock, seed=seed) as sandbox:
            client = Client(sandbox.endpoint, clock)
            texts.append(token(client))
            client.connection.close()
    assert texts[0] == texts[1] != texts[2]
