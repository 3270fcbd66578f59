"""The sandbox as a process: its address, its record, its end, and the official SDK as a client."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from handlers.errors import Misconfigured
from handlers.sandbox import Sandbox, estate
from handlers.signing import sign

KEYS = {"access_key": estate.ACCESS_KEY, "secret_key": estate.SECRET_KEY}
ERP, APP = estate.ERP_VAULT_ID, estate.ERP_APP_ID


def test_the_settings_are_an_interface(sandbox: Any) -> None:
    told = sandbox.settings()
    assert {vault.pop("object_type") for vault in told["vaults"]} == {"server", "turbo", "disk"}
    assert [len(vault.pop("resources")) for vault in told["vaults"]] == [2, 1, 0, 2]
    assert [len(vault.pop("tags")) for vault in told["vaults"]] == [2, 2, 1, 0]
    assert len(told.pop("free")) == 3
    assert told == {
        "topic_urn": sandbox.topic_urn,
        "endpoint": sandbox.endpoint,
        "iam_endpoint": sandbox.endpoint,
        "smn_endpoint": sandbox.endpoint,
        "project_id": estate.PROJECT_ID,
        "region": "sandbox-1",
        "access_key": estate.ACCESS_KEY,
        "secret_key": estate.SECRET_KEY,
        "username": estate.ACCOUNT.username,
        "password": estate.ACCOUNT.password,
        "user_domain_name": estate.ACCOUNT.domain_name,
        "vaults": [
            {"id": estate.ERP_VAULT_ID, "name": "erp"},
            {"id": estate.FILES_VAULT_ID, "name": "files"},
            {"id": estate.EMPTY_VAULT_ID, "name": "empty"},
            {"id": estate.DISKS_VAULT_ID, "name": "disks"},
        ],
    }
    assert json.loads(json.dumps(sandbox.settings())) == sandbox.settings()


def test_the_environment_is_the_official_sdks(sandbox: Any) -> None:
    assert sandbox.environment() == {
        "HUAWEICLOUD_SDK_AK": estate.ACCESS_KEY,
        "HUAWEICLOUD_SDK_SK": estate.SECRET_KEY,
        "HUAWEICLOUD_SDK_PROJECT_ID": estate.PROJECT_ID,
        "HUAWEICLOUD_SDK_REGION_CBR_SANDBOX_1": sandbox.endpoint,
        "HUAWEICLOUD_SDK_REGION_SMN_SANDBOX_1": sandbox.endpoint,
        "HUAWEICLOUD_SDK_IAM_ENDPOINT": sandbox.endpoint,
    }


def test_the_estate_at_the_start(client: Any) -> None:
    vaults = {vault["name"]: vault for vault in client.list("vaults")["vaults"]}
    assert {name: len(vault["resources"]) for name, vault in vaults.items()} == {"erp": 2, "files": 1, "empty": 0, "disks": 2}
    assert (vaults["erp"]["billing"]["object_type"], vaults["erp"]["billing"]["size"]) == ("server", 500)
    assert {held["type"] for held in vaults["erp"]["resources"]} == {"OS::Nova::Server"}
    assert vaults["files"]["resources"][0]["type"] == "OS::Sfs::Turbo"


def test_restore_points_are_as_cbr_sees_them_now(client: Any, sandbox: Any, clock: Any) -> None:
    assert sandbox.restore_points() == []
    created = client.create(name="nightly", resources=[APP]).json["checkpoint"]["id"]
    expected = {"id": created, "name": "nightly", "vault_id": ERP, "status": "protecting", "resources": [APP]}
    expected["created_at"] = clock()
    assert sandbox.restore_points() == [expected]
    clock.forward(60)
    assert sandbox.restore_points() == [expected | {"status": "available"}]


def test_speed_divides_the_time_a_backup_takes(clock: Any, another: Any) -> None:
    with Sandbox(speed=60, clock=clock) as fast:
        client = another()
        client.endpoint = fast.endpoint
        client.__post_init__()
        client.create()
        clock.forward(0.9)
        assert fast.restore_points()[0]["status"] == "protecting"
        clock.forward(0.1)
        assert fast.restore_points()[0]["status"] == "available"
        client.connection.close()


def test_the_record_holds_what_really_arrived_in_order(client: Any, sandbox: Any, clock: Any) -> None:
    client.create(name="nightly")
    client.cbr("GET", "/backups", query=[("status", "available"), ("status", "error")])
    client.cbr("POST", "/checkpoints", b"{not json")
    first, second, third = sandbox.exchanges
    path = f"/v3/{estate.PROJECT_ID}"
    assert (first.at, first.method, first.path, first.status) == (clock.now, "POST", path + "/checkpoints", 200)
    assert first.body == {"checkpoint": {"vault_id": ERP, "parameters": {"name": "nightly"}}}
    assert first.reply["checkpoint"]["extra_info"]["name"] == "nightly"
    assert (second.query, second.body) == ((("status", "available"), ("status", "error")), None)
    assert (third.body, third.status) == ("{not json", 400)
    assert third.reply["error_code"] == "BackupService.9900"
    assert sandbox.posts() == [first, third]
    with pytest.raises(FrozenInstanceError):
        first.status = 201


def test_callers_at_the_same_time_make_one_restore_point(sandbox: Any, another: Any) -> None:
    clients = [another() for _ in range(16)]
    together = threading.Barrier(len(clients))
    answers: list[int] = []

    def create(client: Any) -> None:
        together.wait()
        answers.append(client.create().status)

    threads = [threading.Thread(target=create, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [400] * 15
    assert len(sandbox.posts()) == 16
    assert len(sandbox.restore_points()) == 1


def test_every_reply_has_its_own_request_id(client: Any) -> None:
    answers = [
        client.create(),
        client.create("nope"),
        client.call("GET", "/v3", signed=False),
        client.call("GET", "/nowhere", signed=False),
    ]
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == 4
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in ids)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_what_is_not_there_is_the_gateways_404(client: Any, method: str) -> None:
    answer = client.cbr(method, "/protectables", signed=False)
    assert answer.status == 404
    assert answer.json == {
        "error_msg": "The API does not exist or has not been published in the environment",
        "error_code": "APIGW.0101",
        "request_id": answer.headers["X-Request-Id"],
    }


def test_urllib_is_a_client_too(sandbox: Any) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(sandbox.endpoint + "/v3/x/vaults", timeout=5)
    with caught.value as error:
        assert error.code == 401
        assert json.load(error)["error_code"] == "APIGW.0301"


class TestHttp:
    def test_a_connection_stays_open(self, client: Any) -> None:
        client.create()
        used = client.connection.sock
        client.call("GET", "/nowhere")
        client.call("HEAD", "/v3/auth/tokens")
        client.list("backups")
        assert client.connection.sock is used is not None

    def test_a_reply_leaves_in_one_packet(self, sandbox: Any) -> None:
        with socket.create_connection(urlsplit(sandbox.endpoint).netloc.split(":"), timeout=5) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            whole = raw.recv(65536)
        head, _, body = whole.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 300 ")
        assert json.loads(body)["versions"]

    def test_a_body_of_12_megabytes_is_read_and_more_refused(self, client: Any) -> None:
        cap = 12 * 1024 * 1024
        assert client.cbr("POST", "/checkpoints", b" " * cap).status == 400
        answer = client.cbr("POST", "/checkpoints", b" " * (cap + 1))
        assert (answer.status, answer.json["error_code"]) == (413, "APIGW.0201")
        assert client.list("vaults")["count"] == len(estate.VAULTS)  # on a new connection

    @pytest.mark.parametrize("header", [("Content-Length", "many"), ("Transfer-Encoding", "gzip, chunked")])
    def test_a_body_whose_length_cannot_be_told_is_refused(self, client: Any, header: tuple[str, str]) -> None:
        client.connection.putrequest("POST", "/v3/auth/tokens")
        client.connection.putheader(*header)
        client.connection.endheaders()
        reply = client.connection.getresponse()
        assert (reply.status, json.load(reply)["error_code"]) == (400, "APIGW.0201")

    def test_a_header_too_long_even_for_http_server_is_the_gateways_494(self, client: Any) -> None:
        answer = client.cbr("GET", "/vaults", headers={"X-Auth-Token": "M" * 70_000}, signed=False)
        assert (answer.status, answer.json["error_code"]) == (494, "APIGW.0201")
        assert answer.json["request_id"] == answer.headers["X-Request-Id"]

    def test_a_client_that_hangs_up_in_its_body_leaves_nothing(
        self, sandbox: Any, client: Any, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with socket.create_connection(urlsplit(sandbox.endpoint).netloc.split(":"), timeout=5) as raw:
            raw.sendall(b"POST /v3/auth/tokens HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(1) == b""
        assert client.list("vaults")["count"] == len(estate.VAULTS)
        assert len(sandbox.exchanges) == 1
        assert capfd.readouterr().err == ""


class TestStopping:
    def test_ends_idle_connections_within_a_second(self, clock: Any) -> None:
        sandbox = Sandbox(clock=clock).start()
        idle = http.client.HTTPConnection(urlsplit(sandbox.endpoint).netloc, timeout=5)
        idle.request("GET", "/")
        idle.getresponse().read()
        began = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - began < 1
        assert idle.sock.recv(1) == b""
        idle.close()

    def test_frees_the_port_and_leaves_no_thread(self) -> None:
        before = set(threading.enumerate())
        with Sandbox() as sandbox:
            port = urlsplit(sandbox.endpoint).port or 0
            with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
                raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert raw.recv(9) == b"HTTP/1.1 "
        for thread in set(threading.enumerate()) - before:
            thread.join(1)
            assert not thread.is_alive()
        with Sandbox(port=port) as second:
            assert second.endpoint == f"http://127.0.0.1:{port}"

    def test_keeps_the_record_and_may_be_repeated(self, clock: Any) -> None:
        sandbox = Sandbox(clock=clock).start()
        connection = http.client.HTTPConnection(urlsplit(sandbox.endpoint).netloc, timeout=5)
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()
        sandbox.stop()
        sandbox.stop()
        assert [seen.path for seen in sandbox.exchanges] == ["/"]
        with pytest.raises(RuntimeError, match="not been started"):
            _ = sandbox.endpoint


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost", "example.com", ""])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(Misconfigured, match="loopback"):
        Sandbox(host=host).start()


FUNCTIONS = ["AWS_LAMBDA_FUNCTION_NAME", "K_SERVICE", "RUNTIME_FUNC_NAME", "RUNTIME_PROJECT_ID"]
FUNCTIONS += ["FUNCTIONS_WORKER_RUNTIME", "WEBSITE_INSTANCE_ID"]
CONTAINERS = ["KUBERNETES_SERVICE_HOST", "ECS_CONTAINER_METADATA_URI_V4", "AWS_EXECUTION_ENV"]


@pytest.mark.parametrize(
    ("name", "ci"), [(name, ci) for name in FUNCTIONS for ci in (True, False)] + [(name, False) for name in CONTAINERS]
)
def test_it_does_not_start_where_services_run(name: str, ci: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv(name, "restore-point")
    if ci:
        monkeypatch.setenv("CI", "true")
    with pytest.raises(Misconfigured, match=f"^{name}: is set"):
        Sandbox().start()


@pytest.mark.parametrize("name", CONTAINERS)
def test_it_starts_in_a_container_that_runs_tests(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv(name, "1")
    with Sandbox() as sandbox:
        assert sandbox.endpoint


def test_functions_framework_on_ones_own_machine_does_not_hinder_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNCTION_TARGET", "main")
    with Sandbox() as sandbox:
        assert sandbox.endpoint


def test_it_imports_nothing_of_ours_but_errors_and_signing() -> None:
    """In a fresh interpreter: a server that shares the client's models cannot disagree with the client."""
    code = "import sys, handlers.sandbox; print(*(m for m in sys.modules if m.startswith('handlers.')))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    ours = {name for name in run.stdout.split() if not name.startswith("handlers.sandbox")}
    assert ours == {"handlers.errors", "handlers.signing"}


def test_what_there_is_to_ask_is_described_to_everybody(sandbox: Any, client: Any) -> None:
    answer = client.call("GET", "/openapi.json", signed=False)
    assert answer.status == 200
    assert answer.json["openapi"].startswith("3.1")
    assert answer.json["servers"] == [{"url": sandbox.endpoint}]
    assert "/v3/{project_id}/checkpoints" in answer.json["paths"]


def test_it_answers_without_any_socket(clock: Any) -> None:
    """For a simulation: what the network would do to an answer is told with it."""
    sandbox = Sandbox(clock=clock, faults=["reset_after:method=POST", "truncate:bytes=3"])
    path = f"/v3/{estate.PROJECT_ID}/checkpoints"
    body = json.dumps({"checkpoint": {"vault_id": ERP}}).encode()
    signed = sign("POST", f"http://sandbox{path}", {}, body, now=datetime.fromtimestamp(clock.now, UTC), **KEYS)
    headers = {"host": "sandbox"} | {name.lower(): value for name, value in signed.items()}
    lost = sandbox.answer("POST", path, headers, body)
    assert lost.wire is not None
    assert (lost.status, lost.wire.kind) == (200, "reset")
    assert len(sandbox.restore_points()) == 1
    short = sandbox.answer("GET", "/v3", {}, b"")
    assert short.wire is not None
    assert (short.status, short.wire.kind, short.wire.size) == (300, "truncate", 3)
    assert sandbox.answer("GET", "/v3", {}, b"").wire is None
