"""What people get wrong: one clear line that names the field and the way out, the right exit code, and nothing sent.

With --json the same stands in one document on standard output. No value that was given is repeated: it may be a secret.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from handlers.sandbox import Sandbox, estate
from tests.cli.terminal import RULES, Inside, Ran, Terminal, event, known

ERP = estate.ERP_VAULT_ID
OTHER = "f841e01fd2b14e7fa41b6ae7aa6b0594"

# Stands in rows as a value nobody may read in a message.
CANARY = "hush-7f3a"


@dataclass(frozen=True)
class Mistake:
    """``names`` is the field, ``says`` a part of the way out. ``rules`` and ``event`` become files."""

    arguments: tuple[str, ...]
    names: str
    says: str
    code: int = 2
    rules: str = RULES
    event: str | bytes = ""
    environ: dict[str, str] = field(default_factory=dict)


def take(names: str, says: str, rules: str = RULES, *more: str, **environ: str) -> Mistake:
    """A take that would be sent if nothing were wrong."""
    return Mistake(("take", ERP, *more), names, says, rules=rules, environ=environ)


def rule(line: str) -> str:
    """The rules with a line more in the rule."""
    return RULES + line + "\n"


def project(line: str) -> str:
    """The rules with a line more in the project."""
    return RULES.replace("[projects.sandbox]\n", f"[projects.sandbox]\n{line}\n")


IN_RULES = {
    "an unknown key": take("rules.toml: rules[0].timers", "did you mean 'timer'", rule('timers = "nightly"')),
    "an unknown table": take("rules.toml: vault", "did you mean 'vaults'", f'[vault.erp]\nid = "{CANARY}"\n'),
    "a secret where none belongs": take("projects.sandbox.secret_key", "known here", project(f'secret_key = "{CANARY}"')),
    "a text for a list": take(
        "rules[0].vaults", "must be a list", RULES.replace('vaults = ["erp", "files"]', f'vaults = "{CANARY}"')
    ),
    "a text for a boolean": take("rules[0].parameters.incremental", "true or false", rule('parameters.incremental = "true"')),
    "a number for a span": take("rules[0].max_event_age", 'such as "90s"', rule("max_event_age = 3600")),
    "a vault id that is none": take("vaults.erp.id", "must be a UUID", RULES.replace(ERP, CANARY)),
    "a name with a space": take("rules[0].parameters.name", "A-Z a-z 0-9 _ and -", rule(f'parameters.name = "a {CANARY}"')),
    "a description with <": take(
        "rules[0].parameters.description", "must not contain < or >", rule(f'parameters.description = "<{CANARY}>"')
    ),
    "an unknown vault": take("rules[0].vaults[0]", "did you mean 'erp'", RULES.replace('["erp"', '["epr"')),
    "an unknown timer": take("rules[0].timer", "did you mean 'nightly'", RULES.replace('timer = "nightly"', 'timer = "nihgtly"')),
    "an unknown project": take(
        "vaults.erp.project", "'sandbox'", RULES.replace("[vaults.erp]", '[vaults.erp]\nproject = "sandbx"')
    ),
    "a rule's name twice": take(
        "rules[1].name", "already", rule('[[rules]]\nname = "nightly-all"\ntimer = "nightly"\nvaults = ["erp"]')
    ),
    "kept for days, but not by hand": take(
        "rules[0].parameters.retention_duration_days",
        "leave auto_trigger out",
        rule("parameters.retention_duration_days = 7\nparameters.auto_trigger = true"),
    ),
    "smn without a urn": take("topics.here.urn", "is required", rule('[topics.here]\nkind = "smn"')),
    "http to another machine": take("projects.sandbox.endpoint", "https://", project('endpoint = "http://cbr.example.com"')),
    "http to what looks like this machine": take(
        "projects.sandbox.endpoint", "https://", project('endpoint = "http://127.0.0.1.example.com"')
    ),
    "an endpoint with a path": take("projects.sandbox.endpoint", "without path", project('endpoint = "https://a.example/v1"')),
    "an endpoint with a user": take(
        "projects.sandbox.endpoint", "without path or user", project(f'endpoint = "https://ops:{CANARY}@a.example"')
    ),
    "no TOML": take("rules.toml", "line 2", f"[vaults.erp]\nid = {CANARY}\n"),
    "TOML without an end": take("rules.toml", "is not TOML", RULES + '[vaults."x'),
    "a name of two lines": take("vaults.a?FAKE", "a-z 0-9", f'[vaults."a\\nFAKE"]\nid = "{ERP}"\n'),
}
IN_THE_ENVIRONMENT = {
    "no credentials": take("HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY", HUAWEICLOUD_SDK_AK="", HUAWEICLOUD_SDK_SK=""),
    "AK without SK": take("HUAWEICLOUD_SDK_SK", "both or neither", HUAWEICLOUD_SDK_SK="", HUAWEICLOUD_SDK_AK=CANARY),
    "SK without AK": take("HUAWEICLOUD_SDK_AK", "both or neither", HUAWEICLOUD_SDK_AK="", HUAWEICLOUD_SDK_SK=CANARY),
    "two keys": take("HUAWEICLOUD_SDK_AK and HW_ACCESS_KEY", "unset", HW_ACCESS_KEY=CANARY, HW_SECRET_KEY=CANARY),
    "a key and a password": take(
        "HUAWEICLOUD_SDK_AK and OS_PASSWORD", "unset", OS_USERNAME="ops", OS_PASSWORD=CANARY, OS_USER_DOMAIN_NAME="d"
    ),
    "half a password": take("OS_USER_DOMAIN_NAME", "is not set", OS_USERNAME="ops", OS_PASSWORD=CANARY),
    "two projects": take("HUAWEICLOUD_SDK_PROJECT_ID and HW_PROJECT_ID", "unset one", HW_PROJECT_ID=OTHER),
    "two regions": take("HW_REGION_NAME and OS_REGION_NAME", "unset one", HW_REGION_NAME="eu-de", OS_REGION_NAME="eu-nl"),
    "a region that is a host": take("HW_REGION_NAME", "such as eu-de", HW_REGION_NAME=f"{CANARY}.example/"),
    "a project that is a path": take(
        "HW_PROJECT_ID", "32 characters", HW_PROJECT_ID=f"../{CANARY}", HUAWEICLOUD_SDK_PROJECT_ID=""
    ),
    "no such prefix": take("PROD_HUAWEICLOUD_SDK_AK", "PROD_HW_ACCESS_KEY", project('credentials = "env:PROD_"')),
    "http to IAM": take("HUAWEICLOUD_SDK_IAM_ENDPOINT", "https://", HUAWEICLOUD_SDK_IAM_ENDPOINT="http://iam.example.com"),
    "half a URL": take("OS_AUTH_URL", "is no URL", OS_AUTH_URL="https://[::1", HUAWEICLOUD_SDK_IAM_ENDPOINT=""),
    "a span that is none": take("RESTORE_POINT_SETTLE_SECONDS", "whole number", RESTORE_POINT_SETTLE_SECONDS=CANARY),
    "an unknown ledger": take("RESTORE_POINT_LEDGER", "sqlite:", RESTORE_POINT_LEDGER=f"etcd://{CANARY}"),
    "a ledger's URL with too much in it": take(
        "RESTORE_POINT_LEDGER", "valkey://[:password@]host:port/db", RESTORE_POINT_LEDGER=f"valkey://:{CANARY}@host/0?x=1"
    ),
    "a ledger's URL where none stands": take("RESTORE_POINT_LEDGER", "holds no ledger's URL", RESTORE_POINT_LEDGER="env:NOTHING"),
    "a table without a region": take(
        "AWS_REGION", "such as eu-central-1", RESTORE_POINT_LEDGER="dynamodb:ledger", AWS_ACCESS_KEY_ID=CANARY
    ),
    "no ledger on Lambda": take("RESTORE_POINT_LEDGER", "AWS Lambda", AWS_LAMBDA_FUNCTION_NAME="nightly"),
    "no rules there": take("RESTORE_POINT_RULES", "missing.toml", RESTORE_POINT_RULES="missing.toml"),
}
ON_THE_LINE = {
    "no verb": Mistake((), "VERB", "see restore-point --help"),
    "an unknown verb": Mistake(("tkae", ERP), "VERB", "take"),
    "an unknown option": take("", "see restore-point take --help", RULES, "--now"),
    "nothing to take": Mistake(("take",), "VAULT", "see restore-point take --help"),
    "a vault of no name": Mistake(("take", CANARY), "VAULT", "nor a vault id"),
    "a vault whose name is nearly right": Mistake(("take", "epr"), "VAULT", "did you mean 'erp'"),
    "a vault id in capitals": Mistake(("take", ERP.upper()), "VAULT", "lower case"),
    "a resource that is none": take("--resource", "must be a UUID", RULES, "--resource", CANARY),
    "a name of two words": take("--name", "1 to 64 characters", RULES, "--name", f"a {CANARY}"),
    "an angle bracket": take("--description", "must not contain < or >", RULES, "--description", f"<{CANARY}>"),
    "a long description": take("--description", "255", RULES, "--description", CANARY * 30),
    "an empty key": take("--key", "1 to 255", RULES, "--key", ""),
    "a key that is no text": take("--key", "printable", RULES, "--key", f"{CANARY}\udcff"),
    "a span of two hours": take("--timeout", 'such as "90s"', RULES, "--timeout", "2 hours"),
    "no time": take("--timeout", "time span", RULES, "--timeout", "0s"),
    "no such rules": take("--rules", "'missing.toml'", RULES, "--rules", "missing.toml"),
    "rules of an impossible name": take("--rules", "there is no file", RULES, "--rules", "r" * 300),
    "plan without rules": Mistake(("plan", "e", "--as", "timer", "--rules", "missing.toml"), "--rules", "missing.toml"),
    "send without rules": Mistake(
        ("send", "e", "--as", "timer", "--rules", "missing.toml"), "--rules", "missing.toml", event=json.dumps(event())
    ),
    "watch without rules": Mistake(("watch", "--rules", "missing.toml"), "--rules", "missing.toml"),
    "plan without a door": Mistake(("plan", "e"), "--as", "see restore-point plan --help"),
    "send to no door": Mistake(("send", "e", "--as", "door"), "--as", "timer"),
    "plan without an event": Mistake(("plan", "nothing", "--as", "timer"), "nothing", "No such file"),
    "send without an event": Mistake(("send", "nothing", "--as", "timer"), "nothing", "No such file"),
    "a file that is there": Mistake(("init",), "rules.toml", "--to FILE"),
    "a folder that is not": Mistake(("init", "--to", "nowhere/rules.toml"), "nowhere/rules.toml", "No such file"),
    "a port beyond": Mistake(("sandbox", "--port", "70000"), "--port", "0-65535"),
    "no port": Mistake(("sandbox", "--port", "many"), "--port", "see restore-point sandbox --help"),
    "no speed": Mistake(("sandbox", "--speed", "0"), "--speed", "more than 0"),
    "speed that is no number": Mistake(("sandbox", "--speed", "nan"), "--speed", "more than 0"),
}
TWICE = b'{"schedule_arn": "a", "schedule_arn": "%s", "scheduled_time": "2026-11-23T02:00:00Z"}' % CANARY.encode()
IN_THE_EVENT = {
    f"{verb}: {name}": Mistake((verb, "e", "--as", "timer"), "the event in e", says, code=1, event=text)
    for verb in ("plan", "send")
    for name, text, says in (
        ("no JSON", CANARY, "not JSON (line 1, column 1)"),
        ("nothing", b"", "not JSON"),
        ("a key twice", TWICE, "twice"),
        ("no UTF-8", b'{"a": "\xff"}', "not UTF-8"),
        ("a mark before it", b"\xef\xbb\xbf{}", "not JSON"),
        ("too large", b" " * (1 << 20) + b"{}", "larger than 1048576"),
        ("too deep", b"[" * 100_000, "nested deeper"),
    )
} | {
    "send: the third line": Mistake(
        ("send", "e", "--as", "timer"), "the event in e, line 3,", "not JSON", code=1, event=f"{{}}\n\n{{{CANARY}}}\n{{}}\n"
    )
}
MISTAKES = IN_RULES | IN_THE_ENVIRONMENT | ON_THE_LINE | IN_THE_EVENT


@pytest.fixture(scope="module")
def cloud() -> Iterator[Sandbox]:
    """One for all: nothing ever arrives there."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def place(cloud: Sandbox, tmp_path: Path) -> Terminal:
    folder = tmp_path / "work"
    folder.mkdir()
    return Terminal(folder, known(cloud, tmp_path))


def prepare(place: Terminal, mistake: Mistake) -> None:
    place.write("rules.toml", mistake.rules)
    if mistake.event != "" or "e" in mistake.arguments:
        text = mistake.event if isinstance(mistake.event, bytes) else mistake.event.encode()
        (place.folder / "e").write_bytes(text)


def check_line(ran: Ran, mistake: Mistake) -> None:
    """One line, and what it must hold."""
    assert ran.code == mistake.code, ran.out + ran.err
    assert ran.err.startswith("restore-point: ")
    assert ran.err.endswith("\n")
    line = ran.err.removesuffix("\n")
    assert line.isprintable()
    assert mistake.names in line
    assert mistake.says in line
    assert CANARY not in ran.out + ran.err
    assert estate.SECRET_KEY not in ran.out + ran.err


@pytest.mark.parametrize("name", MISTAKES)
def test_one_clear_line_and_nothing_sent(place: Terminal, inside: Inside, cloud: Sandbox, name: str) -> None:
    mistake = MISTAKES[name]
    prepare(place, mistake)
    ran = inside(place, *mistake.arguments, **mistake.environ)
    check_line(ran, mistake)
    assert ran.out == ""
    assert cloud.exchanges == []


@pytest.mark.parametrize("name", MISTAKES)
def test_one_document_with_json(place: Terminal, inside: Inside, cloud: Sandbox, name: str) -> None:
    mistake = MISTAKES[name]
    prepare(place, mistake)
    ran = inside(place, *mistake.arguments, "--json", **mistake.environ)
    check_line(ran, mistake)
    assert set(ran.json) == {"error"}
    assert set(ran.json["error"]) == {"field", "message"}
    told = ": ".join(part for part in (ran.json["error"]["field"], ran.json["error"]["message"]) if part)
    assert ran.err == f"restore-point: {told}\n"
    assert cloud.exchanges == []


@pytest.mark.parametrize(
    "name",
    ["an unknown key", "two keys", "a vault of no name", "an unknown option", "send: a key twice", "a key that is no text"],
)
def test_in_a_process_of_its_own(place: Terminal, cloud: Sandbox, name: str) -> None:
    """The same, with an interpreter that starts and ends."""
    mistake = MISTAKES[name]
    prepare(place, mistake)
    ran = place.run(*mistake.arguments, "--json", **mistake.environ)
    check_line(ran, mistake)
    assert set(ran.json) == {"error"}
    assert cloud.exchanges == []


def test_a_port_that_is_taken(place: Terminal, inside: Inside) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = inside(place, "sandbox", "--port", port, "--json")
    check_line(ran, Mistake((), "--port", "cannot be listened on: Address already in use"))
    assert ran.json["error"]["field"] == "--port"


@pytest.mark.parametrize(
    "verb", [("send", "e", "--as", "timer"), ("send", "e", "--as", "watch"), ("watch",), ("init", "--from-cloud", "--to", "new")]
)
def test_every_verb_that_could_send_refuses_a_wrong_configuration(
    place: Terminal, inside: Inside, cloud: Sandbox, verb: tuple[str, ...]
) -> None:
    place.write("e", event())
    place.write("rules.toml", RULES)
    mistake = Mistake(verb, "HUAWEICLOUD_SDK_AK and HW_ACCESS_KEY", "unset")
    check_line(inside(place, *verb, HW_ACCESS_KEY=CANARY, HW_SECRET_KEY=CANARY), mistake)
    place.write("rules.toml", rule('timers = "nightly"'))
    check_line(inside(place, *verb), Mistake(verb, "rules[0].timers", "did you mean 'timer'"))
    assert not (place.folder / "new").exists()
    assert cloud.exchanges == []


def test_rules_in_a_folder_that_cannot_be_read(place: Terminal, inside: Inside) -> None:
    (place.folder / "rules.toml").mkdir()
    elsewhere = replace(place, environ={**place.environ, "RESTORE_POINT_RULES": "rules.toml"})
    check_line(inside(elsewhere, "take", ERP), Mistake((), "RESTORE_POINT_RULES", "there is no file"))
