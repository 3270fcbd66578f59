"""Who we are, against the sandbox's IAM: tokens and signatures are really checked there, and counted at the door."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from handlers.cbr import Vault
from handlers.errors import CallFailed, Rejected, Throttled, Unauthorized, Unclear
from handlers.outcome import Created, Failed, Later
from handlers.sandbox import estate
from handlers.service import Service
from handlers.wire import Deadline
from tests.scripted import (
    CREATE,
    PROJECTS,
    SECRETS,
    TOKENS,
    TOPIC,
    VAULT,
    Act,
    Passing,
    World,
    answers,
    cuts,
    executes_and_changes,
    only,
    passes,
    world_in,
)

ACCOUNT = estate.ACCOUNT
AGENCY = f'[projects.main]\nagency = "{ACCOUNT.agency}"\nagency_domain = "{ACCOUNT.domain_name}"\n'
REFUSED = answers(401, {"error_code": "APIGW.0307", "error_msg": "The token must be updated.", "request_id": "1"})
LIFE = 24 * 3600.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def ask(world: World, service: Service, project: str = "default") -> Vault:
    """The shortest call there is."""
    return service.cbrs[project].vault(estate.FILES_VAULT_ID, Deadline.after(world.clock, 30))


def without_project(environ: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name != "HUAWEICLOUD_SDK_PROJECT_ID"}


def temporary() -> dict[str, str]:
    return {
        "HUAWEICLOUD_SDK_AK": estate.TEMPORARY_ACCESS_KEY,
        "HUAWEICLOUD_SDK_SK": estate.TEMPORARY_SECRET_KEY,
        "HUAWEICLOUD_SDK_SECURITY_TOKEN": estate.SECURITY_TOKEN,
    }


# ── a user and a password ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_asked_for_as_recorded(world: World) -> None:
    environ = without_project(world.password(OS_PROJECT_NAME=ACCOUNT.project_name))
    ask(world, world.service(environ))
    (seen,) = world.door.came(TOKENS)
    assert seen.target.split("?")[0] == "/v3/auth/tokens"
    assert seen.headers["content-type"].startswith("application/json")
    assert "authorization" not in seen.headers
    domain = {"name": ACCOUNT.domain_name}
    assert json.loads(seen.body) == {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": ACCOUNT.username, "password": ACCOUNT.password, "domain": domain}},
            },
            "scope": {"project": {"name": ACCOUNT.project_name, "domain": domain}},
        }
    }


def test_a_known_project_is_the_tokens_scope(world: World) -> None:
    ask(world, world.service(world.password()))
    assert json.loads(world.door.came(TOKENS)[0].body)["auth"]["scope"] == {"project": {"id": estate.PROJECT_ID}}


def test_the_token_of_the_header_is_sent_with_every_call(world: World) -> None:
    given: list[str] = []

    def keep(it: Passing) -> None:
        status, headers, body = it.forward()
        given.append(headers["X-Subject-Token"])
        it.say(status, headers, body)

    world.door.on(TOKENS, keep)
    ask(world, world.service(world.password()))
    (seen,) = world.door.came(VAULT)
    assert [seen.headers["x-auth-token"]] == given
    assert "authorization" not in seen.headers


def test_a_token_is_kept_until_five_minutes_before_its_end(world: World) -> None:
    service = world.service(world.password())
    ask(world, service)
    world.clock.forward(LIFE - 301)
    ask(world, service)
    assert len(world.door.came(TOKENS)) == 1
    world.clock.forward(2)
    ask(world, service)
    ask(world, service)
    assert len(world.door.came(TOKENS)) == 2


def test_a_token_that_is_valid_needs_no_iam(world: World) -> None:
    service = world.service(world.password())
    ask(world, service)
    world.door.on(TOKENS, cuts, always=True)
    world.clock.forward(3600)
    assert isinstance(only(world.fire(service)), Created)


def test_one_refused_call_costs_one_new_token(world: World) -> None:
    service = world.service(world.password())
    ask(world, service)
    world.door.on(VAULT, REFUSED)
    ask(world, service)
    assert len(world.door.came(TOKENS)) == 2
    assert len(world.door.came(VAULT)) == 3
    ask(world, service)
    assert len(world.door.came(TOKENS)) == 2


def test_refused_for_ever_is_no_loop(world: World) -> None:
    service = world.service(world.password())
    world.door.on(VAULT, REFUSED, always=True)
    with pytest.raises(Unauthorized):
        ask(world, service)
    assert len(world.door.came(TOKENS)) == 2
    assert len(world.door.came(VAULT)) == 2


def test_a_wrong_password_is_tried_once(world: World) -> None:
    service = world.service(world.password(OS_PASSWORD="not-the-password"))
    outcome = only(world.fire(service))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "not_authorized"
    assert len([seen for seen in world.door.came(TOKENS) if b"not-the-password" in seen.body]) <= 2, "the look, and the message"
    assert world.door.came(CREATE) == []
    world.door.seen.clear()
    with pytest.raises(Unauthorized):
        ask(world, service)
    assert len(world.door.seen) == 1


def test_iam_down_is_later_and_throttled_is_throttled(world: World) -> None:
    service = world.service(world.password())
    world.door.on(TOKENS, answers(503), answers(429, {"error_code": "IAM.0012", "error_msg": "60 times per 60 seconds"}))
    outcome = only(world.fire(service))
    assert isinstance(outcome, Later)
    with pytest.raises(Throttled):
        ask(world, service)
    assert ask(world, service).id == estate.FILES_VAULT_ID, "back without a restart"


def test_sixteen_threads_make_one_token(world: World) -> None:
    service = world.service(world.password(), metrics=False)
    together = threading.Barrier(16)

    def go(_: int) -> str:
        together.wait()
        return ask(world, service).id

    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(go, range(16))) == {estate.FILES_VAULT_ID}
    assert len(world.door.came(TOKENS)) == 1


def test_sixteen_threads_refused_at_once_make_one_new_token(world: World) -> None:
    world.write_rules(topics="[projects.main]\nrequests_per_second = 200\n" + TOPIC)
    service = world.service(world.password())
    ask(world, service, "main")
    old = world.door.came(VAULT)[0].headers["x-auth-token"]
    together = threading.Barrier(16)

    def refuse_the_old(it: Passing) -> None:
        if it.seen.headers["x-auth-token"] != old:
            return passes(it)
        together.wait(10)
        return REFUSED(it)

    world.door.on(VAULT, refuse_the_old, always=True)
    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(lambda _: ask(world, service, "main").id, range(16))) == {estate.FILES_VAULT_ID}
    assert len(world.door.came(TOKENS)) == 2


@pytest.mark.parametrize("ends", ["soon", 17, None, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-24T02:00:00"])
def test_an_end_that_cannot_be_read_costs_no_call(world: World, ends: object) -> None:
    world.door.on(TOKENS, executes_and_changes(lambda document: document["token"].update(expires_at=ends)))
    assert ask(world, world.service(world.password())).id == estate.FILES_VAULT_ID


def test_an_answer_without_a_token_is_unauthorized(world: World) -> None:
    world.door.on(TOKENS, answers(201, {"token": {"expires_at": "2026-11-24T02:00:00Z"}}))
    with pytest.raises(Unauthorized):
        ask(world, world.service(world.password()))
    assert len(world.door.came(TOKENS)) == 1


# ── other ways ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_given_token_is_used_and_never_renewed(world: World) -> None:
    ask(world, world.service(world.password()))
    token = world.door.came(VAULT)[0].headers["x-auth-token"]
    environ = {name: value for name, value in world.environ().items() if not name.endswith(("_AK", "_SK"))}
    service = world.service(environ | {"OS_TOKEN": token})
    ask(world, service)
    world.door.on(VAULT, REFUSED, always=True)
    with pytest.raises(Unauthorized):
        ask(world, service)
    assert len(world.door.came(TOKENS)) == 1
    assert len(world.door.came(VAULT)) == 3


def test_keys_sign_and_ask_iam_for_nothing(world: World) -> None:
    ask(world, world.service())
    (seen,) = world.door.seen
    assert seen.headers["authorization"].startswith("SDK-HMAC-SHA256 Access=" + estate.ACCESS_KEY)
    assert "x-auth-token" not in seen.headers


def test_refused_keys_are_not_tried_again(world: World) -> None:
    """More than five bad tries in a row lock an access key."""
    service = world.service(world.environ(HUAWEICLOUD_SDK_SK="not-the-secret-key"))
    with pytest.raises(Unauthorized):
        ask(world, service)
    assert len(world.door.seen) == 1


def test_temporary_keys_send_their_token(world: World) -> None:
    ask(world, world.service(world.environ(**temporary())))
    (seen,) = world.door.seen
    assert seen.headers["x-security-token"] == estate.SECURITY_TOKEN
    assert "x-security-token" in seen.headers["authorization"]


def test_temporary_keys_without_their_token_are_refused(world: World) -> None:
    keys = temporary() | {"HUAWEICLOUD_SDK_SECURITY_TOKEN": ""}
    with pytest.raises(Unauthorized):
        ask(world, world.service(world.environ(**keys)))


@pytest.mark.parametrize("own", ["password", "keys"])
def test_an_agency_is_assumed_with_what_we_have(world: World, own: str) -> None:
    world.write_rules(topics=AGENCY + TOPIC)
    service = world.service(world.password() if own == "password" else world.environ())
    assert ask(world, service, "main").id == estate.FILES_VAULT_ID
    assume = world.door.came(TOKENS)[-1]
    assert json.loads(assume.body)["auth"] == {
        "identity": {
            "methods": ["assume_role"],
            "assume_role": {"domain_name": ACCOUNT.domain_name, "agency_name": ACCOUNT.agency},
        },
        "scope": {"project": {"id": estate.PROJECT_ID}},
    }
    assert len(world.door.came(TOKENS)) == (2 if own == "password" else 1)
    proof = "x-auth-token" if own == "password" else "authorization"
    assert assume.headers[proof]
    (seen,) = world.door.came(VAULT)
    assert seen.headers["x-auth-token"] != assume.headers.get("x-auth-token")
    assert "authorization" not in seen.headers
    assert isinstance(only(world.fire(service)), Created)


def test_a_refused_agency_token_is_renewed_once(world: World) -> None:
    world.write_rules(topics=AGENCY + TOPIC)
    service = world.service(world.password())
    world.door.on(VAULT, REFUSED, always=True)
    with pytest.raises(Unauthorized):
        ask(world, service, "main")
    methods = [json.loads(seen.body)["auth"]["identity"]["methods"] for seen in world.door.came(TOKENS)]
    assert methods == [["password"], ["assume_role"], ["assume_role"]]
    assert len(world.door.came(VAULT)) == 2


def test_an_agency_nobody_knows_is_said_so(world: World) -> None:
    world.write_rules(topics=AGENCY.replace(ACCOUNT.agency, "no-such-agency") + TOPIC)
    with pytest.raises(Rejected, match="agency"):
        ask(world, world.service(), "main")


# ── the region's project ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("own", ["password", "keys"])
def test_the_project_of_a_region_is_looked_up_once(world: World, own: str) -> None:
    given = world.password(OS_PROJECT_NAME=ACCOUNT.project_name) if own == "password" else world.environ()
    service = world.service(without_project(given))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: ask(world, service), range(8)))
    (seen,) = world.door.came(PROJECTS)
    assert seen.target == f"/v3/projects?name={estate.REGION}"
    assert {each.target for each in world.door.came(VAULT)} == {f"/v3/{estate.PROJECT_ID}/vaults/{estate.FILES_VAULT_ID}"}


@pytest.mark.parametrize("count", [0, 2])
def test_no_project_or_two_are_refused_and_say_what_to_write(world: World, count: int) -> None:
    projects = [{"id": str(number) * 32, "name": estate.REGION} for number in range(count)]
    service = world.service(without_project(world.environ()))
    world.door.on(PROJECTS, answers(200, {"projects": projects}))
    with pytest.raises(Rejected, match="project_id"):
        ask(world, service)
    assert world.door.came(VAULT) == []
    assert ask(world, service).id == estate.FILES_VAULT_ID, "asked again by the next call"


@pytest.mark.parametrize("act", [answers(200, b"<html>"), answers(200, {}), answers(200, {"projects": 7}), answers(200, [])])
def test_projects_that_cannot_be_read_are_unclear(world: World, act: Act) -> None:
    world.door.on(PROJECTS, act, act)
    with pytest.raises(Unclear):
        ask(world, world.service(without_project(world.environ())))


def test_a_project_id_that_is_none_becomes_no_path(world: World) -> None:
    world.door.on(PROJECTS, answers(200, {"projects": [{"id": "../../v3/auth", "name": estate.REGION}]}))
    with pytest.raises(Rejected):
        ask(world, world.service(without_project(world.environ())))
    assert len(world.door.seen) == 1


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────

HOSTILE: dict[str, Act] = {
    "401": REFUSED,
    "403": answers(403),
    "500": answers(500),
    "html": answers(200, b"<html>"),
    "cut": cuts,
    "404": answers(404, {"error_code": "APIGW.0101", "error_msg": "no", "request_id": "1"}),
}


@pytest.mark.parametrize("way", ["keys", "temporary", "password", "agency"])
@pytest.mark.parametrize("act", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_secret_stands_in_what_is_said_of_a_failure(world: World, way: str, act: Act) -> None:
    if way == "agency":
        world.write_rules(topics=AGENCY + TOPIC)
    environ = {"keys": world.environ(), "temporary": world.environ(**temporary())}.get(way, world.password())
    service = world.service(environ)
    target = TOKENS if way in ("password", "agency") else VAULT
    world.door.on(target, act, always=True)
    with pytest.raises(CallFailed) as caught:
        ask(world, service, "main" if way == "agency" else "default")
    outcome = only(world.fire(service))
    tokens: list[Any] = [seen.headers.get("x-auth-token", "") for seen in world.door.seen]
    said = [
        str(caught.value),
        repr(caught.value),
        caught.value.message,
        repr(outcome),
        world.stream.getvalue(),
        repr(service.settings),
    ]
    for secret in (*SECRETS, *filter(None, tokens)):
        assert not any(secret in text for text in said)


@pytest.mark.parametrize(
    "cut", [slice(900), slice(900, None), slice(0, 30), slice(40, 2000)], ids=["begin", "end", "30", "middle"]
)
def test_a_long_token_that_a_gateway_repeats_in_part_is_struck_out(world: World, cut: slice) -> None:
    """IAM's tokens are longer than what gateways repeat of a header."""
    token = "".join(f"{hashlib.sha256(bytes([number])).hexdigest()}-" for number in range(50))
    environ = {name: value for name, value in world.environ().items() if not name.endswith(("_AK", "_SK"))} | {"OS_TOKEN": token}
    said = answers(400, {"error_code": "APIGW.0101", "error_msg": f"bad X-Auth-Token: {token[cut]}"}, {"X-Said": token[cut]})
    world.door.on(VAULT, said)
    with pytest.raises(CallFailed) as caught:
        ask(world, world.service(environ))
    text = f"{caught.value} {caught.value!r} {caught.value.message}"
    assert "bad X-Auth-Token: ***" in text
    assert not any(token[place : place + 24] in text for place in range(len(token) - 24))
