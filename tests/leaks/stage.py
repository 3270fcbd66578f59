"""A cloud whose secrets are canaries, deliveries to the three platforms, and all that comes out of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPResponse
from pathlib import Path
from typing import Self

from handlers.cli.carriers import apig, function_url, proof
from handlers.sandbox import Sandbox, estate
from handlers.sandbox.doors import Key
from handlers.settings import read_rules, read_secrets
from tests.hostile.stage import Line
from tests.leaks.canaries import Search, canary
from tests.web_server import ROOT, WebServer

RULES = Path(__file__).parent / "rules.toml"
ACCESS_KEY = "LEAKACCESSKEY" + canary("ak").encode().hex()[:12].upper()
AGENCY = ("LEAKTEMPORARY" + canary("temporary").encode().hex()[:12].upper(), canary("temporary sk"), canary("security token"))
SENDERS = {
    "LEAK_BEARER": canary("bearer"),
    "LEAK_RETIRING": canary("retiring"),
    "LEAK_BASIC": f"grafana:{canary('basic')}",
    "LEAK_HMAC": canary("hmac"),
    "LEAK_HOOKS": f"whsec_{canary('hooks')}",
    "LEAK_CI": canary("ci"),
    "LEAK_CRON": canary("cron"),
}
SECRETS = SENDERS | {
    "access key": ACCESS_KEY,
    "secret key": canary("sk"),
    "temporary access key": AGENCY[0],
    "temporary secret key": AGENCY[1],
    "security token": AGENCY[2],
    "password": canary("password"),
    "given token": canary("given token"),
    "ledger password": canary("ledger password"),
    "AWS secret key": canary("aws sk"),
    "AWS session token": canary("aws token"),
}
SECRETS["LEAK_BASIC"] = canary("basic")  # who the user is is no secret
SECRETS["LEAK_HOOKS"] = canary("hooks")
CLOUD = replace(
    estate.DEFAULT,
    account=replace(estate.ACCOUNT, password=SECRETS["password"]),
    keys={ACCESS_KEY: Key(SECRETS["secret key"]), AGENCY[0]: Key(AGENCY[1], AGENCY[2])},
)
Step = tuple[str, str, object, dict[str, str]]
LOUD = "from tests.leaks.loud import loud\nloud()\n"


class Stage:
    """``endpoint`` takes the cloud's place where its services are to misbehave by hand; ``channels`` is all that came out."""

    def __init__(self, folder: Path, *, credentials: str = "keys", endpoint: str = "", **more: str) -> None:
        self.folder = folder
        self.sandbox = Sandbox(well_behaved=True, speed=100_000, estate=CLOUD).start()
        self.line = Line(self.sandbox.endpoint)
        self._leaving = ExitStack()
        self._leaving.callback(self.sandbox.stop)
        self._leaving.callback(self.line.close)
        self.channels: dict[str, list[str | bytes]] = {name: [] for name in ("log", "answer", "message", "to CBR", "ledger")}
        (folder / "sitecustomize.py").write_text(LOUD, encoding="utf-8")
        place = endpoint or self.line.endpoint
        region = estate.REGION.replace("-", "_").upper()
        services = {
            f"HUAWEICLOUD_SDK_REGION_{service}_{region}": place for service in ("CBR", "SMN")
        } | {"HUAWEICLOUD_SDK_IAM_ENDPOINT": place}  # fmt: skip
        named = {"HW_REGION_NAME": estate.REGION, "HUAWEICLOUD_SDK_PROJECT_ID": estate.PROJECT_ID}
        own = {"RESTORE_POINT_RULES": str(RULES), "RESTORE_POINT_LEDGER": f"sqlite:{folder / 'ledger'}"}
        around = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        loud = {"PYTHONPATH": f"{folder}:{ROOT}", "HOME": str(folder), "PYTHONUNBUFFERED": "1"}
        self.environ = around | loud | services | named | own | _credentials(credentials) | SENDERS | more
        self.environ = {name: value for name, value in self.environ.items() if value}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.close()

    def signed(self, sender: str, body: bytes, **environ: str) -> dict[str, str]:
        """The headers this sender sends; of a wrong secret where ``environ`` names another."""
        rules = read_rules(RULES)
        return proof(read_secrets(rules, SENDERS | environ, sender), rules, sender, body)

    def steps(self, deliveries: Sequence[tuple[str, str, Mapping[str, str], bytes]]) -> list[Step]:
        """Each delivery as the gateways of two platforms bring it."""
        found: list[Step] = []
        for door, sender, headers, body in deliveries:
            text = body.decode("latin-1")
            found += [
                ("lambda", door, function_url(door, sender, headers, text), {}),
                ("functiongraph", door, apig(door, sender, headers, text), {}),
            ]
        return found

    def invoke(self, steps: Sequence[Step], **environ: str) -> str:
        """Through the entry functions, in a process of their own; all that it wrote."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.leaks.driver"], cwd=self.folder, env=self.environ | environ,
            input=json.dumps(steps), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        self.channels["log"] += [done.stdout, done.stderr]
        return done.stdout + done.stderr

    def post(self, deliveries: Sequence[tuple[str, str, Mapping[str, str], bytes]], **environ: str) -> list[int]:
        """To the real server of the third platform."""
        statuses = []
        with WebServer(self.environ | environ, self.folder) as server:
            for door, sender, headers, body in deliveries:
                answered = server.ask("POST", f"/{door}/{sender}", headers, body)
                statuses.append(answered.status)
                self.channels["answer"] += [answered.body, repr(dict(answered.headers))]
        self.channels["log"] += [(self.folder / name).read_bytes() for name in ("web.out", "web.err")]
        return statuses

    def heard(self, answered: HTTPResponse) -> None:
        """An answer over HTTP."""
        self.channels["answer"] += [repr(answered.getheaders()), answered.read()]

    def command(self, *arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """The command, at DEBUG as well."""
        done = subprocess.run(
            [sys.executable, "-m", "handlers", *arguments], cwd=self.folder, env=self.environ | environ,
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        self.channels["log"] += [done.stdout, done.stderr]
        return done

    def leaks(self, **more: str) -> list[str]:
        """Where a piece of any secret stands, those that were made on the way included."""
        self.channels["message"] = [json.dumps(each) for each in self.sandbox.published]
        self.channels["to CBR"] = [each.sent for each in self.sandbox.exchanges if "/auth/tokens" not in each.path]
        self.channels["to CBR"] += [json.dumps(each) for each in self.sandbox.restore_points()]
        self.channels["ledger"] = [each.read_bytes() for each in self.folder.glob("ledger*") if each.is_file()]
        return Search(SECRETS | self.made() | more).everywhere(self.channels)

    def made(self) -> dict[str, str]:
        """Tokens and signatures that went over the line."""
        sent = bytes(self.line.sent).decode("latin-1")
        tokens = set(re.findall(r"(?i)x-auth-token: *(\S+)", sent))
        signatures = set(re.findall(r"(?i)signature=([0-9a-f]{64})", sent))
        return {f"token {n}": each for n, each in enumerate(tokens)} | {
            f"signature {n}": each for n, each in enumerate(signatures)
        }


def _credentials(kind: str) -> dict[str, str]:
    account = CLOUD.account
    who = {"OS_USERNAME": account.username, "OS_PASSWORD": SECRETS["password"], "OS_USER_DOMAIN_NAME": account.domain_name}
    return {
        "keys": {"HUAWEICLOUD_SDK_AK": ACCESS_KEY, "HUAWEICLOUD_SDK_SK": SECRETS["secret key"]},
        "temporary": {
            "HUAWEICLOUD_SDK_AK": AGENCY[0], "HUAWEICLOUD_SDK_SK": AGENCY[1], "HUAWEICLOUD_SDK_SECURITY_TOKEN": AGENCY[2],
        },
        "password": who,
        "token": {"OS_TOKEN": SECRETS["given token"]},
        "agency": {"LEAK_AGENCY": "yes"},
        "none": {},
    }[kind]  # fmt: skip
