"""``restore-point sandbox``: the embedded CBR, IAM and SMN for whoever wants to try something."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from handlers.sandbox import estate
from tests.cli.terminal import COMMAND, PATIENCE, Inside, Terminal

KEYS = [
    *("endpoint", "iam_endpoint", "smn_endpoint", "project_id", "region", "access_key", "secret_key"),
    *("username", "password", "user_domain_name", "vaults", "topic_urn", "free"),
]


@contextmanager
def serving(terminal: Terminal, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with terminal.start("sandbox", *arguments) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_json_is_one_line_with_the_promised_keys(offline: Terminal) -> None:
    with serving(offline, "--json") as process:
        place = json.loads(line_of(process))
        assert list(place) == KEYS
        erp, files, *_ = place["vaults"]
        assert (erp["id"], erp["name"], erp["object_type"]) == (estate.ERP_VAULT_ID, "erp", "server")
        assert {"key": "team", "value": "erp"} in erp["tags"]
        app = erp["resources"][0]
        assert (app["id"], app["name"], app["type"]) == (estate.ERP_APP_ID, "erp-app", "OS::Nova::Server")
        assert app["disks"][0] == {"id": estate.ERP_APP_SYSTEM_DISK_ID, "name": "erp-app-system"}
        assert files["resources"] == [{"id": estate.FILES_SHARE_ID, "name": "files-share", "type": "OS::Sfs::Turbo"}]
        assert [each["name"] for each in place["free"]] == ["spare-app", "spare-disk", "spare-share"]
        assert place["topic_urn"] == estate.TOPIC_URN
        address = urlsplit(place["endpoint"])
        assert (address.scheme, address.hostname) == ("http", "127.0.0.1")
        connection = http.client.HTTPConnection(address.netloc, timeout=5)
        connection.request("GET", f"/v3/{place['project_id']}/vaults")
        assert connection.getresponse().status == 401  # somebody is there, and asks who we are
        connection.close()
        process.send_signal(signal.SIGINT)
        rest, problems = process.communicate(timeout=PATIENCE)
        assert (process.returncode, rest, problems) == (0, "", "")


def test_its_exports_set_a_shell_up(offline: Terminal, tmp_path: Path) -> None:
    """As with ``eval "$(restore-point sandbox | …)"``; the ledger is one of its own and goes with it."""
    with serving(offline, "--speed", "200") as process:
        lines: list[str] = []
        while not lines or not lines[-1].startswith("# vaults: "):
            lines.append(line_of(process))
        exports = [line.removeprefix("export ").strip() for line in lines if line.startswith("export ")]
        settings = dict(line.split("=", 1) for line in exports)
        assert lines[-1].startswith("# vaults: erp " + estate.ERP_VAULT_ID)
        account = estate.ACCOUNT
        login = f"# login: user {account.username}, password {account.password}, domain {account.domain_name}, "
        assert login + f"project {estate.PROJECT_ID}, region {estate.REGION}\n" in lines
        assert any(
            line.startswith(f"# erp (server vault {estate.ERP_VAULT_ID}): erp-app {estate.ERP_APP_ID} (") for line in lines
        )
        assert any(line.startswith(f"# free to add: spare-app {estate.UNBOUND_SERVER_ID} (disks ") for line in lines)
        assert settings["HUAWEICLOUD_SDK_AK"] == estate.ACCESS_KEY
        ran = replace(offline, environ={**offline.environ, **settings}).run("take", estate.ERP_VAULT_ID)
        assert ran.code == 0, ran.err
        ledger = Path(settings["RESTORE_POINT_LEDGER"].removeprefix("sqlite:"))
        assert ledger.exists()
    assert not ledger.parent.exists()
    assert not list((tmp_path / "home").rglob("ledger*"))


def test_a_command_gets_the_settings_and_gives_its_exit_code(offline: Terminal) -> None:
    script = "import os, sys; print(os.environ['HUAWEICLOUD_SDK_PROJECT_ID']); sys.exit(7)"
    ran = offline.run("sandbox", "--", sys.executable, "-c", script)
    assert (ran.code, ran.out, ran.err) == (7, estate.PROJECT_ID + "\n", "")


def test_the_command_of_the_readme(offline: Terminal) -> None:
    ran = offline.run("sandbox", "--speed", "200", "--", COMMAND, "take", estate.FILES_VAULT_ID, "--wait", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["end"]["outcome"] == "available"
    assert "restore point: 100 %" in ran.err
    assert not (offline.folder.parent / "home").exists()


def test_what_a_command_says_is_no_document(offline: Terminal, inside: Inside) -> None:
    ran = inside(offline, "sandbox", "--json", "--", os.devnull)
    assert (ran.code, ran.json["error"]["field"]) == (2, "--json")


def test_a_command_is_led_nowhere_else(offline: Terminal) -> None:
    """Whoever has a real cloud's variables set must not reach it by mistake."""
    real = {
        "HW_ACCESS_KEY": "real",
        "HW_SECRET_KEY": "hush-7f3a",
        "HW_REGION_NAME": "eu-de",
        "OS_AUTH_URL": "https://iam.eu-de.otc.t-systems.com/v3",
        "OS_PROJECT_ID": "f841e01fd2b14e7fa41b6ae7aa6b0594",
        "HUAWEICLOUD_SDK_SECURITY_TOKEN": "hush-7f3a",
    }
    ran = offline.run("sandbox", "--", COMMAND, "take", estate.ERP_VAULT_ID, "--json", **real)
    assert ran.code == 0, ran.err
    assert ran.json["outcome"] == "created"


def test_a_port_of_ones_choice(offline: Terminal) -> None:
    with serving(offline, "--json") as process:
        port = urlsplit(json.loads(line_of(process))["endpoint"]).port
        ran = offline.run("sandbox", "--port", str(port))
        assert ran.code == 2
        assert ran.err.startswith(f"restore-point: --port: {port} cannot be listened on")
        process.terminate()
        process.wait(PATIENCE)
        with serving(offline, "--json", "--port", str(port)) as again:
            assert json.loads(line_of(again))["endpoint"].endswith(f":{port}")


def test_a_command_that_cannot_be_run(offline: Terminal, inside: Inside) -> None:
    ran = inside(offline, "sandbox", "--", "./nothing-here")
    assert (ran.code, ran.err) == (2, "restore-point: COMMAND: ./nothing-here cannot be run: No such file or directory\n")


@pytest.mark.parametrize("variable", ["AWS_LAMBDA_FUNCTION_NAME", "K_SERVICE", "RUNTIME_FUNC_NAME"])
def test_it_is_never_part_of_a_deployment(offline: Terminal, inside: Inside, variable: str) -> None:
    ran = inside(offline, "sandbox", "--", os.devnull, **{variable: "nightly"})
    assert ran.code == 2
    assert variable in ran.err
