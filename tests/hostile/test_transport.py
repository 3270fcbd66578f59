"""Requests that are too large, too slow, or of a length nobody can tell: reliability.md, 6.1, H1 to H3, H7 and H10."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from handlers.envelope import BODY_CAP
from tests.hostile.raw import BODY, raw, request
from tests.hostile.rows import Rows
from tests.hostile.stage import Stage, token

rows = Rows(
    named={
        "H1": ["tests/test_web.py::test_a_body_of_the_limit_and_one_more", "tests/test_web.py::test_a_huge_body_costs_no_memory"],
        "H3": [
            "tests/test_web.py::test_a_length_that_is_none",
            "tests/test_web.py::test_a_body_that_does_not_come_is_not_waited_for",
        ],
    },
    waiting={},
)
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
    """A head has five seconds and a body ten; all at once."""
    port = stage.web.port
    with stage.nothing_leaves(), ThreadPoolExecutor(len(SLOW)) as threads:
        ends = {name: threads.submit(dripped, port, *case) for name, case in PLAYED.items()}
        for name, end in ends.items():
            status, seconds = end.result()
            least = 4 if "header" in name else 9
            assert (status, least < seconds < least + 4) == (408, True), (name, seconds)


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
