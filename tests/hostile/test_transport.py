"""Requests that are too large, too slow, ambiguous or of another kind: reliability.md, 6.1, H1 to H12."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from handlers.envelope import BODY_CAP
from tests.hostile.rows import Rows
from tests.hostile.stage import PLATFORMS, Stage, event_of, firing, token

rows = Rows(
    named={
        "H1": ["tests/test_web.py::test_a_body_of_the_limit_and_one_more", "tests/test_web.py::test_a_huge_body_costs_no_memory"],
        "H3": [
            "tests/test_web.py::test_a_length_that_is_none",
            "tests/test_web.py::test_a_body_that_does_not_come_is_not_waited_for",
        ],
        "H6": ["tests/test_web.py::test_methods_and_paths"],
        "H8": [
            "tests/test_web.py::test_two_proofs_are_none_and_other_bodies_are_not_read",
            "tests/test_trust.py::test_a_header_under_two_spellings_came_twice",
        ],
        "H12": ["tests/test_web.py::test_the_start_refuses", "tests/cli/test_serve.py::test_the_web_does_not_start_with_debug"],
    },
    waiting={
        "H7 a request line of a megabyte": "answered 404: functions-framework starts gunicorn with limit_request_line 0",
        "H7 a query of a megabyte": "served, for the same reason",
        "H7 a request line of 8 megabytes": "read whole, in time that grows with its square: about 6 seconds, 16 MB take 15",
        "H7 ten thousand headers that a gateway let through": "served: there is no cap of our own",
        "H10 a header now and then": "no deadline holds for the head of a request; eight such connections are all threads",
    },
)
BODY = json.dumps(firing()).encode()
PROOF = f"Authorization: Bearer {token('am')}\r\n"


def raw(stage: Stage, text: str | bytes, patience: float = 20.0) -> tuple[int, bytes]:
    """Exactly these bytes to the server; the status it answers, and all it says. 0: it hung up without a word."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", stage.web.port), patience)) as line:
        with contextlib.suppress(OSError):  # it may hang up while it is being written to
            line.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))
        said = bytearray()
        with contextlib.suppress(OSError):
            while some := line.recv(65536):
                said += some
                if b"\r\n\r\n" in said and len(said) >= _whole(bytes(said)):
                    break
    found = re.match(rb"HTTP/1\.1 ([0-9]{3})", said)
    return int(found[1]) if found else 0, bytes(said)


def _whole(said: bytes) -> int:
    length = re.search(rb"(?i)content-length: ([0-9]+)", said)
    return said.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)


def request(*headers: str, path: str = "/alert/am", body: bytes = BODY, length: bool = True, method: str = "POST") -> bytes:
    """With the right proof, so that what is wrong is what the test says."""
    own = ["Host: x", "Content-Type: application/json", PROOF.strip(), "Connection: close", *headers]
    own += [f"Content-Length: {len(body)}"] if length else []
    return f"{method} {path} HTTP/1.1\r\n".encode() + "".join(f"{each}\r\n" for each in own).encode("latin-1") + b"\r\n" + body


# ── sizes ──

TOO_LARGE = {
    "H1 one byte more than the limit": BODY.ljust(BODY_CAP + 1),
    "H1 nearly twice the limit": b"x" * 2_000_000,
    "H1 one byte more, of an attacker without proof": b"[" * (BODY_CAP + 1),
}


@rows.cases("body", TOO_LARGE)
def test_a_body_has_an_end_on_every_platform(stage: Stage, body: bytes) -> None:
    bearer = "wrong" if body.startswith(b"[") else None
    with stage.nothing_leaves():
        for said in stage.everywhere("/alert/am", body, bearer=bearer):
            assert (said.status, said.reasons) == (413, ["too_large"])


@rows("H1")
def test_a_body_of_the_limit_is_served_on_every_platform(fresh: Callable[..., Stage]) -> None:
    made = fresh()
    for platform in ("lambda", "functiongraph"):
        assert made.ask(platform, "/alert/am", BODY.ljust(BODY_CAP)).words[0] in ("created", "joined", "later")
    assert len(made.posts()) == 1


@rows("H1")
def test_an_event_that_the_platform_parsed_has_the_same_end(stage: Stage) -> None:
    with stage.nothing_leaves():
        for platform in ("lambda", "functiongraph"):
            said = stage.hand(platform, "alert", {"status": "firing", "labels": {"host": "x" * BODY_CAP}})
            assert (said.status, said.reasons) == (413, ["too_large"])


CHUNKED = request("Transfer-Encoding: chunked", body=b"", length=False)
SLOW: dict[str, tuple[bytes, bytes, float]] = {
    "H2 a chunk now and then": (CHUNKED, b"1\r\nx\r\n", 0.2),
    "H10 one byte a second": (request("Content-Length: 60", body=b"", length=False), b"{", 1.0),
    "H10 nothing at all": (request("Content-Length: 60", body=b"", length=False), b"", 1.0),
    "H10 a header now and then": (CHUNKED.removesuffix(b"\r\n"), b"X-A: b\r\n", 1.0),
}


PLAYED = rows.played(SLOW)


def dripped(port: int, start: bytes, piece: bytes, every: float) -> tuple[int, float]:
    """A client that has time: the status it gets in the end, and after how many seconds."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), 20)) as line:
        began, said = time.monotonic(), b""
        line.sendall(start)
        line.settimeout(every)
        while time.monotonic() - began < 18 and not said:
            with contextlib.suppress(OSError):
                line.sendall(piece)
            with contextlib.suppress(TimeoutError):
                said = line.recv(100) or b"HTTP/1.1 000"
        return int(said[9:12] or b"0"), time.monotonic() - began


def test_what_never_ends_is_cut_at_the_deadline(stage: Stage) -> None:
    """Each alone would hold a thread for ever. All at once, for the deadline is ten seconds."""
    port = stage.web.port
    with stage.nothing_leaves(), ThreadPoolExecutor(len(SLOW)) as threads:
        ends = {name: threads.submit(dripped, port, *case) for name, case in PLAYED.items()}
        for name, end in ends.items():
            status, seconds = end.result()
            assert (status, 9 < seconds < 15) == (408, True), (name, seconds)


@rows("H2")
def test_chunks_without_an_end_are_cut_at_the_cap(stage: Stage) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        while sent < 100_000_000:
            sent += 100_000
            yield b"x" * 100_000

    with stage.nothing_leaves():
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token('am')}"}
        try:
            assert stage.web.ask("POST", "/alert/am", headers, pieces()).status == 413
        except OSError:  # it hung up in the middle, and the client heard nothing
            assert sent < 100_000_000
        assert stage.web.deliveries[-1]["restore_points"][0]["reason"] == "too_large"


LENGTHS = {
    "H3 negative": request("Content-Length: -1", length=False),
    "H3 text": request("Content-Length: ten", length=False),
    "H3 with a plus": request(f"Content-Length: +{len(BODY)}", length=False),
    "H3 with a blank inside": request("Content-Length: 1 1", length=False),
    "H3 in Arabic digits": request("Content-Length: \u0661\u0660".encode().decode("latin-1"), length=False),
    "H3 twice and different": request("Content-Length: 2", f"Content-Length: {len(BODY)}", length=False),
    "H3 twice in one line": request(f"Content-Length: {len(BODY)}, {len(BODY)}", length=False),
    "H3 twenty digits": request("Content-Length: 99999999999999999999", length=False),
    "H3 beside chunks that say otherwise": request("Transfer-Encoding: chunked", body=b"0\r\n\r\n" + BODY),
    "H3 of an unknown transfer encoding": request("Transfer-Encoding: xchunked"),
    "H3 a chunk that is no number": request("Transfer-Encoding: chunked", body=b"zz\r\n" + BODY + b"\r\n0\r\n\r\n", length=False),
    "H3 a chunk of negative length": request(
        "Transfer-Encoding: chunked", body=b"-1\r\n" + BODY + b"\r\n0\r\n\r\n", length=False
    ),
}


@rows.cases("bytes_", LENGTHS)
def test_a_length_that_two_servers_could_read_differently_is_refused(stage: Stage, bytes_: bytes) -> None:
    with stage.nothing_leaves():
        status, _ = raw(stage, bytes_)
        assert status in (400, 413, 501)


@rows("H3")
def test_more_than_the_length_says_is_no_part_of_the_body(stage: Stage) -> None:
    """The rest is not taken for a request of its own either: the connection ends."""
    second = request(path="/once/ci", body=b"{}")
    with stage.nothing_leaves():
        status, said = raw(stage, request("Content-Length: 2", body=b"{}" + second, length=False))
        assert status == 400
        assert said.count(b"HTTP/1.1 ") == 1


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


MEGABYTE = "x" * 1_000_000
HEADERS: dict[str, bytes] = {
    "H7 ten thousand headers": request(*(f"X-H{each}: v" for each in range(10_000))),
    "H7 a header of a megabyte": request(f"X-Large: {MEGABYTE}"),
    "H7 a header's name of a megabyte": request(f"X-{MEGABYTE}: v"),
    "H7 a request line of a megabyte": request(path=f"/alert/{MEGABYTE}"),
    "H7 a query of a megabyte": request(path=f"/alert/am?{MEGABYTE}"),
    "H7 a request line of 8 megabytes": request(path=f"/{MEGABYTE * 8}"),
}


@rows.cases("bytes_", HEADERS)
def test_a_head_without_measure_is_refused_by_the_front_end(stage: Stage, bytes_: bytes) -> None:
    with stage.nothing_leaves():
        began = time.monotonic()
        status, said = raw(stage, bytes_)
        assert status in (0, 400, 414, 431), said[:200]
        assert len(said) < 2000
        assert time.monotonic() - began < 2


PASSED_ON: dict[str, dict[str, Any]] = {
    "H7 ten thousand headers that a gateway let through": {f"x-h{each}": "v" for each in range(10_000)},
    "H7 a proof of a megabyte that a gateway let through": {"authorization": f"Bearer {MEGABYTE}"},
    "H7 a type of a megabyte that a gateway let through": {"content_type": f"application/json{MEGABYTE}"},
}


@rows.cases("headers", PASSED_ON)
def test_a_head_without_measure_is_refused_where_the_front_end_let_it_through(stage: Stage, headers: dict[str, Any]) -> None:
    with stage.nothing_leaves():
        for platform in ("lambda", "functiongraph"):
            assert stage.ask(platform, "/alert/am", BODY, **headers).status in (400, 401, 415, 431)


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
