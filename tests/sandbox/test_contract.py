"""The OpenAPI file and the sandbox say the same: route by route here, and by schemathesis with requests nobody would think of.

RESTORE_POINT_SCHEMATHESIS names an executable of what .ci/schemathesis-requirements.txt pins.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from handlers.sandbox import estate
from handlers.sandbox.routes import routes

FILE = Path(__file__).parents[2] / "handlers" / "sandbox" / "openapi.json"
DOCUMENT = json.loads(FILE.read_text(encoding="utf-8"))
ROUTES = [
    (method.upper(), path)
    for path, item in DOCUMENT["paths"].items()
    for method in item
    if method in {"get", "post", "put", "delete"}
]
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "missing_required_header",
]
SETTINGS = f'[parameters]\n"path.project_id" = "{estate.PROJECT_ID}"\n'
IDS = {
    "project_id": estate.PROJECT_ID,
    "vault_id": estate.EMPTY_VAULT_ID,
    "topic_urn": estate.TOPIC_URN,
    "message_template_id": "0" * 32,
    **dict.fromkeys(("checkpoint_id", "backup_id", "operation_log_id"), estate.EMPTY_VAULT_ID),
}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_is_there(client: Any, method: str, path: str) -> None:
    answer = client.call(method, path.format(**IDS), None if method in {"GET", "DELETE"} else {})
    assert b"APIGW.0101" not in answer.raw
    assert str(answer.status) in DOCUMENT["paths"][path][method.lower()]["responses"]


class Anything:
    """A service whose every method is none: the routes only name them."""

    def __getattr__(self, name: str) -> Any:
        return name


def test_every_route_is_described() -> None:
    anything: Any = Anything()
    there = {(route.method, route.template.removeprefix("/cbr")) for route in routes(anything, anything, anything)}
    assert there - {("HEAD", "/v3/auth/tokens")} == set(ROUTES)
    assert "head" in DOCUMENT["paths"]["/v3/auth/tokens"]


@contextmanager
def command() -> Iterator[dict[str, Any]]:
    """``restore-point sandbox`` as a process of its own: what it says about itself."""
    with subprocess.Popen(
        [sys.executable, "-m", "handlers", "sandbox", "--json", "--speed", "50"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def token(place: dict[str, Any]) -> str:
    user = {"name": place["username"], "password": place["password"], "domain": {"name": place["user_domain_name"]}}
    scope = {"project": {"id": place["project_id"]}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    with urlopen(
        Request(place["iam_endpoint"] + "/v3/auth/tokens", json.dumps(body).encode(), method="POST"), timeout=5
    ) as reply:
        return str(reply.headers["X-Subject-Token"])


def test_no_generated_request_brings_about_a_5xx_or_breaks_a_schema(tmp_path: Path) -> None:
    executable = os.environ.get("RESTORE_POINT_SCHEMATHESIS")
    if not executable:
        pytest.skip("schemathesis: set RESTORE_POINT_SCHEMATHESIS")
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    with command() as place:
        arguments = ["--url", place["endpoint"], "--header", f"X-Auth-Token: {token(place)}", "--checks", ",".join(CHECKS)]
        bounds = ["--seed", "4", "--max-examples", "150", "--generation-database", "none", "--no-color", "--warnings", "off"]
        run = subprocess.run(
            [executable, "--config-file", str(settings), "run", str(FILE), *arguments, *bounds],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert run.returncode == 0, run.stdout + run.stderr
