"""No secret leaves: reliability.md, I9. Everything that comes out of good and bad deliveries is searched, at DEBUG."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.leaks.canaries import canary
from tests.leaks.deliveries import bad, good
from tests.leaks.stage import SECRETS, Stage
from tests.ledger.servers import Redis
from tests.sockets import Peer, Server


@pytest.mark.parametrize("credentials", ["keys", "temporary", "password", "token", "agency"])
def test_no_secret_leaves_two_platforms(tmp_path: Path, credentials: str) -> None:
    with Stage(tmp_path, credentials=credentials) as stage:
        said = stage.invoke(stage.steps([*good(stage), *bad(stage)]))
        assert stage.leaks() == []
        assert '"outcome": "refused"' in said
        if credentials != "token":  # one that this cloud never made
            assert '"outcome": "created"' in said
            assert len(stage.sandbox.published) > 3
        if credentials in ("password", "keys", "agency"):
            assert len(stage.made()) >= 1


@pytest.mark.parametrize("credentials", ["keys", "password"])
def test_no_secret_leaves_the_real_server(tmp_path: Path, credentials: str) -> None:
    with Stage(tmp_path, credentials=credentials) as stage:
        statuses = stage.post([*good(stage), *bad(stage)])
        assert {200, 400, 401} <= set(statuses)
        assert stage.leaks() == []


FAULTS = (
    "unauthorized", "token_expired", "forbidden", "malformed_url", "status:code=500", "status:code=502", "html", "not_json",
    "array", "empty", "huge_error", "chinese_error", "truncate", "reset_after", "redirect", "wrong_length", "gzip_bomb", "no_id",
    "envelope:style=iam,code=401", "envelope:style=smn,code=500", "throttle:times=1", "error:code=SMN.0018", "skip:which=all",
)  # fmt: skip


@pytest.mark.parametrize("credentials", ["keys", "password"])
def test_no_secret_leaves_where_the_cloud_misbehaves(tmp_path: Path, credentials: str) -> None:
    """Each request meets the next fault of each group, be it the token's, the list's, the create's or the topic's."""
    with Stage(tmp_path, credentials=credentials) as stage:
        stage.sandbox.faults.add(*(f"{each}" for each in FAULTS))
        said = stage.invoke(stage.steps([each for _ in range(4) for each in good(stage)]))
        assert sum(each["struck"] for each in stage.sandbox.faults.rows()) > len(FAULTS) // 2
        assert stage.leaks() == []
        assert "later" in said or "failed" in said


def echo(status: int, peer: Peer) -> None:
    """A service, or whoever took its place, that repeats all it was sent: plain, in headers, where its words are."""
    while (seen := peer.request()) is not None:
        text = seen.raw.decode("latin-1")
        proof = seen.headers.get("x-auth-token", seen.headers.get("authorization", "none")).replace("\n", "")
        token = seen.target.startswith("/v3/auth/tokens")
        body = json.dumps({"error_code": f"X.{proof}", "error_msg": f"who is {proof}? {text}", "request_id": proof}).encode()
        lines = [f"HTTP/1.1 {201 if token and status != 401 else status} Said", f"Content-Length: {len(body)}"]
        lines += [f"Retry-After: {proof}", f"Location: http://127.0.0.1:9/{proof}"]
        lines += [f"X-Subject-Token: {canary('issued')}"] if token else []
        peer.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


@pytest.mark.parametrize(("credentials", "status"), [("keys", 401), ("temporary", 403), ("password", 401), ("password", 500)])
def test_a_service_that_repeats_what_it_was_sent_is_not_repeated(tmp_path: Path, credentials: str, status: int) -> None:
    with Server(partial(echo, status)) as server:
        place = f"http://127.0.0.1:{server.port}"
        with Stage(tmp_path, credentials=credentials, endpoint=place) as stage:
            stage.invoke(stage.steps([*good(stage)[:1], *good(stage)[-2:]]))
            stage.command("check")
            assert len(server.asked) > 2
            proofs = [each.headers["authorization"] for each in server.asked if "authorization" in each.headers]
            signatures = {f"signature {number}": proof.rpartition("=")[2] for number, proof in enumerate(proofs)}
            assert stage.leaks(issued=canary("issued"), **signatures) == []


# ── ledgers ──

DOWN = {
    "valkey that is down": "valkey://user:{password}@127.0.0.1:9/0",
    "valkey that says no": "valkey://user:{password}@127.0.0.1:{port}/0",
    "dynamodb that says no": "dynamodb:wishes",
}


@pytest.mark.parametrize("ledger", DOWN.values(), ids=list(DOWN))
def test_no_secret_leaves_where_the_ledger_is_down(tmp_path: Path, ledger: str) -> None:
    def repeat(peer: Peer) -> None:
        while some := peer.some():
            text = some.decode("latin-1").replace("\r\n", " ")
            answer = f"-ERR {text}\r\n" if b"HTTP/1.1" not in some else http(f'{{"__type": "X#{text}", "message": "{text}"}}')
            peer.send(answer.encode("latin-1"))

    with Server(repeat) as server:
        url = ledger.format(password=quote(SECRETS["ledger password"], safe=""), port=server.port)
        aws = {
            "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "LEAKAWSKEY", "AWS_SECRET_ACCESS_KEY": SECRETS["AWS secret key"],
            "AWS_SESSION_TOKEN": SECRETS["AWS session token"],
            "RESTORE_POINT_DYNAMODB_ENDPOINT": f"http://127.0.0.1:{server.port}",
        }  # fmt: skip
        with Stage(tmp_path, RESTORE_POINT_LEDGER=url, **aws) as stage:
            said = stage.invoke(stage.steps(good(stage)))
            said += stage.command("check").stdout + stage.command("watch").stderr
            assert '"degraded": true' in said
            assert stage.leaks() == []


def test_no_secret_leaves_with_a_ledger_that_has_a_password(tmp_path: Path) -> None:
    server = Redis(password=SECRETS["ledger password"])
    try:
        server.start()
        url = f"valkey://:{quote(SECRETS['ledger password'], safe='')}@127.0.0.1:{server.port}/0"
        with Stage(tmp_path, RESTORE_POINT_LEDGER=url) as stage:
            said = stage.invoke(stage.steps(good(stage)))
            assert f"valkey://127.0.0.1:{server.port}/0" in stage.command("check", "--json").stdout
            stage.channels["ledger in Valkey"] = [each.read_bytes() for each in server.folder.rglob("*.aof")]
            assert '"degraded": true' not in said
            assert b"erp" in b"".join(each for each in stage.channels["ledger in Valkey"] if isinstance(each, bytes))
            assert stage.leaks() == []
    finally:
        server.stop()


def http(body: str) -> str:
    return f"HTTP/1.1 400 No\r\nContent-Length: {len(body)}\r\n\r\n{body}"
