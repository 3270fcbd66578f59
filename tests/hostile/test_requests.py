"""Requests of another kind, and whose they are: reliability.md, 6.1, H4 to H6, H8, H9, H11 and H12."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.hostile.raw import BODY, PROOF, raw, request
from tests.hostile.rows import Rows
from tests.hostile.stage import PLATFORMS, Stage, event_of, firing, token

rows = Rows(
    named={
        "H6": ["tests/test_web.py::test_methods_and_paths"],
        "H8": [
            "tests/test_web.py::test_two_proofs_are_none_and_other_bodies_are_not_read",
            "tests/test_trust.py::test_a_header_under_two_spellings_came_twice",
        ],
        "H12": ["tests/test_web.py::test_the_start_refuses", "tests/cli/test_serve.py::test_the_web_does_not_start_with_debug"],
    },
    waiting={},
)
# ── kinds ──


def bombs() -> dict[str, bytes]:
    plain = b'{"alerts": [' + b" " * 2_000_000 + b"]}"
    return {
        "gzip": gzip.compress(plain),
        "deflate": zlib.compress(plain),
        "br": b"\x8b\x00\x80",
        "zstd": b"(\xb5/\xfd" + b"\0" * 20,
    }


ENCODED = {
    **{f"H4 {name}": (name, body) for name, body in bombs().items()},
    "H4 gzip by another spelling": ("GZip", gzip.compress(BODY)),
    "H4 gzip after identity": ("identity, gzip", gzip.compress(BODY)),
    "H4 plain and said to be gzip": ("gzip", BODY),
    "H4 an encoding nobody knows": ("x-none", BODY),
    "H4 no encoding's name": ("", BODY),
}


@rows.cases("case", ENCODED)
def test_a_compressed_body_is_never_opened(stage: Stage, case: tuple[str, bytes]) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/alert/am", case[1], content_encoding=case[0]):
            assert (said.status, said.reasons) == (415, ["compressed"])


ENTITIES = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
FORM = b"--x\r\nContent-Disposition: form-data; name=payload\r\n\r\n" + BODY + b"\r\n--x--\r\n"
TYPES: dict[str, tuple[str | None, bytes]] = {
    "H5 multipart": ("multipart/form-data; boundary=x", FORM),
    "H5 a form": ("application/x-www-form-urlencoded", b"payload=" + BODY),
    "H5 text/plain": ("text/plain", BODY),
    "H5 text/plain that says JSON behind it": ("text/plain; x=application/json", BODY),
    "H5 XML": ("application/xml", ENTITIES),
    "H5 text/xml": ("text/xml", ENTITIES),
    "H5 SOAP": ("application/soap+xml", ENTITIES),
    "H5 HTML": ("text/html", BODY),
    "H5 text/json": ("text/json", BODY),
    "H5 no type": (None, BODY),
    "H5 an empty one": ("", BODY),
    "H5 two in one": ("text/plain, application/json", BODY),
}


@rows.cases("case", TYPES)
def test_another_kind_of_body_is_not_read(stage: Stage, case: tuple[str | None, bytes]) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/alert/am", case[1], content_type=case[0]):
            assert (said.status, said.reasons) == (415, ["content_type"])


METHODS = {f"H6 {each}": each for each in ("GET", "HEAD", "DELETE", "TRACE", "OPTIONS", "PATCH", "CONNECT", "PROPFIND", "post")}


@rows.cases("method", METHODS)
def test_another_method_asks_for_nothing(stage: Stage, method: str) -> None:
    with stage.nothing_leaves():
        for said in stage.everywhere("/alert/am", BODY, method=method):
            assert said.status in (400, 405)  # 400: no method at all by gunicorn's measure
            assert BODY.decode() not in said.text
        for platform in PLATFORMS:
            assert stage.ask(platform, "/once/ci", BODY, method="PUT").status == 405


PATHS = (
    "/", "/alert//am", "/alert/am/", "/alert/am/x", "/alert/../alert/am", "/alert/./am", "/ALERT/am", "/alert/am;x",
    "/healthz/../alert/am", "/timer", "/once", "/favicon.ico", "/admin", "/.env", "/console",
)  # fmt: skip


@rows("H6")
def test_any_other_path_is_nothing(stage: Stage) -> None:
    with stage.nothing_leaves():
        for path in PATHS:
            status, said = raw(stage, request(path=path))
            assert status in (401, 404), (path, said)
        status, said = raw(stage, request(path="/healthz?x=1", method="GET", body=b""))
        assert (status, said.rpartition(b"\r\n\r\n")[2]) == (200, b"ok")


# ── whose request it is ──

TWICE: dict[str, Callable[[str], dict[str, Any] | bytes]] = {
    "H8 the same proof twice": lambda platform: doubled(platform, f"Bearer {token('am')}", f"Bearer {token('am')}"),
    "H8 the right one first": lambda platform: doubled(platform, f"Bearer {token('am')}", "Bearer wrong"),
    "H8 the right one last": lambda platform: doubled(platform, "Bearer wrong", f"Bearer {token('am')}"),
    "H8 joined as a Function URL does": lambda platform: doubled(platform, f"Bearer {token('am')},Bearer {token('am')}"),
}


def doubled(platform: str, *values: str) -> dict[str, Any] | bytes:
    if platform == "web":
        own = "".join(f"Authorization: {value}\r\n" for value in values)
        return request().replace(PROOF.encode(), own.encode())
    event = event_of(platform, "/alert/am", "POST", {"content-type": "application/json"}, BODY)
    if platform == "lambda":  # a gateway's payload format 1.0 is the one that keeps both
        event = {key: value for key, value in event.items() if key not in ("version", "requestContext")}
        event |= {"httpMethod": "POST", "path": "/alert/am", "resource": "/{any+}", "requestContext": {}}
    event["multiValueHeaders"] = {"Authorization": list(values)}
    event["headers"] |= {"Authorization": values[-1]}
    return event


@rows.cases("make", TWICE)
def test_two_proofs_are_none_on_every_platform(stage: Stage, make: Callable[[str], dict[str, Any] | bytes]) -> None:
    with stage.nothing_leaves():
        for platform in PLATFORMS:
            event = make(platform)
            status = raw(stage, event)[0] if isinstance(event, bytes) else stage.hand(platform, "alert", event).status
            assert status == 401, platform


SPOOFED: dict[str, dict[str, str]] = {
    "H9 another method": {"X-HTTP-Method-Override": "GET", "X-HTTP-Method": "DELETE", "X-Method-Override": "PUT"},
    "H9 another host": {"X-Forwarded-Host": "{evil}", "X-Host": "{evil}", "Forwarded": "host={evil};proto=http"},
    "H9 another caller": {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "X-Forwarded-Proto": "https", "Via": "1.1 x"},
    "H9 another path": {"X-Original-URL": "/alert/mon", "X-Rewrite-URL": "/once/ci", "X-Forwarded-Prefix": "/once/ci"},
    "H9 another scheme": {"X-Forwarded-Ssl": "on", "X-Forwarded-Protocol": "ssl", "Front-End-Https": "on"},
}


@rows.cases("headers", SPOOFED)
def test_what_a_proxy_might_have_said_changes_nothing(stage: Stage, headers: dict[str, str]) -> None:
    given: dict[str, Any] = {name.replace("-", "_"): value.format(evil=stage.evil) for name, value in headers.items()}
    over = firing(host="erp-db") | {"status": "resolved"}
    over["alerts"][0]["status"] = "resolved"
    with stage.nothing_leaves():
        for said in stage.everywhere("/alert/am", over, **given):
            assert (said.status, said.reasons) == (200, ["resolved"])
            assert stage.evil not in said.text
        for said in stage.everywhere("/alert/am", over, bearer="wrong", **given):
            assert (said.status, said.reasons) == (401, ["bad_proof"])
        for said in stage.everywhere("/alert/am", over, method="GET", **given | {"X_HTTP_Method_Override": "POST"}):
            assert said.status == 405


@rows("H9")
def test_the_name_of_the_host_decides_nothing(stage: Stage) -> None:
    with stage.nothing_leaves():
        for host in ("evil.example", "127.0.0.1:1", "x" * 200, "", "a b"):
            status, said = raw(stage, request(body=b"{}").replace(b"Host: x", f"Host: {host}".encode()))
            assert status == 400
            assert b"evil.example" not in said


# ── base64 ──

CODED = base64.b64encode(BODY).decode()
BASE64: dict[str, tuple[object, object, int]] = {
    "H11 said to be and is not": ("!" + CODED, True, 400),
    "H11 plain text said to be": (BODY.decode(), True, 400),
    "H11 with a line break": (CODED[:40] + "\n" + CODED[40:], True, 400),
    "H11 with a blank": (CODED[:40] + " " + CODED[40:], True, 400),
    "H11 without its padding": (base64.b64encode(b"{} ").decode() + "e30", True, 400),
    "H11 padding in the middle": (CODED[:4] + "==" + CODED[4:], True, 400),
    "H11 of the other alphabet": ("eyJh-_8=", True, 400),
    "H11 foreign letters": (CODED[:-4] + "\u00e9\u00e9\u00e9\u00e9", True, 400),
    "H11 is, and said not to be": (CODED, False, 400),
    "H11 is, and nobody says so": (CODED, None, 400),
    "H11 is, and the flag is a text": (CODED, "true", 400),
    "H11 is, and the flag is a number": (CODED, 1, 400),
    "H11 twice": (base64.b64encode(CODED.encode()).decode(), True, 400),
    "H11 a body that is no text": ([1, 2], True, 400),
    "H11 half a surrogate pair, said to be": ("\ud800", True, 400),
    "H11 half a surrogate pair": ("\ud800", False, 400),
}


@rows.cases("case", BASE64)
def test_the_flag_and_the_body_must_agree(stage: Stage, case: tuple[object, object, int]) -> None:
    body, flag, status = case
    with stage.nothing_leaves():
        for platform in ("lambda", "functiongraph"):
            headers = {"content-type": "application/json", "authorization": f"Bearer {token('am')}"}
            event = event_of(platform, "/alert/am", "POST", headers, b"") | {"body": body, "isBase64Encoded": flag}
            said = stage.hand(platform, "alert", event)
            assert (said.status, said.reasons) == (status, ["malformed"])


@pytest.mark.parametrize("platform", ["lambda", "functiongraph"])
@rows("H11")
def test_where_they_agree_it_is_read(fresh: Callable[..., Stage], platform: str) -> None:
    made = fresh()
    headers = {"content-type": "application/json", "authorization": f"Bearer {token('am')}"}
    for body, flag in ((CODED, True), (BODY.decode(), False), (BODY.decode(), None)):
        event = event_of(platform, "/alert/am", "POST", headers, b"") | {"body": body, "isBase64Encoded": flag}
        assert made.hand(platform, "alert", event).words[0] in ("created", "joined")
    assert len(made.posts()) == 1
