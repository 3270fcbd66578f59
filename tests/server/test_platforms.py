"""The places the web form runs, each started as that place starts it and asked as that place asks.

None of them is here itself: what Google's buildpack runs, what a Knative queue proxy and broker send, and a container's plain
start are played from their sources. On a cluster ``kubectl apply`` of what pack writes would verify it.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.dispatch import EVENT_TYPE
from tests.scripted import World
from tests.server.stage import AM, CRON, PING, TOKENS, firing
from tests.web_server import OURS, ROOT, Answered, WebServer

KNATIVE = {"K_SERVICE": "restore-point", "K_REVISION": "restore-point-00001", "K_CONFIGURATION": "restore-point"}
"""knative/serving, pkg/reconciler/revision/resources/env_var.go; Cloud Run's container contract names the same."""
BROKERED = {"RESTORE_POINT_QUEUE": "sink:http://127.0.0.1:9/nobody"}
PROXIED = {
    "Forwarded": "for=10.0.0.7;proto=http",
    "K-Proxy-Request": "activator",
    "X-Forwarded-For": "10.0.0.7, 127.0.0.1",
    "X-Forwarded-Proto": "http",
    "X-Request-Id": "1b5f5b1c-4f6b-4a0e-9f40-3d3d0a6e1f43",
    "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "User-Agent": "Go-http-client/1.1",
}
"""What a queue proxy and what is before it add to any request; the proxy that adds Authorization is events/README.md's."""


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f789Z")


def event(kind: str, source: str, **more: str) -> dict[str, str]:
    """A CloudEvent in binary form, as the Go SDK writes it: Ce-, with a first letter in upper case."""
    own = {"Ce-Id": "49f04fe2-7708-453d-ae0a-5fbaca9586a8", "Ce-Source": source, "Ce-Specversion": "1.0", "Ce-Type": kind}
    return own | {"Ce-Time": now()} | more


def asked(server: WebServer, path: str, proof: str, headers: Mapping[str, str], body: bytes) -> Answered:
    return server.ask("POST", path, {**PROXIED, **headers, "Authorization": f"Bearer {proof}"}, body)


def outcomes(server: WebServer) -> list[str]:
    return [each["restore_points"][0]["outcome"] for each in server.deliveries]


# ── Cloud Run functions ──


@pytest.mark.parametrize("execution_ids", [{}, {"LOG_EXECUTION_ID": "true"}], ids=["", "execution ids"])
def test_a_cloud_run_function(world: World, execution_ids: dict[str, str]) -> None:
    """The buildpack's process is ``functions-framework`` in the folder of main.py, and variables say the rest."""
    (world.folder / "main.py").write_text("from handlers.web import main\n", encoding="utf-8")
    command = ("-c", "from functions_framework._cli import _cli; _cli()")
    own = {"FUNCTION_SIGNATURE_TYPE": "http", **KNATIVE, **execution_ids}
    with WebServer(world.environ(**TOKENS, **own), world.folder, command=command) as server:
        headers = {"Content-Type": "application/json", "X-Cloud-Trace-Context": "0af7651916cd43dd8448eb211c80319c/1;o=1"}
        for wanted in ("created", "joined"):
            assert asked(server, "/alert/am", AM, headers, json.dumps(firing()).encode()).outcomes[0][0] == wanted
        assert server.post("/alert/am", b"x" * (1 << 21), AM).status == 413  # bounded there, too
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert outcomes(server)[:2] == ["created", "joined"]
    assert len(world.posts()) == 1


def test_on_a_serverless_platform_the_ledger_is_chosen_by_name(world: World) -> None:
    given = world.environ(**TOKENS, **KNATIVE)
    del given["RESTORE_POINT_LEDGER"]
    with pytest.raises(AssertionError, match="RESTORE_POINT_LEDGER: is not set; on Knative or Cloud Run"):
        WebServer(given, world.folder).__enter__()


# ── Knative ──


@pytest.fixture
def knative(world: World) -> WebServer:
    return WebServer(world.environ(**TOKENS, **KNATIVE, **BROKERED), world.folder)


def test_a_ping_source(knative: WebServer, world: World) -> None:
    """Straight to its sink; the adapter's client sets the namespace. Without ``contentType`` and ``data`` there is no body."""
    bare = {**event("dev.knative.sources.ping", PING), "Kn-Namespace": "backup"}
    with knative as server:
        first = asked(server, "/timer/cron", CRON, bare, b"")
        data = {**bare, "Ce-Id": "another", "Content-Type": "application/json"}
        again = asked(server, "/timer/cron", CRON, data, b'{"message":"nightly"}')
        assert [first.outcomes[0][0], again.outcomes[0][0]] == ["created", "joined"]
    assert len(world.posts()) == 1


def test_a_trigger_of_a_broker_gets_no_body_that_it_would_take_for_a_failure(knative: WebServer, world: World) -> None:
    """A broker answers 502 to a body that is no event, delivers again, and has a dead letter in the end."""
    extensions = {"Ce-Knativearrivaltime": now(), "Prefer": "reply", "Kn-Namespace": "backup"}
    ping = event("dev.knative.sources.ping", PING, **extensions)
    alert = event("com.example.alert", "/monitoring", **extensions) | {"Content-Type": "application/json"}
    body = json.dumps(firing()).encode()
    with knative as server:
        for path, proof, headers, sent in (
            ("/timer/cron", CRON, ping, b""),
            ("/timer/cron", CRON, ping, b""),
            ("/alert/am", AM, alert, body),
            ("/worker", "", {**alert, "Ce-Type": EVENT_TYPE}, json.dumps({"wishes": ["0" * 64]}).encode()),
        ):
            answer = asked(server, path, proof, headers, sent)
            assert (answer.status in (200, 202), answer.body, answer.headers.get("content-length")) == (True, b"", "0")
        structured = {"specversion": "1.0", "id": "1", "type": "com.example.alert", "source": "/m", "data": firing("b")}
        kind = {"Content-Type": "application/cloudevents+json", "Prefer": "reply"}
        answer = asked(server, "/alert/am", AM, kind, json.dumps(structured).encode())
        assert (answer.status in (200, 202), answer.body) == (True, b"")
        assert (
            asked(server, "/alert/am", "wrong", kind, b"{}").json["outcomes"][0]["reason"] == "bad_proof"
        )  # final, and told why
        assert outcomes(server)[:2] == ["created", "joined"]
    assert len(world.sandbox.restore_points()) == 1


def test_what_a_sidecar_hands_on_names_no_other_path(knative: WebServer) -> None:
    """gunicorn believes who connects from this machine that SCRIPT_NAME is its word; a queue proxy hands on a stranger's."""
    with knative as server:
        answer = asked(server, "/alert/am", AM, {"SCRIPT_NAME": "/alert", "Content-Type": "application/json"}, b"{")
        assert (answer.status, answer.outcomes) == (400, [("refused", "malformed")])
        assert server.deliveries[-1]["delivery"]["path"] == "/alert/am"
        assert asked(server, "/x", AM, {"SCRIPT_NAME": "/alert"}, b"{}").status == 404


def test_a_queue_proxys_probes(knative: WebServer) -> None:
    probe = {"K-Kubelet-Probe": "queue", "User-Agent": "kube-probe/1.33"}
    with knative as server:
        assert server.ask("GET", "/healthz", probe).status == 200
        assert server.deliveries == []


# ── FunctionGraph ──


def test_the_custom_image_by_the_same_command(world: World) -> None:
    """Another source, port 8000 there; what it answers is tests/functiongraph's."""
    own = {"FUNCTION_SOURCE": str(ROOT / "handlers" / "functiongraph_image.py"), "RESTORE_POINT_DOOR": "timer"}
    with WebServer(world.environ(**TOKENS, **own), world.folder) as server:
        assert server.post("/init", b"").status == 200
        assert server.post("/alert/am", firing(), AM).status == 404


# ── a container ──


def test_a_plain_container(world: World) -> None:
    """The command of its Dockerfile, all addresses, nothing but the package and a folder that cannot be written to."""
    home = world.folder / "home"
    home.mkdir()
    home.chmod(0o500)
    (world.folder / "handlers").symlink_to(ROOT / "handlers")
    own = {"HOME": str(home), "HOST": "", "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    with WebServer(world.environ(**TOKENS, **own), world.folder, command=OURS) as server:
        addresses = Path(f"/proc/{server.process.pid}/net/tcp").read_text("ascii")
        assert f"00000000:{server.port:04X}" in addresses
        for wanted in ("created", "joined"):
            assert server.post("/alert/am", firing(), AM).outcomes[0][0] == wanted
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
    assert len(world.posts()) == 1
    assert list(home.iterdir()) == []
    assert server.stderr == ""
