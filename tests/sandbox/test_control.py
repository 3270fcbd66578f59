"""The control path's guards: who may ask, what is done for a request that is none, and numbers nobody could use."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.errors import Misconfigured
from handlers.sandbox import Sandbox
from tests.sandbox.plain import CREATE, PROJECT, Plain

FAULT = b'{"kind": "status"}'


def add(plain: Plain, headers: bytes) -> int:
    head = b"POST /_sandbox/faults HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n" % (headers, len(FAULT))
    return plain.send(head + FAULT).status


GOOD = ["127.0.0.1", "127.0.0.1:80", "127.9.9.9:1", "localhost", "LocalHost:8080", "[::1]", "[::1]:80"]
BAD = ["evil.example", "evil.example:80", "192.0.2.1", "localhost.evil.example", "127.0.0.1.nip.io", "a@127.0.0.1", "", "[::2]"]


@pytest.mark.parametrize(("host", "status"), [(host, 200) for host in GOOD] + [(host, 403) for host in BAD])
def test_only_who_names_this_machine_may_ask(sandbox: Sandbox, plain: Plain, host: str, status: int) -> None:
    """A page whose name a name server has turned to this address asks without naming its origin."""
    assert add(plain, b"Host: %s\r\n" % host.encode()) == status
    assert len(sandbox.faults.rows()) == (status == 200)


def test_who_names_nothing_is_no_browser(plain: Plain) -> None:
    assert add(plain, b"") == 200


@pytest.mark.parametrize("framing", [b"Content-Length: x\r\n", b"Transfer-Encoding: gzip\r\n", b"Content-Length: 99999999\r\n"])
def test_nothing_is_done_for_a_request_that_is_refused(sandbox: Sandbox, plain: Plain, framing: bytes) -> None:
    sandbox.faults.add("hang:path=/never")
    came = plain.send(b"DELETE /_sandbox/faults HTTP/1.1\r\n%s\r\n" % framing)
    assert (came.status in {400, 413}, came.json["error_code"]) == (True, "APIGW.0201")
    assert len(sandbox.faults.rows()) == 1
    assert sandbox.counts.requests == 1  # to sign in


def test_request_ids_are_nobody_elses(plain: Plain) -> None:
    ids = [
        plain.control("GET", "/faults").headers["x-request-id"],
        plain.control("GET", "/faults").headers["x-request-id"],
        plain.list("vaults").headers["x-request-id"],
        plain.list("vaults").headers["x-request-id"],
    ]
    assert len(set(ids)) == 4


def test_asking_in_between_changes_no_id(clock: Any) -> None:
    found = []
    for asks in (False, True):
        with Sandbox(clock=clock, seed=2) as sandbox:
            plain = Plain(sandbox).sign_in()
            if asks:
                plain.control("GET", "/record")
            found.append(plain.list("vaults").headers["x-request-id"])
            plain.close()
    assert found[0] == found[1]


@pytest.mark.parametrize("number", ["9" * 10, "9" * 5000, "-1", "1.5", "%D9%A3"])
def test_a_number_of_exchanges_nobody_could_use_is_refused(plain: Plain, number: str) -> None:
    came = plain.control("GET", f"/record?exchanges={number}")
    assert (came.status, came.json["setting"]) == (400, "exchanges")


@pytest.mark.parametrize("key", ["times", "chance", "seconds"])
@pytest.mark.parametrize("text", ["1" + "0" * 400, "1e999", "NaN", "-1" + "0" * 400])
def test_nor_are_a_faults(sandbox: Sandbox, plain: Plain, key: str, text: str) -> None:
    body = b'{"kind": "delay", "%s": %s}' % (key.encode(), text.encode())
    came = plain.send(b"POST /_sandbox/faults HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert (came.status, sandbox.faults.rows()) == (400, [])
    assert came.json["setting"] == "faults"


def test_nor_is_one_that_is_given_at_the_start() -> None:
    for number in (10**400, float("inf"), float("nan")):
        with pytest.raises(Misconfigured, match=r"^faults: delay:seconds must be"):
            Sandbox(faults=[{"kind": "delay", "seconds": number}])


@pytest.mark.parametrize(
    "value", [b"NaN", b"-Infinity", b"1e999", b"[1, -1e999]", *(b"[" * n + b"]" * n for n in (300, 900, 970, 980))]
)
def test_the_record_is_json_whatever_came(sandbox: Sandbox, plain: Plain, value: bytes) -> None:
    body = json.dumps(CREATE).encode()[:-1] + b', "x": %s}' % value
    head = f"POST {PROJECT}/checkpoints HTTP/1.1\r\nX-Auth-Token: {plain.token}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert plain.send(head.encode() + body).status == 400
    shown = plain.control("GET", "/record").body
    (_, post) = json.loads(shown, parse_constant=pytest.fail)["exchanges"]
    assert post["body"] == body.decode()
    assert sandbox.restore_points() == []
