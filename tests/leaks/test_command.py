"""No secret leaves where a start is refused, and none by the command, but by ``sign``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.leaks.canaries import canary
from tests.leaks.deliveries import ALERTS, firing, good
from tests.leaks.stage import SECRETS, SENDERS, Stage

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
