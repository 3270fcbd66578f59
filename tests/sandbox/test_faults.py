"""Network faults on a real socket: what the client sees, and what the record says really happened."""

from __future__ import annotations

import errno
import gzip
import json
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from handlers.errors import Misconfigured
from handlers.sandbox import Sandbox, estate
from tests.sandbox.plain import CREATE, PROJECT, Came, Plain


def made(sandbox: Sandbox) -> int:
    return len(sandbox.restore_points())


def last(sandbox: Sandbox) -> tuple[str, int, int, bool]:
    """The newest exchange: its fault, what was sent, what the service said, and whether it was applied."""
    seen = sandbox.exchanges[-1]
    return seen.fault, seen.status, seen.done, seen.applied


def test_a_reset_before_leaves_nothing(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("reset_before")
    came = plain.create()
    assert (came.raw, came.end) == (b"", "reset")
    assert last(sandbox) == ("reset_before", 0, 0, False)
    assert (made(sandbox), sandbox.counts.posts, sandbox.counts.applied) == (0, 1, 0)


def test_a_reset_after_leaves_a_restore_point_nobody_heard_of(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("reset_after")
    came = plain.create()
    assert (came.raw, came.end) == (b"", "reset")
    assert last(sandbox) == ("reset_after", 0, 200, True)
    assert sandbox.exchanges[-1].reply is None
    assert (made(sandbox), sandbox.counts.posts, sandbox.counts.applied) == (1, 1, 1)
    plain.connect()
    assert plain.list("vaults").status == 200  # once, and no more


def test_a_truncated_answer_has_half_its_body(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("truncate")
    came = plain.create()
    assert (came.status, came.end) == (200, "closed")
    assert int(came.headers["content-length"]) // 2 == len(came.body) > 100
    assert last(sandbox) == ("truncate", 200, 200, True)


def test_so_many_bytes_of_an_answer(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("truncate:bytes=5")
    assert plain.create().body == b'{"che'


def test_more_bytes_than_there_are_leave_one_out(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("truncate:bytes=100000")
    came = plain.create()
    assert (len(came.body), came.end) == (int(came.headers["content-length"]) - 1, "closed")


def test_an_answer_drips(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("drip:seconds=0.001")
    pieces: list[int] = []
    plain.socket.sendall(f"GET {PROJECT}/vaults/x HTTP/1.1\r\nX-Auth-Token: {plain.token}\r\n\r\n".encode())
    whole = b""
    while b"provided" not in whole:
        piece = plain.socket.recv(1000)
        pieces.append(len(piece))
        whole += piece
    assert len(pieces) > len(whole) // 4  # a reader may be slower than the drops
    assert pieces[0] <= 4
    assert last(sandbox)[:2] == ("drip", 400)
    plain.rest(0.1)
    assert plain.list("vaults").status == 200  # the connection is still good


@pytest.mark.parametrize(("when", "restore_points"), [("after", 1), ("before", 0)])
def test_no_answer_at_all(sandbox: Sandbox, plain: Plain, when: str, restore_points: int) -> None:
    sandbox.faults.add(f"hang:when={when}")
    came = plain.create(patience=0.3)
    assert (came.raw, came.end) == (b"", "silent")
    assert made(sandbox) == restore_points
    assert last(sandbox) == ("hang", 0, 200 * restore_points, bool(restore_points))


def test_no_answer_and_then_no_connection(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("hang:seconds=0.1")
    assert (plain.create().raw, plain.rest().end) == (b"", "closed")


def test_nobody_else_waits_while_one_hangs_and_stopping_ends_it(clock: Any) -> None:
    with Sandbox(clock=clock) as sandbox:
        hanging, other = Plain(sandbox).sign_in(), Plain(sandbox).sign_in()
        sandbox.faults.add("hang")
        assert hanging.create(patience=0.1).end == "silent"
        assert other.list("vaults").status == 200
        began = time.monotonic()
    assert time.monotonic() - began < 0.8
    assert hanging.rest().end == "closed"
    hanging.close()
    other.close()


def test_a_late_answer_is_a_whole_one(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("delay:seconds=0.3")
    came = plain.create()
    assert came.seconds >= 0.3
    assert (came.status, came.end) == (200, "open")
    assert came.json["checkpoint"]["id"]
    assert last(sandbox) == ("delay", 200, 200, True)
    assert plain.list("vaults").status == 200


def test_a_kept_connection_is_closed_behind_the_clients_back(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("close_idle:seconds=0.05")
    came = plain.list("vaults")
    assert (came.status, came.end) == (200, "open")
    assert "connection" not in came.headers
    assert plain.rest().end == "closed"


def test_a_connection_in_use_is_not_idle(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("close_idle:seconds=0.2")
    assert plain.list("vaults").end == "open"
    assert plain.list("vaults").end == "open"
    assert plain.rest(0.4).end == "silent"


@pytest.mark.parametrize("by", [-8, 8])
def test_a_wrong_length(sandbox: Sandbox, plain: Plain, by: int) -> None:
    sandbox.faults.add(f"wrong_length:by={by}")
    plain.socket.sendall(f"GET {PROJECT}/vaults/x HTTP/1.1\r\nX-Auth-Token: {plain.token}\r\n\r\n".encode())
    came = Came(plain.socket.recv(1 << 16), "open")
    assert int(came.headers["content-length"]) - len(came.body) == by
    assert plain.rest(0.1).end == "silent"


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ("html", 200, b"<html>"),
        ("html:code=502", 502, b"<html>"),
        ("empty", 200, b""),
        ("empty:code=503", 503, b""),
        ("not_json", 200, b'{"checkpoint": {"id": "5'),
        ("array", 200, b'[{"checkpoint": {"id": '),
    ],
)
def test_answers_one_cannot_read(sandbox: Sandbox, plain: Plain, fault: str, status: int, body: bytes) -> None:
    sandbox.faults.add(fault)
    came = plain.create()
    assert (came.status, came.body[: len(body)]) == (status, body)
    assert last(sandbox) == (fault.partition(":")[0], status, 200, True)
    assert came.headers.get("content-type") == {"html": "text/html", "empty": None}.get(last(sandbox)[0], "application/json")


def test_a_page_instead_of_the_service(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("html:when=before")
    assert (plain.create().status, made(sandbox)) == (200, 0)
    assert last(sandbox) == ("html", 200, 0, False)


def test_a_checkpoint_without_an_id(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("no_id")
    assert plain.list("vaults").status == 200  # not one that could have one
    checkpoint = plain.create().json["checkpoint"]
    assert "id" not in checkpoint
    assert checkpoint["status"] == "protecting"
    assert made(sandbox) == 1


def test_a_bomb_is_cheap_to_make_and_a_thousand_times_larger_than_it_looks(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("gzip_bomb:megabytes=50")
    came = plain.create()
    assert came.headers["content-encoding"] == "gzip"
    assert came.seconds < 2
    packed = came.body
    unpacked = gzip.decompress(packed)
    assert len(unpacked) / len(packed) > 900
    assert len(unpacked) > 50 * 1024 * 1024
    assert json.loads(unpacked)["checkpoint"]["id"] == sandbox.restore_points()[0]["id"]


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_another_address(sandbox: Sandbox, plain: Plain, code: int) -> None:
    sandbox.faults.add(f"redirect:code={code},to=http://127.0.0.1:7/x")
    came = plain.create()
    assert (came.status, came.headers["location"], came.body) == (code, "http://127.0.0.1:7/x", b"")
    assert (last(sandbox), made(sandbox)) == (("redirect", code, 0, False), 0)


class TestRefusing:
    def connects(self, sandbox: Sandbox) -> bool:
        address = urlsplit(sandbox.endpoint)
        with socket.socket() as attempt:
            attempt.settimeout(2)
            result = attempt.connect_ex((address.hostname, address.port))
            assert result in {0, errno.ECONNREFUSED, errno.ECONNRESET}  # the last: at the moment of change
            return result == 0

    def until(self, sandbox: Sandbox, wanted: bool) -> bool:
        end = time.monotonic() + 3
        while self.connects(sandbox) is not wanted and time.monotonic() < end:
            time.sleep(0.01)
        return self.connects(sandbox) is wanted

    def test_nobody_listens_for_a_while(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("refuse:seconds=0.3")
        assert self.until(sandbox, wanted=False)
        assert plain.list("vaults").status == 200  # a kept connection stays
        assert sandbox.faults.rows()[0]["struck"] == 1
        assert self.until(sandbox, wanted=True)

    def test_until_it_is_cleared(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("refuse:seconds=600")
        assert self.until(sandbox, wanted=False)
        assert plain.control("DELETE", "/faults").json == {"faults": []}
        assert self.until(sandbox, wanted=True)

    @pytest.mark.parametrize("wrong", ["seconds=0", "seconds=3601", "method=POST", "path=/x", "times=2", "chance=0.5"])
    def test_not_for_ever_and_not_by_request(self, sandbox: Sandbox, wrong: str) -> None:
        """The way to take it back is the one it closes, and who connects has not asked for anything yet."""
        with pytest.raises(Misconfigured, match=r"refuse:seconds must be more than 0|refuse has no '"):
            sandbox.faults.add(f"refuse:{wrong}")
        assert self.connects(sandbox)

    def test_from_the_start(self) -> None:
        with Sandbox(faults=["refuse:seconds=600"]) as sandbox:
            assert self.until(sandbox, wanted=False)
            with pytest.raises(httpx.ConnectError):
                httpx.get(sandbox.endpoint)
            port = urlsplit(sandbox.endpoint).port or 0
            with pytest.raises(OSError, match="in use"):
                Sandbox(port=port).start()  # nobody else gets the address meanwhile
            sandbox.faults.clear()
            assert self.until(sandbox, wanted=True)


def test_a_real_client_library_has_a_name_for_each(sandbox: Sandbox, plain: Plain) -> None:
    """What the wire does is what it claims to be: httpx tells them apart."""
    expected = {
        "reset_before": httpx.ReadError,
        "truncate": httpx.RemoteProtocolError,
        "hang": httpx.ReadTimeout,
        "drip:seconds=5": httpx.ReadTimeout,
    }
    for fault, error in expected.items():
        sandbox.faults.add(fault)
        with httpx.Client(timeout=0.3) as client, pytest.raises(error):
            client.get(f"{sandbox.endpoint}{PROJECT}/vaults", headers={"X-Auth-Token": plain.token})


@pytest.fixture
def storm(sandbox: Sandbox) -> Any:
    """Many clients at once."""

    def run(count: int) -> list[Came]:
        clients = [Plain(sandbox).sign_in() for _ in range(count)]
        came: list[Came] = []
        threads = [threading.Thread(target=lambda client=client: came.append(client.create())) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            client.close()
        return came

    return run


def test_under_a_storm_each_fault_still_strikes_as_often_as_it_says(sandbox: Sandbox, storm: Any) -> None:
    sandbox.faults.add("reset_before:times=7,method=POST,path=/checkpoints", "reset_after:times=3,path=/checkpoints")
    came = storm(20)
    assert sum(each.end == "reset" for each in came) == 10
    assert [row["struck"] for row in sandbox.faults.rows()] == [7, 3]
    struck = [seen.fault for seen in sandbox.posts()]
    assert (struck.count("reset_before"), struck.count("reset_after"), struck.count("")) == (7, 3, 10)
    assert made(sandbox) == 1
    assert estate.FILES_VAULT_ID in {point["vault_id"] for point in sandbox.restore_points()}
    assert CREATE["checkpoint"]["vault_id"] == estate.FILES_VAULT_ID
