"""Requests of real clients, sent again byte for byte at their own time: let in or refused as they were then."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from handlers.sandbox import Sandbox, estate
from handlers.sandbox.doors import Key
from tests.sandbox import recorded
from tests.sandbox.recorded import REQUESTS, Sent

SCRIPTED = "the recording server was told to answer so; the request itself is good"
ITS_ID = "the id is one the recording server made up"
NO_UUID = "the recording server did not look at the id, which is no UUID"
# What was recorded cannot be asked of these; that they are let in can.
DIFFERENT = {
    ("create_checkpoint all SDK fields, AK/SK", 0): "a retention with auto_trigger, which the documents forbid",
    ("show_checkpoint", 0): ITS_ID,
    ("list_backups all filters", 0): "the marker is no id, and the recording server did not look at filters",
    ("show_backup 404", 0): NO_UUID,
    ("delete_backup", 0): NO_UUID,
    ("show_op_log unknown", 0): "the recording server answered with a list",
    ("429 APIGW.0308 with default config (no retry)", 0): SCRIPTED,
    ("429 twice with HttpConfig.retry_times=3 (POST)", 0): SCRIPTED,
    **{("429 twice with HttpConfig.retry_times=3 (GET)", number): SCRIPTED for number in range(3)},
    ("401 gateway error", 0): SCRIPTED,
    ("400 CBR error", 0): SCRIPTED,
    ("502 html", 0): SCRIPTED,
    (
        "create_checkpoint full (resource_details as single object, as the model declares)",
        0,
    ): "an object for an array; the recording server did not look at the body",
    (
        "create_checkpoint with parameters at top level (what the ansible module cbr_restore_point passes)",
        0,
    ): "a key unknown at this level; the recording server did not look at the body",
    **{("create then wait_for_checkpoint", number): ITS_ID for number in (1, 2)},
}
# the recording server gave these whatever was asked: there is no description without one, and an agency has no password
NOT_ASKED_FOR = {".checkpoint.extra_info.description", ".token.user.password_expires_at"}
SIGNED = [sent for sent in REQUESTS if sent.header("authorization") and "/auth/tokens" not in sent.document["target"]]
BY_TOKEN = [sent for sent in REQUESTS if sent.header("x-auth-token") and not sent.header("authorization")]
ACCEPTED = [sent for sent in REQUESTS if (sent.step, sent.number) not in DIFFERENT and sent.answer["status"] < 300]


def replayed(sent: Sent, *, later: float = 0.0, secret: str = recorded.SECRET_KEY) -> tuple[int, Any]:
    """Status and document. Every request meets a sandbox of its own: what ran before has ended."""
    there = replace(recorded.ESTATES[sent.file], keys={recorded.ACCESS_KEY: Key(secret)})
    with Sandbox(clock=lambda: sent.at + later, estate=there) as sandbox:
        address = urlsplit(sandbox.endpoint)
        with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
            connection.sendall(sent.raw)
            reply = http.client.HTTPResponse(connection, method=sent.document["method"])
            reply.begin()
            body = reply.read()
            reply.close()
    return reply.status, json.loads(body) if body else None


def let_in(status: int, document: Any) -> bool:
    """A 401 about the address says nothing against the caller."""
    return status not in {401, 403} or document == {"unauthorized": {"code": "401", "message": "Malformed request url"}}


def turned_away(status: int, document: Any) -> bool:
    """By the gateway, which knows its routes before it looks at callers, or by IAM in words of its own."""
    refusals = {401: ("APIGW.0301", "requires authentication"), 404: ("APIGW.0101",)}
    return any(words in str(document) for words in refusals.get(status, ()))


@pytest.mark.parametrize("sent", REQUESTS, ids=str)
def test_is_answered_as_it_was(sent: Sent) -> None:
    status, document = replayed(sent)
    if (sent.step, sent.number) in DIFFERENT:
        assert let_in(status, document), document
    else:
        assert status == sent.answer["status"], document


def test_every_exception_is_one() -> None:
    assert DIFFERENT.keys() <= {(sent.step, sent.number) for sent in REQUESTS}
    assert len(REQUESTS) == 40


@pytest.mark.parametrize("sent", SIGNED, ids=str)
def test_is_refused_with_another_secret(sent: Sent) -> None:
    status, document = replayed(sent, secret=recorded.SECRET_KEY[::-1])
    assert turned_away(status, document)


@pytest.mark.parametrize("later", [-901.0, 901.0])
@pytest.mark.parametrize("sent", SIGNED, ids=str)
def test_is_refused_at_another_time(sent: Sent, later: float) -> None:
    status, document = replayed(sent, later=later)
    assert turned_away(status, document)


@pytest.mark.parametrize(
    "sent", [sent for sent in REQUESTS if sent.header("x-auth-token") and not sent.header("authorization")], ids=str
)
def test_is_refused_with_another_token(sent: Sent) -> None:
    headers = [[name, value + "x" if name == "X-Auth-Token" else value] for name, value in sent.document["headers"]]
    status, document = replayed(replace(sent, document=sent.document | {"headers": headers}))
    assert turned_away(status, document)


@pytest.mark.parametrize("sent", [sent for sent in ACCEPTED if sent.answer["body_utf8"]], ids=str)
def test_has_every_field_that_was_recorded(sent: Sent) -> None:
    """Of the same type, too. Lists may be shorter: what they held was the recording server's own."""
    _, document = replayed(sent)
    assert set(missing(json.loads(sent.answer["body_utf8"]), document)) <= NOT_ASKED_FOR


def missing(wanted: Any, given: Any, path: str = "") -> Iterator[str]:
    if path.endswith(("resource_size", "backup_size", "extra_info")) and "resources" in path:
        assert isinstance(given, str)  # recorded once as in the documents' example and once as on the real wire
    elif isinstance(wanted, dict):
        for key, value in wanted.items():
            if not isinstance(given, dict) or key not in given:
                yield f"{path}.{key}"
            else:
                yield from missing(value, given[key], f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(given, list):
        for value in given[:1]:
            yield from missing(wanted[0], value, f"{path}[]") if wanted else ()
    elif type(wanted) is not type(given):
        yield path


GO = recorded.load("go-client-decoding.json")
_GO_STRINGS = ("id", "name", "type", "protect_status", "resource_size", "backup_size", "backup_count", "extra_info")


def go_reads(checkpoint: Any) -> bool:
    """As the Go client's types do: these fields are strings, or null, or missing."""
    return all(
        isinstance(resource.get(name, ""), str) or resource[name] is None
        for resource in checkpoint["vault"]["resources"]
        for name in _GO_STRINGS
    )


class TestTheGoClient:
    @pytest.mark.parametrize("case", GO["decode"], ids=lambda case: json.dumps(case["input"]))
    def test_is_understood_here(self, case: Any) -> None:
        assert go_reads(case["input"]) == (case["result"] == "ok")

    @pytest.mark.parametrize("case", GO["encode"], ids=lambda case: str(case["options"]))
    def test_is_served_what_it_can_read(self, client: Any, case: Any) -> None:
        asked = case["checkpoint_object"] | {"vault_id": estate.ERP_VAULT_ID}
        created = client.cbr("POST", "/checkpoints", {"checkpoint": asked})
        assert created.status == 200, created.raw
        shown = client.cbr("GET", f"/checkpoints/{created.json['checkpoint']['id']}")
        for answer in (created, shown):
            checkpoint = answer.json["checkpoint"]
            assert checkpoint["vault"]["resources"]
            assert go_reads(checkpoint)
