"""Ways to come in, and how one is turned away."""

from __future__ import annotations

from typing import Any

from handlers.sandbox import estate

PASSWORD = {
    "name": estate.ACCOUNT.username,
    "password": estate.ACCOUNT.password,
    "domain": {"name": estate.ACCOUNT.domain_name},
}
AGENCY = {"domain_name": estate.ACCOUNT.domain_name, "agency_name": estate.ACCOUNT.agency}
BY_PROJECT = {"project": {"id": estate.PROJECT_ID}}
BY_DOMAIN = {"domain": {"name": estate.ACCOUNT.domain_name}}
TEMPORARY = {"access_key": estate.TEMPORARY_ACCESS_KEY, "secret_key": estate.TEMPORARY_SECRET_KEY}


def ask(method: str, proof: Any, scope: Any = None) -> Any:
    auth: dict[str, Any] = {"identity": {"methods": [method], method: proof}}
    return {"auth": auth | ({"scope": scope} if scope else {})}


def token(client: Any, scope: Any = None) -> str:
    answer = client.call("POST", "/v3/auth/tokens", ask("password", {"user": PASSWORD}, scope or BY_PROJECT), signed=False)
    assert answer.status == 201
    return str(answer.headers["X-Subject-Token"])


def with_token(text: str, **headers: str) -> dict[str, Any]:
    return {"headers": {"X-Auth-Token": text, **headers}, "signed": False}


def refused(answer: Any) -> str:
    """The gateway's envelope, whose request id is also the header's."""
    assert answer.status == 401
    assert answer.json["error_code"] == "APIGW.0301"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert answer.raw.endswith(b"}\n")
    prefix, _, why = answer.json["error_msg"].partition(": ")
    assert prefix == "Incorrect IAM authentication information"
    return str(why)
