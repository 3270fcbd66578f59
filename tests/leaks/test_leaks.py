"""No secret leaves: reliability.md, I9. Everything that comes out of good and bad deliveries is searched, at DEBUG."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from handlers.sandbox import estate
from tests.leaks.canaries import canary
from tests.leaks.stage import SECRETS, SENDERS, Stage
from tests.sockets import Peer, Server

Delivery = tuple[str, str, Mapping[str, str], bytes]
ALERTS = ("bearer", "basic", "hmac", "hooks")
_numbers = count()


def firing(**labels: str) -> bytes:
    return json.dumps({"status": "firing", "labels": {"host": f"erp-{next(_numbers)}"} | labels}).encode()


def asked() -> bytes:
    return json.dumps({"checkpoint": {"vault_id": estate.FILES_VAULT_ID}, "idempotency_key": f"k-{next(_numbers)}"}).encode()


def good(stage: Stage) -> list[Delivery]:
    """One of each sender, rightly proven."""
    bodies = [(name, firing()) for name in ALERTS]
    found: list[Delivery] = [("alert", name, stage.signed(name, body), body) for name, body in bodies]
    body = asked()
    return [*found, ("once", "ci", stage.signed("ci", body), body), ("watch", "ci", stage.signed("ci", b"{}"), b"{}")]


def bad(stage: Stage) -> Iterator[Delivery]:
    """Proofs that are nearly right, somebody else's, in the wrong place; bodies that are none, rightly proven."""
    for name, variable in zip(ALERTS, ("LEAK_BEARER", "LEAK_BASIC", "LEAK_HMAC", "LEAK_HOOKS"), strict=True):
        body = firing()
        for header, value in stage.signed(name, body).items():
            for wrong in (value[:-1], value + "x", value.lower(), f" {value}", value[:40]):
                yield "alert", name, stage.signed(name, body) | {header: wrong}, body
        yield "alert", name, {"content-type": "application/json", "authorization": SENDERS[variable]}, body
        yield "alert", "ci", stage.signed(name, body), body
        yield "once", name, stage.signed(name, body), body
        yield "alert", f"no-{name}", stage.signed(name, body), body
        for broken in (b"{", b"\xff\xfe", b"[" * 99, b"null", b'{"a":1,"a":2}', b'{"status": 7}', b'{"alerts": "no"}'):
            yield "alert", name, stage.signed(name, broken), broken
    body = b'{"checkpoint": {"vault_id": 1}}'
    yield "once", "ci", stage.signed("ci", body), body
    body = b'{"rule": "nobody\'s"}'
    yield "once", "ci", stage.signed("ci", body), body


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
        url = ledger.format(password=SECRETS["ledger password"].replace("/", "%2F").replace("+", "%2B"), port=server.port)
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


def http(body: str) -> str:
    return f"HTTP/1.1 400 No\r\nContent-Length: {len(body)}\r\n\r\n{body}"


# ── starts that are refused, and the command ──

LONG = canary("of nobody")
MISCONFIGURED: dict[str, dict[str, str]] = {
    "no credentials": {"HUAWEICLOUD_SDK_AK": "", "HUAWEICLOUD_SDK_SK": ""},
    "half a key": {"HUAWEICLOUD_SDK_AK": ""},
    "a key with a line break": {"HUAWEICLOUD_SDK_SK": f"{SECRETS['secret key']}\nx"},
    "two identities": {"OS_TOKEN": SECRETS["given token"]},
    "a password without a user": {"HUAWEICLOUD_SDK_AK": "", "HUAWEICLOUD_SDK_SK": "", "OS_PASSWORD": SECRETS["password"]},
    "no secret of a sender": {"LEAK_BEARER": ""},
    "a short secret": {"LEAK_BEARER": SENDERS["LEAK_BEARER"][:20]},
    "a secret with a letter that is none": {"LEAK_HMAC": SENDERS["LEAK_HMAC"] + "\u00fc"},
    "basic without a user": {"LEAK_BASIC": SECRETS["LEAK_BASIC"]},
    "hooks that are no base64": {"LEAK_HOOKS": SENDERS["LEAK_HOOKS"] + "!"},
    "a ledger's URL that is none": {"RESTORE_POINT_LEDGER": f"valkey://user:{SECRETS['ledger password']}@:no/x"},
    "a ledger nobody knows": {"RESTORE_POINT_LEDGER": f"postgres://user:{SECRETS['ledger password']}@host/x"},
    "a secret for an endpoint": {"HUAWEICLOUD_SDK_IAM_ENDPOINT": f"https://user:{LONG}@iam.example/{LONG}"},
    "a secret for a time": {"RESTORE_POINT_NOW": LONG},
    "a secret for a number": {"RESTORE_POINT_SETTLE_SECONDS": LONG},
    "a secret for a project": {"HUAWEICLOUD_SDK_PROJECT_ID": LONG},
    "a secret for a region": {"HW_REGION_NAME": LONG},
}


def test_no_secret_leaves_where_the_start_is_refused(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        steps = stage.steps(good(stage)[:1])
        right = {name: stage.environ.get(name, "") for wrong in MISCONFIGURED.values() for name in wrong}
        said = stage.invoke([(*step[:3], right | wrong) for wrong in MISCONFIGURED.values() for step in steps])
        assert said.count("RAISED Misconfigured(") == 2 * len(MISCONFIGURED)
        assert stage.leaks(nobody=LONG) == []


@pytest.mark.parametrize("name", ["two identities", "a short secret", "a ledger's URL that is none"])
def test_neither_check_nor_the_server_repeats_what_is_wrong(tmp_path: Path, name: str) -> None:
    with Stage(tmp_path, **MISCONFIGURED[name]) as stage:
        assert stage.command("check").returncode != 0
        assert stage.command("serve", "--port", "1").returncode != 0
        assert stage.leaks(nobody=LONG) == []


WRITTEN: dict[str, Callable[[str], str]] = {
    "the secret itself": lambda text: text.replace('"env:LEAK_BEARER"', f'"{LONG}"'),
    "a secret that is no TOML": lambda text: text.replace('"env:LEAK_BEARER"', LONG),
    "a secret as a kind of proof": lambda text: text.replace('proof = "basic"', f'proof = "{LONG}"'),
    "a secret as a URN": lambda text: text.replace('kind = "smn"\nurn = "', f'kind = "smn"\nurn = "{LONG}'),
}


@pytest.mark.parametrize("write", WRITTEN.values(), ids=list(WRITTEN))
def test_a_secret_that_was_written_into_the_rules_is_not_repeated(tmp_path: Path, write: Callable[[str], str]) -> None:
    with Stage(tmp_path) as stage:
        rules = tmp_path / "mine.toml"
        own = (Path(__file__).parent / "rules.toml").read_text("utf-8")
        rules.write_text(write(own), encoding="utf-8")
        assert write(own) != own
        done = stage.command("check", RESTORE_POINT_RULES=str(rules))
        assert done.returncode != 0
        assert stage.leaks(nobody=LONG) == []


def test_no_verb_but_sign_prints_a_secret(tmp_path: Path) -> None:
    with Stage(tmp_path, credentials="password") as stage:
        body = firing().decode()
        (tmp_path / "alert.json").write_text(body, encoding="utf-8")
        for arguments in (
            ("check",), ("check", "--json"), ("plan", "alert.json", "--as", "alert", "--sender", "bearer"),
            ("plan", "alert.json", "--as", "alert", "--sender", "bearer", "--resolve", "--json"), ("watch",),
            *(("send", "alert.json", "--as", "alert", "--sender", name, "--json") for name in ALERTS),
            ("send", "alert.json", "--as", "alert", "--sender", "bearer", "--platform", "functiongraph"),
            ("send", "alert.json", "--as", "alert", "--sender", "basic", "--platform", "web"), ("take", "files"),
            ("send", "alert.json", "--as", "once", "--sender", "ci"), ("send", "alert.json", "--as", "alert", "--sender", "no"),
            ("init", "--from-cloud", "--to", "written.toml"), ("schema",),
        ):  # fmt: skip
            stage.command(*arguments)
        stage.channels["log"].append((tmp_path / "written.toml").read_bytes())
        assert len(stage.sandbox.posts()) > 3
        assert stage.leaks() == []
        signed: Any = stage.command("sign", "alert.json", "--sender", "bearer").stdout
        assert SENDERS["LEAK_BEARER"] in signed
        assert stage.leaks() == ["log: LEAK_BEARER"]
