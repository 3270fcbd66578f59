"""``restore-point pack web``: what its Dockerfile would run starts, answers, and takes restore points as its manifests send."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.cli.sbom import pinned
from handlers.dispatch import EVENT_TYPE
from handlers.sandbox import Sandbox
from tests.cli.containers import Cluster, Image
from tests.cli.packing import ROOT, Packed, ask, contents, elsewhere, pack
from tests.cli.serving import ALONE, BROKERED, RULES, STARTING, TOKENS, Running, alerts, cloud_event, pinged, started
from tests.ledger.servers import free_port, redis, stop_all


@pytest.fixture(scope="module", autouse=True)
def _servers() -> Iterator[None]:
    yield
    stop_all()


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return pack(tmp_path_factory.mktemp("pack"), RULES, "web")


@pytest.fixture(scope="module")
def image(packed: Packed, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(packed.folder / "out", tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def cluster(packed: Packed) -> Cluster:
    return Cluster((packed.folder / "out" / "knative.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def running(image: Image, cluster: Cluster) -> Iterator[Running]:
    """With the environment the Knative Service gives it. The sandbox is the cloud: its endpoints are told beside that."""
    with Sandbox(speed=200, well_behaved=True) as sandbox:
        cloud = sandbox.environment()
        keys = {name: cloud.pop(name) for name in ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")}
        secret = keys | TOKENS | redis().place()
        service = cluster.named("Service", "restore-point", "serving")
        (container,) = service["spec"]["template"]["spec"]["containers"]
        environ = cluster.environment(container, secret) | cluster.bound(service) | cloud | {"K_SERVICE": "restore-point"}
        with started(image, image.command, environ) as (port, _):
            yield Running(port, sandbox, secret)


def test_what_is_in_it(packed: Packed) -> None:
    out = packed.folder / "out"
    names = {path.name for path in out.iterdir()}
    assert names == {
        "Dockerfile", "cloudrun.yaml", "dashboard.json", "handlers", "knative.yaml", "main.py", "packed.json", "requirements.txt",
        "rules.toml", "sbom.cdx.json",
    }  # fmt: skip
    ours = {path.stem for path in (out / "handlers").iterdir()}
    assert {"web", "service", "ledger"} <= ours
    assert not ours & {"sandbox", "cli", "__main__", "aws_lambda"}
    pins = [ROOT / "handlers" / f"requirements{each}.txt" for each in ("", "-web", "-valkey")]
    assert pinned([out / "requirements.txt"]) == pinned(pins)
    bill = json.loads((out / "sbom.cdx.json").read_text("utf-8"))
    assert [each["name"] for each in bill["components"]] == sorted(pinned(pins))
    assert (packed.report["zip"], packed.report["bytes"]) == (None, sum(map(len, contents(out).values())))
    assert len(packed.report["next"]) <= 10


def test_the_same_bytes_over_what_pack_made_from_another_place_and_time(packed: Packed, tmp_path: Path) -> None:
    """And what people read says what comes next."""
    before = contents(packed.folder / "out")
    source = elsewhere(tmp_path / "another")
    done = ask("web", str(packed.folder / "out"), "--rules", str(packed.rules), cwd=tmp_path, source=source)
    assert done.returncode == 0
    assert ["timers.fg: nothing here makes it fire" in line for line in done.stderr.splitlines()] == [True]
    assert contents(packed.folder / "out") == before
    lines = done.stdout.splitlines()
    assert [line.strip() for line in lines[lines.index("next:") + 1 :]] == [line.strip() for line in packed.report["next"]]
    assert any("requirements.txt" in line and " KiB " in line for line in lines)


def test_the_image_is_somebody_elses_who_owns_nothing_in_it(image: Image) -> None:
    """FunctionGraph runs custom images as 1003, and finds them at port 8000."""
    assert image.said["USER"] == "1003:1003"
    assert "--gid 1003" in image.said["groupadd"]
    assert "--uid 1003" in image.said["groupadd"]
    assert (image.environ["PORT"], image.said["EXPOSE"], image.said["HEALTHCHECK"]) == ("8000", "8000", "NONE")
    assert image.environ["PYTHONPATH"] == str(image.workdir), "whatever is started, from wherever, finds the package"
    assert (image.said["ARG"], image.said["FROM"]) == ("PYTHON=3.13-slim", "python:${PYTHON}")


def test_the_image_compiles_what_it_runs(image: Image) -> None:
    sources = [path for path in image.workdir.rglob("*.py") if path.parent.name != "__pycache__"]
    compiled = list(image.workdir.rglob("*.pyc"))
    assert len(compiled) == len(sources) > 50
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\1\0\0\0"}


def test_it_starts_and_is_ready(running: Running, cluster: Cluster) -> None:
    (container,) = cluster.named("Service", "restore-point", "serving")["spec"]["template"]["spec"]["containers"]
    assert running.ask("GET", container["readinessProbe"]["httpGet"]["path"]) == (200, "ok")


def test_an_alert_takes_a_restore_point(running: Running) -> None:
    before = running.posts()
    headers = {"Authorization": f"Bearer {TOKENS['RESTORE_POINT_AM_TOKEN']}", "Content-Type": "application/json"}
    assert running.outcomes("/alert/am", headers, alerts("a")) == ["created"]
    assert running.outcomes("/alert/am", headers, alerts("a")) == ["joined"]
    assert running.posts() == before + 1
    assert running.ask("POST", "/alert/am", {"Content-Type": "application/json"}, alerts("b"))[0] == 401


def test_a_pingsource_takes_a_restore_point_as_its_manifest_sends(running: Running, cluster: Cluster) -> None:
    before = running.posts()
    path, headers, body = pinged(cluster, running, "nightly")
    assert running.outcomes(path, headers, body) == ["created"]
    assert running.outcomes(path, headers | {"ce-id": "another"}, body) == ["joined"], "the same minute is the same run"
    assert running.posts() == before + 1
    without = {name: value for name, value in headers.items() if name != "Authorization"}
    assert running.ask("POST", path, without, body)[0] == 401


def test_the_watch_sweeps_as_its_manifest_sends(running: Running, cluster: Cluster) -> None:
    path, headers, body = pinged(cluster, running, "restore-point-watch")
    assert running.ask("POST", path, headers, body)[0] == 200
    assert path == "/watch/ci"


def test_an_alert_by_the_broker_takes_a_restore_point(running: Running, cluster: Cluster) -> None:
    before = running.posts()
    trigger = cluster.named("Trigger", "restore-point-alert-am")
    path, added = cluster.way(trigger["spec"]["subscriber"], running.secret)
    kind = trigger["spec"]["filter"]["attributes"]["type"]
    headers = cloud_event(kind, "/prometheus") | BROKERED | added
    for _ in range(2):
        assert running.ask("POST", path, headers, alerts("by-the-broker"))[0] == 200
        assert running.posts() == before + 1


def test_a_message_about_wishes_reaches_the_worker_as_its_trigger_sends(running: Running, cluster: Cluster) -> None:
    """Nobody's wish: there is nothing to do, and nothing is asked for."""
    before = running.posts()
    trigger = cluster.named("Trigger", "restore-point-worker")
    path, added = cluster.way(trigger["spec"]["subscriber"], running.secret)
    assert trigger["spec"]["filter"]["attributes"] == {"type": EVENT_TYPE}
    assert added == {}
    headers = cloud_event(EVENT_TYPE, "restore-point") | BROKERED
    assert running.ask("POST", path, headers, json.dumps({"wishes": ["0" * 64]}))[0] == 200
    assert running.ask("POST", path, headers, json.dumps({"checkpoint": {}}))[0] == 400
    assert running.posts() == before


@pytest.mark.parametrize("command", [None, ["functions-framework", "--target", "main"]], ids=["the image's", "a buildpack's"])
def test_it_starts_and_ends_when_it_is_told_to(image: Image, command: list[str] | None) -> None:
    """By the image's command, and as Google's buildpacks start it: by the target alone."""
    environ = ALONE | (dict.fromkeys(("FUNCTION_TARGET", "FUNCTION_SOURCE"), "") if command else {})
    with started(image, command or image.command, environ) as (port, process):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=STARTING)) as connection:
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"ok"
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0


def test_it_is_a_custom_image_of_functiongraph_where_it_is_told_to_be_one(image: Image) -> None:
    """An event function: POST /init, then /invoke with the event as the body and the context in headers."""
    context = {
        "Content-Type": "application/json",
        "X-Cff-Request-Id": "5d9c1f70-2b64-4e8a-93f1-a0c7e6d8b352",
        "X-Cff-Timeout": "60",
    }
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {"version": "v1.0", "time": at, "trigger_type": "TIMER", "trigger_name": "restore_point_nightly", "user_event": ""}
    with Sandbox(speed=200, well_behaved=True) as sandbox:
        environ = ALONE | sandbox.environment() | redis().place() | {"RESTORE_POINT_DOOR": "timer"}
        with started(image, image.command, environ) as (port, _):
            running = Running(port, sandbox, {})
            assert running.ask("POST", "/init", context, "{}")[0] == 200
            assert running.outcomes("/invoke", context, json.dumps(event)) == ["created"]
            assert running.ask("POST", "/timer/knative", context, json.dumps(event))[0] == 404
            assert running.posts() == 1


def test_without_its_secrets_it_does_not_start(image: Image) -> None:
    without = {name: value for name, value in ALONE.items() if name != "RESTORE_POINT_AM_TOKEN"}
    environ = image.around(without | {"PORT": str(free_port()), "HOST": "127.0.0.1"})
    done = subprocess.run(image.command, cwd=image.workdir, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "RESTORE_POINT_AM_TOKEN" in done.stderr
