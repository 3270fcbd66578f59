"""A packed server that runs, with the sandbox as its cloud, and what Knative, Alertmanager and a platform send it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from handlers.sandbox import Sandbox, estate
from tests.cli.containers import Cluster, Image
from tests.ledger.servers import free_port

TOKENS = {f"RESTORE_POINT_{name}_TOKEN": f"a-token-of-{name.lower()}-for-this-test" for name in ("KNATIVE", "CI", "AM")}
RULES = f"""\
[projects.sandbox]
region = "{estate.REGION}"

[vaults.erp]
id = "{estate.ERP_VAULT_ID}"

[vaults.files]
id = "{estate.FILES_VAULT_ID}"

[timers.nightly]
source = "/apis/v1/namespaces/backup/pingsources/nightly"
sender = "knative"

[timers.fg]
source = "restore_point_nightly"

[senders.knative]
dialect = "timer"
proof = "bearer"
secret = "env:RESTORE_POINT_KNATIVE_TOKEN"

[senders.ci]
dialect = "once"
proof = "bearer"
secret = "env:RESTORE_POINT_CI_TOKEN"

[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:RESTORE_POINT_AM_TOKEN"

[[rules]]
name = "nightly"
timer = "nightly"
vaults = ["erp"]

[[rules]]
name = "fg"
timer = "fg"
vaults = ["files"]

[[rules]]
name = "failing"
sender = "am"
match = {{ alertname = "DiskFailing" }}
by = ["alertname", "host"]
vaults = ["files"]
"""
STARTING = 30.0


ALONE = {
    "HUAWEICLOUD_SDK_AK": estate.ACCESS_KEY,
    "HUAWEICLOUD_SDK_SK": estate.SECRET_KEY,
    "RESTORE_POINT_LEDGER": "memory",
    **TOKENS,
}


@dataclass(frozen=True)
class Running:
    port: int
    sandbox: Sandbox
    secret: Mapping[str, str]

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: str = "") -> tuple[int, Any]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=STARTING)) as connection:
            connection.request(method, path, body.encode(), dict(headers or {}))
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, json.loads(text) if text.startswith("{") else text

    def posts(self) -> int:
        """How many CBR saw, once none of what it makes is under way: a vault that is busy would put the next one off."""
        until = time.monotonic() + STARTING
        while any(each["status"] != "available" for each in self.sandbox.restore_points()):
            assert time.monotonic() < until
            time.sleep(0.05)
        return len(self.sandbox.posts())

    def outcomes(self, path: str, headers: Mapping[str, str], body: str) -> list[str]:
        status, answer = self.ask("POST", path, headers, body)
        assert status == 200, answer
        return [each["outcome"] for each in answer["outcomes"]]


@contextlib.contextmanager
def started(image: Image, command: list[str], environ: Mapping[str, str]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """On a free port of loopback. Stopped as platforms stop: SIGTERM."""
    port = free_port()
    given = image.around({**environ, "PORT": str(port), "HOST": "127.0.0.1"})
    around = {name: value for name, value in given.items() if value}
    with subprocess.Popen(command, cwd=image.workdir, env=around, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            until = time.monotonic() + STARTING
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert process.poll() is None, process.stdout and process.stdout.read().decode()
                assert time.monotonic() < until
                time.sleep(0.05)
            yield port, process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=40)


BROKERED = {"Content-Type": "application/json", "Prefer": "reply"}
"""A Broker adds that it takes an event for an answer."""


def alerts(host: str) -> str:
    labels = {"alertname": "DiskFailing", "host": host}
    alert = {"status": "firing", "labels": labels, "annotations": {}, "startsAt": datetime.now(UTC).isoformat()}
    return json.dumps({"version": "4", "status": "firing", "groupLabels": {}, "commonLabels": labels, "alerts": [alert]})


def cloud_event(kind: str, source: str) -> dict[str, str]:
    """In binary mode, as Eventing sends: the time in nanoseconds, the id anew with each."""
    return {
        "ce-specversion": "1.0",
        "ce-type": kind,
        "ce-source": source,
        "ce-id": os.urandom(16).hex(),
        "ce-time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.317508332Z"),
    }


def pinged(cluster: Cluster, running: Running, name: str) -> tuple[str, dict[str, str], str]:
    """What the PingSource of that name sends, as it arrives."""
    source = cluster.named("PingSource", name)
    place = f"/apis/v1/namespaces/{source['metadata']['namespace']}/pingsources/{name}"
    path, added = cluster.way(source["spec"]["sink"], running.secret)
    headers = cloud_event("dev.knative.sources.ping", place) | {"Content-Type": source["spec"]["contentType"]}
    return path, headers | added, source["spec"]["data"]
