"""Brings the situations of tests/tables/sandbox_errors.json about: a recipe's steps, then its request, all on a real socket."""

from __future__ import annotations

import uuid
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from handlers.sandbox import estate
from handlers.signing import query_string, sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.conftest import Answer, Client, Clock

ACCOUNT = estate.ACCOUNT
NAMES = {
    "project": estate.PROJECT_ID,
    "erp": estate.ERP_VAULT_ID,
    "files": estate.FILES_VAULT_ID,
    "empty": estate.EMPTY_VAULT_ID,
    "app": estate.ERP_APP_ID,
    "app_disk": estate.ERP_APP_DATA_DISK_ID,
    "db": estate.ERP_DB_ID,
    "share": estate.FILES_SHARE_ID,
    "disks": estate.DISKS_VAULT_ID,
    "disk": estate.MAIL_DISK_ID,
    "unbound": estate.UNBOUND_SERVER_ID,
    "topic": estate.TOPIC_URN,
    "ak": estate.ACCESS_KEY,
    "sk": estate.SECRET_KEY,
    "temporary_ak": estate.TEMPORARY_ACCESS_KEY,
    "username": ACCOUNT.username,
    "password": ACCOUNT.password,
    "domain": ACCOUNT.domain_name,
    "agency": ACCOUNT.agency,
}
KEYS = {
    "wrong secret": {"access_key": estate.ACCESS_KEY, "secret_key": "x"},
    "unknown key": {"access_key": "NOSUCHKEY", "secret_key": "x"},
    "temporary keys, no security token": {
        "access_key": estate.TEMPORARY_ACCESS_KEY,
        "secret_key": estate.TEMPORARY_SECRET_KEY,
    },
}
SECONDS = {"signed 960 seconds ago": -960, "signed 960 seconds ahead": 960}


@dataclass
class Kitchen:
    """One sandbox, its clock, and the names a recipe uses for what is there."""

    client: Client
    clock: Clock
    names: dict[str, str] = field(default_factory=lambda: NAMES | {"unknown": str(uuid.uuid4())})

    def said(self, value: Any) -> Any:
        """A recipe's value with its {names} put in and its repetitions written out."""
        if isinstance(value, str):
            for name, meant in self.names.items():
                value = value.replace("{" + name + "}", meant)
            return value
        if isinstance(value, dict) and value.keys() == {"repeat", "times"}:
            return self.said(value["repeat"]) * value["times"]
        if isinstance(value, dict):
            return {key: self.said(held) for key, held in value.items()}
        return [self.said(held) for held in value] if isinstance(value, list) else value

    def prepare(self, steps: list[dict[str, Any]]) -> None:
        for step in steps:
            STEPS[step["step"]](self, self.said({key: value for key, value in step.items() if key != "step"}))

    def send(self, request: dict[str, Any]) -> Answer:
        asked = self.said(request)
        raw = asked["raw"].encode() if "raw" in asked else None
        query = [(name, value) for name, value in asked.get("query", [])]
        target = asked["path"] + (f"?{query_string(query)}" if query else "")
        headers = dict(asked.get("headers", {}))
        return self._send_as(asked.get("as", "keys"), asked["method"], target, asked.get("json", raw), headers)

    def _send_as(self, who: str, method: str, target: str, body: Any, headers: dict[str, str]) -> Answer:
        client = self.client
        if who == "token":
            headers = {"X-Auth-Token": self.names["token"]} | headers
        if who in {"token", "nobody"}:
            return client.call(method, target, body, headers=headers, signed=False)
        if who in KEYS:
            other = type(client)(client.endpoint, self.clock, KEYS[who])
            with closing(other.connection):
                return other.call(method, target, body, headers=headers)
        if who in SECONDS or who.startswith("changed"):
            date = datetime.fromtimestamp(self.clock.now + SECONDS.get(who, 0), UTC)
            headers |= sign(method, client.endpoint + target, {}, b"", now=date, **client.keys)
            sent = target + ("?limit=1" if who == "changed query" else "")
            return client.call(method, sent, body, headers=headers, signed=False)
        assert who == "keys", who
        return client.call(method, target, body, headers=headers)

    def control(self, path: str, body: Any) -> None:
        answer = self.client.call("POST", "/_sandbox" + path, body, signed=False)
        assert answer.status == 200, answer.raw

    def request(self, about: dict[str, Any]) -> None:
        """As often as told, with the status told, and what the answer holds by the names told."""
        for _ in range(about.get("times", 1)):
            answer = self.send(about)
            assert answer.status == about.get("status", answer.status if answer.status < 300 else 200), answer.raw
            for name, way in about.get("save", {}).items():
                self.names[name] = _found(answer.json, way)

    def token(self, about: dict[str, Any]) -> None:
        user = {"name": ACCOUNT.username, "password": ACCOUNT.password, "domain": {"name": ACCOUNT.domain_name}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": {"id": estate.PROJECT_ID}}}}
        answer = self.client.call("POST", "/v3/auth/tokens", body, signed=False)
        self.names[about.get("name", "token")] = answer.headers["X-Subject-Token"]


def _found(document: Any, way: str) -> str:
    for each in way.split("."):
        document = document[int(each) if each.isdecimal() else each]
    return str(document)


STEPS: dict[str, Callable[[Kitchen, dict[str, Any]], None]] = {
    "request": Kitchen.request,
    "token": Kitchen.token,
    "forward": lambda kitchen, about: kitchen.clock.forward(about["seconds"]),
    "fault": lambda kitchen, about: kitchen.control("/faults", about),
    "habits": lambda kitchen, about: kitchen.control("/habits", about),
    "expire_tokens": lambda kitchen, about: kitchen.control("/tokens/expire", about),
    "fill": lambda kitchen, about: kitchen.control("/state", {"fill": {"vault_id": about["vault"], "percent": about["percent"]}}),
    "vault_status": lambda kitchen, about: kitchen.control(
        "/state", {"status": {"vault_id": about["vault"], "status": about["status"]}}
    ),
    "protect_status": lambda kitchen, about: kitchen.control(
        "/state", {"protect_status": {"resource_id": about["resource"], "status": about["status"]}}
    ),
    "resource_state": lambda kitchen, about: kitchen.control(
        "/state", {"resource_state": {"resource_id": about["resource"], "state": about["state"]}}
    ),
    "foreign": lambda kitchen, about: kitchen.control("/state", {"foreign": {"vault_id": about["vault"], "seconds": 600}}),
}
